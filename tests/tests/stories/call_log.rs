//! What is kept of calls once they are over: each user's log, and the missed calls that a device is told of.

use std::time::Duration;

use ringback_tests::client::Client;
use ringback_tests::flow::{accept, connect, end, ended, init, negotiate, quiet, reject, ring};
use ringback_tests::http;
use ringback_tests::patience::eventually;
use ringback_tests::stage::Stage;
use ringback_tests::token;
use serde_json::{Value, json};

stories! {
    PAIR:
        who_was_away_is_told_of_missed_calls_until_they_are_confirmed,
        each_device_is_told_of_missed_calls,
        an_answered_call_is_nobody_s_missed_call,
        who_said_no_has_missed_nothing,
        a_caller_who_gives_up_is_missed;
    SOLO:
        who_does_not_ask_is_not_told,
        a_log_is_read_page_by_page,
        a_log_is_its_user_s_alone;
    LOGLESS:
        where_no_logs_are_kept_nobody_is_told;
    MORTAL:
        a_killed_gateway_s_calls_are_logged;
}

/// Longer than others leave a call to its gateway.
const OVERDUE: Duration = Duration::from_secs(60);

/// A device comes, and asks to be told of missed calls.
async fn come(stage: &Stage, name: &str, device: &str, gateway: usize) -> Client {
    let client = stage.open(stage.seat(name, device, gateway, stage.cast.callee)).await;
    client.hello(json!({"missed": 0})).await.expect("its hello is taken");
    client
}

/// A call to somebody who is not there.
async fn call_in_vain(stage: &Stage, caller: &Client, name: &str) -> String {
    let call = init(caller, &stage.user(name)).await;
    ended(caller, &call, "offline").await;
    call
}

/// The next event says that these calls were missed, the newest first; what confirms it.
async fn told_of(client: &Client, caller: &Client, calls: &[(&str, &str)]) -> u64 {
    let event = client.expect("missed", json!({"more": false})).await;
    let told = event["calls"].as_array().expect("calls");
    let said: Vec<_> = told.iter().map(|one| (one["call"].as_str(), one["reason"].as_str())).collect();
    let wanted: Vec<_> = calls.iter().map(|(call, reason)| (Some(*call), Some(*reason))).collect();
    assert_eq!(said, wanted, "{event}");
    for one in told {
        assert_eq!(one["from"], caller.who(), "{one}");
        assert_eq!(one["media"], json!({"audio": true, "video": true}), "{one}");
        assert!(one["at"].as_u64().is_some_and(|at| Some(at) <= one["ended_at"].as_u64()), "{one}");
    }
    event["until"].as_u64().expect("a moment")
}

async fn confirm(client: &Client, until: u64) {
    client.post_map(&json!({"type": "seen", "calls": {}, "missed": until})).await;
}

/// A device comes again and again until it is not told of missed calls any more.
async fn told_no_more(stage: &Stage, name: &str, device: &str) {
    let nothing = async || {
        let client = come(stage, name, device, 0).await;
        client.ok("ping", json!({})).await;
        let told = client.next_event(Duration::ZERO).await;
        client.close().await;
        told.is_none().then_some(())
    };
    eventually(Duration::from_secs(10), nothing).await.expect("what was confirmed is not told again");
}

/// A part of the log of a token's user.
async fn log(stage: &Stage, gateway: usize, token: &str, query: &str) -> (u16, Value) {
    let port = stage.world.gateway(gateway).port();
    let (status, body) = http::get_as(port, &format!("/v1/log{query}"), token).await.expect("an answer");
    (status, serde_json::from_str(&body).expect("JSON"))
}

/// The log of a user, once it has so many calls: they are written down a moment after their end is told.
async fn log_of(stage: &Stage, name: &str, calls: usize) -> Vec<Value> {
    let token = token::good(&stage.user(name));
    let full = async || {
        let (status, answer) = log(stage, 1, &token, "").await;
        assert_eq!(status, 200, "{answer}");
        answer["calls"].as_array().filter(|all| all.len() == calls).cloned()
    };
    let found = eventually(OVERDUE, full).await;
    found.unwrap_or_else(|| panic!("no {calls} calls in the log of {name}"))
}

fn names(calls: &[Value]) -> Vec<&str> {
    calls.iter().filter_map(|call| call["call"].as_str()).collect()
}

async fn who_was_away_is_told_of_missed_calls_until_they_are_confirmed(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let first = call_in_vain(stage, &alice, "bob").await;
    let second = call_in_vain(stage, &alice, "bob").await;
    let both = [(&*second, "offline"), (&*first, "offline")];
    let bob = come(stage, "bob", "phone", 1).await;
    told_of(&bob, &alice, &both).await;
    quiet(&[&bob]).await;
    bob.close().await;
    // It may not have got it.
    let bob = come(stage, "bob", "phone", 0).await;
    let until = told_of(&bob, &alice, &both).await;
    confirm(&bob, until).await;
    bob.close().await;
    told_no_more(stage, "bob", "phone").await;
    let third = call_in_vain(stage, &alice, "bob").await;
    let bob = come(stage, "bob", "phone", 1).await;
    assert!(told_of(&bob, &alice, &[(&third, "offline")]).await > until, "only what is new");
    quiet(&[&alice, &bob]).await;
}

async fn each_device_is_told_of_missed_calls(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let call = call_in_vain(stage, &alice, "bob").await;
    let phone = come(stage, "bob", "phone", 1).await;
    let until = told_of(&phone, &alice, &[(&call, "offline")]).await;
    confirm(&phone, until).await;
    phone.close().await;
    told_no_more(stage, "bob", "phone").await;
    let tablet = come(stage, "bob", "tablet", 0).await;
    told_of(&tablet, &alice, &[(&call, "offline")]).await;
    // One that keeps what it knows needs nobody to remember it.
    let watch = stage.open(stage.seat("bob", "watch", 1, stage.cast.callee)).await;
    watch.hello(json!({"missed": until})).await.expect("its hello is taken");
    quiet(&[&tablet, &watch]).await;
}

async fn an_answered_call_is_nobody_s_missed_call(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let phone = come(stage, "bob", "phone", 1).await;
    let tablet = come(stage, "bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    accept(&alice, &phone, &[&tablet], &call).await;
    negotiate(&alice, &phone, &call).await;
    connect(&alice, &phone, &call).await;
    end(&alice, &[&phone], &call, "hangup").await;
    let logs = [log_of(stage, "alice", 1).await, log_of(stage, "bob", 1).await];
    let laptop = come(stage, "bob", "laptop", 1).await;
    let tablet = stage.resume(&tablet.cut().await, 0).await;
    quiet(&[&laptop, &tablet]).await;
    for (log, role, peer) in [(&logs[0], "caller", &phone), (&logs[1], "callee", &alice)] {
        let entry = &log[0];
        let rest = json!({
            "call": call, "role": role, "peer": peer.who(), "reason": "hangup", "by": alice.who(),
            "answered": true, "missed": false, "answered_by": "phone",
            "media": {"audio": true, "video": true},
        });
        for (field, value) in rest.as_object().expect("fields") {
            assert_eq!(&entry[field], value, "{field}: {entry}");
        }
        for time in ["at", "ended_at", "setup_ms", "duration_ms"] {
            assert!(entry[time].is_u64(), "{time}: {entry}");
        }
    }
}

async fn who_said_no_has_missed_nothing(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let phone = come(stage, "bob", "phone", 1).await;
    let call = ring(&alice, &[&phone]).await;
    reject(&phone, &alice, &call).await;
    let log = log_of(stage, "bob", 1).await;
    let said = [&log[0]["reason"], &log[0]["answered"], &log[0]["missed"], &log[0]["answered_by"]];
    assert_eq!(said, [&json!("rejected"), &json!(false), &json!(false), &Value::Null], "{log:?}");
    quiet(&[&come(stage, "bob", "tablet", 0).await]).await;
}

async fn a_caller_who_gives_up_is_missed(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let phone = come(stage, "bob", "phone", 1).await;
    let call = ring(&alice, &[&phone]).await;
    end(&alice, &[&phone], &call, "cancelled").await;
    let tablet = come(stage, "bob", "tablet", 0).await;
    told_of(&tablet, &alice, &[(&call, "cancelled")]).await;
    let (callee, caller) = (log_of(stage, "bob", 1).await, log_of(stage, "alice", 1).await);
    assert_eq!([&callee[0]["missed"], &caller[0]["missed"]], [&json!(true), &json!(false)]);
}

async fn who_does_not_ask_is_not_told(stage: &Stage) {
    let alice = stage.caller("alice").await;
    call_in_vain(stage, &alice, "bob").await;
    let bob = stage.callee("bob").await;
    quiet(&[&bob]).await;
    // What was not told is not confirmed either.
    confirm(&bob, 9_000_000_000_000).await;
    bob.close().await;
    come(stage, "bob", "phone", 1).await.expect("missed", json!({"more": false})).await;
}

async fn a_log_is_read_page_by_page(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        let call = init(&alice, &stage.user("bob")).await;
        let at = ended(&alice, &call, "offline").await["at"].as_u64();
        calls.insert(0, call);
        // Those that end in one millisecond have no order.
        while alice.ok("ping", json!({})).await["at"].as_u64() <= at {}
    }
    let all = log_of(stage, "bob", 5).await;
    assert_eq!(names(&all), calls, "the newest first");
    let token = token::good(&stage.user("bob"));
    let (mut pages, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let (status, page) = log(stage, 0, &token, &query).await;
        assert_eq!(status, 200, "{page}");
        pages.push(page["calls"].as_array().expect("calls").clone());
        match page["next"].as_str() {
            Some(next) => query = format!("?limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat(), all);
    let oldest = all[4]["ended_at"].as_u64().expect("a time");
    let (_, before) = log(stage, 0, &token, &format!("?before={oldest}")).await;
    assert_eq!(before, json!({"calls": []}), "nothing ended before the first");
    for bad in ["?limit=0", "?limit=101", "?limit=all", "?before=yesterday"] {
        let (status, why) = log(stage, 0, &token, bad).await;
        assert_eq!((status, why["error"].is_string()), (400, true), "{bad}: {why}");
    }
    // Operators see the same.
    let path = format!("/v1/users/{}/log", stage.user("bob"));
    let (status, body) = http::get(stage.world.gateway(1).admin(), &path).await.expect("an answer");
    assert_eq!((status, serde_json::from_str(&body).ok()), (200, Some(json!({"calls": all}))));
}

async fn a_log_is_its_user_s_alone(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let call = call_in_vain(stage, &alice, "bob").await;
    assert_eq!(names(&log_of(stage, "alice", 1).await), [&*call]);
    let stranger = token::good(&stage.user("mallory"));
    assert_eq!(log(stage, 0, &stranger, "").await, (200, json!({"calls": []})));
    let user = &alice.seat.user;
    for bad in [token::forged(user), token::expired(user), String::new()] {
        assert_eq!(log(stage, 0, &bad, "").await, (401, json!({"error": "no valid token"})));
    }
}

async fn where_no_logs_are_kept_nobody_is_told(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let call = call_in_vain(stage, &alice, "bob").await;
    // It has been taken off the list of calls by then, which is when it would have been written down.
    let path = format!("/v1/users/{}/calls", alice.seat.user);
    let listed = async || {
        let (_, body) = http::get(stage.world.gateway(0).admin(), &path).await.ok()?;
        body.contains(&call).then_some(())
    };
    eventually(Duration::from_secs(10), listed).await.expect("it is remembered");
    assert_eq!(log(stage, 0, &alice.seat.token, "").await, (200, json!({"calls": []})));
    quiet(&[&come(stage, "bob", "phone", 1).await]).await;
}

async fn a_killed_gateway_s_calls_are_logged(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let call = call_in_vain(stage, &alice, "bob").await;
    stage.world.gateways[0].kill9();
    // Nobody but the sweeper looks at the caller's list.
    assert_eq!(names(&log_of(stage, "alice", 1).await), [&*call]);
    let bob = come(stage, "bob", "phone", 1).await;
    told_of(&bob, &alice, &[(&call, "offline")]).await;
}
