//! Whether every message that was acked arrived, once, in order, where it should.

use std::collections::{BTreeMap, BTreeSet};

use super::super::account::{Asked, Call, View};
use super::super::tag::{Part, Side, Tag};
use super::{Kind, Verdict, name};

pub(super) fn check(call: &Call, verdict: &mut Verdict) {
    for view in &call.views {
        numbers_grow(call, view, verdict);
        events_come_once(call, view, verdict);
    }
    for side in Side::BOTH {
        let (Some(sender), receiver) = (call.bound(side), call.bound(side.other())) else { continue };
        strays(call, side, receiver, verdict);
        if let Some(receiver) = receiver {
            one_way(call, side, sender, receiver, verdict);
        }
    }
    milestones(call, verdict);
}

/// Within one call the numbers only grow, whatever connections they come over. A client without continuity starts anew,
/// from the snapshot's number.
fn numbers_grow(call: &Call, view: &View, verdict: &mut Verdict) {
    let mut last: Option<(usize, u64)> = None;
    let mut seen = BTreeSet::new();
    for (place, told) in view.told.iter().enumerate() {
        let epoch = view.epoch(place);
        if !seen.insert((epoch, told.seq, &told.kind)) {
            let text = format!("{} got {} number {} twice", name(view), told.kind, told.seq);
            verdict.add(Kind::Doubled, Some(&call.id), text);
        } else if last.is_some_and(|(before, seq)| before == epoch && seq > told.seq) {
            let text =
                format!("{} got number {} after {}", name(view), told.seq, last.map_or(0, |(_, seq)| seq));
            verdict.add(Kind::Disordered, Some(&call.id), text);
        }
        last = Some((epoch, told.seq));
    }
}

/// What happens once in a call is told once.
fn events_come_once(call: &Call, view: &View, verdict: &mut Verdict) {
    for kind in ["call:incoming", "call:ringing", "call:accepted", "call:connected"] {
        let mut numbers: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        for (place, told) in view.told.iter().enumerate().filter(|(_, told)| told.kind == kind) {
            numbers.entry(view.epoch(place)).or_default().insert(told.seq);
        }
        for numbers in numbers.values().filter(|numbers| numbers.len() > 1) {
            let text = format!("{} got {kind} as numbers {numbers:?}", name(view));
            verdict.add(Kind::Doubled, Some(&call.id), text);
        }
    }
}

/// A message of one side, got by a device other than the one that is bound on the other side.
fn strays(call: &Call, side: Side, receiver: Option<&View>, verdict: &mut Verdict) {
    let bound = receiver.map(|view| (&view.user, &view.device));
    for view in call.views.iter().filter(|view| Some((&view.user, &view.device)) != bound) {
        for tag in view.told.iter().flat_map(|told| &told.tags).filter(|tag| tag.side == side) {
            verdict.add(Kind::Stray, Some(&call.id), format!("{} got {tag}", name(view)));
        }
    }
}

/// One message as it arrived.
struct Arrival {
    place: usize,
    epoch: usize,
    seq: u64,
}

fn one_way(call: &Call, side: Side, sender: &View, receiver: &View, verdict: &mut Verdict) {
    let mut arrivals: BTreeMap<Tag, Vec<Arrival>> = BTreeMap::new();
    let each = receiver
        .told
        .iter()
        .enumerate()
        .flat_map(|(n, told)| told.tags.iter().map(move |tag| (n, told, *tag)));
    for (place, (n, told, tag)) in each.filter(|(.., tag)| tag.side == side).enumerate() {
        arrivals.entry(tag).or_default().push(Arrival { place, epoch: receiver.epoch(n), seq: told.seq });
    }
    for asked in &sender.asked {
        let Some(_) = asked.acked() else { continue };
        for tag in &asked.tags {
            verdict.messages += 1;
            match arrivals.get(tag).map(Vec::as_slice) {
                Some([_]) => {}
                Some([first, again, ..]) if first.epoch != again.epoch => verdict.declared += 1,
                // The same number twice has been noted already.
                Some([first, again, ..]) if first.seq == again.seq => {}
                Some([first, again, ..]) => {
                    let (first, again) = (first.seq, again.seq);
                    let text = format!("{} got {tag} as number {first} and again as {again}", name(receiver));
                    verdict.add(Kind::Doubled, Some(&call.id), text);
                }
                Some([]) | None if is_held(call, side, *tag) => {}
                Some([]) | None if is_declared(asked, receiver) => verdict.declared += 1,
                Some([]) | None => {
                    verdict.lose(&call.id, asked.acked(), format!("{} never got {tag}", name(receiver)));
                }
            }
        }
    }
    order(call, sender, receiver, &arrivals, verdict);
    descriptions_first(call, receiver, &arrivals, verdict);
}

/// Whether the server may still hold a candidate: its sender's description of that negotiation was not accepted, or the
/// peer's next offer was still open when the call ended.
fn is_held(call: &Call, side: Side, tag: Tag) -> bool {
    let described = |side: Side, round: u32, kind: Option<&str>| {
        call.bound(side).into_iter().flat_map(|view| &view.asked).any(|asked| {
            let of_round = asked.tags.iter().any(|tag| tag.part == Part::Description && tag.round == round);
            of_round && asked.acked().is_some() && kind.is_none_or(|kind| asked.kind == kind)
        })
    };
    if tag.part == Part::Description {
        return false;
    }
    if !described(side, tag.round, None) {
        return true;
    }
    (tag.round + 1..=tag.round + 3)
        .any(|round| described(side.other(), round, Some("webrtc:offer")) && !described(side, round, None))
}

/// Whether the server has said that the receiver may not have got it: it came back without continuity after the message
/// was sent, or to a list that did not name the call.
fn is_declared(asked: &Asked, receiver: &View) -> bool {
    let sent = asked.first_sent();
    receiver.unlisted.is_some() || receiver.gaps.iter().any(|gap| sent <= gap.at)
}

/// What one side sent arrives in the order in which it was sent. Its requests go out one after the other, and those that
/// have to be sent again keep their places; so what was acked keeps its order.
fn order(
    call: &Call,
    sender: &View,
    receiver: &View,
    arrivals: &BTreeMap<Tag, Vec<Arrival>>,
    verdict: &mut Verdict,
) {
    let acked = sender.asked.iter().filter(|asked| asked.acked().is_some()).flat_map(|asked| &asked.tags);
    let mut arrived: Vec<(usize, Tag)> =
        acked.filter_map(|tag| Some((arrivals.get(tag)?.first()?.place, *tag))).collect();
    arrived.sort_unstable();
    for part in [Part::Description, Part::Candidate] {
        let mut newest: Option<Tag> = None;
        for (_, tag) in arrived.iter().filter(|(_, tag)| tag.part == part) {
            match newest {
                Some(other) if other.number > tag.number => {
                    let text = format!("{} got {other} before {tag}", name(receiver));
                    verdict.add(Kind::Disordered, Some(&call.id), text);
                }
                _ => newest = Some(*tag),
            }
        }
    }
}

/// No candidate overtakes its own side's description of the same negotiation.
fn descriptions_first(
    call: &Call,
    receiver: &View,
    arrivals: &BTreeMap<Tag, Vec<Arrival>>,
    verdict: &mut Verdict,
) {
    let mut described: BTreeMap<u32, usize> = BTreeMap::new();
    for (tag, arrival) in arrivals.iter().filter(|(tag, _)| tag.part == Part::Description) {
        if let Some(first) = arrival.first() {
            described.entry(tag.round).or_insert(first.place);
        }
    }
    for (tag, arrival) in arrivals.iter().filter(|(tag, _)| tag.part == Part::Candidate) {
        let Some(first) = arrival.first() else { continue };
        // A description that never came is its own violation, or declared.
        if described.get(&tag.round).is_some_and(|place| *place > first.place) {
            let text = format!("{} got {tag} before its description", name(receiver));
            verdict.add(Kind::Disordered, Some(&call.id), text);
        }
    }
}

/// What both bound devices are told of every call that gets that far.
fn milestones(call: &Call, verdict: &mut Verdict) {
    let (Some(caller), Some(callee)) = (call.caller(), call.callee()) else { return };
    let acked = |view: &View, kind: &str| {
        let found = view.all_asked(kind).find(|asked| asked.acked().is_some());
        found.cloned()
    };
    let accepts = acked(callee, "call:accept");
    for asked in accepts.iter().take(1) {
        for view in [caller, callee] {
            expect(call, view, "call:accepted", asked, verdict);
        }
    }
    if let (Some(one), Some(other)) = (acked(caller, "call:connected"), acked(callee, "call:connected")) {
        let last = if one.acked() > other.acked() { one } else { other };
        for view in [caller, callee] {
            expect(call, view, "call:connected", &last, verdict);
        }
    }
}

fn expect(call: &Call, view: &View, kind: &str, after: &Asked, verdict: &mut Verdict) {
    verdict.messages += 1;
    if view.all_told(kind).next().is_some() {
        return;
    }
    if is_declared(after, view) {
        verdict.declared += 1;
    } else {
        verdict.lose(&call.id, after.acked(), format!("{} never got {kind}", name(view)));
    }
}
