use std::time::Duration;

use ringback_call::{Action, EndRequest, Event, Origin, Sdp};
use ringback_store::{Calls as _, Claim, Commit, Committed, Entry, Outgoing, Pair};

use super::*;
use crate::stage::Stage;

/// What a device is given that comes back, and says so much of the call.
async fn come_back(stage: &Stage, who: &Origin, call: &CallId, seen: u64) -> Start {
    let (Origin { user, device, session, link, .. }, _inbox) = stage.device(who.user.as_str(), 2);
    let identity = Identity { user, device, session, link };
    let seen = SeenMap::from_iter([(call.clone(), seen)]);
    let notes = SessionNotes::default();
    let past = Some(Past { seen: &seen, notes: &notes });
    let mut start = Start::default();
    let node = &stage.node;
    let (record, by) = (UserRecord::default(), Instant::now() + Duration::from_secs(1));
    begin(&*node.store, &node.calls, &identity, &record, past, by, &mut start).await.unwrap();
    start
}

fn offer() -> Action {
    Action::Offer(Sdp::new("v=0"))
}

#[tokio::test(start_paused = true)]
async fn a_number_that_a_lost_history_gave_out_is_not_given_to_something_else() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let last = stage.stored(&call).await.document.call.mailboxes;
    // Both have been told one thing more by a primary that died, and by a gateway that did.
    let start = come_back(&stage, &alice, &call, last.caller.last + 1).await;
    assert!(!start.resumed, "alice has met more than there is");
    let (alice, _a) = stage.device("alice", 2);
    stage.ask(&call, &alice, 2, offer()).await;
    let start = come_back(&stage, &bob, &call, last.callee.last + 1).await;
    assert!(!start.resumed, "bob's newest number is not that of the offer");
    assert!(matches!(&start.replay[..], [envelope] if matches!(envelope.event, Event::Offer(_))));
}

#[tokio::test(start_paused = true)]
async fn who_has_met_nothing_of_a_lost_history_goes_on() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let last = stage.stored(&call).await.document.call.mailboxes;
    come_back(&stage, &alice, &call, u64::MAX).await;
    let (alice, _a) = stage.device("alice", 2);
    stage.ask(&call, &alice, 2, offer()).await;
    let start = come_back(&stage, &bob, &call, last.callee.last).await;
    assert!(start.resumed && start.replay.len() == 1);
    assert!(start.replay[0].seq < 10_000, "what a client says does not use up the numbers");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_names_the_end_of_a_call_has_been_told_of_it() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    stage.ask(&call, &bob, 2, Action::End(EndRequest::Hangup)).await;
    let end = stage.stored(&call).await.document.call.mailboxes.caller.last;
    assert_eq!(come_back(&stage, &alice, &call, end - 1).await.told, []);
    assert_eq!(come_back(&stage, &alice, &call, end).await.told, [(call, end)]);
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_call_that_is_over_and_was_never_told_of_it_starts_anew() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    // In a history that was lost, bob's own call had crossed with it, and that is how he is in it.
    let call = stage.place(&alice, &bob).await;
    stage.apply(&call, Input::Terminate).await;
    assert_eq!(stage.stored(&call).await.document.call.mailboxes.callee.last, 0);
    let start = come_back(&stage, &bob, &call, 0).await;
    assert_eq!((start.resumed, start.told), (false, Vec::new()));
}

/// A gateway of a newer version tells the caller of something that this one does not know.
async fn told_by_a_newer_gateway(stage: &Stage, call: &CallId) {
    let before = stage.stored(call).await;
    let after = Stage::succeeded(&before, 7);
    let told = Stage::told(&after);
    let at = told.windows(7).position(|word| word == b"ringing").unwrap();
    let mut newer = told.to_vec();
    newer[at..at + 7].copy_from_slice(b"waiting");
    let Call { caller, callee, mailboxes, .. } = after.call();
    let nodes = Vec::new();
    let entry =
        Entry { log: Log::Mailbox(Side::Caller), seq: mailboxes.caller.last, body: newer.into(), nodes };
    let commit = Commit {
        call: call.clone(),
        expected: before.version,
        version: after.version,
        document: after.bytes.clone(),
        ttl_ms: 60_000,
        deadline: None,
        renews: false,
        pair: Pair::of(caller, callee),
        claim: Claim::Held,
        entries: vec![entry],
        trims: Vec::new(),
        outgoing: Outgoing::default(),
    };
    assert_eq!(stage.store.commit(commit).await.unwrap(), Committed::Applied);
}

#[tokio::test(start_paused = true)]
async fn what_only_newer_gateways_know_is_passed_over() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let seen = stage.stored(&call).await.document.call.mailboxes.caller.last;
    told_by_a_newer_gateway(&stage, &call).await;
    // As a gateway that has just started: it reads what is stored.
    let other = stage.beside("other");
    let start = come_back(&other, &alice, &call, seen).await;
    assert!(start.resumed && start.replay.is_empty(), "nothing that can be told is missing");
    let (bob, _b) = other.device("bob", 2);
    other.ask(&call, &bob, 2, Action::End(EndRequest::Hangup)).await;
    let start = come_back(&other, &alice, &call, seen).await;
    assert!(start.resumed);
    assert!(
        matches!(&start.replay[..], [end] if end.seq == seen + 2 && matches!(end.event, Event::Ended { .. }))
    );
}
