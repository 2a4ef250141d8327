//! Rules that can be taken out, so that the simulator can be seen to notice. A gateway is built without this module.

use std::cell::Cell;

use ringback_call::{Call, Command, Decision, Rejection, Rules};

/// What decides instead of [`Rules::decide`].
pub type Decide = fn(&Rules, &Call, &Command) -> Result<Decision, Rejection>;

/// What is wrong with the nodes of this thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutant {
    /// Decides instead of the core.
    pub decide: Option<Decide>,
    /// An entry that comes too early is passed on as if nothing were missing before it.
    pub ignores_gaps: bool,
    /// What could not be written into users' logs at once is left unwritten.
    pub leaves_logs: bool,
}

thread_local! {
    static MUTANT: Cell<Mutant> = const { Cell::new(Mutant { decide: None, ignores_gaps: false, leaves_logs: false }) };
}

/// From now on the nodes of this thread are wrong in this way.
pub fn release(mutant: Mutant) {
    MUTANT.set(mutant);
}

pub(crate) fn present() -> Mutant {
    MUTANT.get()
}
