//! Golden frames: what is on the wire, byte for byte, in a folder that tests in other languages read too.
//!
//! Each file of `golden/` holds one frame as JSON and the same frame as MessagePack (hexadecimal). After a change
//! of the protocol, `UPDATE_GOLDEN=1 cargo test -p ringback-wire` writes the MessagePack of clients' frames and all
//! of the server's anew, to be read in the diff.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod frames;

use std::{collections::BTreeMap, fs, path::PathBuf};

use ringback_wire::{ClientFrame, Format, Limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct Golden {
    json: Value,
    msgpack: String,
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn read(path: &PathBuf) -> Golden {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &PathBuf, golden: &Golden) {
    fs::write(path, serde_json::to_string_pretty(golden).unwrap() + "\n").unwrap();
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn frames_of_clients_mean_the_same_in_both_formats() {
    let mut kinds = BTreeMap::new();
    for file in fs::read_dir(folder("client")).unwrap() {
        let path = file.unwrap().path();
        let mut golden = read(&path);
        if updating() {
            golden.msgpack = hex(&rmp_serde::to_vec_named(&golden.json).unwrap());
            write(&path, &golden);
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = serde_json::to_string(&golden.json).unwrap();
        let json = Format::Json.decode(text.as_bytes(), &Limits::default());
        let msgpack = Format::MsgPack.decode(&unhex(&golden.msgpack), &Limits::default());
        let json = json.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Ok(json.clone()), msgpack, "{name}");
        assert_eq!(frames::client(&name), Some(json), "{name} is not what it says");
        kinds.insert(golden.json["type"].as_str().unwrap().to_owned(), ());
    }
    let all = [
        "call:accept",
        "call:connected",
        "call:end",
        "call:init",
        "call:reject",
        "call:report",
        "call:ringing",
        "hello",
        "ping",
        "seen",
        "token",
        "webrtc:answer",
        "webrtc:ice",
        "webrtc:offer",
    ];
    assert!(kinds.keys().eq(all.iter()), "a golden frame for each kind: {kinds:?}");
}

#[test]
fn frames_of_the_server_are_what_they_were() {
    for (name, frame) in frames::server() {
        let path = folder("server").join(format!("{name}.json"));
        let json: Value = serde_json::from_slice(&Format::Json.encode(&frame).unwrap()).unwrap();
        let msgpack = Format::MsgPack.encode(&frame).unwrap();
        let same: Value = rmp_serde::from_slice(&msgpack).unwrap();
        assert_eq!(json, same, "{name} means something else in MessagePack");
        if updating() {
            write(&path, &Golden { json: json.clone(), msgpack: hex(&msgpack) });
        }
        let golden = read(&path);
        assert_eq!(golden.json, json, "{name}");
        assert_eq!(golden.msgpack, hex(&msgpack), "{name}");
    }
    let files = fs::read_dir(folder("server")).unwrap().count();
    assert_eq!(files, frames::server().len(), "a file without a frame");
}

#[test]
fn a_frame_of_a_client_survives_being_cut_anywhere() {
    for file in fs::read_dir(folder("client")).unwrap() {
        let golden = read(&file.unwrap().path());
        for (format, bytes) in [
            (Format::Json, serde_json::to_vec(&golden.json).unwrap()),
            (Format::MsgPack, unhex(&golden.msgpack)),
        ] {
            for end in 0..bytes.len() {
                let cut = format.decode(&bytes[..end], &Limits::default());
                assert!(!matches!(cut, Ok(ClientFrame::Hello(_) | ClientFrame::Request(_))), "{end} bytes");
            }
        }
    }
}
