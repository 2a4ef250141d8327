//! The rules of a call, and nothing else.
//!
//! A call is a value ([`Call`]); everything that can happen to it is a value too ([`Command`]). [`Rules::open`]
//! makes a call and [`Rules::decide`] answers one command with a [`Decision`] — the next call and what follows
//! from it — or a [`Rejection`] that changes nothing. There is no I/O here, no clock, no randomness and no
//! async: time is a field of the command, ids are made by the caller. The same two functions run in the
//! gateway and in the model checker.
//!
//! | to find | look in |
//! | --- | --- |
//! | what a call is made of | [`call`](Call), `state.rs` |
//! | who a sender is to a call | `party.rs` |
//! | placing, policy and what it changes, ringing, call glare | `rules/placing.rs`, `terms.rs` |
//! | answering and the race to answer | `rules/answering.rs` |
//! | offer/answer, SDP glare, held candidates | `rules/negotiation.rs` |
//! | media, reports | `rules/media.rs` |
//! | ends | `rules/ending.rs` |
//! | what a device has missed | `mailbox.rs` |
//! | dropped and returning devices | `rules/attendance.rs` |
//! | timeouts | `rules/deadlines.rs` |
//! | users, and the tenants they belong to | `user.rs` |
//! | requests sent twice | `replay.rs` |
//! | what remains of a call that has ended, and who missed it | `detail_record.rs` |
//! | what the application's servers are told | `outcome_events.rs` |
//! | how far a call got, and when; step by step; in words | `milestones.rs`, `timeline.rs`, `verdict.rs` |

mod call;
mod command;
mod decision;
mod detail_record;
mod ids;
mod mailbox;
mod milestones;
mod outcome_events;
mod party;
mod payload;
mod reason;
mod rejection;
mod replay;
mod rules;
mod side;
mod state;
mod stored;
mod terms;
mod time;
mod timeline;
mod user;
mod verdict;

pub use call::{Call, Leg, Link};
pub use command::{Action, Admission, Attendance, Command, Input, Opening, Origin};
pub use decision::{Ack, Audience, Decision, Delivery, Event, FollowUp, Note, PeerStatus, Trim};
pub use detail_record::CallRecord;
pub use ids::{CallId, ConnectionId, Detail, DeviceId, InvalidId, NodeId, RequestId, SessionId, TraceParent};
pub use mailbox::{Mailbox, Void};
pub use milestones::{Milestones, Phase};
pub use outcome_events::OutcomeEvent;
pub use payload::{Candidate, Media, Metadata, Sdp, Stats};
pub use reason::{EndReason, EndRequest, RejectReason};
pub use rejection::Rejection;
pub use replay::Replay;
pub use rules::{BusyPolicy, Rules, Timeouts};
pub use side::{PerSide, Side};
pub use state::{Dialog, Negotiation, Outcome, State, StateName};
pub use terms::Terms;
pub use time::{Millis, Timestamp};
pub use timeline::{Gathered, News, Step, Told, What};
pub use user::{TenantId, UserId};
pub use verdict::verdict;

/// A device of a user, as the protocol names the two ends of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Endpoint {
    /// Whose device it is.
    pub user: UserId,
    /// Which installation of the application.
    pub device: DeviceId,
}
