use std::sync::Arc;

use ringback_call::{Endpoint, SessionId};

use super::stage::{device, unique, until, user};
use crate::Store;

fn somebody() -> (Endpoint, SessionId) {
    let owner = Endpoint { user: user(), device: device("phone") };
    (owner, SessionId::new(unique("s")).unwrap())
}

pub(super) async fn a_session_is_kept_for_its_device_alone(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    assert!(!store.is_kept(&owner, &session).await.unwrap());
    store.keep(&owner, &session, 60_000).await.unwrap();
    assert!(store.is_kept(&owner, &session).await.unwrap());
    let tablet = Endpoint { device: device("tablet"), ..owner.clone() };
    let stranger = Endpoint { user: user(), ..owner.clone() };
    for other in [tablet, stranger] {
        assert!(!store.is_kept(&other, &session).await.unwrap());
    }
    assert!(!store.is_kept(&owner, &somebody().1).await.unwrap());
}

pub(super) async fn a_session_ends_with_its_time(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    store.keep(&owner, &session, 40).await.unwrap();
    let gone = || async { !store.is_kept(&owner, &session).await.unwrap() };
    until("the session is gone", gone).await;
}

pub(super) async fn a_session_kept_again_gets_new_time(store: Arc<dyn Store>) {
    let (owner, session) = somebody();
    store.keep(&owner, &session, 60_000).await.unwrap();
    store.keep(&owner, &session, 40).await.unwrap();
    let gone = || async { !store.is_kept(&owner, &session).await.unwrap() };
    until("the session is gone after the shorter time", gone).await;
    store.keep(&owner, &session, 60_000).await.unwrap();
    assert!(store.is_kept(&owner, &session).await.unwrap());
}
