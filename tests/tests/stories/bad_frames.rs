//! Frames that are no messages of the protocol. Whoever sends them loses his connection; nobody else notices.

use ringback_tests::client::Client;
use ringback_tests::codec::Codec;
use ringback_tests::stage::Stage;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::bystanders::{Answer, Bystanders, answer};

stories! {
    SOLO:
        broken_encoding_closes,
        broken_encoding_before_hello_closes,
        the_other_kind_of_frame_closes,
        a_frame_that_is_no_map,
        a_map_without_a_type,
        deep_nesting;
}

async fn mallory(stage: &Stage) -> Client {
    let client = stage.caller("mallory").await;
    client.inbox.expect_strays();
    client
}

/// Bytes that are not one whole map in this encoding.
fn broken(codec: Codec) -> Vec<Vec<u8>> {
    match codec {
        Codec::Json => [
            "{",
            "nonsense",
            "",
            r#"{"type":"ping","id":}"#,
            r#"{"type":"ping","id":1}}"#,
            r#"{"type":"ping""#,
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec(),
        Codec::MessagePack => {
            let whole = codec.bytes(&json!({"type": "ping", "id": 9}));
            let short = whole[..whole.len() - 1].to_vec();
            // A map that promises more than memory holds; the byte that MessagePack never uses; half a map; nothing.
            vec![vec![0xdf, 0xff, 0xff, 0xff, 0xff], vec![0xc1], short, Vec::new()]
        }
    }
}

async fn broken_encoding_closes(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for bytes in broken(stage.cast.caller) {
        let client = mallory(stage).await;
        client.post_frame(client.seat.codec.frame(bytes)).await;
        client.closed_with(4500).await;
    }
    bystanders.unharmed(stage).await;
}

async fn broken_encoding_before_hello_closes(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for bytes in broken(stage.cast.caller) {
        let client = stage.open(stage.caller_seat("mallory")).await;
        client.post_frame(client.seat.codec.frame(bytes)).await;
        client.closed_with(4500).await;
    }
    bystanders.unharmed(stage).await;
}

async fn the_other_kind_of_frame_closes(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let ping = json!({"type": "ping", "id": 9});
    for codec in [Codec::Json, Codec::MessagePack] {
        // The right bytes, and the other encoding's, in the wrong kind of frame.
        let client = mallory(stage).await;
        let frame = match client.seat.codec {
            Codec::Json => Message::binary(codec.bytes(&ping)),
            Codec::MessagePack => Message::text(Value::to_string(&ping)),
        };
        client.post_frame(frame).await;
        client.closed_with(4500).await;
    }
    bystanders.unharmed(stage).await;
}

async fn a_frame_that_is_no_map(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for value in
        [json!([]), json!([{"type": "ping", "id": 9}]), json!("ping"), json!(9), json!(true), Value::Null]
    {
        malformed(stage, &value).await;
    }
    bystanders.unharmed(stage).await;
}

async fn a_map_without_a_type(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for value in
        [json!({}), json!({"id": 9}), json!({"id": 9, "type": null}), json!({"id": 9, "type": ["ping"]})]
    {
        malformed(stage, &value).await;
    }
    bystanders.unharmed(stage).await;
}

/// It is well encoded, but no message: the server may call that a bad request or a bad frame.
async fn malformed(stage: &Stage, value: &Value) {
    let client = mallory(stage).await;
    client.post_frame(client.seat.codec.frame(client.seat.codec.bytes(value))).await;
    match answer(&client).await {
        Answer::Refused(code) if code == "bad_request" => client.quiet().await,
        Answer::Closed(4500) => {}
        other => panic!("{value}: {other:?}"),
    }
}

async fn deep_nesting(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for depth in [100, 1_000, 30_000] {
        let client = mallory(stage).await;
        let frame = match client.seat.codec {
            Codec::Json => {
                let nest = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
                Message::text(format!(r#"{{"type":"ping","id":9,"x":{nest}}}"#))
            }
            Codec::MessagePack => {
                let mut bytes = client.seat.codec.bytes(&json!({"type": "ping", "id": 9, "x": null}));
                // The null at the end becomes arrays of one element, and a null in the innermost.
                bytes.pop();
                bytes.extend(std::iter::repeat_n(0x91, depth));
                bytes.push(0xc0);
                Message::binary(bytes)
            }
        };
        client.post_frame(frame).await;
        // An unknown field is ignored, however deep; refusing to look that deep is just as sensible.
        match answer(&client).await {
            Answer::Acked | Answer::Closed(4500) => {}
            Answer::Refused(code) if code == "bad_request" => {}
            other => panic!("nested {depth} deep: {other:?}"),
        }
    }
    bystanders.unharmed(stage).await;
}
