use std::sync::Arc;

use ringback_call::{CallId, ConnectionId, DeviceId, Timestamp, UserId};

use super::stage::{Two, device, node, route, unique, user};
use crate::{Attempt, Ended, Enlisted, LAST_ENDED, Listed, Pace, Registered, Route, Store, UserRecord};

/// When calls are put on a list.
const AT: Timestamp = Timestamp(77);

fn listed(call: &CallId) -> Listed {
    Listed { call: call.clone(), at: AT }
}

/// The first number that a double can't tell from its neighbour.
const ODD: u64 = 9_007_199_254_740_992;

fn record(routes: &[(&DeviceId, &Route)]) -> UserRecord {
    let routes = routes.iter().map(|&(device, route)| (device.clone(), route.clone())).collect();
    UserRecord { routes, ..UserRecord::default() }
}

fn done(replaced: Option<&Route>, routes: &[(&DeviceId, &Route)]) -> Registered {
    Registered::Done { replaced: replaced.cloned(), record: record(routes) }
}

fn ended(at: u64) -> Option<Ended> {
    Some(Ended { at: Timestamp(at), keep_ms: 5_000, log: None })
}

fn call() -> CallId {
    CallId::new(unique("p0")).unwrap()
}

pub(super) async fn an_unknown_user_has_an_empty_record(store: Arc<dyn Store>) {
    let user = user();
    assert_eq!(store.lookup(&user).await.unwrap(), UserRecord::default());
    assert!(!store.unregister(&user, &device("d"), ConnectionId(1)).await.unwrap());
    store.delist(&user, &call(), None).await.unwrap();
    assert_eq!(store.lookup(&user).await.unwrap(), UserRecord::default());
}

pub(super) async fn a_device_is_registered(store: Arc<dyn Store>) {
    let (user, phone, at) = (user(), device("phone"), route(&node("n"), 7));
    let outcome = store.register(&user, &phone, at.clone(), 3).await.unwrap();
    assert_eq!(outcome, done(None, &[(&phone, &at)]));
    assert_eq!(store.lookup(&user).await.unwrap(), record(&[(&phone, &at)]));
}

pub(super) async fn a_newer_connection_takes_the_place(store: Arc<dyn Store>) {
    let (user, phone) = (user(), device("phone"));
    let (old, new) = (route(&node("a"), 7), route(&node("b"), 8));
    store.register(&user, &phone, old.clone(), 3).await.unwrap();
    let outcome = store.register(&user, &phone, new.clone(), 3).await.unwrap();
    assert_eq!(outcome, done(Some(&old), &[(&phone, &new)]));
    assert_eq!(store.lookup(&user).await.unwrap(), record(&[(&phone, &new)]));
}

pub(super) async fn an_older_connection_is_superseded(store: Arc<dyn Store>) {
    let (user, phone) = (user(), device("phone"));
    let (old, new) = (route(&node("a"), 99), route(&node("b"), 100));
    store.register(&user, &phone, new.clone(), 3).await.unwrap();
    assert_eq!(store.register(&user, &phone, old, 3).await.unwrap(), Registered::Superseded(new.clone()));
    assert_eq!(store.lookup(&user).await.unwrap(), record(&[(&phone, &new)]));
}

pub(super) async fn connections_that_differ_in_the_last_digit_are_told_apart(store: Arc<dyn Store>) {
    let node = node("n");
    for base in [ODD, u64::MAX - 1, 9_999_999_999_999_999_999] {
        let (user, phone) = (user(), device("phone"));
        let (old, new) = (route(&node, base), route(&node, base + 1));
        store.register(&user, &phone, old.clone(), 3).await.unwrap();
        let outcome = store.register(&user, &phone, new.clone(), 3).await.unwrap();
        assert_eq!(outcome, done(Some(&old), &[(&phone, &new)]));
        assert_eq!(
            store.register(&user, &phone, old.clone(), 3).await.unwrap(),
            Registered::Superseded(new.clone())
        );
        assert!(!store.unregister(&user, &phone, old.connection).await.unwrap());
        assert!(store.unregister(&user, &phone, new.connection).await.unwrap());
    }
}

pub(super) async fn the_same_route_again_replaces_nothing(store: Arc<dyn Store>) {
    let (user, phone, at) = (user(), device("phone"), route(&node("n"), ODD + 1));
    for _ in 0..2 {
        let outcome = store.register(&user, &phone, at.clone(), 1).await.unwrap();
        assert_eq!(outcome, done(None, &[(&phone, &at)]));
    }
}

pub(super) async fn there_are_no_more_devices_than_allowed(store: Arc<dyn Store>) {
    let (user, node) = (user(), node("n"));
    let (a, b, c) = (device("a"), device("b"), device("c"));
    let at = [1, 2, 3].map(|connection| route(&node, connection));
    store.register(&user, &a, at[0].clone(), 2).await.unwrap();
    store.register(&user, &b, at[1].clone(), 2).await.unwrap();
    let both = record(&[(&a, &at[0]), (&b, &at[1])]);
    let outcome = store.register(&user, &c, at[2].clone(), 2).await.unwrap();
    assert_eq!(outcome, Registered::TooMany(both.clone()));
    assert_eq!(store.lookup(&user).await.unwrap(), both);
    assert!(store.unregister(&user, &a, ConnectionId(1)).await.unwrap());
    let outcome = store.register(&user, &c, at[2].clone(), 2).await.unwrap();
    assert_eq!(outcome, done(None, &[(&b, &at[1]), (&c, &at[2])]));
}

pub(super) async fn a_known_device_is_not_one_too_many(store: Arc<dyn Store>) {
    let (user, phone, node) = (user(), device("phone"), node("n"));
    let (old, new) = (route(&node, 1), route(&node, 2));
    store.register(&user, &phone, old.clone(), 1).await.unwrap();
    // Calls are on the same record and are no devices.
    store.enlist(&user, &call(), AT, 5, None).await.unwrap();
    match store.register(&user, &phone, new, 1).await.unwrap() {
        Registered::Done { replaced, record } => {
            assert_eq!(replaced, Some(old));
            assert_eq!((record.routes.len(), record.calls.len()), (1, 1));
        }
        other => panic!("{other:?}"),
    }
}

pub(super) async fn only_its_own_route_is_unregistered(store: Arc<dyn Store>) {
    let (user, phone, at) = (user(), device("phone"), route(&node("n"), 20));
    store.register(&user, &phone, at.clone(), 3).await.unwrap();
    for other in [2, 19, 21, 200] {
        assert!(!store.unregister(&user, &phone, ConnectionId(other)).await.unwrap());
    }
    assert!(!store.unregister(&user, &device("tablet"), ConnectionId(20)).await.unwrap());
    assert_eq!(store.lookup(&user).await.unwrap(), record(&[(&phone, &at)]));
    assert!(store.unregister(&user, &phone, ConnectionId(20)).await.unwrap());
    assert!(!store.unregister(&user, &phone, ConnectionId(20)).await.unwrap());
    assert_eq!(store.lookup(&user).await.unwrap(), UserRecord::default());
}

pub(super) async fn a_record_is_sorted(store: Arc<dyn Store>) {
    let (user, node) = (user(), node("n"));
    for name in ["m", "a", "z", "B", "10", "9"] {
        store.register(&user, &device(name), route(&node, 1), 10).await.unwrap();
    }
    let mut calls: Vec<CallId> = (0..6).map(|_| call()).collect();
    for call in &calls {
        store.enlist(&user, call, AT, 10, None).await.unwrap();
    }
    calls.sort_unstable();
    let record = store.lookup(&user).await.unwrap();
    let devices: Vec<&str> = record.routes.iter().map(|(device, _)| device.as_str()).collect();
    assert_eq!(devices, ["10", "9", "B", "a", "m", "z"]);
    assert_eq!(record.calls, calls.iter().map(listed).collect::<Vec<_>>());
}

pub(super) async fn calls_are_listed(store: Arc<dyn Store>) {
    let (user, phone, at) = (user(), device("phone"), route(&node("n"), 1));
    store.register(&user, &phone, at, 3).await.unwrap();
    let call = call();
    for _ in 0..2 {
        match store.enlist(&user, &call, AT, 1, None).await.unwrap() {
            Enlisted::Done(record) => {
                assert_eq!(record.calls, [listed(&call)]);
                assert_eq!(record.routes.len(), 1);
            }
            other => panic!("it is on the list already: {other:?}"),
        }
    }
    assert_eq!(store.lookup(&user).await.unwrap().calls, [listed(&call)]);
}

pub(super) async fn a_full_list_takes_no_other_call(store: Arc<dyn Store>) {
    let user = user();
    let (first, second) = (call(), call());
    store.enlist(&user, &first, AT, 1, None).await.unwrap();
    match store.enlist(&user, &second, AT, 1, None).await.unwrap() {
        Enlisted::Full(record) => assert_eq!(record.calls, [listed(&first)]),
        other => panic!("it was full: {other:?}"),
    }
    store.delist(&user, &first, None).await.unwrap();
    assert!(matches!(store.enlist(&user, &second, AT, 1, None).await.unwrap(), Enlisted::Done(_)));
    assert_eq!(store.lookup(&user).await.unwrap().calls, [listed(&second)]);
    assert!(matches!(store.enlist(&user, &first, AT, 0, None).await.unwrap(), Enlisted::Full(_)));
}

pub(super) async fn to_delist_twice_is_harmless(store: Arc<dyn Store>) {
    let user = user();
    let (first, second) = (call(), call());
    store.enlist(&user, &first, AT, 5, None).await.unwrap();
    store.enlist(&user, &second, AT, 5, None).await.unwrap();
    for _ in 0..2 {
        store.delist(&user, &first, None).await.unwrap();
        assert_eq!(store.lookup(&user).await.unwrap().calls, [listed(&second)]);
    }
}

pub(super) async fn a_list_says_since_when(store: Arc<dyn Store>) {
    let (user, call) = (user(), call());
    store.enlist(&user, &call, Timestamp(5), 5, None).await.unwrap();
    store.enlist(&user, &call, Timestamp(9), 5, None).await.unwrap();
    assert_eq!(store.lookup(&user).await.unwrap().calls, [Listed { call, at: Timestamp(5) }]);
}

pub(super) async fn the_last_calls_that_ended_are_remembered(store: Arc<dyn Store>) {
    let user = user();
    let calls: Vec<CallId> = (0..40).map(|_| call()).collect();
    for (n, call) in (0..).zip(&calls) {
        store.enlist(&user, call, AT, 99, None).await.unwrap();
        store.delist(&user, call, ended(1_000 + n)).await.unwrap();
    }
    let mut expected = calls[40 - LAST_ENDED..].to_vec();
    expected.sort_unstable();
    assert_eq!(store.last_ended(&user).await.unwrap(), expected);
    assert_eq!(store.lookup(&user).await.unwrap(), UserRecord::default(), "the list itself is empty");
    // Each for its time only.
    let late = call();
    store.delist(&user, &late, ended(9_000)).await.unwrap();
    assert_eq!(store.last_ended(&user).await.unwrap(), [late]);
}

pub(super) async fn names_may_be_odd(store: Arc<dyn Store>) {
    let node = node("n");
    let unique = unique("");
    let odd =
        ["{x}", "}{", "a:b:c", "  ", "\"'`$(x)", "Zoë ☎", "日本", "*?[a]", "%00\\0", ":", "-", "{p0}:nodes"];
    let users: Vec<UserId> = odd.iter().map(|name| UserId::new(format!("{name}{unique}")).unwrap()).collect();
    for (connection, user) in (1..).zip(&users) {
        store.register(user, &device("d"), route(&node, connection), 1).await.unwrap();
    }
    for (connection, user) in (1..).zip(&users) {
        let at = route(&node, connection);
        assert_eq!(store.lookup(user).await.unwrap(), record(&[(&device("d"), &at)]));
    }
    // As halves of a pair, too.
    for (n, a) in users.iter().enumerate() {
        Two::between(&store, a, &users[(n + 1) % users.len()]).placed().await;
    }
}

/// So many at once, and then none for a long time.
const AT_ONCE: Pace = Pace { every_ms: 600_000, burst: 3 };

async fn attempt(
    store: &Arc<dyn Store>,
    user: &UserId,
    call: &CallId,
    kind: Attempt,
    pace: Pace,
) -> Enlisted {
    store.enlist(user, call, AT, 99, Some((kind, pace))).await.unwrap()
}

pub(super) async fn attempts_come_at_their_pace(store: Arc<dyn Store>) {
    let [user, other, quick] = [(); 3].map(|()| user());
    for n in 0..3 {
        let made = attempt(&store, &user, &call(), Attempt::Made, AT_ONCE).await;
        assert!(matches!(&made, Enlisted::Done(record) if record.calls.len() == n + 1), "{n}: {made:?}");
    }
    let late = call();
    let Enlisted::TooSoon(wait) = attempt(&store, &user, &late, Attempt::Made, AT_ONCE).await else {
        panic!("the fourth of three")
    };
    assert!((500_000..=600_000).contains(&wait), "{wait}");
    let record = store.lookup(&user).await.unwrap();
    assert!(!record.calls.contains(&listed(&late)) && record.calls.len() == 3, "it changes nothing");
    // The other kind, and another user, have a pace of their own.
    assert!(matches!(attempt(&store, &user, &call(), Attempt::Received, AT_ONCE).await, Enlisted::Done(_)));
    assert!(matches!(attempt(&store, &other, &call(), Attempt::Made, AT_ONCE).await, Enlisted::Done(_)));
    // Who waits as long as told may try again, once.
    let pace = Pace { every_ms: 300, burst: 1 };
    assert!(matches!(attempt(&store, &quick, &call(), Attempt::Made, pace).await, Enlisted::Done(_)));
    let Enlisted::TooSoon(wait) = attempt(&store, &quick, &late, Attempt::Made, pace).await else {
        panic!("the second of one")
    };
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    assert!(matches!(attempt(&store, &quick, &late, Attempt::Made, pace).await, Enlisted::Done(_)));
    assert!(matches!(attempt(&store, &quick, &call(), Attempt::Made, pace).await, Enlisted::TooSoon(_)));
}

pub(super) async fn what_is_no_attempt_is_not_counted(store: Arc<dyn Store>) {
    let (user, one) = (user(), call());
    for _ in 0..9 {
        let again = attempt(&store, &user, &one, Attempt::Made, AT_ONCE).await;
        assert!(matches!(again, Enlisted::Done(_)), "sent again, or tried again: {again:?}");
        store.enlist(&user, &call(), AT, 99, None).await.unwrap();
    }
    // One for which there is no room is one.
    let full = store.enlist(&user, &call(), AT, 1, Some((Attempt::Made, AT_ONCE))).await.unwrap();
    assert!(matches!(full, Enlisted::Full(_)), "{full:?}");
    assert!(matches!(attempt(&store, &user, &call(), Attempt::Made, AT_ONCE).await, Enlisted::Done(_)));
    assert!(matches!(attempt(&store, &user, &call(), Attempt::Made, AT_ONCE).await, Enlisted::TooSoon(_)));
}

pub(super) async fn of_many_attempts_at_once_no_more_than_may_be_succeed(store: Arc<dyn Store>) {
    let user = user();
    let attempts =
        (0..20).map(|_| async { attempt(&store, &user, &call(), Attempt::Received, AT_ONCE).await });
    let made = futures::future::join_all(attempts).await;
    assert_eq!(made.iter().filter(|made| matches!(made, Enlisted::Done(_))).count(), 3, "{made:?}");
}
