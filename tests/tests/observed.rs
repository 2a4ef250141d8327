//! What is shipped for those who watch: every expression that is drawn, recorded or alarmed about is asked of a real
//! Prometheus that scrapes three gateways with calls going on. A metric that is renamed breaks this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ringback_tests::client::Client;
use ringback_tests::flow::{end, one_of_each, set_up};
use ringback_tests::patience::eventually;
use ringback_tests::prometheus::{Prometheus, deploy, drawn, metrics_in};
use ringback_tests::receiver::{Receiver, SECRET};
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use tempfile::TempDir;

/// How long something may take to get from a gateway through two rounds of scraping and recording.
const SEEN: Duration = Duration::from_secs(30);

/// One of each: what people do, and what fails. The two stay connected.
async fn calls_go_on(stage: &Stage) -> (Client, Client) {
    let (alice, bob) = stage.pair().await;
    one_of_each(&alice, &bob, &stage.user("nobody")).await;
    let bob = stage.resume(&bob.cut().await, 2).await;
    let call = set_up(&alice, &bob).await;
    end(&alice, &[&bob], &call, "hangup").await;
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_watched_has_data() {
    let receiver = Receiver::start();
    let webhooks = [("WEBHOOKS__URL", receiver.url()), ("WEBHOOKS__SECRETS", SECRET.to_owned())];
    let world = Arc::new(World::start_with(Backend::Standalone, &webhooks, 3).await.unwrap());
    let dir = TempDir::new().unwrap();
    let prometheus = Prometheus::start(dir.path(), &world.gateways).await.unwrap();
    let scraped = async || prometheus.query("sum(up{job=\"ringback\"}) == 3").await.ok()?.first().copied();
    eventually(SEEN, scraped).await.expect("three gateways are scraped");

    let stage = Stage::new(Arc::clone(&world), Cast::ALL[0]);
    let clients = calls_go_on(&stage).await;
    let recorded = async || prometheus.query("ringback:call_drops:ratio5m == 0").await.ok()?.first().copied();
    eventually(SEEN, recorded).await.expect("calls are recorded as ended");

    let (recording, alerting) = prometheus.rules().await.unwrap();
    let rules = recording.iter().map(|expr| ("a rule".to_owned(), expr.clone()));
    let mut without = Vec::new();
    // Of the load tool's there are none here: `make stack-check` asks for those, too.
    let gateways = drawn(false).unwrap();
    let asked: Vec<(String, String)> = gateways.into_iter().chain(rules).collect();
    for (place, expr) in &asked {
        let has = async || prometheus.query(expr).await.unwrap().first().copied();
        if eventually(Duration::from_secs(5), has).await.is_none() {
            without.push(format!("{place}: {expr}"));
        }
    }
    // An alert is worth something only when it fires; but what it looks at must be there.
    let watched: BTreeSet<String> = alerting.iter().flat_map(|expr| metrics_in(expr)).collect();
    for metric in &watched {
        if prometheus.query(&format!("count({metric})")).await.unwrap().is_empty() {
            without.push(format!("an alert: {metric}"));
        }
    }
    assert!(without.is_empty(), "no data for:\n{}", without.join("\n"));
    eprintln!(
        "asked of Prometheus: {} expressions of panels and rules, {} metrics of {} alerts",
        asked.len(),
        watched.len(),
        alerting.len()
    );
    assert!(asked.len() > 100 && alerting.len() >= 15, "{} {}", asked.len(), alerting.len());
    drop(clients);
    prometheus.stop();
    world.stop();
}

#[test]
fn every_alert_says_what_to_do() {
    let rules = std::fs::read_to_string(deploy().join("prometheus/rules/alerts.yml")).unwrap();
    let guide = std::fs::read_to_string(deploy().join("../docs/operations.md")).unwrap();
    let mut alerts = 0;
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        alerts += 1;
        assert!(
            guide.contains(&format!("\n### {name}\n")),
            "docs/operations.md does not say what to do about {name}"
        );
        let runbook = format!("runbook: docs/operations.md#{}\n", name.to_lowercase());
        assert!(rules.contains(&runbook), "{name} does not name its runbook");
    }
    assert!(alerts >= 15);
}
