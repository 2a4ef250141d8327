//! What a device has been told: its `seen`, and whether anything came twice, late, or behind the end.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    call::payload::{candidate_tag, sdp_tag},
    protocol::{Kind, frame::Frame},
};

/// An ended call is named in `seen` for 60 s at least, for two minutes at most.
const REMEMBERED: Duration = Duration::from_secs(90);
/// One `seen` has room for 256 calls.
const MOST: usize = 240;

/// How an event fits what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next one.
    Fresh,
    /// It has come before, by its number or by what is in it.
    Doubled,
    /// A later one has come before it.
    OutOfOrder,
    /// Its call has ended.
    AfterEnd,
}

/// The calls of one device.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: HashMap<Arc<str>, Known>,
}

#[derive(Debug, Default)]
struct Known {
    seq: u64,
    ended: Option<Instant>,
    numbers: Vec<u64>,
    /// The tags of payloads, each of which is sent once.
    tags: Vec<u32>,
    last_candidate: Option<u32>,
}

impl Ledger {
    /// A call that the device knows from an ack.
    pub(crate) fn know(&mut self, call: &Arc<str>) {
        self.calls.entry(Arc::clone(call)).or_default();
    }

    /// Takes note of an event.
    pub(crate) fn note(&mut self, call: &Arc<str>, frame: &Frame, now: Instant) -> Verdict {
        let known = self.calls.entry(Arc::clone(call)).or_default();
        let verdict = known.take(frame, now);
        if frame.kind == Kind::Ended && verdict == Verdict::Fresh {
            self.prune(now);
        }
        verdict
    }

    fn prune(&mut self, now: Instant) {
        self.calls.retain(|_, known| known.ended.is_none_or(|ended| now.duration_since(ended) < REMEMBERED));
        while self.calls.len() > MOST {
            let ended = self.calls.iter().filter_map(|(call, known)| Some((known.ended?, Arc::clone(call))));
            let Some((_, oldest)) = ended.min() else { return };
            self.calls.remove(&oldest);
        }
    }

    /// The `seen` of a `hello`.
    pub(crate) fn seen(&self) -> BTreeMap<Arc<str>, u64> {
        self.calls.iter().map(|(call, known)| (Arc::clone(call), known.seq)).collect()
    }
}

impl Known {
    fn take(&mut self, frame: &Frame, now: Instant) -> Verdict {
        if let Some(seq) = frame.seq {
            // A number that was told before comes twice even behind the end.
            if self.numbers.contains(&seq) {
                return Verdict::Doubled;
            }
            if seq < self.seq {
                return Verdict::OutOfOrder;
            }
            self.seq = seq;
            self.numbers.push(seq);
        }
        if self.ended.is_some() {
            return Verdict::AfterEnd;
        }
        if frame.kind == Kind::Ended {
            self.ended = Some(now);
            self.tags = Vec::new();
            self.numbers = frame.seq.into_iter().collect();
        }
        let described = frame.sdp.as_deref().and_then(sdp_tag);
        let candidates = frame.candidates.iter().flatten().flatten().filter_map(candidate_tag);
        let mut verdict = Verdict::Fresh;
        if let Some(tag) = described {
            verdict = verdict.max_with(self.once(tag));
        }
        for tag in candidates {
            verdict = verdict.max_with(self.once(tag));
            if self.last_candidate.is_some_and(|last| tag < last) {
                verdict = verdict.max_with(Verdict::OutOfOrder);
            }
            self.last_candidate = Some(tag);
        }
        verdict
    }

    fn once(&mut self, tag: u32) -> Verdict {
        if self.tags.contains(&tag) {
            return Verdict::Doubled;
        }
        self.tags.push(tag);
        Verdict::Fresh
    }
}

impl Verdict {
    /// The first thing that is wrong counts.
    fn max_with(self, other: Self) -> Self {
        if self == Self::Fresh { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::payload;

    fn frame(kind: Kind, seq: u64) -> Frame {
        serde_json::from_value(serde_json::json!({"type": kind, "call": "c", "seq": seq})).unwrap()
    }

    fn candidate(seq: u64, tag: u32) -> Frame {
        Frame { candidates: Some(vec![Some(payload::candidate(tag, 180))]), ..frame(Kind::Ice, seq) }
    }

    fn verdicts(frames: &[Frame]) -> Vec<Verdict> {
        let mut ledger = Ledger::default();
        frames.iter().map(|frame| ledger.note(&Arc::from("c"), frame, Instant::now())).collect()
    }

    #[test]
    fn numbers_grow_and_may_have_gaps() {
        let told = verdicts(&[frame(Kind::Incoming, 1), frame(Kind::Accepted, 4), frame(Kind::Ended, 9)]);
        assert_eq!(told, [Verdict::Fresh; 3]);
    }

    #[test]
    fn the_same_number_is_the_same_message() {
        let told = verdicts(&[frame(Kind::Ringing, 2), frame(Kind::Ringing, 2), frame(Kind::Accepted, 1)]);
        assert_eq!(told, [Verdict::Fresh, Verdict::Doubled, Verdict::OutOfOrder]);
    }

    #[test]
    fn the_same_payload_under_another_number_is_doubled() {
        assert_eq!(verdicts(&[candidate(1, 0), candidate(2, 1), candidate(3, 1)])[2], Verdict::Doubled);
        let offer = |seq| Frame { sdp: Some(payload::sdp(5, 300).to_string()), ..frame(Kind::Offer, seq) };
        assert_eq!(verdicts(&[offer(1), offer(2)]), [Verdict::Fresh, Verdict::Doubled]);
    }

    #[test]
    fn candidates_come_in_the_order_in_which_they_were_sent() {
        assert_eq!(verdicts(&[candidate(1, 1), candidate(2, 0)])[1], Verdict::OutOfOrder);
    }

    #[test]
    fn nothing_comes_behind_the_end() {
        let told = verdicts(&[frame(Kind::Ended, 3), candidate(4, 0), frame(Kind::Ended, 3)]);
        assert_eq!(told, [Verdict::Fresh, Verdict::AfterEnd, Verdict::Doubled]);
    }

    #[test]
    fn seen_names_what_lives_and_what_ended_of_late() {
        let mut ledger = Ledger::default();
        let start = Instant::now();
        ledger.know(&Arc::from("asked"));
        ledger.note(&Arc::from("old"), &frame(Kind::Ended, 7), start);
        ledger.note(&Arc::from("new"), &frame(Kind::Ended, 3), start + REMEMBERED);
        let seen: Vec<_> = ledger.seen().into_iter().map(|(call, seq)| (call.to_string(), seq)).collect();
        assert_eq!(seen, [("asked".to_owned(), 0), ("new".to_owned(), 3)]);
    }

    #[test]
    fn seen_never_names_more_than_a_gateway_takes() {
        let mut ledger = Ledger::default();
        for call in 0..1_000 {
            ledger.note(&Arc::from(call.to_string()), &frame(Kind::Ended, 1), Instant::now());
        }
        assert_eq!(ledger.seen().len(), MOST);
    }
}
