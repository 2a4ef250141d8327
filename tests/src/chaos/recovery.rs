//! How long it took until things worked again, by what the clients saw.

use std::collections::BTreeMap;
use std::time::Duration;

use super::account::Call;
use super::digest::Digest;
use super::tag::Side;

/// From the beginning of each fault, for each pair of users.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// To the first call that was asked for since and got connected.
    pub setups: Vec<Duration>,
    /// To the first message that was sent since, in a call that was connected before, and got through.
    pub messages: Vec<Duration>,
    /// The longest of the set-ups: from when to when, and whose.
    pub slowest: Option<(Duration, Duration, String)>,
}

impl Recovery {
    /// What the digest says of faults that began at these times.
    pub fn of(digest: &Digest, faults: &[Duration]) -> Self {
        let mut pairs: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
        for call in &digest.calls {
            let mut users: Vec<&str> = call.views.iter().map(|view| view.user.as_str()).collect();
            users.sort_unstable();
            users.dedup();
            if users.len() == 2 {
                pairs.entry(users.join(" ")).or_default().push(call);
            }
        }
        let mut recovery = Self::default();
        for (users, calls) in &pairs {
            // Sorted out once, not once for each fault.
            let setups: Vec<(Duration, Duration)> =
                calls.iter().filter_map(|call| Some((call.began(), call.connected()?))).collect();
            let messages: Vec<(Duration, Vec<(Duration, Duration)>)> =
                calls.iter().filter_map(|call| Some((call.connected()?, passages(call)))).collect();
            for fault in faults {
                let again =
                    setups.iter().filter(|(began, _)| began >= fault).map(|(_, connected)| *connected);
                if let Some(at) = again.min() {
                    recovery.setups.push(at - *fault);
                    if recovery.slowest.as_ref().is_none_or(|(from, to, _)| *to - *from < at - *fault) {
                        recovery.slowest = Some((*fault, at, users.clone()));
                    }
                }
                let old = messages.iter().filter(|(connected, _)| connected < fault);
                let through = old.flat_map(|(_, passages)| passages).filter(|(sent, _)| sent >= fault);
                recovery.messages.extend(through.map(|(_, got)| *got - *fault).min());
            }
        }
        recovery.setups.sort_unstable();
        recovery.messages.sort_unstable();
        recovery
    }
}

/// When each message of a call was sent first, and when it was got.
fn passages(call: &Call) -> Vec<(Duration, Duration)> {
    let mut passages = Vec::new();
    for side in Side::BOTH {
        let (Some(sender), Some(receiver)) = (call.bound(side), call.bound(side.other())) else { continue };
        let mut got = BTreeMap::new();
        for told in &receiver.told {
            for tag in &told.tags {
                got.entry(*tag).or_insert(told.at);
            }
        }
        for asked in &sender.asked {
            let tags = asked.tags.iter().filter_map(|tag| got.get(tag));
            passages.extend(tags.map(|at| (asked.first_sent(), *at)));
        }
    }
    passages
}

/// The middle and the last of sorted times, in seconds.
pub fn middle_and_most(sorted: &[Duration]) -> String {
    match sorted.last() {
        Some(most) => format!("{:.2}/{:.1}", sorted[sorted.len() / 2].as_secs_f64(), most.as_secs_f64()),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_last() {
        let times: Vec<Duration> = [100, 200, 4000].map(Duration::from_millis).to_vec();
        assert_eq!(middle_and_most(&times), "0.20/4.0");
        assert_eq!(middle_and_most(&[]), "-");
    }
}
