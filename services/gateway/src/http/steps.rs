//! The steps of a call, as its timeline lists them.

use ringback_call::{Note, Step};
use ringback_store::record::NoteRecord;
use ringback_telemetry::Latencies;
use serde::Serialize;
use serde_json::{Value, json};

/// All of them, in order.
pub(super) fn steps(notes: &[(u64, NoteRecord)]) -> Value {
    let latencies = Latencies::of(notes);
    notes.iter().map(|(seq, record)| step(*seq, record, &latencies)).collect()
}

fn step(seq: u64, record: &NoteRecord, latencies: &Latencies) -> Value {
    let mut said = match &record.note {
        Note::Step(step) => json!({
            "what": step.what.name(),
            "detail": detail(&step.what),
            "by": step.by.as_ref().map(|(side, device)| json!({"side": side.as_str(), "device": device})),
            "seen": step.seen,
            "state": step.state.as_str(),
            "told": told(step, latencies),
        }),
        Note::Report { by, device, stats } => json!({
            "what": "call:report",
            "by": {"side": by.as_str(), "device": device},
            "stats": serde_json::from_str::<Value>(stats.as_str()).unwrap_or_else(|_| stats.as_str().into()),
        }),
    };
    said["at"] = json!(record.at);
    said["node"] = json!(record.node);
    said["queued_us"] = json!(record.queued_us);
    said["stored_us"] = json!(latencies.stored_us(seq));
    said
}

/// What is kept of something beside its name, if anything.
fn detail(kept: &impl Serialize) -> Value {
    match serde_json::to_value(kept) {
        Ok(Value::Object(named)) => named.into_values().next().unwrap_or_default(),
        Ok(_) | Err(_) => Value::Null,
    }
}

/// What was told, to whom, and which devices it was sent to when.
fn told(step: &Step, latencies: &Latencies) -> Value {
    let entries = step.told.iter().map(|told| {
        let delivered = latencies.delivered(told.side, told.seq).iter();
        let delivered = delivered.map(|(device, ms)| json!({"device": device, "after_ms": ms}));
        json!({
            "side": told.side.as_str(),
            "seq": told.seq,
            "to": told.to,
            "event": told.event.name(),
            "detail": detail(&told.event),
            "delivered": delivered.collect::<Value>(),
        })
    });
    entries.collect()
}
