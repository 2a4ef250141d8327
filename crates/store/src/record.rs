//! What is written into a store and sent between gateways: documents and envelopes, as MessagePack maps with
//! string keys, so that a newer version's fields are skipped by an older one and missing ones get their default.

use bytes::Bytes;
use ringback_call::{
    Audience, Call, CallId, ConnectionId, Delivery, DeviceId, Event, Millis, NodeId, Note, Side, Timestamp,
    UserId,
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::{StoreError, Version};

/// The format of what this version writes; a reader refuses a greater one than it knows.
const FORMAT: u8 = 1;

/// An entry of a mailbox, with all a gateway needs to bring it to its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Of which call.
    pub call: CallId,
    /// The version of the document that it came with.
    pub version: Version,
    /// Whose mailbox.
    pub side: Side,
    /// Its number there.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Whose devices.
    pub user: UserId,
    /// Which of them.
    pub to: Audience,
    /// What is said.
    pub event: Event,
}

impl Envelope {
    /// Of what a decision says to one side of this call, which was stored as `version`.
    pub fn of(call: &Call, version: Version, at: Timestamp, delivery: Delivery) -> Self {
        Self {
            call: call.id.clone(),
            version,
            side: delivery.side,
            seq: delivery.seq,
            at,
            user: call.user(delivery.side).clone(),
            to: delivery.to,
            event: delivery.event,
        }
    }
}

/// An entry of the call's own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRecord {
    /// When it was decided.
    pub at: Timestamp,
    /// By which gateway.
    pub node: NodeId,
    /// What it says.
    pub note: Note,
    /// Microseconds from the arrival of the request that it tells of to the decision; `None` where nobody asked.
    #[serde(default)]
    pub queued_us: Option<u64>,
    /// What this gateway has measured of the call since its last note.
    #[serde(default)]
    pub measured: Vec<Measured>,
}

/// What a gateway knows of a call only once it is stored. It goes with the next note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measured {
    /// The change with this note was stored so many microseconds after it was decided.
    #[serde(rename = "s")]
    Stored(u64, u64),
    /// This entry of a mailbox was sent to this device so many milliseconds after it was decided.
    #[serde(rename = "d")]
    Delivered(Side, u64, DeviceId, Millis),
}

/// What is remembered of a session, for a client that comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNotes {
    /// The ends of calls that have been sent to it, the last of them, each with its number.
    pub told: Vec<(CallId, u64)>,
}

impl SessionNotes {
    /// Whether it has been sent the end of a call.
    pub fn has_told(&self, call: &CallId) -> bool {
        self.told.iter().any(|(told, _)| told == call)
    }

    /// Whether a client that has seen this much of a call has seen its end, by which nothing follows.
    pub fn told_to_the_end(&self, call: &CallId, seen: u64) -> bool {
        self.told.iter().any(|(told, end)| told == call && *end == seen)
    }
}

/// A message from one gateway to another that belongs to no call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direct {
    /// A device has connected elsewhere: close this connection of it.
    Replaced {
        /// Whose.
        user: UserId,
        /// Which device.
        device: DeviceId,
        /// Which connection.
        connection: ConnectionId,
    },
    /// A call that the store had lost is there again: whoever is in it reads its mailbox.
    Returned {
        /// Whose.
        user: UserId,
        /// Which.
        call: CallId,
    },
}

/// Versions of its past that a document names.
const ANCESTORS: usize = 8;

/// A call's document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The call.
    pub call: Call,
    /// The stamps of the versions it was made from, the newest first.
    pub ancestors: Vec<u32>,
}

impl Document {
    /// Of a call that this one became, having been stored as `version`.
    #[must_use]
    pub fn succeeded_by(&self, version: Version, call: Call) -> Self {
        let ancestors = [version.stamp].into_iter().chain(self.ancestors.iter().copied()).take(ANCESTORS);
        Self { call, ancestors: ancestors.collect() }
    }

    /// Whether it was made from `older`, being itself `version`. Only for the last few versions this is known.
    pub fn descends_from(&self, version: Version, older: Version) -> bool {
        let Some(generations) = version.count.checked_sub(older.count + 1) else { return false };
        older == Version::NONE
            || usize::try_from(generations).ok().and_then(|n| self.ancestors.get(n)) == Some(&older.stamp)
    }
}

/// Writes a call's document.
///
/// # Errors
/// [`StoreError::Corrupt`], if a value can't be written: a mistake of ours.
pub fn encode_call(document: &Document) -> Result<Bytes, StoreError> {
    encode("a call", document)
}

/// Reads a call's document.
///
/// # Errors
/// [`StoreError::Corrupt`] for what is no document of a format we know, or says what no rule can have made of a call.
pub fn decode_call(bytes: &[u8]) -> Result<Document, StoreError> {
    let what = "a call";
    let document: Document = decode(what, bytes)?;
    if document.call.is_sound() {
        Ok(document)
    } else {
        Err(StoreError::corrupt(what, "its numbers contradict each other"))
    }
}

/// What every version finds in an entry of a mailbox, whatever it tells of.
#[derive(Deserialize)]
#[expect(dead_code, reason = "that they are there is all that is asked")]
struct Heading {
    call: CallId,
    side: Side,
    seq: u64,
    event: IgnoredAny,
}

/// Reads an entry of a mailbox; `None` for one that tells of something only newer versions know. Gateways that do not know it have
/// no clients that could ask for it.
///
/// # Errors
/// As [`decode_call`].
pub fn decode_envelope(bytes: &[u8]) -> Result<Option<Envelope>, StoreError> {
    let what = "an envelope";
    decode(what, bytes).map(Some).or_else(|error| decode::<Heading>(what, bytes).map(|_| None).or(Err(error)))
}

/// Writes any other record.
///
/// # Errors
/// As [`encode_call`].
pub fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Bytes, StoreError> {
    let mut bytes = buffer();
    let mut writer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value.serialize(&mut writer).map_err(|error| StoreError::corrupt(what, error))?;
    Ok(Bytes::copy_from_slice(&bytes))
}

/// To write a record into: most fit, and none keeps the room that it does not need.
fn buffer() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1_024);
    bytes.push(FORMAT);
    bytes
}

/// Writes a note: there are many of them, so without the names of its fields.
///
/// # Errors
/// As [`encode_call`].
pub fn encode_note(note: &NoteRecord) -> Result<Bytes, StoreError> {
    let mut bytes = buffer();
    let mut writer = rmp_serde::Serializer::new(&mut bytes);
    note.serialize(&mut writer).map_err(|error| StoreError::corrupt("a note", error))?;
    Ok(Bytes::copy_from_slice(&bytes))
}

/// Reads any other record.
///
/// # Errors
/// As [`decode_call`].
pub fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => {
            rmp_serde::from_slice(body).map_err(|error| StoreError::corrupt(what, error))
        }
        Some((format, _)) => Err(StoreError::corrupt(what, format!("format {format} is not known"))),
        None => Err(StoreError::corrupt(what, "it is empty")),
    }
}
