//! A call in each of its states, brought there as clients would.

use ringback_call::{Action, Candidate, EndRequest};

use super::recorder::Recorder;
use crate::common::{BOB, BOB_TABLET, ask};

pub(crate) fn ice(name: &str) -> Action {
    Action::Ice(vec![Candidate::new(format!(r#"{{"candidate":"{name}","sdpMid":"0"}}"#))])
}

pub(crate) fn all() -> [(&'static str, Recorder); 10] {
    [
        ("idle", Recorder::placed()),
        ("crossing", crossing()),
        ("ringing", ringing()),
        ("awaited", accepted()),
        ("caller-offers", offered()),
        ("stable", negotiated()),
        ("callee-offers", offered_anew()),
        ("connected", connected()),
        ("unanswered", unanswered()),
        ("answered", answered()),
    ]
}

/// Bob has called alice meanwhile.
fn crossing() -> Recorder {
    let mut recorder = Recorder::placed();
    recorder.must("callee", &Action::Init);
    recorder
}

fn ringing() -> Recorder {
    let mut recorder = Recorder::placed();
    recorder.happens(ask::allowed(&[BOB, BOB_TABLET]));
    recorder.must("callee", &Action::Ringing).must("callee-2", &Action::Ringing);
    recorder
}

/// The candidates on both sides wait for the offer.
fn accepted() -> Recorder {
    let mut recorder = ringing();
    recorder.must("callee", &Action::Accept);
    recorder.must("caller", &ice("a0"));
    recorder
}

fn offered() -> Recorder {
    let mut recorder = accepted();
    recorder.must("caller", &ask::offer("o")).must("callee", &ice("b0"));
    recorder
}

fn negotiated() -> Recorder {
    let mut recorder = offered();
    recorder.must("callee", &ask::answer("a"));
    recorder
}

fn connected() -> Recorder {
    let mut recorder = negotiated();
    recorder.must("caller", &Action::Connected).must("callee", &Action::Connected);
    recorder
}

/// Bob wants to show something.
fn offered_anew() -> Recorder {
    let mut recorder = connected();
    recorder.must("callee", &ask::offer("o2"));
    recorder
}

fn unanswered() -> Recorder {
    let mut recorder = ringing();
    recorder.must("caller", &Action::End(EndRequest::Hangup));
    recorder
}

fn answered() -> Recorder {
    let mut recorder = connected();
    recorder.must("callee", &Action::End(EndRequest::Hangup));
    recorder
}
