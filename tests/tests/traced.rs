//! One trace a call, in a real collector, whichever gateways took part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ringback_tests::collector::{Collector, Span};
use ringback_tests::flow::{accept, connect, end, ended, find_no_path, negotiate, reject, ring, set_up};
use ringback_tests::patience::eventually;
use ringback_tests::prometheus::deploy;
use ringback_tests::scrape::Scrape;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use serde_json::json;
use tempfile::TempDir;

/// Gateways send what they have every five seconds.
const SENT: Duration = Duration::from_secs(20);

struct Scene {
    collector: Collector,
    world: Arc<World>,
    stage: Stage,
    _dir: TempDir,
}

async fn scene(protocol: &str, percent: u64) -> Scene {
    let dir = TempDir::new().unwrap();
    let collector = Collector::start(dir.path()).await.unwrap();
    let port = if protocol == "grpc" { collector.grpc } else { collector.http };
    let settings = [
        ("TELEMETRY__OTLP_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("TELEMETRY__OTLP_PROTOCOL", protocol.to_owned()),
        ("TELEMETRY__SAMPLE_PERCENT", percent.to_string()),
        ("TIMEOUTS__RINGING_MS", "2000".to_owned()),
        ("TIMEOUTS__RECONNECT_MS", "700".to_owned()),
    ];
    let world = Arc::new(World::start(Backend::Standalone, &settings).await.unwrap());
    let stage = Stage::new(Arc::clone(&world), Cast::ALL[0]);
    Scene { collector, world, stage, _dir: dir }
}

impl Scene {
    /// So many traces, once they have come.
    async fn traces(&self, count: usize) -> Vec<Vec<Span>> {
        let come = async || Some(self.collector.traces()).filter(|traces| traces.len() >= count);
        let traces = eventually(SENT, come).await;
        let traces = traces.unwrap_or_else(|| panic!("no {count} traces: {:#?}", self.collector.traces()));
        assert_eq!(traces.len(), count, "{traces:#?}");
        traces
    }

    fn stop(self) {
        self.world.stop();
        self.collector.stop();
    }
}

fn names(trace: &[Span]) -> Vec<&str> {
    trace.iter().map(|span| span.name.as_str()).collect()
}

fn by_reason<'a>(traces: &'a [Vec<Span>], reason: &str) -> &'a [Span] {
    let of =
        |trace: &&Vec<Span>| trace[0].attributes.get("ringback.call.reason").is_some_and(|of| of == reason);
    traces.iter().find(of).unwrap_or_else(|| panic!("no trace of a call that ended as {reason}: {traces:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_across_two_gateways_is_one_trace_whose_parts_add_up() {
    for protocol in ["grpc", "http"] {
        let scene = scene(protocol, 100).await;
        let (alice, bob) = scene.stage.pair().await;
        let call = ring(&alice, &[&bob]).await;
        accept(&alice, &bob, &[], &call).await;
        negotiate(&alice, &bob, &call).await;
        connect(&alice, &bob, &call).await;
        end(&bob, &[&alice], &call, "hangup").await;
        let told = alice.inbox.transcript();
        let setup_ms: u64 = told
            .lines()
            .find_map(|line| line.split("\"setup_ms\":").nth(1)?.split([',', '}']).next()?.parse().ok())
            .expect("both were told how long it took");
        let traces = scene.traces(1).await;
        let trace = &traces[0];
        assert_eq!(names(trace), ["call", "policy", "ring", "negotiate", "ice"], "{protocol}");
        let (root, phases) = trace.split_first().unwrap();
        assert!(phases.iter().all(|phase| phase.parent == root.id));
        assert_eq!(
            (root.status.as_str(), &*root.attributes["ringback.call.outcome"]),
            ("UNSET", "connected")
        );
        assert_eq!(root.attributes["ringback.call.setup_ms"], setup_ms.to_string());
        assert_eq!(root.end - root.start, setup_ms * 1_000_000);
        assert_eq!(phases.iter().map(|phase| phase.end - phase.start).sum::<u64>(), setup_ms * 1_000_000);
        assert!(phases.windows(2).all(|two| two[0].end == two[1].start), "one after the other: {phases:#?}");
        let events: Vec<&str> = phases
            .iter()
            .flat_map(|phase| &phase.events)
            .map(|(name, _)| name.as_str())
            .filter(|name| *name != "seen")
            .collect();
        let all = [
            "call:init",
            "admitted",
            "call:accept",
            "webrtc:offer",
            "webrtc:answer",
            "call:connected",
            "call:connected",
        ];
        assert_eq!(events, all, "{protocol}");
        let mut steps = phases.iter().flat_map(|phase| &phase.events);
        let offered = &steps.find(|(name, _)| name == "webrtc:offer").expect("the offer").1;
        for time in ["ringback.queued_ms", "ringback.stored_ms", "ringback.delivered_ms"] {
            let time: f64 = offered.get(time).expect(time).parse().expect("a number");
            assert!(time >= 0.0, "{offered:?}");
        }
        let counted = Scrape::of(&scene.world.gateways).await.unwrap();
        let seconds = counted.get("ringback_call_setup_seconds_sum");
        assert_eq!((seconds * 1_000.0).round() as u64, setup_ms, "the histogram says the same");
        let log: String = scene.world.gateways.iter().map(|gateway| gateway.log()).collect();
        for line in ["call placed", "call connected", "call ended"] {
            let line = log.lines().find(|said| said.contains(line)).expect(line);
            assert!(line.contains(&root.trace), "the log names the trace {}: {line}", root.trace);
        }
        let nodes = ["ringback.caller.node", "ringback.callee.node"]
            .map(|key| root.attributes[key].split('.').next().unwrap().to_owned());
        assert_eq!(nodes, ["gw-1", "gw-2"]);
        let output = scene.collector.output();
        for secret in [&alice.seat.user, &bob.seat.user, &call] {
            assert!(!output.contains(secret.as_str()), "{secret} is in a trace");
        }
        scene.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_came_to_nothing_says_why_and_a_person_s_no_is_no_error() {
    let scene = scene("grpc", 100).await;
    let (alice, bob) = scene.stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &call).await;
    let call = ring(&alice, &[&bob]).await;
    ended(&alice, &call, "no_answer").await;
    ended(&bob, &call, "no_answer").await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    negotiate(&alice, &bob, &call).await;
    find_no_path(&bob, &alice, &call).await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    // What waits to be sent dies with a gateway: at most what is five seconds old.
    scene.traces(3).await;
    scene.world.gateways[1].kill9();
    alice.tolerate("call:peer", json!({"call": call, "status": "reconnecting"}));
    alice
        .expect_within(
            Duration::from_secs(30),
            "call:ended",
            json!({"call": call, "reason": "connection_lost"}),
        )
        .await;
    let traces = scene.traces(4).await;
    for (reason, phases) in [("rejected", ["policy", "ring"]), ("no_answer", ["policy", "ring"])] {
        let trace = by_reason(&traces, reason);
        assert_eq!(names(&trace[1..]), phases);
        assert!(trace.iter().all(|span| span.status == "UNSET"), "{reason}: {trace:#?}");
    }
    let failed = by_reason(&traces, "ice_failed");
    assert_eq!(names(failed), ["call", "policy", "ring", "negotiate", "ice"]);
    assert!(failed[0].message.starts_with("offer and answer were exchanged, and the callee found no path"));
    let statuses: Vec<&str> = failed.iter().map(|span| span.status.as_str()).collect();
    assert_eq!(
        statuses,
        ["ERROR", "UNSET", "UNSET", "UNSET", "ERROR"],
        "the call, and the phase it failed in"
    );
    let lost = by_reason(&traces, "connection_lost");
    assert_eq!((lost[0].status.as_str(), lost[3].name.as_str()), ("ERROR", "negotiate"));
    let accepted = lost[3].events.iter().find(|(name, _)| name == "call:accept").expect("the accept");
    assert!(accepted.1["ringback.node"].starts_with("gw-2"), "what the killed gateway did: {accepted:?}");
    scene.stop();
}

/// The attributes that dashboards link to traces by, and that the collector decides by.
fn looked_for() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in std::fs::read_dir(deploy().join("grafana/dashboards")).unwrap() {
        let dashboard = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let queries = dashboard.split("span.").skip(1);
        names.extend(queries.filter_map(|rest| rest.split("%20").next().map(str::to_owned)));
    }
    assert!(names.len() >= 3, "{names:?}");
    let collector = std::fs::read_to_string(deploy().join("otel-collector/config.yaml")).unwrap();
    let keys = collector.lines().filter_map(|line| line.trim().strip_prefix("key: "));
    names.extend(keys.map(str::to_owned));
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_look_for_in_traces_is_there() {
    let scene = scene("http", 100).await;
    let (alice, bob) = scene.stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &call).await;
    let call = set_up(&alice, &bob).await;
    end(&bob, &[&alice], &call, "hangup").await;
    let traces = scene.traces(2).await;
    let told: BTreeSet<&String> = traces.iter().flat_map(|trace| trace[0].attributes.keys()).collect();
    for name in looked_for() {
        assert!(told.contains(&name), "no span `call` says {name}: {told:?}");
    }
    scene.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_is_kept_where_others_are_not() {
    let scene = scene("http", 0).await;
    let (alice, bob) = scene.stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &call).await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    find_no_path(&alice, &bob, &call).await;
    // Traces are sent in the order of the ends.
    let traces = scene.traces(1).await;
    assert_eq!(traces[0][0].attributes["ringback.call.reason"], "ice_failed");
    scene.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_s_own_trace_goes_on() {
    let scene = scene("grpc", 0).await;
    let (alice, bob) = scene.stage.pair().await;
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    for (traceparent, media) in [
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01".to_owned(), json!({"audio": true})),
        (format!("00-{trace}-{parent}-01"), json!({"video": true})),
    ] {
        let init = json!({"to": bob.seat.user, "media": media, "traceparent": traceparent});
        let ack = alice.ok("call:init", init).await;
        let call = ack["call"].as_str().unwrap().to_owned();
        bob.expect("call:incoming", json!({"call": call})).await;
        reject(&bob, &alice, &call).await;
    }
    let come =
        async || Some(scene.collector.spans()).filter(|spans| spans.iter().any(|span| span.name == "call"));
    let spans = eventually(SENT, come).await.expect("a trace");
    let roots: Vec<&Span> = spans.iter().filter(|span| span.name == "call").collect();
    assert_eq!(roots.len(), 1, "one that is not valid is ignored: {roots:#?}");
    assert_eq!((roots[0].trace.as_str(), roots[0].parent.as_str()), (trace, parent));
    assert!(spans.iter().all(|span| span.trace == trace), "{spans:#?}");
    scene.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_no_call() {
    let scene = scene("grpc", 100).await;
    scene.collector.stop();
    let (alice, bob) = scene.stage.pair().await;
    for _ in 0..20 {
        let call = ring(&alice, &[&bob]).await;
        reject(&bob, &alice, &call).await;
    }
    let code = scene.world.gateways[0].terminate(Duration::from_secs(60)).await.unwrap();
    assert_eq!(code, Some(0), "{}", scene.world.gateways[0].tail());
    scene.stop();
}
