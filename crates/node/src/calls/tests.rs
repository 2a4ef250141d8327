use ringback_call::{Action, Side};
use ringback_store::{Calls as _, Commit, Pair};
use tokio::time::{advance, sleep};

use super::{
    cache::{KEPT, Slot},
    unsure::Unsure,
    *,
};
use crate::stage::Stage;

/// A commit of this gateway, made of a document, whose answer did not come.
fn unsure(base: &Known) -> Unsure {
    let known = Stage::succeeded(base, 0x0a);
    let call = known.call();
    let commit = Commit {
        call: call.id.clone(),
        expected: base.version,
        version: known.version,
        document: known.bytes.clone(),
        ttl_ms: 60_000,
        deadline: None,
        renews: true,
        pair: Pair::of(&call.caller, &call.callee),
        claim: Claim::Held,
        entries: Vec::new(),
        trims: Vec::new(),
        outgoing: ringback_store::Outgoing::default(),
    };
    Unsure { commit, known, before: None, follow_up: None, since: Instant::now() }
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_fate_is_made_sure_of() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let base = stage.stored(&call).await;
    let unsure = unsure(&base);
    let version = unsure.known.version;
    let mut memory = Memory { known: Some(base), unsure: Some(unsure), ..Memory::default() };
    stage.node.calls.make_sure(&mut memory).await.unwrap();
    assert_eq!(stage.stored(&call).await.version, version);
}

#[tokio::test(start_paused = true)]
async fn it_is_not_stored_over_what_devices_have_been_told_instead_and_the_store_has_lost() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let base = stage.stored(&call).await;
    let heard = Some(Stage::succeeded(&base, 0x0b));
    let mut memory = Memory { known: heard.clone(), unsure: Some(unsure(&base)), ..Memory::default() };
    stage.node.calls.make_sure(&mut memory).await.unwrap();
    assert_eq!(stage.stored(&call).await.version, base.version);
    assert_eq!(memory.known.map(|known| known.version), heard.map(|known| known.version));
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_of_another_history_while_a_command_is_under_way_is_cleared_up_by_the_next() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let base = stage.stored(&call).await;
    let slot = stage.node.calls.cache.slot(&call);
    let mut under_way = slot.lock().await.unwrap();
    let (ours, other) = (unsure(&base), Stage::succeeded(&base, 0x0b));
    let (last, body) = (other.call().mailboxes.caller.last, Stage::told(&other));
    let entry = Some((Log::Mailbox(Side::Caller), last, body));
    let heard = slot.hear(Heard { entry, ..Heard::of(other) });
    assert!(matches!(heard, Ok(true)), "nobody can tell yet, and devices are told");
    stage.store.commit(ours.commit).await.unwrap();
    under_way.learn(ours.known);
    drop(under_way);
    stage.ask(&call, &alice, 2, Action::Connected).await;
    let mailbox = stage.stored(&call).await.document.call.mailboxes.caller;
    assert!(mailbox.void.is_some_and(|void| void.from == last), "that number means two things: {mailbox:?}");
}

#[tokio::test(start_paused = true)]
async fn where_the_other_stands_what_is_known_is_what_is_given_up() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let base = stage.stored(&call).await;
    let slot = stage.node.calls.cache.slot(&call);
    let mut under_way = slot.lock().await.unwrap();
    let (lost, stands) = (Stage::succeeded(&base, 0x0b), unsure(&base));
    let last = lost.call().mailboxes.caller.last;
    under_way.recent.push(Log::Mailbox(Side::Caller), last, Stage::told(&lost));
    under_way.learn(lost);
    stage.store.commit(stands.commit).await.unwrap();
    assert!(slot.hear(Heard::of(stands.known)).is_ok());
    drop(under_way);
    stage.ask(&call, &alice, 2, Action::Connected).await;
    let mailbox = stage.stored(&call).await.document.call.mailboxes.caller;
    assert!(mailbox.void.is_some_and(|void| void.from == last), "that number means two things: {mailbox:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_left_is_kept_until_an_unsure_commit_is_forgotten() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let base = stage.stored(&stage.answered(&alice, &bob).await).await;
    let slot = Slot::default();
    let is_left = || slot.lock_if_left(KEPT, |_| false).is_some();
    assert!(!is_left());
    advance(KEPT).await;
    assert!(is_left());
    slot.lock().await.unwrap().unsure = Some(unsure(&base));
    assert!(!is_left());
    advance(KEPT).await;
    assert!(!is_left(), "from now on it is left");
    advance(KEPT).await;
    assert!(is_left());
}

/// Nothing is learned there any more.
async fn is_left(slot: &Slot) {
    // What follows from the set-up is done by then.
    sleep(KEPT).await;
    assert!(slot.lock_if_left(KEPT, |_| false).is_none());
    sleep(KEPT).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_of_which_something_is_heard_just_when_it_is_let_go_is_kept() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let next = Stage::succeeded(&stage.stored(&call).await, 0x0a);
    let cache = &stage.node.calls.cache;
    let slot = cache.slot(&call);
    is_left(&slot).await;
    let memory = slot.lock_if_left(KEPT, |_| false).unwrap();
    assert!(cache.hear(&call, &slot, Heard::of(next.clone())));
    slot.let_go(&memory, || panic!("what was heard is lost"));
    drop(memory);
    cache.let_go_if_left(&call, &slot, KEPT, |_| false);
    let known = cache.find(&call).unwrap().lock().await.unwrap().known.clone();
    assert_eq!(known.map(|known| known.version), Some(next.version));
}

#[tokio::test(start_paused = true)]
async fn what_is_learned_of_a_call_that_has_just_been_let_go_is_known() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let base = stage.stored(&call).await;
    let cache = &stage.node.calls.cache;
    let known = async || cache.find(&call)?.lock().await?.known.as_ref().map(|known| known.version);
    let slot = cache.slot(&call);
    is_left(&slot).await;
    cache.let_go_if_left(&call, &slot, KEPT, |_| false);
    assert!(cache.find(&call).is_none());
    assert!(cache.hear(&call, &slot, Heard::of(base.clone())));
    assert_eq!(known().await, Some(base.version));

    // A command waits for the slot meanwhile.
    let slot = cache.slot(&call);
    let mut memory = slot.lock().await.unwrap();
    let lets_go = async {
        tokio::task::yield_now().await;
        memory.known = None;
        cache.release(&call, &slot, memory);
    };
    tokio::join!(biased; stage.ask(&call, &alice, 2, Action::Connected), lets_go);
    assert_eq!(known().await, Some(stage.stored(&call).await.version));
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_while_a_command_fails_that_knew_nothing_is_kept() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let lives = stage.stored(&call).await;
    stage.ask(&call, &bob, 2, Action::End(ringback_call::EndRequest::Hangup)).await;
    let ended = stage.stored(&call).await;
    for heard in [lives, ended] {
        let cache = cache::Cache::default();
        let slot = cache.slot(&call);
        let memory = slot.lock().await.unwrap();
        assert!(cache.hear(&call, &slot, Heard::of(heard.clone())));
        cache.release(&call, &slot, memory);
        let kept = cache.find(&call).unwrap();
        assert_eq!(kept.lock().await.unwrap().known.as_ref().map(|known| known.version), Some(heard.version));
        assert_eq!(cache.live().is_empty(), heard.call().has_ended());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_which_nothing_is_known_is_forgotten() {
    let stage = Stage::new();
    let call = CallId::new("p0-nothing").unwrap();
    assert!(stage.node.calls.apply(&call, Input::Terminate).await.is_err());
    assert!(stage.node.calls.cache.find(&call).is_none());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_place_of_a_call_whose_end_cannot_be_read_takes_another() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let cache = &stage.node.calls.cache;
    let slot = cache.slot(&call);
    let memory = slot.lock().await.unwrap();
    cache.forget(&call);
    assert!(cache.find(&call).is_none());
    let other = cache.slot(&call);
    cache.release(&call, &slot, memory);
    assert!(slot.lock().await.is_none());
    assert!(Arc::ptr_eq(&cache.slot(&call), &other), "one memory for one call");
}
