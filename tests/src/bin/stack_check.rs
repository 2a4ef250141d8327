//! What `make stack-check` asks of a stack that runs, while virtual users call each other on it: whether all that is watched has
//! data, traces arrive, and credentials that a gateway gave are good for a relay. `scripts/stack` starts it, and says where all is.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
#![allow(clippy::expect_used, clippy::panic, reason = "a check fails by panicking")]
#![allow(clippy::large_futures, reason = "two clients")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringback_tests::client::{Client, Seat};
use ringback_tests::codec::Codec;
use ringback_tests::collector::traces;
use ringback_tests::flow::one_of_each;
use ringback_tests::patience::eventually;
use ringback_tests::prometheus::{Prometheus, drawn, metrics_in};
use serde_json::json;
use tokio::task::spawn_blocking;

/// How long something may take to get from a gateway through rounds of scraping and recording, or through the collector.
const SEEN: Duration = Duration::from_secs(40);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(check()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn check() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let flags: HashMap<&str, &str> =
        words.chunks_exact(2).map(|two| (two[0].as_str(), two[1].as_str())).collect();
    let flag = |name: &str| flags.get(name).copied().with_context(|| format!("{name} is missing"));
    let clients: u16 = flag("--clients")?.parse()?;
    let prometheus = Prometheus::at(flag("--prometheus")?.parse()?);
    let (log, uclient) = (PathBuf::from(flag("--traces")?), flag("--uclient")?.to_owned());

    let (alice, bob) =
        (join(clients, "alice", Codec::Json).await?, join(clients, "bob", Codec::MessagePack).await?);
    one_of_each(&alice, &bob, "nobody").await;
    println!("calls of each kind through the load balancer: ok");
    let relayed = spawn_blocking({
        let welcome = alice.welcome().clone();
        move || relay(&uclient, &welcome["ice_servers"])
    });
    watched(&prometheus).await?;
    println!("{}", relayed.await??);
    let come = async || {
        let calls = traces(&std::fs::read_to_string(&log).ok()?);
        let whole = calls.iter().filter(|trace| trace.len() > 2 && trace[0].name == "call").count();
        (whole > 0).then_some(whole)
    };
    let calls = eventually(SEEN, come).await.context("no trace of a call has come to the collector")?;
    println!("traces that came to the collector: {calls}");
    Ok(())
}

/// Somebody who connects where clients do. The gateways of the stack take a user's name for a token.
async fn join(port: u16, user: &str, codec: Codec) -> Result<Client> {
    let (user, device) = (format!("check-{user}"), Some("desk".to_owned()));
    let seat = Seat { token: user.clone(), user, device, port, codec, names_protocol: true };
    let client = Client::open(seat).await?;
    client.hello(json!({})).await.map_err(|error| anyhow::anyhow!("hello was refused: {error}"))?;
    Ok(client)
}

/// All that is drawn, recorded or alarmed about.
async fn watched(prometheus: &Prometheus) -> Result<()> {
    let (recording, alerting) = prometheus.rules().await?;
    let panels = drawn(true)?;
    let (rules, count) = (recording.iter().map(|expr| ("a rule".to_owned(), expr.clone())), panels.len());
    // An alert is worth something only when it fires; but what it looks at must be there.
    let metrics = alerting.iter().flat_map(|expr| metrics_in(expr));
    let looked_at = metrics.map(|metric| ("an alert".to_owned(), format!("count({metric})")));
    let mut without: Vec<(String, String)> = panels.into_iter().chain(rules).chain(looked_at).collect();
    let all = without.len();
    let none = async || {
        let mut still = Vec::new();
        for (place, expr) in std::mem::take(&mut without) {
            match prometheus.query(&expr).await {
                Ok(values) if !values.is_empty() => {}
                _ => still.push((place, expr)),
            }
        }
        without = still;
        without.is_empty().then_some(())
    };
    if eventually(SEEN, none).await.is_none() {
        let lines: Vec<String> = without.iter().map(|(place, expr)| format!("{place}: {expr}")).collect();
        anyhow::bail!("no data within {SEEN:?} for:\n{}", lines.join("\n"));
    }
    println!(
        "asked of Prometheus: {count} expressions of panels, {} recording rules, {} alerts ({all} queries): all have data",
        recording.len(),
        alerting.len()
    );
    Ok(())
}

/// What is sent through a relay with the credentials of a `hello`; others are refused.
fn relay(uclient: &str, ice_servers: &serde_json::Value) -> Result<String> {
    let of = |field: &str| {
        let servers = ice_servers.as_array().into_iter().flatten();
        servers.filter_map(|server| server[field].as_str()).next().map(str::to_owned)
    };
    let (user, password) =
        (of("username").context("a user name")?, of("credential").context("a credential")?);
    let urls =
        ice_servers.as_array().into_iter().flatten().filter_map(|server| server["urls"].as_array()).flatten();
    let url = urls.filter_map(|url| url.as_str()).find(|url| url.starts_with("turn:") && !url.contains('?'));
    let (host, port) =
        url.context("a TURN server over UDP")?["turn:".len()..].split_once(':').context("a port")?;
    let ask = |password: &str| -> Result<(bool, String)> {
        // Two clients of it send to each other, each by a relay of its own.
        let options = ["-y", "-c", "-n", "5", "-u", &user, "-w", password, "-p", port, host];
        let output = Command::new(uclient).args(options).output().context("turnutils_uclient")?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    let (relayed, said) = ask(&password)?;
    ensure!(
        relayed && said.contains("Total lost packets 0 "),
        "nothing was relayed with a gateway's credentials:\n{said}"
    );
    ensure!(!ask("another")?.0, "the TURN server relays for anybody");
    Ok("credentials of a hello relay at the TURN server, others do not: ok".to_owned())
}
