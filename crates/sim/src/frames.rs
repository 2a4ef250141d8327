//! The protocol's frames as a client reads and writes them: maps, and nothing of ours.

use bytes::Bytes;
use ringback_wire::Format;
use serde_json::Value;

/// Writes a frame.
pub fn encode(format: Format, frame: &Value) -> Bytes {
    let written = match format {
        Format::Json => serde_json::to_vec(frame).ok(),
        Format::MsgPack => rmp_serde::to_vec_named(frame).ok(),
    };
    written.unwrap_or_default().into()
}

/// Reads a frame.
pub fn decode(format: Format, bytes: &[u8]) -> Option<Value> {
    let value: Value = match format {
        Format::Json => serde_json::from_slice(bytes).ok()?,
        Format::MsgPack => rmp_serde::from_slice(bytes).ok()?,
    };
    value["type"].is_string().then_some(value)
}

/// A frame of either format as text, for a trace.
pub fn show(bytes: &[u8]) -> String {
    let value = decode(Format::Json, bytes).or_else(|| decode(Format::MsgPack, bytes));
    value.map_or_else(|| format!("{} bytes", bytes.len()), |value| value.to_string())
}
