//! Who answered a call, and how it ended: one winner, one reason, and nothing after the end.

use std::collections::BTreeMap;

use super::{Ledger, Record};
use crate::history::History;

/// How a call ended, as one device was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// Why.
    pub reason: String,
    /// Who ended it.
    pub by: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// The device that answered, and who says so.
    winner: Option<(String, String)>,
    /// How it ended, and who says so; what the losers of the race are told is no outcome.
    over: Option<(Over, String)>,
    /// What each device was told.
    told: BTreeMap<String, Told>,
}

/// That a call is over, as one device was told.
#[derive(Debug)]
struct Told {
    over: Over,
    /// In which of its lives.
    epoch: usize,
    /// On which of its connections.
    connection: usize,
    at: u64,
}

impl Told {
    /// Whether it holds: a primary may die after it has told somebody of an end, or of an answer, that no replica has. It
    /// is put back by whoever heard of it, which may take a while. What a replica has stands, whatever dies afterwards.
    fn holds(&self, call: &str, history: &History) -> bool {
        !history.is_torn(call) && !history.turn_died(call, self.at)
    }
}

const LOST_THE_RACE: &str = "answered_elsewhere";

impl Record {
    /// The device at the other end from this one.
    pub(super) fn peer_of(&self, device: &str) -> Option<&str> {
        let winner = self.outcomes.winner.as_ref().map(|(winner, _)| winner.as_str());
        let caller = self.caller.as_deref();
        if caller == Some(device) {
            winner
        } else if winner == Some(device) {
            caller
        } else {
            None
        }
    }
}

impl Ledger {
    /// A device says that this one answered the call.
    pub fn answered(
        &mut self,
        call: &str,
        by: &str,
        says: &str,
        now: u64,
        history: &History,
    ) -> Result<(), String> {
        let outcomes = &mut self.record(call).outcomes;
        // Whoever was told so by a primary that died before any replica knew was not acknowledged.
        let torn = history.is_torn(call) || history.turn_died(call, now);
        match &outcomes.winner {
            Some((winner, before)) if winner != by && !torn => {
                let text =
                    format!("{call} was answered by {by} as {says} says, by {winner} as {before} says");
                return Err(format!("two winners: {text}"));
            }
            _ => {
                outcomes.winner = Some((by.to_owned(), says.to_owned()));
            }
        }
        match outcomes.told.get(by) {
            Some(Told { over, .. }) if over.reason == LOST_THE_RACE && !torn => {
                Err(format!("two winners: {by} was told that {call} is answered elsewhere, and answered it"))
            }
            _ => Ok(()),
        }
    }

    /// A device is told that a call is over. The event is the last one of its call.
    pub fn ended(
        &mut self,
        call: &str,
        device: &str,
        over: &Over,
        knew_it: bool,
        at: u64,
        history: &History,
    ) -> Result<(), String> {
        let (epoch, connection) = (self.epoch(device), self.connections(device));
        let told = Told { over: over.clone(), epoch, connection, at };
        let record = self.record(call);
        record.outcomes.told.insert(device.to_owned(), told);
        if !knew_it {
            record.late.insert(device.to_owned());
        }
        self.over(call, device, over, history)
    }

    /// A device learns how a call ended: by the event, or because something it asked for came too late.
    pub fn over(&mut self, call: &str, device: &str, over: &Over, history: &History) -> Result<(), String> {
        // A primary may die after it has told somebody of an end that no replica has, and another end be stored before
        // whoever heard of the first puts it back.
        let torn = history.is_torn(call) || history.turn_died(call, history.now());
        let outcomes = &mut self.record(call).outcomes;
        if over.reason == LOST_THE_RACE {
            let won = outcomes.winner.as_ref().is_some_and(|(winner, _)| winner == device);
            if won && !torn {
                return Err(format!(
                    "two winners: {device} answered {call} and is told it is answered elsewhere"
                ));
            }
            return Ok(());
        }
        let same = |known: &Over| {
            known.reason == over.reason && (known.by == over.by || known.by.is_none() || over.by.is_none())
        };
        match &outcomes.over {
            Some((known, before)) if !same(known) && !torn => Err(format!(
                "two outcomes: {call} ended with {over:?} as {device} is told, with {known:?} as {before} was told"
            )),
            Some(_) => Ok(()),
            None => {
                outcomes.over = Some((over.clone(), device.to_owned()));
                Ok(())
            }
        }
    }

    /// A device is told something of a call.
    pub fn heard(&mut self, call: &str, device: &str, what: &str, history: &History) -> Result<(), String> {
        self.record(call).knew.insert(device.to_owned());
        let told = self.calls.get(call).and_then(|record| record.outcomes.told.get(device));
        match told {
            // A device that comes back may be told so again.
            Some(Told { connection, .. })
                if what == "call:ended" && *connection < self.connections(device) =>
            {
                Ok(())
            }
            Some(told) if told.epoch == self.epoch(device) && told.holds(call, history) => {
                let over = &told.over;
                Err(format!("after the end: {device} hears {what} of {call}, which ended with {over:?}"))
            }
            _ => Ok(()),
        }
    }

    /// A device is told that a call lives.
    pub fn alive(&self, call: &str, device: &str, history: &History) -> Result<(), String> {
        let told = self.calls.get(call).and_then(|record| record.outcomes.told.get(device));
        match told {
            Some(told) if told.holds(call, history) => {
                let over = &told.over;
                Err(format!("after the end: {device} is told that {call} lives, which ended with {over:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a device was told that a call is over.
    pub fn was_told_over(&self, call: &str, device: &str) -> bool {
        self.calls.get(call).is_some_and(|record| record.outcomes.told.contains_key(device))
    }

    /// The devices that have, or had, a call: the caller's, and the one that answered.
    pub fn parties(&self, call: &str) -> Option<(&str, &str)> {
        let record = self.calls.get(call)?;
        let (winner, _) = record.outcomes.winner.as_ref()?;
        Some((record.caller.as_deref()?, winner))
    }

    /// How a call ended, if anybody was told.
    pub fn outcome(&self, call: &str) -> Option<&Over> {
        self.calls.get(call)?.outcomes.over.as_ref().map(|(over, _)| over)
    }
}
