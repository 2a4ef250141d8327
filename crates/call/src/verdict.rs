//! What became of a call, in words, for whoever is asked why it failed.

use crate::{
    Call, EndReason, Gathered, Millis, News, Note, PeerStatus, PerSide, Phase, Side, State, StateName, Step,
    What,
};

/// The verdict on a call, from its document and its steps: the first sentence says what happened, the others what speaks
/// for it. Of a call that lives it says where it stands.
pub fn verdict<'a>(call: &Call, notes: impl IntoIterator<Item = &'a Note>) -> Vec<String> {
    let clues = Clues::of(call, notes);
    let State::Ended(outcome) = &call.state else { return vec![stands(call).to_owned()] };
    let after = |phase: Phase| {
        let lasted = call.phases().find(|(of, ..)| *of == phase).map_or(0, |(_, from, to)| to.since(from));
        seconds(lasted)
    };
    let by = outcome.by.as_ref().and_then(|by| call.side_of(&by.user)).map_or("the server", word);
    let alerted = call.milestones.alerted_at.is_some();
    let mut said = Vec::new();
    said.push(match (outcome.reason, call.phase()) {
        (EndReason::Hangup, Phase::Talk) => {
            format!("the two talked for {}, and {by} hung up", seconds(outcome.duration_ms.unwrap_or_default()))
        }
        (EndReason::Hangup, _) => format!("{by} hung up before there were media"),
        (EndReason::Cancelled, _) if alerted => format!("the caller gave up after {} of ringing", after(Phase::Ring)),
        (EndReason::Cancelled, Phase::Ring) => {
            format!("the caller gave up after {}, before any device of the callee had alerted its person", after(Phase::Ring))
        }
        (EndReason::Cancelled, _) => "the caller gave up before anybody was rung".to_owned(),
        (EndReason::Rejected, _) => "the callee said no".to_owned(),
        (EndReason::Busy, Phase::Policy) => "the callee was in another call".to_owned(),
        (EndReason::Busy, _) => "the callee said that they are busy".to_owned(),
        (EndReason::NoAnswer, _) if alerted => format!("it rang for {}, and nobody answered", after(Phase::Ring)),
        (EndReason::NoAnswer, _) => format!(
            "no device of the callee ever said that it alerts its person, for {}: was the application asleep?",
            after(Phase::Ring)
        ),
        (EndReason::Offline, Phase::Ring) => {
            format!("no device of the callee was connected, and none came within {} of the wake-up", after(Phase::Ring))
        }
        (EndReason::Offline, _) => "no device of the callee was connected".to_owned(),
        (EndReason::Denied, _) => match &outcome.detail {
            Some(detail) => format!("the policy refused it: {}", detail.as_str()),
            None => "the policy refused it".to_owned(),
        },
        (EndReason::SetupTimeout, Phase::Policy) => {
            format!("placing it got nowhere for {}: the store or a gateway was away", after(Phase::Policy))
        }
        (EndReason::SetupTimeout, Phase::Negotiate) if !clues.whole => {
            format!("offer and answer were not exchanged within {} of the accept", after(Phase::Negotiate))
        }
        (EndReason::SetupTimeout, Phase::Negotiate) if clues.offers == 0 => {
            format!("the caller's device made no offer within {} of the accept", after(Phase::Negotiate))
        }
        (EndReason::SetupTimeout, Phase::Negotiate) => "the offer was never answered".to_owned(),
        (EndReason::SetupTimeout, _) => format!("the media were not there {} after the answer", after(Phase::Ice)),
        (EndReason::IceFailed, Phase::Talk) => format!("the media broke off, and {by} found no new path"),
        (EndReason::IceFailed, Phase::Ice) => {
            format!("offer and answer were exchanged, and {by} found no path for the media within {}", after(Phase::Ice))
        }
        (EndReason::IceFailed, _) => format!("{by} found no path for the media, before there was an answer"),
        (EndReason::MediaDenied, _) => format!("{by} was given no microphone or camera"),
        (EndReason::ConnectionLost, phase) => match (clues.away.caller, clues.away.callee) {
            (true, true) => format!("both devices lost their connections and did not come back in time, in {}", phase.as_str()),
            (false, false) => "a device was not to be found any more".to_owned(),
            (caller, _) => {
                let side = if caller { Side::Caller } else { Side::Callee };
                format!("{}'s device lost its connection and did not come back in time, in {}", word(side), phase.as_str())
            }
        },
        (EndReason::EndedByServer, _) if outcome.detail.is_some() => {
            format!("its time was up: the policy had given it {}", seconds(call.terms.duration_ms.unwrap_or_default()))
        }
        (EndReason::EndedByServer, _) => "the service ended it".to_owned(),
        (EndReason::AnsweredElsewhere, _) => "another device answered".to_owned(),
    });
    if matches!(outcome.reason, EndReason::IceFailed | EndReason::SetupTimeout)
        && call.phase() >= Phase::Negotiate
        && clues.whole
    {
        said.extend(Side::BOTH.into_iter().filter_map(|side| clues.candidates(side)));
    }
    if clues.drops > 0 && call.phase() >= Phase::Negotiate && outcome.reason != EndReason::ConnectionLost {
        said.push(format!("a device of the two lost its connection to a gateway {} time(s)", clues.drops));
    }
    if clues.rewritten {
        said.push("the store lost a part of its history on the way".to_owned());
    }
    said
}

/// What the steps of a call speak for.
#[derive(Default)]
struct Clues {
    /// Whether all steps are known: only then is what they do not name something that did not happen.
    whole: bool,
    offers: u64,
    gathered: PerSide<Gathered>,
    /// Whose device is away: of those that have the call, not of those that only rang.
    away: PerSide<bool>,
    /// How often one of these went away.
    drops: u64,
    rewritten: bool,
}

impl Clues {
    fn of<'a>(call: &Call, notes: impl IntoIterator<Item = &'a Note>) -> Self {
        let mut clues = Self::default();
        let mut known = 0;
        for note in notes {
            known += 1;
            let Note::Step(Step { what, by, told, .. }) = note else { continue };
            let side = by.as_ref().map(|(side, _)| *side);
            let theirs = by.as_ref().filter(|(side, device)| call.final_device(*side) == Some(device));
            match (what, side) {
                (What::Offer, _) => clues.offers += 1,
                (What::Ice(more), Some(side)) => {
                    let all = &mut clues.gathered[side];
                    all.host += more.host;
                    all.reflexive += more.reflexive;
                    all.relay += more.relay;
                    all.last |= more.last;
                }
                (What::Dropped, _) => {
                    if let Some((side, _)) = theirs {
                        clues.away[*side] = true;
                        clues.drops += 1;
                    }
                }
                (What::Attached { .. }, _) => {
                    if let Some((side, _)) = theirs {
                        clues.away[*side] = false;
                    }
                }
                (What::Rewritten, _) => clues.rewritten = true,
                _ => {}
            }
            // Time finds out, too, who has gone and who was there all along.
            for told in told {
                if let News::Peer(status) = told.event {
                    clues.away[told.side.other()] = status == PeerStatus::Reconnecting;
                }
            }
        }
        clues.whole = known > 0 && known == call.notes && !call.is_log_cut;
        clues
    }

    /// What a side's candidates speak for, if anything.
    fn candidates(&self, side: Side) -> Option<String> {
        let Gathered { host, reflexive, relay, .. } = self.gathered[side];
        let whose = word(side);
        match (host, reflexive, relay) {
            (0, 0, 0) => Some(format!("{whose}'s device sent no candidates")),
            (_, 0, 0) => {
                Some(format!("{whose}'s candidates were all of type host: no STUN or TURN server was of use"))
            }
            (_, _, 0) => Some(format!("{whose} had no relay candidates: no TURN server was of use")),
            _ => None,
        }
    }
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Caller => "the caller",
        Side::Callee => "the callee",
    }
}

const fn stands(call: &Call) -> &'static str {
    match call.state_name() {
        StateName::Idle => "it is being placed",
        StateName::Ringing if call.state.is_waking() => "a device of the callee is being woken",
        StateName::Ringing => "it rings",
        StateName::Connecting => "somebody answered; media are being set up",
        StateName::Connected => "the two talk",
        StateName::Ended => "it is over",
    }
}

fn seconds(ms: Millis) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
