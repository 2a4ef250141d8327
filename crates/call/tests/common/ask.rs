//! What is asked, without the ceremony.

use ringback_call::{
    Action, Admission, Call, CallId, Candidate, Command, Decision, EndRequest, Input, Media, Opening,
    RejectReason, RequestId, Rules, Sdp, StateName, Stats, Terms, Timestamp,
};

use super::Device;

/// A request that has no payload to speak of, or the simplest one.
pub(crate) const ACCEPT: Action = Action::Accept;
pub(crate) const REJECT: Action = Action::Reject(RejectReason::Rejected);
pub(crate) const HANG_UP: Action = Action::End(EndRequest::Hangup);

pub(crate) fn offer(text: &'static str) -> Action {
    Action::Offer(Sdp::new(text))
}

pub(crate) fn answer(text: &'static str) -> Action {
    Action::Answer { sdp: Sdp::new(text), offer: None }
}

/// An answer that says to which offer.
pub(crate) fn answer_to(offer: u64, text: &'static str) -> Action {
    Action::Answer { sdp: Sdp::new(text), offer: Some(offer) }
}

pub(crate) fn ice(candidates: &[&'static str]) -> Action {
    Action::Ice(candidates.iter().map(|&text| Candidate::new(text)).collect())
}

pub(crate) fn report(text: &'static str) -> Action {
    Action::Report(Stats::new(text))
}

pub(crate) fn request(from: Device, id: u64, action: Action) -> Input {
    Input::Request { from: from.origin(), id: Some(RequestId(id)), action }
}

pub(crate) fn dropped(who: Device) -> Input {
    let link = who.link();
    Input::Dropped { user: who.user(), device: who.device(), connection: link.connection, closed: true }
}

/// Its gateway was found to be dead.
pub(crate) fn bereaved(who: Device) -> Input {
    let link = who.link();
    Input::Dropped { user: who.user(), device: who.device(), connection: link.connection, closed: false }
}

pub(crate) fn attached(who: Device) -> Input {
    Input::Attached { user: who.user(), device: who.device(), link: who.link(), fresh: false }
}

/// As a page that was loaded anew.
pub(crate) fn restarted(who: Device) -> Input {
    Input::Attached { user: who.user(), device: who.device(), link: who.link(), fresh: true }
}

pub(crate) fn seen(who: Device, seq: u64) -> Input {
    Input::Seen { user: who.user(), device: who.device(), seq }
}

/// The policy says yes, these devices are there, and nothing else goes on.
pub(crate) fn allowed(devices: &[Device]) -> Input {
    engaged(devices, &[])
}

/// The policy says yes, and the callee has other calls.
pub(crate) fn engaged(devices: &[Device], others: &[StateName]) -> Input {
    let legs = devices.iter().map(|device| device.leg()).collect();
    Input::Admission(Admission::Allowed { legs, others: others.to_vec(), terms: Terms::default() })
}

pub(crate) fn opening(from: Device, to: Device, id: u64, at: u64) -> Opening {
    Opening {
        id: CallId::new("p7-call").unwrap(),
        from: from.origin(),
        request: RequestId(id),
        to: to.user(),
        media: Media::default(),
        metadata: None,
        traceparent: None,
        granted: true,
        at: Timestamp(at),
    }
}

/// Decides what is known to be allowed.
pub(crate) fn must(rules: &Rules, call: &Call, at: u64, input: Input) -> Decision {
    rules.decide(call, &Command { at: Timestamp(at), input }).unwrap()
}
