//! The two encodings of a frame.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{ClientFrame, ErrorCode, Limits, ServerFrame};

/// How deep a MessagePack frame may nest; serde_json has a bound of its own (128).
const MAX_DEPTH: usize = 64;

/// How a connection encodes its frames: its WebSocket subprotocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `ringback.v1.json`: text frames.
    #[default]
    Json,
    /// `ringback.v1.msgpack`: binary frames, maps with string keys.
    MsgPack,
}

/// A frame from a client that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is no map with a string `type`: the connection is closed with 4500.
    #[error("not a map with a string `type`")]
    Malformed,
    /// It is answered with an error, and nothing else happens.
    #[error("{message}")]
    Refused {
        /// The request's id, where it could be read.
        id: Option<u64>,
        /// The error's code.
        code: ErrorCode,
        /// What is wrong, for a developer.
        message: String,
    },
}

/// What every frame has.
#[derive(Deserialize)]
pub(crate) struct Head {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    id: Option<Lenient>,
}

/// An `id` of whatever type: a wrong one must not hide what else is wrong.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient {
    Number(u64),
    Other(IgnoredAny),
}

impl Head {
    pub(crate) fn id(&self) -> Option<u64> {
        match self.id {
            Some(Lenient::Number(id)) => Some(id),
            Some(Lenient::Other(_)) | None => None,
        }
    }
}

impl Format {
    /// The WebSocket subprotocol that stands for it.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "ringback.v1.json",
            Self::MsgPack => "ringback.v1.msgpack",
        }
    }

    /// The format of a subprotocol; `None` for a foreign one.
    pub fn of_subprotocol(name: &str) -> Option<Self> {
        [Self::Json, Self::MsgPack].into_iter().find(|format| format.subprotocol() == name)
    }

    /// Reads a client's frame.
    ///
    /// # Errors
    /// A [`FrameError`] that says how to answer.
    pub fn decode(self, bytes: &[u8], limits: &Limits) -> Result<ClientFrame, FrameError> {
        let head: Head = self.read_head(bytes).ok_or(FrameError::Malformed)?;
        crate::client::decode(self, &head, bytes, limits)
    }

    fn read_head(self, bytes: &[u8]) -> Option<Head> {
        match self {
            Self::Json => {
                let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
                (*first == b'{').then(|| serde_json::from_slice(bytes).ok())?
            }
            Self::MsgPack => {
                let is_map = matches!(bytes.first()?, 0x80..=0x8f | 0xde | 0xdf);
                let mut reader = rmp_serde::Deserializer::new(std::io::Cursor::new(bytes));
                reader.set_max_depth(MAX_DEPTH);
                let head = Head::deserialize(&mut reader).ok()?;
                let all_read = usize::try_from(reader.position()).ok()? == bytes.len();
                (is_map && all_read).then_some(head)
            }
        }
    }

    /// Reads a frame whose kind is known.
    pub(crate) fn read<'de, T: Deserialize<'de>>(self, bytes: &'de [u8]) -> Result<T, String> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
            Self::MsgPack => {
                let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
                reader.set_max_depth(MAX_DEPTH);
                T::deserialize(&mut reader).map_err(|error| error.to_string())
            }
        }
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// When a value can't be written, which is a mistake of ours; the text says what.
    pub fn encode(self, frame: &ServerFrame) -> Result<Vec<u8>, String> {
        match self {
            Self::Json => serde_json::to_vec(frame).map_err(|error| error.to_string()),
            Self::MsgPack => {
                let mut bytes = Vec::with_capacity(256);
                let mut writer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
                frame.serialize(&mut writer).map_err(|error| error.to_string())?;
                Ok(bytes)
            }
        }
    }
}
