//! Outcome events: whatever fails, the application's servers are told at least once, and of each call in order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ringback_tests::client::Client;
use ringback_tests::codec::Codec;
use ringback_tests::flow::{accept, call_of, end, ended, finish, init, ring, set_up};
use ringback_tests::http;
use ringback_tests::patience::eventually;
use ringback_tests::receiver::{Mood, Receiver, SECRET};
use ringback_tests::scrape::Scrape;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use serde_json::{Value, json};

/// How long deliveries may take once nothing stands in their way.
const DELIVERED: Duration = Duration::from_secs(30);

const STORY: [&str; 5] = ["call.placed", "call.ringing", "call.answered", "call.connected", "call.ended"];

type Settings = Vec<(&'static str, String)>;

/// All events, and little patience.
fn eager(receiver: &Receiver) -> Settings {
    vec![
        ("EVENTS__TYPES", STORY.join(",")),
        ("WEBHOOKS__URL", receiver.url()),
        ("WEBHOOKS__SECRETS", SECRET.to_owned()),
        ("WEBHOOKS__TIMEOUT_MS", "300".to_owned()),
        ("WEBHOOKS__FIRST_PAUSE_MS", "20".to_owned()),
        ("WEBHOOKS__LONGEST_PAUSE_MS", "200".to_owned()),
        ("WEBHOOKS__ATTEMPTS", "100000".to_owned()),
    ]
}

async fn world(backend: Backend, settings: &Settings, nodes: usize) -> Stage {
    let nodes = if backend == Backend::Memory { 1 } else { nodes };
    let world = World::start_with(backend, settings, nodes).await.expect("it starts");
    Stage::new(Arc::new(world), Cast::ALL[0])
}

/// Ends a world, in which nothing must have gone wrong.
fn close(stage: &Stage, receiver: &Receiver) {
    assert_eq!(receiver.faults(), Vec::<String>::new());
    assert_eq!(stage.faults(), Vec::<String>::new());
    let panics: Vec<String> = stage.world.gateways.iter().flat_map(|gateway| gateway.panics()).collect();
    assert_eq!(panics, Vec::<String>::new());
    stage.world.stop();
}

async fn whole_call(alice: &Client, bob: &Client) -> String {
    let call = set_up(alice, bob).await;
    end(bob, &[alice], &call, "hangup").await;
    call
}

async fn ask(stage: &Stage, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (status, body) =
        http::ask(stage.world.gateway(1).admin(), method, path, body).await.expect("an answer");
    (status, serde_json::from_str(&body).expect("JSON"))
}

async fn counted(stage: &Stage, series: &str) -> f64 {
    Scrape::of(&stage.world.gateways).await.expect("a scrape").get(series)
}

async fn fails_times_out_and_restarts(backend: Backend) {
    let mut receiver = Receiver::start();
    let stage = world(backend, &eager(&receiver), 2).await;
    let (alice, bob) = stage.pair().await;
    let mut calls = vec![whole_call(&alice, &bob).await];
    receiver.hears(DELIVERED, &calls[0], &STORY).await;

    receiver.is(Mood::Answers(500));
    calls.push(whole_call(&alice, &bob).await);
    let refused = async || {
        (counted(&stage, "ringback_webhook_attempts_total{result=\"refused\"}").await >= 2.0).then_some(())
    };
    eventually(DELIVERED, refused).await.expect("it is asked again");

    receiver.is(Mood::Hangs);
    calls.push(whole_call(&alice, &bob).await);
    let silent = async || {
        (counted(&stage, "ringback_webhook_attempts_total{result=\"timed_out\"}").await >= 2.0).then_some(())
    };
    eventually(DELIVERED, silent).await.expect("it is not waited for");

    receiver.stop();
    calls.push(whole_call(&alice, &bob).await);
    let away = async || {
        (counted(&stage, "ringback_webhook_attempts_total{result=\"unreachable\"}").await >= 2.0)
            .then_some(())
    };
    eventually(DELIVERED, away).await.expect("it is not reached");
    let waiting = counted(&stage, "ringback_webhook_pending").await;
    assert!(waiting >= 5.0, "{waiting} events wait");

    receiver.is(Mood::Takes);
    receiver.go_on();
    calls.push(whole_call(&alice, &bob).await);
    for call in &calls {
        receiver.hears(DELIVERED, call, &STORY).await;
    }
    assert_eq!(receiver.taken().len(), calls.len());
    close(&stage, &receiver);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_times_out_and_restarts_is_told_everything() {
    fails_times_out_and_restarts(Backend::Standalone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_times_out_and_restarts_is_told_everything_from_memory() {
    fails_times_out_and_restarts(Backend::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_times_out_and_restarts_is_told_everything_by_a_cluster() {
    fails_times_out_and_restarts(Backend::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_loses_no_event() {
    let receiver = Receiver::start();
    let stage = world(Backend::Standalone, &eager(&receiver), 3).await;
    receiver.is(Mood::TakesAfter(Duration::from_millis(60)));
    let mut pairs = Vec::new();
    for n in 0..12 {
        let alice = stage.join(stage.seat(&format!("alice{n}"), "desk", n % 2, Codec::Json)).await;
        let bob = stage.join(stage.seat(&format!("bob{n}"), "phone", (n + 1) % 2, Codec::Json)).await;
        pairs.push((alice, bob));
    }
    // Two whose call is cut off with the gateway.
    let carol = stage.join(stage.seat("carol", "desk", 2, Codec::Json)).await;
    let dave = stage.join(stage.seat("dave", "phone", 0, Codec::Json)).await;
    let cut_off = set_up(&carol, &dave).await;

    let victim = &stage.world.gateways[2];
    let rounds = pairs.iter().map(async |(alice, bob)| {
        let mut calls = Vec::new();
        for _ in 0..12 {
            calls.push(whole_call(alice, bob).await);
        }
        calls
    });
    let kill = async {
        // In the middle of its own deliveries.
        let busy = async || {
            let told = Scrape::of(std::slice::from_ref(victim)).await.expect("a scrape");
            let delivered = told.get("ringback_webhook_attempts_total{result=\"delivered\"}");
            (told.get("ringback_webhook_pending") >= 3.0 && delivered >= 3.0).then_some(())
        };
        eventually(DELIVERED, busy).await.expect("it delivers, too");
        victim.kill9();
    };
    let (calls, ()) = futures::join!(futures::future::join_all(rounds), kill);
    dave.tolerate("call:peer", json!({"call": cut_off, "status": "reconnecting"}));
    dave.tolerate("call:ended", json!({"call": cut_off, "reason": "connection_lost"}));
    let calls = calls.concat();
    assert_eq!(calls.len(), 144);
    receiver.is(Mood::Takes);
    for call in calls.iter().chain([&cut_off]) {
        receiver.hears(Duration::from_secs(60), call, &STORY).await;
    }
    let lost = counted_at_survivors(&stage, "ringback_webhook_undelivered_total").await;
    assert!(lost.abs() < 0.1, "{lost}");
    let taken: usize = receiver.taken().values().map(Vec::len).sum();
    eprintln!("of {} events {} were told more than once", 5 * 145, taken - 5 * 145);
    close(&stage, &receiver);
}

async fn counted_at_survivors(stage: &Stage, metric: &str) -> f64 {
    Scrape::of(&stage.world.gateways[..2]).await.expect("a scrape").sum(metric)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_drains_leaves_its_events_to_the_others() {
    let mut receiver = Receiver::start();
    let mut settings = eager(&receiver);
    // A lease that nobody gave up would be in the way for longer than this test waits.
    settings.extend([("NODE__TTL_MS", "60000".to_owned()), ("DRAIN__WINDOW_MS", "1000".to_owned())]);
    let stage = world(Backend::Standalone, &settings, 2).await;
    let alice = stage.join(stage.seat("alice", "desk", 1, Codec::Json)).await;
    receiver.stop();
    let mut calls = Vec::new();
    for n in 0..24 {
        let bob = stage.join(stage.seat(&format!("bob{n}"), "phone", 1, Codec::Json)).await;
        calls.push(whole_call(&alice, &bob).await);
    }
    let leaving = &stage.world.gateways[0];
    let holds = async || {
        let told = Scrape::of(std::slice::from_ref(leaving)).await.expect("a scrape");
        (told.get("ringback_webhook_pending") >= 5.0).then_some(())
    };
    eventually(DELIVERED, holds).await.expect("its share of the events");
    assert_eq!(leaving.terminate(DELIVERED).await.expect("a signal"), Some(0));
    receiver.go_on();
    for call in &calls {
        receiver.hears(DELIVERED, call, &STORY).await;
    }
    close(&stage, &receiver);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_redis_has_lost_is_put_back_with_its_call() {
    let mut receiver = Receiver::start();
    let stage = world(Backend::Standalone, &eager(&receiver), 2).await;
    let (alice, bob) = stage.pair().await;
    receiver.stop();
    let call = whole_call(&alice, &bob).await;
    let talking = set_up(&alice, &bob).await;
    let redis = stage.world.redis().expect("a server");
    redis.kill9();
    redis.restart().await.expect("it comes back empty");
    receiver.go_on();
    receiver.hears(Duration::from_secs(60), &call, &STORY).await;
    receiver.hears(Duration::from_secs(60), &talking, &STORY[..4]).await;
    let left = async || stage.all_ready().await.then_some(());
    eventually(DELIVERED, left).await.expect("the gateways are back");
    end(&bob, &[&alice], &talking, "hangup").await;
    receiver.hears(DELIVERED, &talking, &STORY).await;
    close(&stage, &receiver);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_holds_up_nothing_and_can_be_sent_anew() {
    for backend in [Backend::Standalone, Backend::Memory] {
        let receiver = Receiver::start();
        let mut settings = eager(&receiver);
        settings.retain(|(name, _)| *name != "WEBHOOKS__ATTEMPTS");
        settings.push(("WEBHOOKS__ATTEMPTS", "3".to_owned()));
        let stage = world(backend, &settings, 2).await;
        let (alice, bob) = stage.pair().await;
        receiver.chooses(|event| match event["type"].as_str() {
            Some("call.answered") => Mood::Answers(500),
            Some("call.connected") => Mood::Answers(410),
            _ => Mood::Takes,
        });
        let call = whole_call(&alice, &bob).await;
        receiver.hears(DELIVERED, &call, &["call.placed", "call.ringing", "call.ended"]).await;
        let tried = |kind: &str| receiver.got().iter().filter(|got| got.kind() == kind).count();
        assert_eq!((tried("call.answered"), tried("call.connected")), (3, 1));

        let dead = async || {
            let (status, dead) = ask(&stage, "GET", "/v1/events/dead", "").await;
            assert_eq!(status, 200, "{dead}");
            let dead = dead["dead"].as_array().expect("a list").clone();
            (dead.len() == 2).then_some(dead)
        };
        let dead = eventually(DELIVERED, dead).await.expect("two dead letters");
        assert_eq!(
            (&dead[0]["event"]["type"], &dead[0]["why"]),
            (&json!("call.answered"), &json!("status 500"))
        );
        assert_eq!(
            (&dead[1]["event"]["type"], &dead[1]["why"]),
            (&json!("call.connected"), &json!("status 410"))
        );
        assert!(dead[0]["died_at"].as_u64() >= dead[0]["event"]["at"].as_u64());

        receiver.is(Mood::Takes);
        let one = json!({"marks": [dead[1]["mark"]]}).to_string();
        assert_eq!(ask(&stage, "POST", "/v1/events/dead/redeliver", &one).await.1["redelivered"], 1);
        assert_eq!(ask(&stage, "POST", "/v1/events/dead/redeliver", &one).await.1["redelivered"], 0);
        let rest = ask(&stage, "POST", "/v1/events/dead/redeliver", r#"{"all":true}"#).await;
        assert_eq!(rest, (200, json!({"redelivered": 1, "more": false})));
        let told = async || (receiver.story_of(&call).len() == 5).then_some(());
        eventually(DELIVERED, told).await.expect("both come after all");
        assert_eq!(ask(&stage, "GET", "/v1/events/dead", "").await.1["dead"], json!([]));
        for bad in ["", "{}", r#"{"all":true,"marks":["1-0-p0"]}"#, r#"{"marks":["x"]}"#, r#"{"every":1}"#] {
            let (status, answer) = ask(&stage, "POST", "/v1/events/dead/redeliver", bad).await;
            assert!(status == 400 && answer["error"].is_string(), "{bad}: {status} {answer}");
        }
        close(&stage, &receiver);
    }
}

/// Every event there is, page by page.
async fn read_all(stage: &Stage) -> Vec<Value> {
    let (mut events, mut next) = (Vec::new(), Value::Null);
    loop {
        let after = next.as_str().map(|next| format!("&after={next}")).unwrap_or_default();
        let (status, page) = ask(stage, "GET", &format!("/v1/events?limit=2{after}"), "").await;
        assert_eq!(status, 200, "{page}");
        let shown = page["events"].as_array().expect("a list");
        if shown.is_empty() {
            assert_eq!(page["next"], next, "to be asked again from there");
            return events;
        }
        events.extend(shown.iter().map(|shown| shown["event"].clone()));
        next = page["next"].clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_can_be_read_as_call_detail_records() {
    for backend in [Backend::Standalone, Backend::Cluster, Backend::Memory] {
        let stage = world(backend, &Vec::new(), 2).await;
        let (alice, bob) = stage.pair().await;
        let mut calls = vec![whole_call(&alice, &bob).await];
        let ack = alice.ok("call:init", json!({"to": bob.seat.user, "metadata": {"order": 7}})).await;
        calls.push(call_of(&ack));
        bob.expect("call:incoming", json!({"call": calls[1]})).await;
        end(&alice, &[&bob], &calls[1], "cancelled").await;
        for n in 0..3 {
            let nobody = init(&alice, &stage.user(&format!("nobody{n}"))).await;
            ended(&alice, &nobody, "offline").await;
            calls.push(nobody);
        }
        let all = async || {
            let events = read_all(&stage).await;
            (events.len() >= calls.len()).then_some(events)
        };
        let events = eventually(DELIVERED, all).await.expect("a record for each call");
        let told: Vec<&str> = events.iter().filter_map(|event| event["call"].as_str()).collect();
        assert_eq!(told[..2], calls[..2], "in the order in which they ended");
        // Those that are stored in one millisecond come in any order.
        let each: BTreeSet<&str> = told.iter().copied().collect();
        assert_eq!(
            (told.len(), each),
            (calls.len(), calls.iter().map(String::as_str).collect()),
            "each once"
        );
        let talk = &events[0];
        assert_eq!(
            (&talk["type"], &talk["reason"], &talk["phase"], &talk["missed"]),
            (&json!("call.ended"), &json!("hangup"), &json!("talk"), &json!(false))
        );
        assert_eq!(talk["caller"], json!({"user": alice.seat.user, "device": "desk"}));
        assert_eq!((&talk["callee"], &talk["by"]), (&bob.who(), &bob.who()));
        let time = |field: &str| talk[field].as_u64().unwrap_or_else(|| panic!("{field} in {talk}"));
        assert_eq!(time("connected_at") - time("created_at"), time("setup_ms"));
        assert_eq!(time("ended_at") - time("connected_at"), time("duration_ms"));
        assert_eq!((&events[1]["metadata"], &events[1]["missed"]), (&json!({"order": 7}), &json!(true)));
        assert!(events[2..].iter().all(|event| event["reason"] == "offline"));
        for bad in ["limit=0", "limit=201", "limit=x", "after=x"] {
            let (status, answer) = ask(&stage, "GET", &format!("/v1/events?{bad}"), "").await;
            assert!(status == 400 && answer["error"].is_string(), "{bad}: {status} {answer}");
        }
        stage.world.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_belongs_to_the_trace_of_its_call() {
    let receiver = Receiver::start();
    let stage = world(Backend::Memory, &eager(&receiver), 1).await;
    let (alice, bob) = stage.pair().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ack = alice.ok("call:init", json!({"to": bob.seat.user, "traceparent": trace})).await;
    let traced = call_of(&ack);
    bob.expect("call:incoming", json!({"call": traced})).await;
    accept(&alice, &bob, &[], &traced).await;
    finish(&alice, &bob, &traced).await;
    end(&alice, &[&bob], &traced, "hangup").await;
    let untraced = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &untraced, "cancelled").await;
    receiver.hears(DELIVERED, &traced, &STORY).await;
    receiver.hears(DELIVERED, &untraced, &["call.placed", "call.ringing", "call.ended"]).await;
    let traces: BTreeMap<String, Option<String>> =
        receiver.got().into_iter().map(|got| (got.call().to_owned(), got.traceparent)).collect();
    assert_eq!((traces[&traced].as_deref(), &traces[&untraced]), (Some(trace), &None));
    close(&stage, &receiver);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_calls_are_traced_an_event_is_a_child_of_its_call() {
    let receiver = Receiver::start();
    let mut settings = eager(&receiver);
    // Nobody collects there: what a trace is called is known without it.
    settings.push(("TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:9".to_owned()));
    let stage = world(Backend::Standalone, &settings, 2).await;
    let (alice, bob) = stage.pair().await;
    let call = whole_call(&alice, &bob).await;
    receiver.hears(DELIVERED, &call, &STORY).await;
    let traces: BTreeSet<Option<String>> = receiver.got().into_iter().map(|got| got.traceparent).collect();
    let trace = traces.first().cloned().flatten().expect("a trace");
    assert_eq!(traces.len(), 1, "one for all events of a call: {traces:?}");
    let id = trace.split('-').nth(1).expect("its id");
    let named = stage.world.gateways.iter().any(|gateway| gateway.log().contains(id));
    assert!(named, "{id} is the trace that the logs name");
    close(&stage, &receiver);
}

/// A block of the page for receivers that begins like this, without its indent.
fn block(begins: &str) -> String {
    let page = include_str!("../../docs/webhooks.md");
    let lines = page.lines().skip_while(|line| line.trim() != begins);
    let block = lines.take_while(|line| line.is_empty() || line.starts_with("    "));
    block.map(|line| line.strip_prefix("    ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// What a program prints.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_on_the_page_for_receivers_take_what_is_ours_and_nothing_else() {
    let receiver = Receiver::start();
    let stage = world(Backend::Memory, &eager(&receiver), 1).await;
    let (alice, bob) = stage.pair().await;
    let call = whole_call(&alice, &bob).await;
    receiver.hears(DELIVERED, &call, &STORY).await;
    let raw = receiver.last_request().expect("a request");
    let body = String::from_utf8(raw.body).expect("text");
    let headers = json!(raw.headers).to_string();
    let texts = [body.clone(), body.replace("alice", "malice")].map(|text| json!(text).to_string());
    let python = |body: &str, secret: &str| {
        let check = block("import base64, hashlib, hmac, time");
        run("python3", &["-c", &format!("{check}\nprint(is_ours({secret:?}, {headers}, {body}.encode()))")])
    };
    let node = |body: &str, secret: &str| {
        let check = block("import { createHmac, timingSafeEqual } from 'node:crypto';");
        let ask = format!("{check}\nconsole.log(isOurs({secret:?}, {headers}, Buffer.from({body})))");
        run("node", &["--input-type=module", "-e", &ask])
    };
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        [python(&texts[0], SECRET), python(&texts[1], SECRET), python(&texts[0], other)],
        ["True", "False", "False"]
    );
    assert_eq!(
        [node(&texts[0], SECRET), node(&texts[1], SECRET), node(&texts[0], other)],
        ["true", "false", "false"]
    );
    close(&stage, &receiver);
}
