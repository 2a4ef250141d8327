//! The steps that most calls share, each with everything both sides must see of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::patience::SOON;

/// A description short enough to read in a transcript.
pub fn sdp(label: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns={label}\r\nt=0 0\r\n")
}

/// The `n`th candidate of `label`.
pub fn candidate(label: &str, n: usize) -> Value {
    json!({
        "candidate": format!("candidate:{n} 1 udp 2122260223 127.0.0.1 {} typ host", 40_000 + n),
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": label,
    })
}

/// `caller` asks for a call to `to`; the ack names it.
pub async fn init(caller: &Client, to: &str) -> String {
    let ack = caller.ok("call:init", json!({"to": to, "media": {"audio": true, "video": true}})).await;
    call_of(&ack)
}

/// The call an ack names.
pub fn call_of(ack: &Value) -> String {
    let call = ack["call"].as_str().unwrap_or_else(|| panic!("no call in {ack}"));
    assert!((1..=64).contains(&call.len()), "the id of a call has 1 to 64 characters: {call}");
    call.to_owned()
}

/// A call rings on all of `devices`, which are all the devices of one user.
pub async fn ring(caller: &Client, devices: &[&Client]) -> String {
    let call = init(caller, &devices[0].seat.user).await;
    for device in devices {
        device.expect("call:incoming", json!({"call": call, "from": caller.who()})).await;
    }
    call
}

/// `winner` accepts; the caller and the winner hear of it, the `others` that they need not ring on.
pub async fn accept(caller: &Client, winner: &Client, others: &[&Client], call: &str) {
    winner.ok("call:accept", json!({"call": call})).await;
    let accepted = json!({"call": call, "by": winner.who()});
    caller.expect("call:accepted", accepted.clone()).await;
    winner.expect("call:accepted", accepted).await;
    for other in others {
        other.expect("call:ended", json!({"call": call, "reason": "answered_elsewhere"})).await;
    }
}

/// `from` sends a description (`webrtc:offer` or `webrtc:answer`), `to` gets it as it is.
pub async fn describe(kind: &str, from: &Client, to: &Client, call: &str, sdp: &str) {
    from.ok(kind, json!({"call": call, "sdp": sdp})).await;
    to.expect(kind, json!({"call": call, "sdp": sdp})).await;
}

/// One offer and its answer.
pub async fn negotiate(offerer: &Client, answerer: &Client, call: &str) {
    describe("webrtc:offer", offerer, answerer, call, &sdp("offer")).await;
    describe("webrtc:answer", answerer, offerer, call, &sdp("answer")).await;
}

/// `from` sends candidates, `to` gets the same.
pub async fn trickle(from: &Client, to: &Client, call: &str, candidates: &[Value]) {
    from.ok("webrtc:ice", json!({"call": call, "candidates": candidates})).await;
    expect_candidates(to, call, candidates).await;
}

/// The next events bring exactly these candidates, in order, however they are packed.
pub async fn expect_candidates(client: &Client, call: &str, want: &[Value]) {
    let mut have = Vec::new();
    while have.len() < want.len() {
        let event = client.expect("webrtc:ice", json!({"call": call})).await;
        have.extend(event["candidates"].as_array().expect("a list of candidates").iter().cloned());
    }
    assert_eq!(have, want, "candidates pass unchanged and in order");
}

/// Both say that media flows, and both hear how long it took.
pub async fn connect(caller: &Client, callee: &Client, call: &str) {
    caller.ok("call:connected", json!({"call": call})).await;
    callee.ok("call:connected", json!({"call": call})).await;
    for side in [caller, callee] {
        let event = side.expect("call:connected", json!({"call": call})).await;
        assert!(event["setup_ms"].is_u64(), "the time of the set-up: {event}");
    }
}

/// An accepted call.
pub async fn accepted(caller: &Client, callee: &Client) -> String {
    let call = ring(caller, &[callee]).await;
    accept(caller, callee, &[], &call).await;
    call
}

/// A call that is set up, down to media at both ends.
pub async fn set_up(caller: &Client, callee: &Client) -> String {
    let call = accepted(caller, callee).await;
    finish(caller, callee, &call).await;
    call
}

/// From the accept to media at both ends.
pub async fn finish(caller: &Client, callee: &Client, call: &str) {
    negotiate(caller, callee, call).await;
    trickle(caller, callee, call, &[candidate("caller", 0), candidate("caller", 1)]).await;
    trickle(callee, caller, call, &[candidate("callee", 0), Value::Null]).await;
    connect(caller, callee, call).await;
}

/// `by` ends the call, `others` hear of it.
pub async fn end(by: &Client, others: &[&Client], call: &str, reason: &str) {
    // The one who ends it has the ack; being told again is allowed.
    by.tolerate("call:ended", json!({"call": call, "reason": reason}));
    by.ok("call:end", json!({"call": call})).await;
    for other in others {
        ended(other, call, reason).await;
    }
}

/// `client` is told that the call is over, and why.
pub async fn ended(client: &Client, call: &str, reason: &str) -> Value {
    ended_within(SOON, client, call, reason).await
}

/// The same, for an end that takes its time.
pub async fn ended_within(limit: Duration, client: &Client, call: &str, reason: &str) -> Value {
    let event = client.expect_within(limit, "call:ended", json!({"call": call, "reason": reason})).await;
    for field in ["duration_ms", "setup_ms"] {
        let value = &event[field];
        assert!(value.is_null() || value.is_u64(), "{field} is a time: {event}");
    }
    event
}

/// The callee refuses a call that rings.
pub async fn reject(callee: &Client, caller: &Client, call: &str) {
    callee.ok("call:reject", json!({"call": call})).await;
    for client in [caller, callee] {
        ended(client, call, "rejected").await;
    }
}

/// One side finds no path for the media.
pub async fn find_no_path(by: &Client, other: &Client, call: &str) {
    by.ok("call:end", json!({"call": call, "reason": "ice_failed"})).await;
    for client in [by, other] {
        ended(client, call, "ice_failed").await;
    }
}

/// Calls of each kind that come to something else: answered, rejected, cancelled (and a request that is refused), without a path
/// for the media, and to somebody who is not there.
pub async fn one_of_each(alice: &Client, bob: &Client, nobody: &str) {
    let call = set_up(alice, bob).await;
    end(bob, &[alice], &call, "hangup").await;
    let call = ring(alice, &[bob]).await;
    bob.ok("call:ringing", json!({"call": call})).await;
    alice.expect("call:ringing", json!({"call": call})).await;
    reject(bob, alice, &call).await;
    let call = ring(alice, &[bob]).await;
    alice.refused("call:accept", json!({"call": call}), "invalid_state").await;
    end(alice, &[bob], &call, "cancelled").await;
    let call = ring(alice, &[bob]).await;
    accept(alice, bob, &[], &call).await;
    negotiate(alice, bob, &call).await;
    find_no_path(alice, bob, &call).await;
    let call = init(alice, nobody).await;
    ended(alice, &call, "offline").await;
}

/// Hang-up of a call that is set up, and [`epilogue`].
pub async fn hang_up(by: &Client, other: &Client, call: &str) {
    end(by, &[other], call, "hangup").await;
    epilogue(by, &[other]).await;
}

/// No client has anything left to hear. Twice round, since what one gateway does may show at another a moment later.
pub async fn quiet(clients: &[&Client]) {
    for _ in 0..2 {
        for client in clients {
            client.quiet().await;
        }
    }
}

/// The story's call is over: nothing more comes of it, and the two can call each other again. The new call takes the
/// same way through the cluster as the old one, so whatever was still under way arrives before it.
pub async fn epilogue(caller: &Client, devices: &[&Client]) {
    let call = ring(caller, devices).await;
    end(caller, devices, &call, "cancelled").await;
    let mut all = vec![caller];
    all.extend(devices);
    quiet(&all).await;
}
