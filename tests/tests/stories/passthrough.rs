//! What the users' programs say to each other is none of the gateway's business: it arrives as it was sent.

use ringback_tests::flow::{accepted, connect, describe, end, hang_up, trickle};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    PAIR:
        descriptions_pass_byte_for_byte,
        candidates_pass_with_all_their_fields,
        metadata_and_media_reach_every_device,
        the_largest_description_passes,
}

/// Text that careless handling changes: line ends, quotes, escapes, separators, combining and astral characters.
const ODD: &str = "a=odd:\r\n\n\r\t\"'\\/ \\u0041 \u{0}\u{1}\u{1f}\u{7f}\u{85}\u{a0} e\u{301} \u{200b}\u{202e}abc\u{202c} \
    \u{2028}\u{2029}\u{feff}\u{fffd}\u{ffff} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{10ffff} <&>%00 \r\n";

async fn descriptions_pass_byte_for_byte(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    describe("webrtc:offer", &alice, &bob, &call, &format!("v=0\r\n{ODD}")).await;
    describe("webrtc:answer", &bob, &alice, &call, &format!("{ODD}  \r\n ")).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn candidates_pass_with_all_their_fields(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    let odd = json!({
        "candidate": ODD,
        "sdpMid": null,
        "sdpMLineIndex": 0,
        "usernameFragment": "",
        "type": "call:ended",
        "call": "not a call",
        "seq": -1,
        "x-of-the-future": {
            "numbers": [0, -1, 255, 65_536, 4_294_967_296_u64, 9_007_199_254_740_993_u64, u64::MAX, i64::MIN, 0.5, -2.5e-3],
            "nested": [[], {}, [null, true, false], {"": {"\u{2028}": "ü"}}],
        },
    });
    describe("webrtc:offer", &alice, &bob, &call, "offer").await;
    trickle(&alice, &bob, &call, &[odd.clone(), Value::Null, json!({}), odd.clone()]).await;
    describe("webrtc:answer", &bob, &alice, &call, "answer").await;
    trickle(&bob, &alice, &call, std::slice::from_ref(&odd)).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn metadata_and_media_reach_every_device(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let metadata = json!({"subject": ODD, "room": {"id": 7, "tags": ["a", null, 0.5]}, "type": "call:init"});
    let media = json!({"audio": true, "video": false});
    let ack =
        alice.ok("call:init", json!({"to": phone.seat.user, "media": media, "metadata": metadata})).await;
    for device in [&phone, &tablet] {
        let event = device.expect("call:incoming", json!({"call": ack["call"], "media": media})).await;
        assert_eq!(event["from"], alice.who(), "who calls");
        assert_eq!(event["metadata"], metadata, "nothing added, nothing lost");
    }
    let call = ack["call"].as_str().expect("checked above");
    end(&alice, &[&phone, &tablet], call, "cancelled").await;
}

async fn the_largest_description_passes(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    let large = |fill: char| fill.to_string().repeat(32 * 1024);
    describe("webrtc:offer", &alice, &bob, &call, &large('o')).await;
    describe("webrtc:answer", &bob, &alice, &call, &large('a')).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}
