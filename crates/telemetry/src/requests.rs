//! What a client asks for, by the name it has in the protocol.

use ringback_call::{Action, Input};
use ringback_session::Step;

use crate::Request;

impl Request {
    /// What is asked for by a frame; `None` for what nobody is answered.
    pub fn in_step(step: &Step) -> Option<Self> {
        Some(match step {
            Step::Place(..) => Self::Init,
            Step::Act(_, _, Input::Request { action, .. }) => match action {
                Action::Init => Self::Init,
                Action::Ringing => Self::Ringing,
                Action::Accept => Self::Accept,
                Action::Reject(_) => Self::Reject,
                Action::End(_) => Self::End,
                Action::Offer(_) => Self::Offer,
                Action::Answer { .. } => Self::Answer,
                Action::Ice(_) => Self::Ice,
                Action::Connected => Self::Connected,
                Action::Report(_) => Self::Report,
            },
            Step::Renew(..) => Self::Token,
            Step::Reply(_) => Self::Other,
            Step::Act(..) | Step::Seen | Step::Close(_) => return None,
        })
    }
}
