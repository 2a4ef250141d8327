//! What devices say, in words of the wire.

use ringback_call::{
    Action, CallId, Candidate, EndRequest, Media, Metadata, RejectReason, Sdp, Stats, UserId,
};
use ringback_wire::{Body, Init};

use super::Ask;

/// What a device asks for.
pub(super) fn body(what: &Ask, call: CallId) -> Body {
    let sdp = || Sdp::new("v=0\r\n");
    let action = match what {
        Ask::Ping | Ask::Seen { .. } => return Body::Ping,
        Ask::Init { whom, video, metadata } => {
            let to = ["alice", "bob", "bob", "carol"][usize::from(whom % 4)];
            return Body::Init(Init {
                to: UserId::new(to).expect("a user id"),
                media: Media { audio: true, video: *video },
                metadata: metadata.as_ref().map(|text| Metadata::new(text.json())),
                traceparent: None,
            });
        }
        Ask::Ringing => Action::Ringing,
        Ask::Accept => Action::Accept,
        Ask::Reject { busy: true } => Action::Reject(RejectReason::Busy),
        Ask::Reject { busy: false } => Action::Reject(RejectReason::Rejected),
        Ask::End { failed: true } => Action::End(EndRequest::IceFailed),
        Ask::End { failed: false } => Action::End(EndRequest::Hangup),
        Ask::Offer => Action::Offer(sdp()),
        Ask::Answer { offer } => Action::Answer { sdp: sdp(), offer: offer.map(u64::from) },
        Ask::Ice { candidates, last } => {
            let some = (0..=candidates % 8).map(|n| Candidate::new(format!("{{\"candidate\":\"{n}\"}}")));
            Action::Ice(some.chain(last.then(|| Candidate::new("null"))).collect())
        }
        Ask::Connected => Action::Connected,
        Ask::Report { stats } => Action::Report(Stats::new(stats.json())),
    };
    Body::Act(call, action)
}
