//! Golden records: what a store holds, byte for byte, as a gateway of some version wrote it. While a cluster is upgraded, and
//! for as long as records are kept, two versions read what each other writes.
//!
//! Each file of `golden/` holds one record as JSON and as it is stored (hexadecimal). A file is never changed: what is in it
//! has been written. When there is something new to be stored, `UPDATE_GOLDEN=1 cargo test -p ringback-store` writes the files
//! that are missing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "golden/story.rs"]
mod story;

use std::{collections::BTreeSet, fmt::Debug, fs, path::PathBuf};

use bytes::Bytes;
use ringback_call::{CallRecord, Event, Note};
use ringback_store::{
    StoreError,
    record::{self, Document, Envelope, NoteRecord, SessionNotes},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct Golden {
    record: Value,
    stored: String,
}

/// How a kind of record is written and read.
struct Kind<T> {
    name: &'static str,
    write: fn(&T) -> Result<Bytes, StoreError>,
}

const DOCUMENT: Kind<Document> = Kind { name: "document", write: record::encode_call };
const NOTE: Kind<NoteRecord> = Kind { name: "note", write: record::encode_note };
const ENVELOPE: Kind<Envelope> =
    Kind { name: "envelope", write: |value| record::encode("an envelope", value) };
const CALL_RECORD: Kind<CallRecord> =
    Kind { name: "call_record", write: |value| record::encode("the record of a call", value) };
const SESSION: Kind<SessionNotes> =
    Kind { name: "session", write: |value| record::encode("a session", value) };

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Whether who knows `old` finds all of it in `new`: fields by their names may have come, those by their place may not.
fn covers(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(name, old)| new.get(name).is_some_and(|new| covers(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| covers(new, old))
        }
        _ => new == old,
    }
}

/// As a newer version may write it, which keeps more: a field more in every map by names. One with a single entry may be one of
/// several kinds by its name, and is left alone.
fn enriched(stored: &Value) -> Value {
    match stored {
        Value::Object(fields) => {
            let mut all: serde_json::Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), enriched(value))).collect();
            if all.len() > 1 {
                all.insert("of a newer version".to_owned(), serde_json::json!({"kept": [1, "2", null]}));
            }
            Value::Object(all)
        }
        Value::Array(all) => Value::Array(all.iter().map(enriched).collect()),
        other => other.clone(),
    }
}

/// What is stored, without what it means.
fn plain(stored: &[u8]) -> Value {
    rmp_serde::from_slice(&stored[1..]).unwrap()
}

impl<T: Serialize + DeserializeOwned + PartialEq + Debug> Kind<T> {
    fn read(&self, stored: &[u8]) -> T {
        record::decode(self.name, stored).unwrap_or_else(|error| panic!("{}: {error:?}", self.name))
    }

    /// What a newer version keeps beside what is known here is passed over, and the rest means what it does.
    fn skip_what_is_new(&self, stored: &[u8], meant: &Value) {
        let newer = enriched(&plain(stored));
        let body = rmp_serde::to_vec(&newer).unwrap();
        let read = serde_json::to_value(self.read(&[&stored[..1], &body].concat())).unwrap();
        assert_eq!(read, *meant, "{}: {newer}", self.name);
    }

    /// Holds what is written and read now to the files, of which there is one for each of these.
    fn hold(&self, records: Vec<(String, T)>) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(self.name);
        for (name, value) in &records {
            let stored = (self.write)(value).unwrap();
            assert_eq!(self.read(&stored), *value, "{name} is not read as it was written");
            let path = folder.join(format!("{name}.json"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
                let golden = Golden { record: serde_json::to_value(value).unwrap(), stored: hex(&stored) };
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, serde_json::to_string_pretty(&golden).unwrap() + "\n").unwrap();
            }
            assert!(path.exists(), "there is no file for {}/{name}", self.name);
        }
        let mut files = 0;
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.display();
            let golden: Golden = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let stored = unhex(&golden.stored);
            let read = self.read(&stored);
            let meant = serde_json::to_value(&read).unwrap();
            assert!(covers(&meant, &golden.record), "{name} does not mean what it did: {meant}");
            let written = (self.write)(&read).unwrap();
            assert_eq!(written[0], stored[0], "{name}: who wrote it does not read this format");
            assert!(
                covers(&plain(&written), &plain(&stored)),
                "{name}: who wrote it can't read what is written now"
            );
            self.skip_what_is_new(&stored, &meant);
            files += 1;
        }
        assert!(files >= records.len());
    }
}

fn named<T>(all: Vec<(&'static str, T)>) -> Vec<(String, T)> {
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn documents_of_calls() {
    DOCUMENT.hold(named(story::documents()));
}

#[test]
fn entries_of_mailboxes() {
    let name = |event: &Event| match event {
        Event::Incoming { .. } => "incoming",
        Event::Ringing => "ringing",
        Event::Accepted { .. } => "accepted",
        Event::Offer(_) => "offer",
        Event::Answer(_) => "answer",
        Event::Ice(_) => "ice",
        Event::Connected { .. } => "connected",
        Event::Peer(_) => "peer",
        Event::Ended { .. } => "ended",
    };
    let all: Vec<_> =
        story::envelopes().into_iter().map(|envelope| (name(&envelope.event), envelope)).collect();
    let kinds: BTreeSet<&str> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(kinds.len(), 9, "an entry of each kind: {kinds:?}");
    ENVELOPE.hold(numbered(all));
}

#[test]
fn notes_on_calls() {
    let name = |note: &Note| match note {
        Note::Step(_) => "step",
        Note::Report { .. } => "report",
    };
    NOTE.hold(numbered(story::notes().into_iter().map(|note| (name(&note.note), note)).collect()));
}

/// Each with its number in the story.
fn numbered<T>(all: Vec<(&str, T)>) -> Vec<(String, T)> {
    all.into_iter().enumerate().map(|(n, (name, value))| (format!("{:02}_{name}", n + 1), value)).collect()
}

#[test]
fn records_of_calls_that_are_over() {
    CALL_RECORD.hold(named(story::call_records()));
}

#[test]
fn what_is_remembered_of_sessions() {
    SESSION.hold(named(vec![("told", story::session())]));
}

#[test]
fn what_a_newer_version_says_is_no_reason_to_misread_it() {
    let stored = record::encode("an envelope", &story::envelopes()[1]).unwrap();
    let mut newer = plain(&stored);
    newer["event"] = serde_json::json!({"transfer": {"to": "carol"}});
    let body = rmp_serde::to_vec(&newer).unwrap();
    let newer = [&stored[..1], &body].concat();
    let unknown = record::decode::<Envelope>("an envelope", &newer);
    assert!(matches!(unknown, Err(StoreError::Corrupt { .. })), "an event that is not known: {unknown:?}");
    assert!(matches!(record::decode_envelope(&newer), Ok(None)), "it can be told from what nobody can read");
    for cut in [&stored[..stored.len() - 1], &stored[..1]] {
        let read = record::decode_envelope(cut);
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "half of one: {read:?}");
    }
    let format = record::decode::<Envelope>("an envelope", &[&[stored[0] + 1], &stored[1..]].concat());
    assert!(matches!(format, Err(StoreError::Corrupt { .. })), "a format that is not known: {format:?}");
}

#[test]
fn a_document_whose_numbers_no_rule_can_have_made_is_unreadable() {
    let documents = story::documents();
    let (_, document) = documents.first().unwrap();
    let stored = record::encode_call(document).unwrap();
    for (field, number) in [("last", u64::MAX), ("trimmed", 1 << 40), ("own", 1 << 40)] {
        let mut damaged = plain(&stored);
        damaged["call"]["mailboxes"][0][field] = number.into();
        let body = rmp_serde::to_vec(&damaged).unwrap();
        let read = record::decode_call(&[&stored[..1], &body].concat());
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{field} is {number}: {read:?}");
    }
}

#[test]
fn a_reader_misses_what_is_gone_and_what_has_moved() {
    let old = serde_json::json!({"a": 1, "b": [1, {"c": 2}]});
    assert!(covers(&serde_json::json!({"a": 1, "b": [1, {"c": 2, "new": 3}], "new": 4}), &old));
    for new in [
        serde_json::json!({"b": [1, {"c": 2}]}),
        serde_json::json!({"a": "1", "b": [1, {"c": 2}]}),
        serde_json::json!({"a": 1, "b": [1, {"c": 2}, 3]}),
        serde_json::json!({"a": 1, "b": [1, {"d": 2}]}),
    ] {
        assert!(!covers(&new, &old), "{new}");
    }
}
