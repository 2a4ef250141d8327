//! What gateways tell each other, and the small records they store: what can be read means the same once it is written.

use ringback_call::CallRecord;
use ringback_store::record::{self, Direct, Envelope, NoteRecord, SessionNotes};
use ringback_wire::{EventFrame, Format, ServerFrame};
use serde::{Serialize, de::DeserializeOwned};

/// The first byte says what the rest is taken for.
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 5 {
        0 => envelope(bytes),
        1 => comes_back::<Direct>(bytes),
        2 => comes_back::<SessionNotes>(bytes),
        3 => comes_back::<CallRecord>(bytes),
        _ => note(bytes),
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq>(bytes: &[u8]) {
    let Ok(value) = record::decode::<T>("it", bytes) else { return };
    let written = record::encode("it", &value).expect("what was read can be written");
    let again = record::decode::<T>("it", &written).expect("what was written can be read");
    assert!(again == value, "it does not mean what it did");
}

fn envelope(bytes: &[u8]) {
    comes_back::<Envelope>(bytes);
    let known = record::decode::<Envelope>("it", bytes).ok();
    match record::decode_envelope(bytes) {
        Ok(Some(envelope)) => {
            assert!(known.as_ref() == Some(&envelope), "it is read in two ways");
            let Envelope { call, seq, at, event, .. } = envelope;
            let frame = ServerFrame::Event(EventFrame { call, seq, at, event });
            // What is said between gateways was checked when a client said it: other texts may not go out.
            for format in [Format::Json, Format::MsgPack] {
                let _written_or_refused = format.encode(&frame);
            }
        }
        Ok(None) | Err(_) => assert!(known.is_none(), "what is known was taken for unknown"),
    }
}

/// Written without names.
fn note(bytes: &[u8]) {
    let Ok(note) = record::decode::<NoteRecord>("it", bytes) else { return };
    let written = record::encode_note(&note).expect("what was read can be written");
    let again = record::decode::<NoteRecord>("it", &written).expect("what was written can be read");
    assert!(again == note, "it does not mean what it did");
}
