//! The frames of the wire protocol, version 1, as types.
//!
//! Bytes from a client become a [`ClientFrame`] (or a [`FrameError`] that says what to answer); a [`ServerFrame`]
//! becomes bytes. JSON and MessagePack carry the same maps. Descriptions, candidates and metadata pass through
//! unread: as JSON text inside, whatever the client speaks.
//!
//! And what the application's own servers are told of a call ([`write_outcome_event`]) and asked ([`write_policy_question`]).

mod client;
mod close;
mod code;
mod event;
mod format;
mod json_text;
mod limits;
mod logged;
mod missed;
mod outcome_event;
mod party;
mod policy;
mod server;

pub use client::{Body, ClientFrame, ClientInfo, Hello, Init, Request, Seen, SeenMap};
pub use close::CloseCode;
pub use code::ErrorCode;
pub use event::EventFrame;
pub use format::{Format, FrameError};
pub use limits::Limits;
pub use logged::LoggedCall;
pub use missed::{MissedCall, MissedFrame};
pub use outcome_event::{OutcomeEventHead, write_outcome_event};
pub use policy::{PolicyAnswer, PolicyAnswerError, write_policy_question};
pub use server::{
    Ack, ErrorFrame, Goaway, HelloAck, IceServer, PeerRef, ServerFrame, Snapshot, TokenExpiring,
};
