use std::sync::Arc;

use bytes::Bytes;
use ringback_call::{CallId, DeviceId, Timestamp, UserId};

use super::stage::{device, unique, until, user};
use crate::{DEVICES_HEARD, Ended, LogBounds, LogEntry, LogPage, LogPlace, Missed, Store, UserRecord};

const DAY: u64 = 86_400_000;
const BOUNDS: LogBounds = LogBounds { entries: 100, age_ms: DAY };
const NEVER: Timestamp = Timestamp(0);

/// One user's log.
struct Diary {
    store: Arc<dyn Store>,
    user: UserId,
    bounds: LogBounds,
}

impl Diary {
    fn new(store: Arc<dyn Store>) -> Self {
        Self::bounded(store, BOUNDS)
    }

    fn bounded(store: Arc<dyn Store>, bounds: LogBounds) -> Self {
        Self { store, user: user(), bounds }
    }

    async fn write(&self, call: &CallId, at: u64, record: impl Into<Bytes>, missed: bool) {
        let log = Some(LogEntry { record: record.into(), missed, bounds: self.bounds });
        let ended = Ended { at: Timestamp(at), keep_ms: 60_000, log };
        self.store.delist(&self.user, call, Some(ended)).await.unwrap();
    }

    async fn missed_one(&self, name: &str, at: u64) {
        self.write(&call(name), at, name.to_owned(), true).await;
    }

    async fn page(&self, before: Option<LogPlace>, since: u64, limit: usize) -> Vec<(LogPlace, Bytes)> {
        let page = LogPage { before, since: Timestamp(since), limit };
        self.store.log(&self.user, page).await.unwrap()
    }

    async fn records(&self) -> Vec<Bytes> {
        self.page(None, 0, 1_000).await.into_iter().map(|(_, record)| record).collect()
    }

    async fn missed_by(&self, device: &DeviceId) -> Missed {
        self.store.missed(&self.user, device, NEVER, 10).await.unwrap()
    }

    async fn confirm(&self, device: &DeviceId, until: Timestamp) {
        self.store.confirm(&self.user, device, until, DAY).await.unwrap();
    }
}

fn call(name: &str) -> CallId {
    CallId::new(unique(&format!("p0-{name}"))).unwrap()
}

fn place(call: &CallId, at: u64) -> LogPlace {
    LogPlace { ended_at: Timestamp(at), call: call.clone() }
}

pub(super) async fn an_unknown_user_has_an_empty_log(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    assert_eq!(diary.page(None, 0, 10).await, []);
    assert_eq!(diary.missed_by(&device("phone")).await, Missed::default());
}

pub(super) async fn what_is_taken_off_the_list_is_in_the_log(store: Arc<dyn Store>) {
    let diary = Diary::new(Arc::clone(&store));
    let (logged, gone) = (call("logged"), call("gone"));
    for call in [&logged, &gone] {
        store.enlist(&diary.user, call, Timestamp(1), 9, None).await.unwrap();
    }
    let record = Bytes::from_static(b"\x00\xff bytes of every kind\r\n\x01");
    diary.write(&logged, 1_000, record.clone(), false).await;
    let ended = Ended { at: Timestamp(1_001), keep_ms: 60_000, log: None };
    store.delist(&diary.user, &gone, Some(ended)).await.unwrap();
    let mut of_late = vec![logged.clone(), gone];
    of_late.sort_unstable();
    assert_eq!(store.lookup(&diary.user).await.unwrap(), UserRecord::default());
    assert_eq!(store.last_ended(&diary.user).await.unwrap(), of_late);
    assert_eq!(diary.page(None, 0, 10).await, [(place(&logged, 1_000), record)]);
    // Not into anybody else's.
    assert_eq!(Diary::new(store).page(None, 0, 10).await, []);
}

pub(super) async fn the_newest_is_first(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    for (name, at) in [("b", 2_000), ("d", 4_000), ("a", 1_000), ("c", 3_000)] {
        diary.write(&call(name), at, name, false).await;
    }
    assert_eq!(diary.records().await, ["d", "c", "b", "a"]);
}

pub(super) async fn a_log_is_read_page_by_page(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    for n in 0..7_u64 {
        diary.write(&call("x"), 1_000 + n, n.to_string(), false).await;
    }
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let page = diary.page(before.clone(), 0, 3).await;
        let Some((last, _)) = page.last() else { break };
        before = Some(last.clone());
        pages.push(page.into_iter().map(|(_, record)| record).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["6", "5", "4"], vec!["3", "2", "1"], vec!["0"]]);
    assert_eq!(diary.page(None, 0, 0).await, []);
    // From the place of a call that is not there.
    let from = LogPlace { ended_at: Timestamp(1_002), call: call("nobody") };
    assert!(diary.page(Some(from), 0, 9).await.len() >= 2);
}

pub(super) async fn what_ended_in_the_same_millisecond_is_on_one_page_or_the_next(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let mut expected = Vec::new();
    for _ in 0..9 {
        let call = call("tie");
        diary.write(&call, 5_000, call.as_str().to_owned(), false).await;
        expected.push(call);
    }
    expected.sort_unstable();
    expected.reverse();
    let (mut before, mut found) = (None, Vec::new());
    loop {
        let page = diary.page(before.clone(), 0, 2).await;
        let Some((last, _)) = page.last() else { break };
        before = Some(last.clone());
        found.extend(page.into_iter().map(|(place, _)| place.call));
    }
    assert_eq!(found, expected);
}

pub(super) async fn what_is_too_old_is_not_told(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    for at in [1_000, 2_000, 3_000] {
        diary.write(&call("x"), at, at.to_string(), false).await;
    }
    let told: Vec<_> = diary.page(None, 2_000, 9).await.into_iter().map(|(_, record)| record).collect();
    assert_eq!(told, ["3000", "2000"]);
}

pub(super) async fn a_call_is_written_down_once(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let (twice, other) = (call("twice"), call("other"));
    diary.write(&twice, 1_000, "first", true).await;
    diary.write(&other, 1_500, "other", false).await;
    let told = diary.missed_by(&device("phone")).await;
    diary.write(&twice, 1_000, "first", true).await;
    assert_eq!(diary.records().await, ["other", "first"]);
    assert_eq!(diary.missed_by(&device("phone")).await, told, "nothing new");
    // What is known of its end has changed.
    diary.write(&twice, 2_000, "second", true).await;
    assert_eq!(diary.records().await, ["second", "other"]);
}

pub(super) async fn a_log_keeps_the_last_calls(store: Arc<dyn Store>) {
    let diary = Diary::bounded(store, LogBounds { entries: 3, age_ms: DAY });
    for n in [4_u64, 1, 5, 2, 3] {
        diary.write(&call("x"), 1_000 + n, n.to_string(), false).await;
    }
    assert_eq!(diary.records().await, ["5", "4", "3"]);
}

pub(super) async fn a_log_keeps_no_call_longer_than_asked(store: Arc<dyn Store>) {
    let diary = Diary::bounded(store, LogBounds { entries: 9, age_ms: 60_000 });
    for at in [100_000, 159_999, 160_000, 220_000] {
        diary.write(&call("x"), at, at.to_string(), false).await;
    }
    assert_eq!(diary.records().await, ["220000", "160000"]);
}

pub(super) async fn a_log_ends_with_its_time(store: Arc<dyn Store>) {
    let diary = Diary::bounded(store, LogBounds { entries: 9, age_ms: 200 });
    let phone = device("phone");
    diary.write(&call("x"), 1_000, "brief", true).await;
    until("the log ends", || async {
        diary.records().await.is_empty() && diary.missed_by(&phone).await == Missed::default()
    })
    .await;
}

pub(super) async fn missed_calls_are_told_until_they_are_confirmed(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let phone = device("phone");
    diary.missed_one("a", 1_000).await;
    diary.write(&call("answered"), 1_500, "answered", false).await;
    diary.missed_one("b", 2_000).await;
    let told = diary.missed_by(&phone).await;
    assert_eq!(told.records, ["b", "a"]);
    assert_eq!(diary.missed_by(&phone).await, told, "told again");
    let newest = diary.store.missed(&diary.user, &phone, NEVER, 1).await.unwrap();
    assert_eq!((newest.records, newest.until), (vec!["b".into()], told.until));
    let known = diary.store.missed(&diary.user, &phone, told.until, 9).await.unwrap();
    assert_eq!(known, Missed::default());
    diary.confirm(&phone, told.until).await;
    assert_eq!(diary.missed_by(&phone).await, Missed::default());
    diary.missed_one("c", 3_000).await;
    let next = diary.missed_by(&phone).await;
    assert_eq!(next.records, ["c"]);
    assert!(next.until > told.until);
}

pub(super) async fn each_device_confirms_for_itself(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let (phone, tablet) = (device("phone"), device("tablet"));
    diary.missed_one("a", 1_000).await;
    let told = diary.missed_by(&phone).await;
    diary.confirm(&phone, told.until).await;
    assert_eq!(diary.missed_by(&phone).await, Missed::default());
    assert_eq!(diary.missed_by(&tablet).await, told);
}

pub(super) async fn an_older_word_takes_nothing_back(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let phone = device("phone");
    diary.missed_one("a", 1_000).await;
    let until = diary.missed_by(&phone).await.until;
    diary.confirm(&phone, until).await;
    diary.confirm(&phone, Timestamp(until.0 - 1)).await;
    assert_eq!(diary.missed_by(&phone).await, Missed::default());
}

/// Its end was stored before those that the device knows of, and its gateway died before it could write.
pub(super) async fn a_missed_call_written_late_is_told_all_the_same(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let phone = device("phone");
    diary.missed_one("early", 5_000).await;
    diary.confirm(&phone, diary.missed_by(&phone).await.until).await;
    diary.missed_one("late", 4_000).await;
    assert_eq!(diary.missed_by(&phone).await.records, ["late"]);
}

pub(super) async fn a_call_that_was_not_missed_after_all_is_not_told(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let doubtful = call("doubtful");
    diary.write(&doubtful, 1_000, "missed", true).await;
    diary.write(&doubtful, 1_000, "answered", false).await;
    assert_eq!(diary.missed_by(&device("phone")).await, Missed::default());
    assert_eq!(diary.records().await, ["answered"]);
}

pub(super) async fn what_is_gone_from_the_log_is_not_told(store: Arc<dyn Store>) {
    let diary = Diary::bounded(store, LogBounds { entries: 1, age_ms: DAY });
    diary.missed_one("old", 1_000).await;
    diary.missed_one("new", 2_000).await;
    assert_eq!(diary.missed_by(&device("phone")).await.records, ["new"]);
}

pub(super) async fn the_last_devices_are_heard(store: Arc<dyn Store>) {
    let diary = Diary::new(store);
    let (first, last) = (device("first"), device("last"));
    diary.missed_one("a", 1_000).await;
    let until = diary.missed_by(&first).await.until;
    diary.confirm(&first, until).await;
    for n in 0..DEVICES_HEARD {
        diary.confirm(&device(&format!("d{n}")), until.after(1)).await;
    }
    diary.confirm(&last, until.after(2)).await;
    assert_eq!(diary.missed_by(&first).await.records, ["a"]);
    assert_eq!(diary.missed_by(&last).await, Missed::default());
}
