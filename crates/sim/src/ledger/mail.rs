//! Descriptions and candidates: each once, in order, no candidate before its description, and none lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use super::Ledger;
use crate::history::History;

/// What a page sends through a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An offer or an answer.
    Description,
    /// A candidate of the page's description with this number.
    Candidate {
        /// Which.
        of: u32,
    },
}

/// One description or candidate, as it is written on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payload {
    /// Which load of which device's page: `alice/d1#1`.
    pub page: String,
    /// What it is.
    pub kind: Kind,
    /// Its number among the page's descriptions or candidates in this call.
    pub number: u32,
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Description => write!(f, "{} description {}", self.page, self.number),
            Kind::Candidate { of } => write!(f, "{} candidate {} of {of}", self.page, self.number),
        }
    }
}

impl FromStr for Payload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |word: &str| word.parse::<u32>().map_err(|error| format!("{text}: {error}"));
        match words[..] {
            [page, "description", n] => {
                Ok(Self { page: page.to_owned(), kind: Kind::Description, number: number(n)? })
            }
            [page, "candidate", n, "of", of] => Ok(Self {
                page: page.to_owned(),
                kind: Kind::Candidate { of: number(of)? },
                number: number(n)?,
            }),
            _ => Err(format!("nobody sent this: {text}")),
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was acknowledged.
    Acked,
    /// It was refused, with this code.
    Refused(String),
    /// Nobody will ever know: its session is gone.
    Unknown,
}

#[derive(Debug)]
struct Sent {
    at: u64,
    settled: Option<(u64, Settled)>,
}

/// What one page sent in one call.
#[derive(Debug, Default)]
pub(super) struct Flow(BTreeMap<(bool, u32), (Payload, Sent)>);

impl Flow {
    fn get(&self, is_candidate: bool, number: u32) -> Option<&(Payload, Sent)> {
        self.0.get(&(is_candidate, number))
    }
}

/// What one device got in one call.
#[derive(Debug, Default)]
pub(super) struct Got {
    /// Since when nothing may come twice: which of its starts from nothing.
    epoch: usize,
    /// By page, the last number of each kind.
    last: BTreeMap<(String, bool), u32>,
    all: BTreeSet<Payload>,
}

impl Payload {
    const fn is_candidate(&self) -> bool {
        matches!(self.kind, Kind::Candidate { .. })
    }

    fn device(&self) -> &str {
        self.page.split('#').next().unwrap_or_default()
    }
}

impl Ledger {
    /// A page has something to send. Said again it changes nothing.
    pub fn sent(&mut self, call: &str, payload: &Payload, at: u64) {
        let flow = self.record(call).flows.entry(payload.page.clone()).or_default();
        let key = (payload.is_candidate(), payload.number);
        flow.0.entry(key).or_insert_with(|| (payload.clone(), Sent { at, settled: None }));
    }

    /// A request that sent this was answered, or never will be.
    pub fn settled(
        &mut self,
        call: &str,
        payload: &Payload,
        at: u64,
        how: Settled,
        history: &History,
    ) -> Result<(), String> {
        let record = self.record(call);
        let was_got = record.got.values().any(|got| got.all.contains(payload));
        let flow = record.flows.entry(payload.page.clone()).or_default();
        let mut since = at;
        if let Some((_, sent)) = flow.0.get_mut(&(payload.is_candidate(), payload.number)) {
            sent.settled = Some((at, how.clone()));
            since = sent.at;
        }
        match how {
            // What a dying primary publishes may be told although nobody has it afterwards.
            Settled::Refused(code) if was_got && !history.failed_over(call, since, at) => {
                Err(format!("refused and delivered: {payload} of {call} was refused with {code}"))
            }
            _ => Ok(()),
        }
    }

    /// A device got something.
    pub fn got(
        &mut self,
        call: &str,
        device: &str,
        payload: &Payload,
        history: &History,
    ) -> Result<(), String> {
        let (epoch, start) = (self.epoch(device), self.last_start(device));
        let record = self.record(call);
        let began = record.began;
        let wrong = |rule: &str, what: &str| Err(format!("{rule}: {device} got {payload} of {call} {what}"));
        let flow = record.flows.get(&payload.page);
        let Some((_, sent)) = flow.and_then(|flow| flow.get(payload.is_candidate(), payload.number)) else {
            return wrong("invented", "which nobody sent");
        };
        if payload.device() == device {
            return wrong("misdelivered", "which it sent itself");
        }
        if let Some((at, Settled::Refused(code))) = &sent.settled
            && !history.failed_over(call, sent.at, *at)
        {
            return wrong("refused and delivered", &format!("which was refused with {code}"));
        }
        let got = record.got.entry(device.to_owned()).or_default();
        if got.epoch != epoch {
            got.epoch = epoch;
            got.last.clear();
        }
        let last = got.last.entry((payload.page.clone(), payload.is_candidate())).or_default();
        if payload.number <= *last {
            let last = *last;
            return wrong("order", &format!("after {last}"));
        }
        *last = payload.number;
        got.all.insert(payload.clone());
        let Kind::Candidate { of } = payload.kind else { return Ok(()) };
        // Where its own description was refused, it comes after the next one of its page.
        let described = got.last.get(&(payload.page.clone(), false)).is_some_and(|last| *last >= of);
        let torn = start.is_some_and(|start| start >= began);
        match flow.and_then(|flow| flow.get(false, of)) {
            _ if torn || described => {}
            // Whether it was refused is not known yet.
            Some((_, Sent { settled: None, .. })) => {
                self.early.push((call.to_owned(), device.to_owned(), payload.clone()));
            }
            Some((_, Sent { settled: Some((_, Settled::Refused(_) | Settled::Unknown)), .. })) => {}
            // It was stored, and is lost.
            Some((_, Sent { at, settled: Some((acked, Settled::Acked)) }))
                if history.may_be_lost(call, *at, *acked) => {}
            _ => return wrong("candidate first", "before its description"),
        }
        Ok(())
    }

    /// Candidates that came before their description although it was not refused.
    pub fn early(&self, history: &History) -> Vec<String> {
        let is_wrong = |(call, _, payload): &&(String, String, Payload)| {
            let Kind::Candidate { of } = payload.kind else { return false };
            let flow = self.calls.get(call).and_then(|record| record.flows.get(&payload.page));
            let Some((_, sent)) = flow.and_then(|flow| flow.get(false, of)) else { return false };
            matches!(sent.settled, Some((acked, Settled::Acked)) if !history.may_be_lost(call, sent.at, acked))
        };
        let wrong = self.early.iter().filter(is_wrong);
        wrong.map(|(call, device, payload)| format!("{device} got {payload} of {call} too early")).collect()
    }

    /// Everything that was acknowledged and has not arrived although it must have.
    pub fn missing(&self, history: &History) -> Vec<String> {
        let mut missing = Vec::new();
        for (call, record) in &self.calls {
            for (page, flow) in &record.flows {
                let sender = page.split('#').next().unwrap_or_default();
                let Some(receiver) = record.peer_of(sender) else { continue };
                let since = self.last_start(receiver);
                let got = record.got.get(receiver);
                for (payload, sent) in flow.0.values() {
                    let Some((acked, Settled::Acked)) = sent.settled else { continue };
                    let has = got.is_some_and(|got| got.all.contains(payload));
                    // It may have taken the call by a call:init whose reply was lost, and never have known.
                    let excused = record.late.contains(receiver)
                        || !record.knew.contains(receiver)
                        || since.is_none_or(|since| sent.at <= since)
                        || payload.is_candidate() && history.is_held(call, &payload.to_string())
                        || history.may_be_lost(call, sent.at, acked);
                    if !has && !excused {
                        missing.push(format!("{receiver} never got {payload} of {call}"));
                    }
                }
            }
        }
        missing
    }
}
