//! What may happen next, drawn at random.

use proptest::prelude::*;
use ringback_call::{Action, EndRequest, RejectReason};

use crate::common::{ALICE, ALICE_LAPTOP, BOB, BOB_TABLET, BOB_WATCH, Device, MALLORY, ask};

/// One thing to try.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A request with the next id of its device.
    Ask(Device, Action),
    /// One of the requests sent before, again: counted back from the last.
    Again(usize),
    /// A device loses its connection; the gateway tells the call, or died with it.
    Drop(Device, bool),
    /// A device connects anew; the call is told, or not.
    Attach(Device, bool),
    /// The message of an older connection comes late.
    LateDrop(Device),
    /// The policy says no.
    Deny,
    /// The policy says yes; how many of the callee's devices are found, and whether he is engaged.
    Admit(usize, bool),
    /// Time passes, and the sweeper looks.
    Pass(u64),
    /// The same, after an outage of the store.
    Outage(u64),
    /// A device says that it has so many quarters of its mailbox (five: more than there is).
    Seen(Device, u64),
    /// A device comes back and has forgotten everything.
    Restart(Device),
    /// A history that went so much further is lost.
    Rewrite(u64),
    /// As much time passes as the call has.
    PassToDeadline,
    /// An operator ends it.
    Terminate,
}

const DEVICES: [Device; 6] = [ALICE, BOB, BOB_TABLET, BOB_WATCH, ALICE_LAPTOP, MALLORY];

fn device() -> impl Strategy<Value = Device> {
    prop_oneof![
        4 => Just(ALICE),
        4 => Just(BOB),
        1 => prop::sample::select(&DEVICES[..]),
    ]
}

fn talk() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(ask::offer("v=0 offer")),
        3 => Just(ask::answer("v=0 answer")),
        4 => (1..4usize).prop_map(|n| ask::ice(&["c1", "c2", "null"][..n])),
        1 => Just(Action::Connected),
        1 => Just(ask::report("{}")),
    ]
}

fn set_up() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => Just(Action::Init),
        2 => Just(Action::Ringing),
        2 => Just(Action::Accept),
    ]
}

fn finish() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Reject(RejectReason::Rejected)),
        Just(Action::Reject(RejectReason::Busy)),
        Just(Action::End(EndRequest::Hangup)),
        Just(Action::End(EndRequest::IceFailed)),
        Just(Action::End(EndRequest::MediaDenied)),
    ]
}

/// Anything at all, with ends rare enough for a call to get somewhere.
pub(crate) fn of_any_kind() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (device(), set_up()).prop_map(|(who, action)| Step::Ask(who, action)),
        24 => (device(), talk()).prop_map(|(who, action)| Step::Ask(who, action)),
        2 => (device(), finish()).prop_map(|(who, action)| Step::Ask(who, action)),
        6 => (0..12usize).prop_map(Step::Again),
        3 => (device(), prop::bool::ANY).prop_map(|(who, told)| Step::Drop(who, told)),
        6 => (device(), prop::bool::weighted(0.8)).prop_map(|(who, told)| Step::Attach(who, told)),
        1 => device().prop_map(Step::LateDrop),
        1 => prop_oneof![6 => (1..4usize, prop::bool::weighted(0.1)), 2 => Just((0, false))]
            .prop_map(|(found, engaged)| Step::Admit(found, engaged)),
        1 => prop_oneof![4 => Just(Step::Admit(2, false)), 1 => Just(Step::Deny)],
        6 => (0..4_000u64).prop_map(Step::Pass),
        1 => (0..4_000u64).prop_map(Step::Outage),
        5 => (device(), 0..6u64).prop_map(|(who, share)| Step::Seen(who, share)),
        1 => device().prop_map(Step::Restart),
        1 => (0..3u64).prop_map(Step::Rewrite),
        1 => Just(Step::PassToDeadline),
        1 => prop_oneof![2 => Just(Step::Pass(25_000)), 1 => Just(Step::Terminate)],
    ]
}

/// What two devices say to each other from the accept on: nobody hangs up, and time passes slowly.
pub(crate) fn of_a_dialog() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (device(), talk()).prop_map(|(who, action)| Step::Ask(who, action)),
        2 => (device(), set_up()).prop_map(|(who, action)| Step::Ask(who, action)),
        6 => (0..12usize).prop_map(Step::Again),
        3 => (device(), prop::bool::ANY).prop_map(|(who, told)| Step::Drop(who, told)),
        6 => (device(), prop::bool::weighted(0.9)).prop_map(|(who, told)| Step::Attach(who, told)),
        1 => device().prop_map(Step::LateDrop),
        6 => (0..800u64).prop_map(Step::Pass),
        6 => (device(), 0..6u64).prop_map(|(who, share)| Step::Seen(who, share)),
        1 => device().prop_map(Step::Restart),
        1 => (0..3u64).prop_map(Step::Rewrite),
    ]
}
