//! Encoding and decoding each kind of frame, in both formats: every frame of `golden/`, and an offer of a real one's
//! size. A gateway decodes clients' frames and encodes its own, so each frame is here once.
//! Criterion tells the time; with `--count`, `scripts/count-instructions` the instructions.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark: nobody to return an error to")]

#[allow(dead_code, reason = "the clients' half is for the golden test")]
#[path = "../tests/frames/mod.rs"]
mod frames;

use std::{fs, hint::black_box, path::Path, time::Duration};

use criterion::{Criterion, Throughput};
use ringback_call::{CallId, Event, Sdp, Timestamp};
use ringback_wire::{EventFrame, Format, Limits, ServerFrame};
use serde_json::{Value, json};

const FORMATS: [(&str, Format); 2] = [("JSON", Format::Json), ("MessagePack", Format::MsgPack)];

/// As long as what a browser offers for sound and picture: 3 KB.
const LARGE_OFFER: &str = "webrtc_offer_3k";

fn sdp() -> String {
    "a=rtpmap:111 opus/48000/2\r\n".repeat(110)
}

struct Case {
    direction: &'static str,
    frame: String,
    format: &'static str,
    bytes: usize,
    run: Box<dyn Fn()>,
}

/// What clients send: by name, as values.
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
    frames.push((LARGE_OFFER.to_owned(), offer));
    frames.sort_by(|a, b| a.0.cmp(&b.0));
    frames
}

/// What a gateway sends.
fn from_server() -> Vec<(&'static str, ServerFrame)> {
    let mut frames = frames::server();
    let offer = EventFrame {
        call: CallId::new("p7-0123456789abcdef").unwrap(),
        seq: 4,
        at: Timestamp(1_790_000_000_000),
        event: Event::Offer(Sdp::new(sdp())),
    };
    frames.push((LARGE_OFFER, ServerFrame::Event(offer)));
    frames.sort_by_key(|(name, _)| *name);
    frames
}

fn decode((name, value): &(String, Value), format_name: &'static str, format: Format) -> Case {
    let bytes = match format {
        Format::Json => serde_json::to_vec(value).unwrap(),
        Format::MsgPack => rmp_serde::to_vec_named(value).unwrap(),
    };
    let limits = Limits::default();
    Case {
        direction: "decode",
        frame: name.clone(),
        format: format_name,
        bytes: bytes.len(),
        run: Box::new(move || drop(black_box(format.decode(black_box(&bytes), &limits).unwrap()))),
    }
}

fn encode((name, frame): (&str, ServerFrame), format_name: &'static str, format: Format) -> Case {
    Case {
        direction: "encode",
        frame: name.to_owned(),
        format: format_name,
        bytes: format.encode(&frame).unwrap().len(),
        run: Box::new(move || drop(black_box(format.encode(black_box(&frame)).unwrap()))),
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, format) in FORMATS {
        cases.extend(from_clients().iter().map(|frame| decode(frame, name, format)));
    }
    for (name, format) in FORMATS {
        cases.extend(from_server().into_iter().map(|frame| encode(frame, name, format)));
    }
    cases
}

fn time(cases: &[Case]) {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    for group in cases.chunk_by(|a, b| (a.direction, a.format) == (b.direction, b.format)) {
        let mut timed = criterion.benchmark_group(format!("{}/{}", group[0].direction, group[0].format));
        for case in group {
            timed.throughput(Throughput::Bytes(case.bytes as u64));
            timed.bench_function(&case.frame, |b| b.iter(&case.run));
        }
        timed.finish();
    }
    criterion.final_summary();
}

const TIMES: u32 = 100;

fn count(cases: &[Case]) {
    for case in cases {
        // For the first one a program pays for being started.
        (case.run)();
        println!("frame\t{}\t{} {}\t{TIMES}", case.frame, case.direction, case.format);
        counted(&case.run);
    }
}

/// Callgrind counts in here, and nowhere else: `scripts/count-instructions` looks for the name.
#[inline(never)]
fn counted(run: &dyn Fn()) {
    for _ in 0..TIMES {
        run();
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--count") {
        count(&cases());
    } else {
        time(&cases());
    }
}
