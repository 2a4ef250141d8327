use std::sync::Arc;

use bytes::Bytes;
use ringback_call::{Endpoint, SessionId};

use super::stage::{device, unique, until, user};
use crate::Store;

fn somebody() -> (Endpoint, SessionId) {
    let owner = Endpoint { user: user(), device: device("phone") };
    (owner, SessionId::new(unique("s")).unwrap())
}

async fn kept(store: &Arc<dyn Store>, owner: &Endpoint, session: &SessionId) -> bool {
    store.greet(owner, Some(session)).await.unwrap().notes.is_some()
}

pub(super) async fn a_session_is_kept_for_its_device_alone(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    assert!(!kept(&store, &owner, &session).await);
    store.keep(&owner, &session, Bytes::new(), 60_000).await.unwrap();
    assert!(kept(&store, &owner, &session).await);
    let tablet = Endpoint { device: device("tablet"), ..owner.clone() };
    let stranger = Endpoint { user: user(), ..owner.clone() };
    for other in [tablet, stranger] {
        assert!(!kept(&store, &other, &session).await);
    }
    assert!(!kept(&store, &owner, &somebody().1).await);
}

pub(super) async fn a_session_ends_with_its_time(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    store.keep(&owner, &session, Bytes::new(), 40).await.unwrap();
    let gone = || async { !kept(&store, &owner, &session).await };
    until("the session is gone", gone).await;
}

pub(super) async fn a_session_kept_again_gets_new_time(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    store.keep(&owner, &session, Bytes::new(), 60_000).await.unwrap();
    store.keep(&owner, &session, Bytes::new(), 40).await.unwrap();
    let gone = || async { !kept(&store, &owner, &session).await };
    until("the session is gone after the shorter time", gone).await;
    store.keep(&owner, &session, Bytes::new(), 60_000).await.unwrap();
    assert!(kept(&store, &owner, &session).await);
}

pub(super) async fn the_connections_of_a_user_share_a_clock_that_grows(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    let mut last = 0;
    for n in 0..50 {
        let greeted = store.greet(&owner, (n % 2 == 0).then_some(&session)).await.unwrap();
        assert!(greeted.now_us > last && greeted.notes.is_none());
        last = greeted.now_us;
    }
    let (year_2020, year_2100) = (1_577_836_800_000_000, 4_102_444_800_000_000);
    assert!((year_2020..year_2100).contains(&last), "microseconds since the epoch: {last}");
}

pub(super) async fn what_is_remembered_of_a_session_comes_back(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    for notes in [Bytes::from_static(b"a b\0\xff "), Bytes::new(), Bytes::from(vec![b' '; 4_000])] {
        store.keep(&owner, &session, notes.clone(), 60_000).await.unwrap();
        assert_eq!(store.greet(&owner, Some(&session)).await.unwrap().notes, Some(notes));
    }
}
