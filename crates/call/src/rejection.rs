//! A request that is refused. It changes nothing: the call goes on as it was.

use crate::StateName;

/// Why a request is refused; each has one stable code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// The request makes no sense at all (`bad_request`).
    #[error("{0}")]
    BadRequest(&'static str),
    /// Unknown, ended long ago, or not the sender's: the same answer, so that ids can't be probed (`no_such_call`).
    #[error("no such call")]
    NoSuchCall,
    /// Not valid in this state, or not from this side (`invalid_state`, with the state).
    #[error("not valid in state {}, or not from this side", .0.as_str())]
    InvalidState(StateName),
    /// The peer's offer is open: roll back and answer it (`glare`; RFC 3264 section 4, SIP 491).
    #[error("the peer's offer is open: roll back and answer it")]
    Glare,
    /// Another device of the callee has the call (`answered_elsewhere`).
    #[error("another device answered")]
    AnsweredElsewhere,
    /// The device has come back by a newer connection, and sends again there whatever it has had no reply to
    /// (`unavailable`).
    #[error("the device has a newer connection")]
    Outdated,
    /// The buffer for this is full (`buffer_full`).
    #[error("{0}")]
    BufferFull(&'static str),
}
