//! The kept inputs, and every bug that was ever found with one: what holds for them holds still.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// An input a line.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let path = fuzz().join("corpus").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let inputs: Vec<_> = text.lines().map(|line| BASE64.decode(line).unwrap()).collect();
    assert!(!inputs.is_empty(), "nothing is kept for {name}");
    inputs
}

/// An input a file, by what was wrong.
fn bugs(name: &str) -> Vec<Vec<u8>> {
    let Ok(folder) = fs::read_dir(fuzz().join("bugs").join(name)) else { return Vec::new() };
    folder.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn what_holds_for_any_input_holds_for_the_kept_ones() {
    for (name, check) in ringback_fuzz_checks::TARGETS {
        for input in kept(name).into_iter().chain(bugs(name)) {
            let outcome = std::panic::catch_unwind(|| check(&input));
            assert!(outcome.is_ok(), "{name} fails with {}", BASE64.encode(&input));
        }
    }
}

/// Scripts prove little in which nobody ever talks to anybody.
#[test]
fn the_kept_scripts_get_everywhere() {
    let mut passed = BTreeSet::new();
    for script in kept("session") {
        passed.extend(ringback_fuzz_checks::play(&script));
    }
    let wanted = [
        "idle",
        "ringing",
        "connecting",
        "connected",
        "ended", // of a call
        "told",
        "skipped",
        "gap",
        "stale",
    ];
    let missing: Vec<_> = wanted.iter().filter(|name| !passed.contains(**name)).collect();
    assert!(missing.is_empty(), "never: {missing:?}");
}
