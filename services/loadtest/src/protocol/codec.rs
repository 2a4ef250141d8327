//! Frames as bytes: JSON in text frames, MessagePack in binary ones; the floor's, which are JSON behind the name of whom
//! they are for.

use anyhow::{Context as _, bail};
use tokio_tungstenite::tungstenite::Message;

use super::{frame::Frame, request::Request};

/// How a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// `ringback.v1.json`
    Json,
    /// `ringback.v1.msgpack`
    MessagePack,
    /// The floor's.
    Floor,
}

impl Codec {
    /// The name in `Sec-WebSocket-Protocol`.
    pub(crate) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("ringback.v1.json"),
            Self::MessagePack => Some("ringback.v1.msgpack"),
            Self::Floor => None,
        }
    }

    /// A request as a frame.
    pub(crate) fn encode(self, request: &Request) -> anyhow::Result<Message> {
        Ok(match self {
            Self::Json => Message::text(serde_json::to_string(request)?),
            Self::MessagePack => Message::binary(rmp_serde::to_vec_named(request)?),
            Self::Floor => {
                let to = request.to.as_deref().context("the floor has to know whom it is for")?;
                Message::text(format!("{to}\n{}", serde_json::to_string(request)?))
            }
        })
    }

    /// A frame from the server.
    pub(crate) fn decode(self, message: &Message) -> anyhow::Result<Frame> {
        match (self, message) {
            (Self::Json | Self::Floor, Message::Text(text)) => Ok(serde_json::from_str(text)?),
            (Self::MessagePack, Message::Binary(bytes)) => Ok(rmp_serde::from_slice(bytes)?),
            _ => bail!("a frame of the wrong kind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::{Kind, request::Candidate};

    #[test]
    fn what_is_absent_is_left_out() {
        let request = Request { id: Some(3), ..Request::about(Kind::Accept, &Arc::from("p1-x")) };
        let text = Codec::Json.encode(&request).unwrap().into_text().unwrap();
        assert_eq!(text.as_str(), r#"{"type":"call:accept","id":3,"call":"p1-x"}"#);
    }

    #[test]
    fn both_encodings_say_the_same() {
        let candidate =
            Candidate { candidate: "candidate:1".into(), sdp_mid: "0".into(), sdp_m_line_index: 0 };
        let request = Request {
            candidates: Some(vec![candidate.clone()]),
            ..Request::about(Kind::Ice, &Arc::from("c"))
        };
        for codec in [Codec::Json, Codec::MessagePack] {
            let frame = codec.decode(&codec.encode(&request).unwrap()).unwrap();
            assert_eq!((frame.kind, frame.candidates), (Kind::Ice, Some(vec![Some(candidate.clone())])));
        }
    }

    #[test]
    fn what_a_later_version_says_is_passed_over() {
        let frame = Codec::Json.decode(&Message::text(r#"{"type":"call:new","more":[1],"seq":4}"#)).unwrap();
        assert_eq!((frame.kind, frame.seq), (Kind::Unknown, Some(4)));
    }

    #[test]
    fn the_floor_is_told_whom_it_is_for() {
        let request = Request { to: Some(Arc::from("bob")), ..Request::new(Kind::Init) };
        let text = Codec::Floor.encode(&request).unwrap().into_text().unwrap();
        assert_eq!(text.split_once('\n').unwrap().0, "bob");
    }
}
