//! What is wrong with a scenario, all of it at once.

use anyhow::bail;

use super::{
    Protocol, Scenario,
    mix::Outcome,
    phase::{Herd, Phase},
};

/// More than one machine should try; a slip of the finger, mostly.
const MOST_USERS: usize = 1_000_000;

/// Refuses a scenario that makes no sense.
pub(crate) fn check(scenario: &Scenario) -> anyhow::Result<()> {
    let mut wrong: Vec<String> = scenario.thresholds.complaints().collect();
    let mut unless = |right: bool, what: &str| {
        if !right {
            wrong.push(what.to_owned());
        }
    };
    unless(!scenario.name.is_empty(), "name: is empty");
    unless(
        scenario.targets.iter().all(|url| url.starts_with("ws://") || url.starts_with("wss://")),
        "targets: each begins with ws:// or wss://",
    );
    unless((1..=MOST_USERS).contains(&scenario.users.all()), "users: between one and a million of them");
    unless(scenario.users.connect_per_s > 0.0, "users.connect_per_s: more than 0");
    unless(!scenario.phases.is_empty(), "phase: at least one");
    let plan = &scenario.call;
    unless(plan.candidates <= 256, "call.candidates: at most 256");
    unless(plan.sdp_bytes <= 32_768, "call.sdp_bytes: at most 32768, as gateways have it");
    unless(plan.init_bytes <= 2_048, "call.init_bytes: at most 2048, as gateways have it");
    unless(plan.candidate_bytes <= 2_048, "call.candidate_bytes: at most 2048, as gateways have it");
    if let Some(churn) = &scenario.churn {
        unless(churn.per_s > 0.0 && churn.per_s.is_finite(), "churn.per_s: more than 0");
    }
    let calls = scenario.phases.iter().any(Phase::has_calls);
    let busy = scenario.mix.weight(Outcome::Busy) > 0;
    let least = if busy { 3 } else { 2 };
    unless(
        !calls || scenario.users.calling >= least,
        if busy { "users.calling: a busy callee takes three" } else { "users.calling: a call takes two" },
    );
    let idle_herds = scenario.phases.iter().any(|phase| phase.herd == Some(Herd::Idle));
    unless(!idle_herds || scenario.users.idle > 0, "users.idle: a herd of idle users takes some");
    if scenario.protocol == Protocol::Floor {
        let others = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Answered);
        unless(
            others.map(|outcome| scenario.mix.weight(outcome)).sum::<u32>() == 0,
            "mix: the floor only knows answered calls",
        );
        let herds = scenario.phases.iter().any(|phase| phase.herd.is_some());
        unless(
            scenario.churn.is_none() && !herds,
            "churn, herd: the floor knows no sessions, so whoever leaves loses messages",
        );
    }
    for (place, phase) in scenario.phases.iter().enumerate() {
        wrong.extend(phase.complaints().map(|what| format!("phase {} ({}): {what}", place + 1, phase.name)));
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

impl Phase {
    fn has_calls(&self) -> bool {
        let (from, to) = self.calls_per_s.ends();
        from > 0.0 || to > 0.0 || self.at_once.is_some()
    }

    fn complaints(&self) -> impl Iterator<Item = &'static str> {
        let (from, to) = self.calls_per_s.ends();
        let open = from > 0.0 || to > 0.0;
        let closed = self.at_once.is_some() || self.calls.is_some();
        [
            (
                !(open && closed),
                "calls_per_s is for an open loop, at_once and calls for a closed one: choose",
            ),
            (from >= 0.0 && to >= 0.0 && from.is_finite() && to.is_finite(), "calls_per_s: no less than 0"),
            (
                !closed || (self.at_once.is_some_and(|n| n > 0) && self.calls.is_some_and(|n| n > 0)),
                "a closed loop needs both at_once and calls",
            ),
            (closed || self.length.is_some_and(|length| !length.0.is_zero()), "for: how long? (\"30s\")"),
            (!(closed && self.length.is_some()), "for: a closed loop ends with its calls"),
            (!(closed && self.herd.is_some()), "herd: not in a closed loop"),
        ]
        .into_iter()
        .filter_map(|(right, what)| (!right).then_some(what))
    }
}
