//! The documents this gateway saw last, and the newest entries of their mailboxes. Only a guess as to what is stored:
//! each commit is checked against the store. But should the store lose what it had, this is what is put back.

use std::{
    collections::VecDeque,
    ops::RangeInclusive,
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use ringback_call::{Call, CallId, FollowUp, Side};
use ringback_store::{
    Commit, Entry, Log, StoreError, Stored, Version,
    record::{self, Document, Envelope, Measured},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout_at},
};

/// Calls remembered at most. One takes about a kilobyte, some ten while it is set up.
const MAX_CALLS: u64 = 100_000;
/// Calls remembered at most that have ended.
const MAX_ENDED: u64 = 20_000;
/// For how long a call is remembered that has ended, or that no device here takes part in: the store may lose what
/// this gateway knows of it.
pub(super) const KEPT: Duration = Duration::from_secs(120);
/// Entries remembered of one call, and their bytes.
const MAX_ENTRIES: usize = 64;
const MAX_BYTES: usize = 128 * 1024;
/// Measurements of one call that wait for its next note.
const MAX_MEASURED: usize = 32;

/// A document as it was seen.
#[derive(Clone)]
pub struct Known {
    /// Which one.
    pub version: Version,
    /// What it says.
    pub document: Document,
    /// The same as it is stored.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({:?}, version {})", self.document.call.id, self.version)
    }
}

impl Known {
    /// Reads what the store holds now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(stored: &Stored) -> Result<Self, StoreError> {
        let document = record::decode_call(&stored.document)?;
        Ok(Self { version: stored.version, document, bytes: stored.document.clone() })
    }

    /// The call.
    pub const fn call(&self) -> &Call {
        &self.document.call
    }

    /// Whether this may be what `older` has become: it is, or that is too long ago for anybody to tell.
    pub(super) fn may_descend_from(&self, older: Version) -> bool {
        let too_old = older.count + (self.document.ancestors.len() as u64) < self.version.count;
        older == self.version || too_old || self.descends_from(older)
    }

    /// Whether this is what `older` has become, as far as that can be told.
    pub(super) fn descends_from(&self, older: Version) -> bool {
        self.document.descends_from(self.version, older)
    }
}

/// Something that was heard of a call: an entry, the document that came with it, what somebody read, or how long something took.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) entry: Option<(Log, u64, Bytes)>,
    pub(super) known: Option<News>,
    pub(super) measured: Option<Measured>,
}

/// A document that was heard of. Most come with a message about what is known already, by the reply to a commit that came
/// too late, and need not be read.
pub(super) enum News {
    /// It was read.
    Read(Box<Known>),
    /// As it came.
    Unread(Stored),
}

impl News {
    fn version(&self) -> Version {
        match self {
            Self::Read(known) => known.version,
            Self::Unread(stored) => stored.version,
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self, Self::Read(known) if known.call().has_ended())
    }

    /// `None` where it can't be read.
    fn read(self) -> Option<Known> {
        match self {
            Self::Read(known) => Some(*known),
            Self::Unread(stored) => Known::read(&stored).ok(),
        }
    }
}

/// One call's place. Its lock makes commands of one gateway take turns, so that they do not conflict in the store.
#[derive(Default)]
pub(super) struct Slot {
    place: Mutex<Place>,
    /// What was heard while the place was taken: it counts though the command that had it failed. A primary may die
    /// after it has told others of a commit whose reply it still owes.
    heard: std::sync::Mutex<Vec<Heard>>,
}

impl Slot {
    /// Waits for its turn.
    pub(super) async fn lock(&self) -> MutexGuard<'_, Place> {
        let mut place = self.place.lock().await;
        self.take_heard(&mut place);
        place
    }

    /// Whether this has been left for so long: nobody here takes part in the call, as far as is known, and nothing was
    /// learned of it. A place that is taken is not left.
    pub(super) fn is_left(&self, for_long: Duration, attended: impl FnOnce(&Call) -> bool) -> bool {
        let Ok(mut place) = self.place.try_lock() else { return false };
        self.take_heard(&mut place);
        if place.known.as_ref().is_some_and(|known| attended(known.call())) {
            place.left = None;
            return false;
        }
        place.left.get_or_insert_with(Instant::now).elapsed() >= for_long
    }

    fn take_heard(&self, place: &mut Place) {
        for heard in std::mem::take(&mut *self.heard()) {
            if let Err(other) = place.hear(heard) {
                place.contradiction = Some(*other);
            }
        }
    }

    /// Looks at what is known of the call, if that can be had by then.
    pub(super) async fn glance<T>(&self, by: Instant, look: impl FnOnce(&Known) -> T) -> Option<T> {
        let place = match self.place.try_lock() {
            Ok(place) => place,
            Err(_) => timeout_at(by, self.place.lock()).await.ok()?,
        };
        place.known.as_ref().map(look)
    }

    /// Takes note of what is heard; `false` where it contradicts what is known.
    pub(super) fn hear(&self, heard: Heard) -> bool {
        match self.place.try_lock() {
            Ok(mut place) => place.hear(heard).is_ok(),
            Err(_) => {
                let mut waiting = self.heard();
                if waiting.len() < MAX_ENTRIES {
                    waiting.push(heard);
                }
                true
            }
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
pub(super) struct Place {
    pub(super) known: Option<Known>,
    pub(super) recent: Recent,
    /// A commit that nobody knows the fate of. It is made sure of before anything else is committed: should it be lost,
    /// devices may have been told of it all the same, and its numbers must not be given to something else.
    pub(super) unsure: Option<Unsure>,
    /// What was heard, while a command was under way, of a history that contradicts what is known. Devices have been told
    /// of it: the store tells which of the two stands, before anything else is committed.
    pub(super) contradiction: Option<Known>,
    /// Whether it was put back, or may have been, and its users' lists do not name it yet.
    pub(super) unlisted: bool,
    /// When this gateway last renewed the call's time to live.
    pub(super) renewed: Option<Instant>,
    /// What the next note takes along.
    pub(super) measured: Vec<Measured>,
    /// When it was first seen that nobody here takes part, since something was learned.
    pub(super) left: Option<Instant>,
}

/// A commit whose answer did not come.
pub(super) struct Unsure {
    pub(super) commit: Commit,
    pub(super) known: Known,
    /// What it changed.
    pub(super) before: Option<Call>,
    /// What is to be done once it is sure.
    pub(super) follow_up: Option<FollowUp>,
    pub(super) since: Instant,
}

impl Place {
    /// Takes what the store is known to hold.
    pub(super) fn learn(&mut self, known: Known) {
        self.recent.trim(known.call());
        self.left = None;
        self.known = Some(known);
    }

    /// Takes what was committed, unless what has become of it was heard already.
    pub(super) fn done(&mut self, entries: Vec<Entry>, known: Known) {
        for Entry { log, seq, body, .. } in entries {
            self.recent.push(log, seq, body);
        }
        if !self.known.as_ref().is_some_and(|heard| heard.descends_from(known.version)) {
            self.learn(known);
        }
    }

    /// To be told with the next note; one more than fits is not told.
    pub(super) fn measure(&mut self, measured: Measured) {
        if self.measured.len() < MAX_MEASURED {
            self.measured.push(measured);
        }
    }

    /// Takes what was heard, if it is newer than what is known; the error is what contradicts that.
    fn hear(&mut self, heard: Heard) -> Result<(), Box<Known>> {
        if let Some((log, seq, body)) = heard.entry {
            self.recent.push(log, seq, body);
        }
        if let Some(measured) = heard.measured {
            self.measure(measured);
        }
        // A message that was overtaken by another needs no reading.
        let is_old = |known: &Known, version| known.version == version || known.descends_from(version);
        let news = heard.known.filter(|news| {
            let version = news.version();
            !self.known.as_ref().is_some_and(|known| is_old(known, version))
        });
        let Some(heard) = news.and_then(News::read) else { return Ok(()) };
        match &self.known {
            // Of a history that ours is not part of, however much longer it is: the store tells. Until then ours is not
            // forgotten, for devices may have been told of it.
            Some(known) if !heard.may_descend_from(known.version) => Err(Box::new(heard)),
            Some(_) | None => {
                self.learn(heard);
                Ok(())
            }
        }
    }
}

/// The newest entries of a call's mailboxes that nobody is known to have seen.
#[derive(Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    /// Notes are not put back, and would only drive out what is.
    pub(super) fn push(&mut self, log: Log, seq: u64, body: Bytes) {
        if log == Log::Notes {
            return;
        }
        if self.entries.iter().any(|entry| (entry.log, entry.seq, &entry.body) == (log, seq, &body)) {
            return;
        }
        self.bytes += body.len();
        self.entries.push_back(Entry { log, seq, body, nodes: Vec::new() });
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.body.len();
        }
    }

    /// Forgets what has been taken out of the mailboxes.
    fn trim(&mut self, call: &Call) {
        self.entries.retain(|entry| match entry.log {
            Log::Mailbox(side) => {
                let mailbox = &call.mailboxes[side];
                // Of a call that is over, the end is enough.
                if call.has_ended() {
                    return entry.seq == mailbox.last;
                }
                entry.seq > mailbox.trimmed || mailbox.own.is_none_or(|own| entry.seq <= own)
            }
            Log::Notes => false,
        });
        self.bytes = self.entries.iter().map(|entry| entry.body.len()).sum();
    }

    /// The numbers of one side's mailbox that only the `lost` history of two has handed out.
    pub(super) fn alone(&self, side: Side, lost: &Known, stored: &Known) -> Option<RangeInclusive<u64>> {
        let ours = self.entries.iter().filter(|entry| entry.log == Log::Mailbox(side));
        let alone = ours.filter(|entry| {
            let envelope = record::decode::<Envelope>("an envelope", &entry.body);
            envelope.is_ok_and(|envelope| !stored.may_descend_from(envelope.version))
        });
        let numbers: Vec<u64> = alone.map(|entry| entry.seq).collect();
        let (ours, theirs) = (lost.call().mailboxes[side].last, stored.call().mailboxes[side].last);
        let first = numbers.iter().min().copied().or((ours > theirs).then_some(theirs + 1))?;
        Some(first..=numbers.into_iter().fold(ours, u64::max))
    }

    /// What the mailboxes of this call are known to hold.
    pub(super) fn entries(&self, call: &Call) -> Vec<Entry> {
        let there = |entry: &&Entry| match entry.log {
            Log::Mailbox(side) => entry.seq <= call.mailboxes[side].last,
            Log::Notes => false,
        };
        self.entries.iter().filter(there).cloned().collect()
    }
}

type Slots = moka::sync::Cache<CallId, Arc<Slot>>;

pub(super) struct Cache {
    live: Slots,
    /// Calls that have ended of late: should the store lose their end, it is put back too.
    ended: Slots,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            live: Slots::builder().max_capacity(MAX_CALLS).build(),
            ended: Slots::builder().max_capacity(MAX_ENDED).time_to_live(KEPT).build(),
        }
    }
}

impl Cache {
    /// A call's place, made if there is none.
    pub(super) fn slot(&self, call: &CallId) -> Arc<Slot> {
        self.ended.get(call).unwrap_or_else(|| self.live.get_with_by_ref(call, Arc::default))
    }

    /// A call's place if there is one.
    pub(super) fn find(&self, call: &CallId) -> Option<Arc<Slot>> {
        self.ended.get(call).or_else(|| self.live.get(call))
    }

    /// Takes note in a call's place of what is heard of it; `false` where it contradicts what is known.
    pub(super) fn hear(&self, call: &CallId, slot: &Slot, heard: Heard) -> bool {
        let ended = heard.known.as_ref().is_some_and(News::has_ended);
        let agrees = slot.hear(heard);
        if agrees && ended {
            self.retire(call);
        }
        agrees
    }

    /// Gives a call's place back.
    pub(super) fn release(&self, call: &CallId, place: MutexGuard<'_, Place>) {
        let ended = place.known.as_ref().map(|known| known.call().has_ended());
        drop(place);
        match ended {
            Some(true) => self.retire(call),
            Some(false) => {}
            None => self.forget(call),
        }
    }

    pub(super) fn forget(&self, call: &CallId) {
        self.live.invalidate(call);
        self.ended.invalidate(call);
    }

    /// A call has ended, as its place knows.
    fn retire(&self, call: &CallId) {
        if let Some(slot) = self.live.remove(call) {
            self.ended.insert(call.clone(), slot);
        }
    }

    /// Every call that is not known to have ended, in the order of their names.
    pub(super) fn live(&self) -> Vec<(CallId, Arc<Slot>)> {
        let mut live: Vec<_> = self.live.iter().map(|(call, slot)| ((*call).clone(), slot)).collect();
        live.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        live
    }

    /// The same calls, in no order.
    pub(super) fn live_places(&self) -> impl Iterator<Item = (Arc<CallId>, Arc<Slot>)> {
        self.live.iter()
    }

    /// Forgets this place of a call, unless the call has another by now.
    pub(super) fn let_go(&self, call: &CallId, slot: &Arc<Slot>) {
        if self.live.get(call).is_some_and(|now| Arc::ptr_eq(&now, slot)) {
            self.live.invalidate(call);
        }
    }

    /// Every call that is known.
    pub(super) fn all(&self) -> Vec<CallId> {
        self.live.iter().chain(self.ended.iter()).map(|(call, _)| (*call).clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::{
        ConnectionId, DeviceId, Link, Media, NodeId, Opening, Origin, RequestId, Rules, SessionId, Side,
        Timestamp, UserId,
    };

    use super::*;

    fn call() -> Call {
        let link = Link { node: NodeId::new("gw-1").unwrap(), connection: ConnectionId(1) };
        let from = Origin {
            user: UserId::new("alice").unwrap(),
            device: DeviceId::new("phone").unwrap(),
            session: SessionId::new("s").unwrap(),
            link,
            seen: 0,
        };
        let opening = Opening {
            id: CallId::new("p0-1").unwrap(),
            from,
            request: RequestId(1),
            to: UserId::new("bob").unwrap(),
            media: Media { audio: true, video: false },
            metadata: None,
            traceparent: None,
            at: Timestamp(1),
        };
        Rules::default().open(&opening).unwrap().next.unwrap()
    }

    /// The change with this count and stamp, made from changes with these stamps, the newest first.
    fn known(count: u64, stamp: u32, ancestors: &[u32]) -> Known {
        let document = Document { call: call(), ancestors: ancestors.to_vec() };
        Known { version: Version { count, stamp }, document, bytes: Bytes::new() }
    }

    fn hear(place: &mut Place, heard: Known) -> bool {
        place.hear(Heard { known: Some(News::Read(Box::new(heard))), ..Heard::default() }).is_ok()
    }

    #[test]
    fn a_history_that_contradicts_ours_does_not_take_its_place_however_long_it_is() {
        let mut place = Place::default();
        assert!(hear(&mut place, known(5, 0x5a, &[4, 3])));
        assert!(
            !hear(&mut place, known(6, 0x6b, &[0x5b, 4, 3])),
            "another fifth change was made of the fourth"
        );
        assert!(hear(&mut place, known(4, 4, &[3])), "one that was overtaken");
        assert_eq!(place.known.as_ref().unwrap().version.stamp, 0x5a);
        assert!(hear(&mut place, known(6, 0x6a, &[0x5a, 4, 3])));
        assert!(hear(&mut place, known(9, 9, &[8, 7])), "too far on for anybody to tell");
    }

    #[test]
    fn a_commit_that_is_made_sure_of_is_not_newer_than_what_became_of_it() {
        let mut place = Place::default();
        assert!(hear(&mut place, known(5, 5, &[4, 3])));
        assert!(hear(&mut place, known(7, 7, &[6, 5, 4])));
        place.done(Vec::new(), known(6, 6, &[5, 4]));
        assert_eq!(place.known.as_ref().unwrap().version.count, 7);
        place.done(Vec::new(), known(8, 8, &[7, 6]));
        assert_eq!(place.known.as_ref().unwrap().version.count, 8);
    }

    #[test]
    fn what_is_remembered_of_a_call_is_bounded() {
        let mut recent = Recent::default();
        for seq in 1..=1_000 {
            recent.push(Log::Mailbox(Side::Caller), seq, Bytes::from(vec![0; 4_096]));
            recent.push(Log::Mailbox(Side::Caller), seq, Bytes::from(vec![0; 4_096]));
        }
        assert_eq!((recent.entries.len(), recent.bytes), (32, 128 * 1024));
        assert_eq!(recent.entries.front().unwrap().seq, 969);
        recent.push(Log::Mailbox(Side::Caller), 1_001, Bytes::from(vec![0; 4 * MAX_BYTES]));
        assert!(recent.entries.is_empty() && recent.bytes == 0, "one too large to be kept");
    }
}
