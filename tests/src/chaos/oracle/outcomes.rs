//! Whether every call has exactly one outcome, the same for everybody, and one that somebody wanted or that was due.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::account::{Asked, Call, Device, Told, View};
use super::super::tag::Side;
use super::{Kind, Timeouts, Verdict, longest_absence, name, was_there};

/// Clocks and sweeps are not exact.
const ROUGHLY: Duration = Duration::from_millis(700);

/// A gateway that Redis has not heard of for so long is dead to the others (`node.ttl_ms` is 5 s) ...
const GIVEN_UP: Duration = Duration::from_secs(4);
/// ... until it has sent a heartbeat again and they have asked.
const FOUND_AGAIN: Duration = Duration::from_millis(2500);

pub(super) fn check(
    call: &Call,
    devices: &[Device],
    timeouts: &Timeouts,
    faults: &[(Duration, Duration)],
    verdict: &mut Verdict,
) {
    for view in &call.views {
        one_outcome(call, view, verdict);
    }
    all_agree(call, verdict);
    causes(call, devices, timeouts, faults, verdict);
}

/// The reasons it was told, each event once: one that comes twice is doubled, and noted as that.
fn reasons(view: &View) -> Vec<&str> {
    let mut ended: Vec<&Told> = view.all_told("call:ended").collect();
    ended.dedup_by_key(|told| told.seq);
    ended.into_iter().map(|told| told.frame["reason"].as_str().unwrap_or("(none)")).collect()
}

fn one_outcome(call: &Call, view: &View, verdict: &mut Verdict) {
    // A device that was only refused takes no part.
    if view.told.is_empty() && view.asked.iter().all(|asked| asked.acked().is_none()) {
        return;
    }
    let who = name(view);
    let mut add = |kind, text| verdict.add(kind, Some(&call.id), text);
    match reasons(view)[..] {
        [_] => {}
        [] => match (view.unlisted, view.told_when_asked()) {
            (Some(_), _) if somebody_heard_an_end(call) => {}
            (Some(_), _) => {
                add(Kind::Vanished, format!("{who} found it gone from the list, and nobody heard its end"))
            }
            (None, _) if view.told_of_no_such_call() => {
                add(Kind::Vanished, format!("{who} was told that there is no such call"));
            }
            (None, Some(reason)) => {
                add(Kind::ToldWhenAsked, format!("{who} learned by asking that it had ended: {reason}"))
            }
            (None, None) => add(Kind::NoOutcome, format!("{who} never heard its end")),
        },
        ref several => add(Kind::TwoOutcomes, format!("{who} heard its end as {several:?}")),
    }
}

fn somebody_heard_an_end(call: &Call) -> bool {
    call.views.iter().flat_map(reasons).any(|reason| reason != "answered_elsewhere")
}

fn all_agree(call: &Call, verdict: &mut Verdict) {
    let bound: Vec<&View> = Side::BOTH.into_iter().filter_map(|side| call.bound(side)).collect();
    let is_bound = |view: &View| bound.iter().any(|each| std::ptr::eq(*each, view));
    let mut told = BTreeSet::new();
    for view in &call.views {
        let may_lose = !is_bound(view);
        told.extend(
            reasons(view).into_iter().filter(|reason| !(may_lose && *reason == "answered_elsewhere")),
        );
        if is_bound(view) || !may_lose {
            told.extend(view.told_when_asked());
        }
    }
    if told.len() > 1 {
        verdict.add(Kind::Disagreement, Some(&call.id), format!("it ended as {told:?}"));
    }
}

/// An end must have been asked for, or be due.
fn causes(
    call: &Call,
    devices: &[Device],
    timeouts: &Timeouts,
    faults: &[(Duration, Duration)],
    verdict: &mut Verdict,
) {
    let ended = call.views.iter().flat_map(|view| view.all_told("call:ended"));
    let Some(ended) =
        ended.filter(|told| told.frame["reason"] != "answered_elsewhere").min_by_key(|told| told.at)
    else {
        return;
    };
    let reason = ended.frame["reason"].as_str().unwrap_or_default();
    let (began, at) = (call.began(), ended.at);
    let asked = |kind: &str, reason: Option<&str>| {
        let mut all = call.views.iter().flat_map(|view| &view.asked).filter(|asked| asked.kind == kind);
        all.any(|asked| {
            reason.is_none_or(|reason| asked.frame["reason"] == reason) && asked.first_sent() <= at
        })
    };
    let lasted = at.saturating_sub(began) + ROUGHLY;
    match reason {
        "cancelled" | "hangup" if asked("call:end", None) => return,
        "rejected" | "busy" if asked("call:reject", Some(reason)) => return,
        "offline" if nobody_there(call, devices, began, at) => {}
        "offline"
            if faults
                .iter()
                .any(|(from, to)| at >= *from + GIVEN_UP && at <= to.saturating_add(FOUND_AGAIN)) => {}
        "no_answer" if lasted >= timeouts.ringing => never_rung(call, devices, began, at, verdict),
        "setup_timeout" if lasted >= timeouts.idle.min(timeouts.connecting) => {}
        "connection_lost" if somebody_away(call, devices, began, at) + ROUGHLY >= timeouts.reconnect => {}
        _ => {
            let (at, after) = (at.as_secs_f64(), (at - began).as_secs_f64());
            let text =
                format!("at {at:.3} s it ended as {reason} after {after:.1} s, which nobody asked for");
            verdict.add(Kind::Unprompted, Some(&call.id), text);
            return;
        }
    }
    verdict.timed_out += 1;
}

/// Whether the callee had no device that was connected all the time.
fn nobody_there(call: &Call, devices: &[Device], from: Duration, to: Duration) -> bool {
    callee_user(call).is_some_and(|user| !was_there(devices, user, from, to))
}

fn callee_user(call: &Call) -> Option<&str> {
    let init = call.caller()?.all_asked("call:init").next()?;
    init.frame["to"].as_str()
}

/// A call that rang out must have rung: on some device, if one was connected all the time.
fn never_rung(call: &Call, devices: &[Device], from: Duration, to: Duration, verdict: &mut Verdict) {
    let Some(user) = callee_user(call) else { return };
    let rang =
        call.views.iter().any(|view| view.user == user && view.all_told("call:incoming").next().is_some());
    if !rang && was_there(devices, user, from, to) {
        let init = call.caller().and_then(|view| view.all_asked("call:init").next());
        let acked = init.and_then(Asked::acked);
        verdict.lose(&call.id, acked, format!("{user}, connected all the time, never got call:incoming"));
    }
}

fn somebody_away(call: &Call, devices: &[Device], from: Duration, to: Duration) -> Duration {
    let bound = Side::BOTH.into_iter().filter_map(|side| call.bound(side));
    let away = bound.filter_map(|view| {
        let device = devices.iter().find(|each| each.user == view.user && each.device == view.device)?;
        Some(longest_absence(device, from, to))
    });
    away.max().unwrap_or_default()
}
