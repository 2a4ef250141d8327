//! The oracle: given what every device wrote down, what of it must not be.
//!
//! It knows the protocol page and the timeouts of the settings, and nothing of gateways or Redis.

mod messages;
mod outcomes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::account::{Call, Device, View};
use super::digest::Digest;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Acked, and never got by the device it was for.
    Lost,
    /// Got twice.
    Doubled,
    /// Got before one that was acked before it was sent; a candidate before its description; a number that did not grow.
    Disordered,
    /// Got by a device it was not for.
    Stray,
    /// A device never heard that its call is over.
    NoOutcome,
    /// A device heard it twice.
    TwoOutcomes,
    /// Two devices heard different reasons, or an ack named another than the event.
    Disagreement,
    /// A device heard it only because it asked in the end.
    ToldWhenAsked,
    /// A device was told that there is no such call, or a list without continuity left it out, while the other device
    /// did not hear an end of it.
    Vanished,
    /// Nobody asked for this end, and it was not time for it.
    Unprompted,
    /// A device waited in vain.
    Stuck,
    /// Something no server should do.
    Odd,
    /// A session that was named and must have been kept was answered with another.
    Forgotten,
    /// No reply, ever.
    Unanswered,
    /// A pair did not get a call connected after the last fault.
    NotRecovered,
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Violation {
    /// What sort of thing.
    pub kind: Kind,
    /// In which call.
    pub call: Option<String>,
    /// When the message was acked that was lost.
    pub at: Option<Duration>,
    /// Which device, and what it was.
    pub text: String,
    /// Whether the scenario allows it.
    pub allowed: bool,
}

impl Violation {
    /// One that is not allowed, and in no call.
    pub fn new(kind: Kind, text: String) -> Self {
        Self { kind, call: None, at: None, text, allowed: false }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = if self.allowed { " (allowed here)" } else { "" };
        write!(f, "{:?}{allowed}: {}", self.kind, self.text)?;
        self.call.as_ref().map_or(Ok(()), |call| write!(f, ", call {call}"))
    }
}

/// The gateways' timeouts, as far as they end calls.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// `timeouts.ringing_ms`
    pub ringing: Duration,
    /// `timeouts.connecting_ms`
    pub connecting: Duration,
    /// `timeouts.idle_ms`
    pub idle: Duration,
    /// `timeouts.reconnect_ms`
    pub reconnect: Duration,
}

/// What a scenario takes from the store, beyond what its documentation promises to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowance {
    /// Nothing: every promise holds.
    Nothing,
    /// Writes that were acknowledged so shortly before the primary died that no replica had them: asynchronous
    /// replication. A message that is lost must be such a write itself; whatever else follows from one, in its call, is
    /// allowed.
    YoungWrites,
    /// All of it, at the moment of the fault: what is left undone in calls that lived then is allowed, and in those begun
    /// before the gateways have found out and have said again who is connected.
    Everything,
}

/// How long before a primary's death a write may be lost: replication takes milliseconds, more on a busy machine.
const YOUNG: Duration = Duration::from_millis(500);
/// How long it may take until gateways have noticed that the store is empty, and stored again what they know.
const FOUND_OUT: Duration = Duration::from_secs(3);
/// How long after a signal something may still have been acknowledged by who got it.
const AFTER: Duration = Duration::from_millis(300);

/// A judgement.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Calls that somebody heard of.
    pub calls: usize,
    /// Those that were connected.
    pub connected: usize,
    /// Messages that were acked.
    pub messages: usize,
    /// Of these, undelivered where the server had said that continuity is not proved.
    pub declared: usize,
    /// Calls that nobody ended, but whose time was over.
    pub timed_out: usize,
    /// Sessions that went on.
    pub resumed: usize,
    /// Answers to a `hello` without continuity.
    pub unproved: usize,
    /// What is wrong.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// How many of these kinds are not allowed, and how many are.
    pub fn count(&self, kinds: &[Kind]) -> (usize, usize) {
        let of_these = self.violations.iter().filter(|violation| kinds.contains(&violation.kind));
        of_these.fold(
            (0, 0),
            |(bad, allowed), violation| {
                if violation.allowed { (bad, allowed + 1) } else { (bad + 1, allowed) }
            },
        )
    }

    /// Whether nothing is wrong that is not allowed.
    pub fn is_sound(&self) -> bool {
        self.violations.iter().all(|violation| violation.allowed)
    }

    fn add(&mut self, kind: Kind, call: Option<&str>, text: String) {
        self.violations.push(Violation { call: call.map(str::to_owned), ..Violation::new(kind, text) });
    }

    fn lose(&mut self, call: &str, acked: Option<Duration>, text: String) {
        let lost = Violation::new(Kind::Lost, text);
        self.violations.push(Violation { call: Some(call.to_owned()), at: acked, ..lost });
    }

    /// What was allowed, by kind.
    pub fn allowed(&self) -> String {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for violation in self.violations.iter().filter(|violation| violation.allowed) {
            *counts.entry(violation.kind).or_default() += 1;
        }
        let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind:?}")).collect();
        counts.join(", ")
    }
}

/// Judges everything. `faults` are the times during which something was broken.
pub fn judge(
    digest: &Digest,
    timeouts: &Timeouts,
    allowance: &Allowance,
    faults: &[(Duration, Duration)],
) -> Verdict {
    let mut verdict = Verdict::default();
    for call in &digest.calls {
        verdict.calls += 1;
        verdict.connected += usize::from(call.connected().is_some());
        let before = verdict.violations.len();
        messages::check(call, &mut verdict);
        outcomes::check(call, &digest.devices, timeouts, faults, &mut verdict);
        // Who waits for what the server said may be missing waits for the wrong thing.
        let all_proved = call.views.iter().all(|view| view.gaps.is_empty() && view.unlisted.is_none());
        for view in call.views.iter().filter(|_| all_proved) {
            for what in &view.stuck {
                let text = format!("{}/{} waited in vain for {what}", view.user, view.device);
                verdict.add(Kind::Stuck, Some(&call.id), text);
            }
        }
        let covered = is_covered(call, allowance, faults);
        for violation in &mut verdict.violations[before..] {
            violation.allowed = match violation.at {
                Some(at) if *allowance == Allowance::YoungWrites => is_young(at, faults),
                _ => covered,
            };
        }
    }
    for device in &digest.devices {
        verdict.resumed += device.resumed;
        verdict.unproved += device.unproved;
        for (at, call, what) in &device.odd {
            let covered = call.as_ref().and_then(|id| digest.calls.iter().find(|call| call.id == *id));
            let allowed = match (call, covered) {
                (Some(_), covered) => covered.is_some_and(|call| is_covered(call, allowance, faults)),
                // It may be about a call that was taken, or put back.
                (None, _) => *allowance == Allowance::Everything && is_found_out(*at, faults),
            };
            let text = format!("{}/{} at {:.3} s: {what}", device.user, device.device, at.as_secs_f64());
            let odd = Violation::new(Kind::Odd, text);
            verdict.violations.push(Violation { call: call.clone(), allowed, ..odd });
        }
        for at in &device.forgotten {
            let gone = *allowance == Allowance::Everything && faults.iter().any(|(from, _)| from <= at);
            let text = format!(
                "{}/{} at {:.3} s was given another session",
                device.user,
                device.device,
                at.as_secs_f64()
            );
            verdict.violations.push(Violation { allowed: gone, ..Violation::new(Kind::Forgotten, text) });
        }
        for frame in &device.unsettled {
            let text = format!("{}/{} never got a reply to {frame}", device.user, device.device);
            verdict.add(Kind::Unanswered, frame["call"].as_str(), text);
        }
    }
    verdict
}

/// Whether what went wrong in this call is what the scenario took.
fn is_covered(call: &Call, allowance: &Allowance, faults: &[(Duration, Duration)]) -> bool {
    match allowance {
        Allowance::Nothing => false,
        Allowance::YoungWrites => {
            let mut asked = call.views.iter().flat_map(|view| view.asked.iter());
            asked.any(|asked| asked.acked().is_some_and(|at| is_young(at, faults)))
        }
        Allowance::Everything => {
            let (began, last) = (call.began(), call.last());
            faults.iter().any(|(from, to)| began <= to.saturating_add(FOUND_OUT) && last + AFTER >= *from)
        }
    }
}

/// Whether it was so soon after a fault that not everybody had found out.
fn is_found_out(at: Duration, faults: &[(Duration, Duration)]) -> bool {
    faults.iter().any(|(from, to)| *from <= at && at <= to.saturating_add(FOUND_OUT))
}

fn is_young(at: Duration, faults: &[(Duration, Duration)]) -> bool {
    faults.iter().any(|(from, _)| at + YOUNG >= *from && at <= *from + AFTER)
}

/// Who, in a text.
fn name(device: &View) -> String {
    format!("{}/{}", device.user, device.device)
}

/// Whether this user had a device that was there all the time.
fn was_there(devices: &[Device], user: &str, from: Duration, to: Duration) -> bool {
    let mut there = devices.iter().filter(|device| device.user == user).flat_map(|device| &device.there);
    there.any(|(since, until)| *since <= from && *until >= to)
}

/// The longest time within a span for which this device was not there.
fn longest_absence(device: &Device, from: Duration, to: Duration) -> Duration {
    let mut longest = Duration::ZERO;
    let mut gone = from;
    for (since, until) in &device.there {
        if *since > gone {
            longest = longest.max(since.min(&to).saturating_sub(gone));
        }
        gone = gone.max(*until);
    }
    longest.max(to.saturating_sub(gone))
}
