//! The columns of the table: one call in each state, with candidates held where they can be.

use ringback_call::{Action, Call};

use crate::common::{ALICE, BOB, ask, story::Story};

/// Its column, the call, and the time.
pub(crate) fn calls() -> [(&'static str, Call, u64); 10] {
    let mut crossing = Story::placed();
    crossing.ask(BOB, Action::Init);

    let mut awaited = Story::accepted();
    awaited.ask(ALICE, ask::ice(&["a0"]));
    awaited.ask(BOB, ask::ice(&["b0"]));

    let mut caller_offers = Story::accepted();
    caller_offers.ask(ALICE, ask::offer("o"));
    caller_offers.ask(BOB, ask::ice(&["b0"]));

    let mut callee_offers = Story::negotiated();
    callee_offers.ask(BOB, ask::offer("o"));
    callee_offers.ask(ALICE, ask::ice(&["a9"]));

    // Here the callee has media already, so that the caller's word connects the call.
    let mut stable = Story::negotiated();
    stable.ask(BOB, Action::Connected);

    let mut unanswered = Story::ringing();
    unanswered.ask(ALICE, ask::HANG_UP);

    let mut answered = Story::connected();
    answered.ask(BOB, ask::HANG_UP);

    let column = |name, story: Story| (name, story.call, story.now);
    [
        column("idle", Story::placed()),
        column("crossing", crossing),
        column("ringing", Story::ringing()),
        column("awaited", awaited),
        column("caller-o", caller_offers),
        column("callee-o", callee_offers),
        column("stable", stable),
        column("connected", Story::connected()),
        column("unanswered", unanswered),
        column("answered", answered),
    ]
}
