//! The two encodings of the protocol: the same maps, as JSON text frames or as MessagePack binary frames.

use std::io::Cursor;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

/// One of the two subprotocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// `ringback.v1.json`
    Json,
    /// `ringback.v1.msgpack`
    MessagePack,
}

impl Codec {
    /// The name in `Sec-WebSocket-Protocol`.
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "ringback.v1.json",
            Self::MessagePack => "ringback.v1.msgpack",
        }
    }

    /// The bytes of one map.
    pub fn bytes(self, value: &Value) -> Vec<u8> {
        match self {
            Self::Json => serde_json::to_vec(value).expect("a JSON value can be written"),
            Self::MessagePack => rmp_serde::to_vec(value).expect("a JSON value can be written"),
        }
    }

    /// The frame that carries `bytes`; bytes that are no text travel in a binary frame under either protocol.
    pub fn frame(self, bytes: Vec<u8>) -> Message {
        match self {
            Self::Json => match String::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                Err(error) => Message::binary(error.into_bytes()),
            },
            Self::MessagePack => Message::binary(bytes),
        }
    }

    /// Reads a frame. The wrong kind of frame, or anything behind the map, is the server's mistake.
    pub fn decode(self, frame: &Message) -> Result<Value> {
        match (self, frame) {
            (Self::Json, Message::Text(text)) => Ok(serde_json::from_str(text)?),
            (Self::MessagePack, Message::Binary(bytes)) => {
                let mut reader = rmp_serde::Deserializer::new(Cursor::new(bytes.as_ref()));
                let value = Value::deserialize(&mut reader).context("MessagePack")?;
                if reader.position() != bytes.len() as u64 {
                    bail!("bytes behind the map");
                }
                Ok(value)
            }
            (codec, other) => bail!("a frame of the wrong kind for {}: {other:?}", codec.subprotocol()),
        }
    }
}
