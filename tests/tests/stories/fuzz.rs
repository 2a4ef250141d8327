//! Ten thousand frames from dice. What they say is nobody's plan; the gateway must stand, and others must not notice.

use futures::future::join_all;
use ringback_tests::client::Client;
use ringback_tests::codec::Codec;
use ringback_tests::dice::Dice;
use ringback_tests::flow::{candidate, sdp};
use ringback_tests::stage::Stage;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::bystanders::Bystanders;

stories! {
    SOLO:
        ten_thousand_random_frames;
}

const FRAMES: usize = 10_000;
const WORKERS: usize = 8;

/// The seed comes from the clock, or from `RINGBACK_SEED` when a run is to be repeated.
fn seed() -> u64 {
    let named = std::env::var("RINGBACK_SEED").ok().and_then(|seed| seed.parse().ok());
    named.unwrap_or_else(|| ringback_tests::token::now() ^ u64::from(std::process::id()) << 32)
}

async fn ten_thousand_random_frames(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let seed = seed();
    stage.note(&format!("RINGBACK_SEED={seed}"));
    eprintln!("fuzz: RINGBACK_SEED={seed}");
    let call = bystanders.call.as_str();
    let workers = (0..WORKERS).map(|n| async move {
        let mut dice = Dice::new(seed.wrapping_add(n as u64));
        send_all(stage, n, &mut dice, call).await;
    });
    join_all(workers).await;
    bystanders.unharmed(stage).await;
}

async fn send_all(stage: &Stage, worker: usize, dice: &mut Dice, call: &str) {
    let mut client = fresh(stage, worker, dice).await;
    let user = stage.user("nobody");
    for _ in 0..FRAMES / WORKERS {
        let (frame, deadly) = frame(dice, stage.cast.caller, call, &user);
        let taken = client.post_frame(frame).await;
        if deadly || !taken {
            client = fresh(stage, worker, dice).await;
        }
    }
}

/// Every other connection has said hello.
async fn fresh(stage: &Stage, worker: usize, dice: &mut Dice) -> Client {
    let seat = stage.seat("mallory", &format!("d{worker}"), dice.below(2), stage.cast.caller);
    let client = stage.open(seat).await;
    client.inbox.expect_strays();
    if dice.below(2) == 0 {
        // The gateway may be too busy with her other frames to let her in; that is as good.
        let _ = client.hello(json!({})).await;
    }
    client
}

/// A frame, and whether it is likely to have ended the connection.
fn frame(dice: &mut Dice, codec: Codec, call: &str, user: &str) -> (Message, bool) {
    let valid = template(dice, call, user);
    match dice.below(20) {
        0 => {
            let length = dice.below(300);
            (Message::binary(dice.bytes(length)), true)
        }
        1 => {
            let length = dice.below(300);
            let text: String = dice.bytes(length).iter().map(|byte| char::from(byte & 0x7f)).collect();
            (Message::text(text), true)
        }
        2 => {
            let mut bytes = codec.bytes(&valid);
            bytes.truncate(dice.below(bytes.len()));
            (codec.frame(bytes), true)
        }
        3 => {
            let mut bytes = codec.bytes(&valid);
            for _ in 0..=dice.below(4) {
                let at = dice.below(bytes.len());
                bytes[at] = dice.roll() as u8;
            }
            (codec.frame(bytes), true)
        }
        _ => {
            let mutated = mutate(dice, valid);
            (codec.frame(codec.bytes(&mutated)), false)
        }
    }
}

/// A valid message, or one that only a stranger to the call would send.
fn template(dice: &mut Dice, call: &str, user: &str) -> Value {
    let id = dice.below(5_000) + 2;
    let call = if dice.below(3) == 0 { "nope" } else { call };
    let all = [
        json!({"type": "ping", "id": id}),
        json!({"type": "seen", "calls": {call: id}}),
        json!({"type": "hello", "id": id, "token": "x.y.z", "device": "d", "seen": {call: 3}}),
        json!({"type": "call:init", "id": id, "to": user, "media": {"audio": true}, "metadata": {"a": [1]}}),
        json!({"type": "call:ringing", "id": id, "call": call}),
        json!({"type": "call:accept", "id": id, "call": call}),
        json!({"type": "call:reject", "id": id, "call": call, "reason": "busy"}),
        json!({"type": "call:end", "id": id, "call": call, "reason": "ice_failed"}),
        json!({"type": "webrtc:offer", "id": id, "call": call, "sdp": sdp("fuzz")}),
        json!({"type": "webrtc:answer", "id": id, "call": call, "sdp": sdp("fuzz")}),
        json!({"type": "webrtc:ice", "id": id, "call": call, "candidates": [candidate("f", id), null]}),
        json!({"type": "call:connected", "id": id, "call": call}),
        json!({"type": "call:report", "id": id, "call": call, "stats": {"rtt_ms": 1}}),
    ];
    dice.pick(&all).clone()
}

/// Changes one to three fields: gone, of another type, at a limit, or under another name.
fn mutate(dice: &mut Dice, value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    for _ in 0..=dice.below(3) {
        let keys: Vec<String> = map.keys().cloned().collect();
        if keys.is_empty() {
            break;
        }
        let key = dice.pick(&keys).clone();
        match dice.below(6) {
            0 => drop(map.remove(&key)),
            1 => {
                let held = map.remove(&key).unwrap_or_default();
                map.insert(format!("{key}\u{0}"), held);
            }
            _ => drop(map.insert(key, odd_value(dice))),
        }
    }
    Value::Object(map)
}

fn odd_value(dice: &mut Dice) -> Value {
    match dice.below(12) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 0),
        2 => json!(dice.roll()),
        3 => json!(-(dice.below(1 << 40) as i64)),
        4 => json!(dice.below(1 << 20) as f64 / 3.0),
        5 => json!("x".repeat(dice.below(3_000))),
        6 => json!(String::from_utf8_lossy(&dice.bytes(20))),
        7 => json!([]),
        8 => Value::Object(Map::new()),
        9 => json!([null, {"call": 1}, [[]], "x"]),
        10 => json!({"type": "ping", "": {"": ""}}),
        _ => json!(["", "{p0}:c:x", "call:init", "hello", "\u{2028}\u{0}", "-1", "*"][dice.below(7)]),
    }
}
