//! Encoding and decoding each kind of frame, in both formats: `cargo bench -p ringback-wire`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark: criterion's macro makes a public function"
)]

#[allow(dead_code, reason = "the clients' half is for the golden test")]
#[path = "../tests/frames/mod.rs"]
mod frames;

use std::{fs, hint::black_box, path::Path};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringback_call::{CallId, Event, Sdp, Timestamp};
use ringback_wire::{EventFrame, Format, Limits, ServerFrame};
use serde_json::{Value, json};

const FORMATS: [(&str, Format); 2] = [("json", Format::Json), ("msgpack", Format::MsgPack)];

/// The golden frames, and an offer of a real one's size.
fn from_clients() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/client");
    let mut frames: Vec<(String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let golden: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), golden["json"].clone())
        })
        .collect();
    let offer = json!({"type": "webrtc:offer", "id": 9, "call": "p7-0123456789abcdef", "sdp": sdp()});
    frames.push(("webrtc_offer_3k".to_owned(), offer));
    frames.sort_by(|a, b| a.0.cmp(&b.0));
    frames
}

fn sdp() -> String {
    "a=rtpmap:111 opus/48000/2\r\n".repeat(110)
}

fn decode(criterion: &mut Criterion) {
    let limits = Limits::default();
    for (name, format) in FORMATS {
        let mut group = criterion.benchmark_group(format!("decode/{name}"));
        for (kind, value) in from_clients() {
            let bytes = match format {
                Format::Json => serde_json::to_vec(&value).unwrap(),
                Format::MsgPack => rmp_serde::to_vec_named(&value).unwrap(),
            };
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(kind, |bench| {
                bench.iter(|| format.decode(black_box(&bytes), &limits).unwrap())
            });
        }
    }
}

fn encode(criterion: &mut Criterion) {
    let mut all = frames::server();
    let offer = EventFrame {
        call: CallId::new("p7-0123456789abcdef").unwrap(),
        seq: 4,
        at: Timestamp(1_790_000_000_000),
        event: Event::Offer(Sdp::new(sdp())),
    };
    all.push(("webrtc_offer_3k", ServerFrame::Event(offer)));
    for (name, format) in FORMATS {
        let mut group = criterion.benchmark_group(format!("encode/{name}"));
        for (kind, frame) in &all {
            group.throughput(Throughput::Bytes(format.encode(frame).unwrap().len() as u64));
            group.bench_function(*kind, |bench| bench.iter(|| format.encode(black_box(frame)).unwrap()));
        }
    }
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
