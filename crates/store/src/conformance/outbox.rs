use std::sync::Arc;

use bytes::Bytes;
use ringback_call::NodeId;

use super::stage::{Two, node, until, user, version};
use crate::{Collected, Commit, Lease, Letter, Outgoing, Partition, Position, Retention, Store, Version};

const KEPT: Retention = Retention { keep_ms: 60_000, most: 10_000 };

/// An outbox that no other promise uses.
struct Post {
    store: Arc<dyn Store>,
    two: Two,
    partition: Partition,
}

impl Post {
    fn new(store: &Arc<dyn Store>, partition: u16) -> Self {
        let partition = Partition(partition);
        loop {
            let two = Two::between(store, &user(), &user());
            if two.partition() == partition {
                return Self { store: Arc::clone(store), two, partition };
            }
        }
    }

    async fn put(&self, letters: impl IntoIterator<Item = impl Into<Bytes>>) {
        self.put_for(KEPT, letters).await;
    }

    async fn put_for(&self, retention: Retention, letters: impl IntoIterator<Item = impl Into<Bytes>>) {
        let outgoing = Outgoing { letters: letters.into_iter().map(Into::into).collect(), retention };
        let change = self.two.change(&self.two.call(), Version::NONE, "new");
        self.two.applies(Commit { outgoing, ..change }).await;
    }

    async fn collect(&self, holder: &NodeId, after: Option<Position>, limit: usize) -> Collected {
        let lease = Lease { holder: holder.clone(), ttl_ms: 60_000 };
        self.store.collect(self.partition, &lease, after, limit).await.unwrap()
    }

    /// What the holder of the lease is given; it is new to it or not.
    async fn given(
        &self,
        holder: &NodeId,
        after: Option<Position>,
        limit: usize,
    ) -> (bool, Vec<Letter>, Option<Position>) {
        match self.collect(holder, after, limit).await {
            Collected::Ours { anew, letters, pending_after, lost: 0 } => (anew, letters, pending_after),
            other => panic!("expected letters, got {other:?}"),
        }
    }

    async fn acknowledge(&self, letters: &[Letter]) {
        for letter in letters {
            self.store.acknowledge(self.partition, letter.position).await.unwrap();
        }
    }

    async fn browse(&self, after: Position, limit: usize) -> Vec<Letter> {
        self.store.browse(self.partition, after, limit).await.unwrap()
    }
}

fn bodies(letters: &[Letter]) -> Vec<&[u8]> {
    letters.iter().map(|letter| &*letter.body).collect()
}

pub(super) async fn letters_are_handed_out_once_and_in_order(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 40), node("n"));
    assert_eq!(post.collect(&gateway, None, 10).await, Collected::Nothing);
    post.put(["{\"a\":1}", "subscribe"]).await;
    post.put([Bytes::from_static(b"\0\xff *")]).await;
    let (anew, letters, rest) = post.given(&gateway, None, 2).await;
    assert_eq!((anew, bodies(&letters), rest), (true, vec![&b"{\"a\":1}"[..], b"subscribe"], None));
    let (anew, more, _) = post.given(&gateway, None, 10).await;
    assert_eq!((anew, bodies(&more)), (false, vec![&b"\0\xff *"[..]]));
    assert!(letters[0].position < letters[1].position && letters[1].position < more[0].position);
    let (_, none, _) = post.given(&gateway, None, 10).await;
    assert_eq!(none, [], "they are on their way");
    post.acknowledge(&letters).await;
    post.acknowledge(&more).await;
    assert_eq!(post.collect(&gateway, None, 10).await, Collected::Nothing);
    post.put(["later"]).await;
    assert_eq!(bodies(&post.given(&gateway, None, 10).await.1), [b"later"]);
}

pub(super) async fn one_node_delivers_at_a_time(store: Arc<dyn Store>) {
    let (post, one, other) = (Post::new(&store, 41), node("one"), node("other"));
    post.put(["1", "2", "3"]).await;
    let (_, letters, _) = post.given(&one, None, 2).await;
    post.acknowledge(&letters[..1]).await;
    assert_eq!(post.collect(&other, None, 10).await, Collected::Theirs);
    store.release(post.partition, &other).await.unwrap();
    assert_eq!(post.collect(&other, None, 10).await, Collected::Theirs, "it is not theirs to give up");
    store.release(post.partition, &one).await.unwrap();
    let (anew, again, rest) = post.given(&other, None, 10).await;
    assert_eq!(
        (anew, bodies(&again), rest),
        (true, vec![&b"2"[..], b"3"], None),
        "what was not acknowledged comes anew"
    );
    assert_eq!(again[0], letters[1]);
    assert_eq!(post.collect(&one, None, 10).await, Collected::Theirs);
}

pub(super) async fn a_lease_runs_out(store: Arc<dyn Store>) {
    let (post, one, other) = (Post::new(&store, 42), node("one"), node("other"));
    post.put(["1"]).await;
    let lease = Lease { holder: one.clone(), ttl_ms: 40 };
    assert!(matches!(store.collect(post.partition, &lease, None, 10).await.unwrap(), Collected::Ours { .. }));
    let taken = async || matches!(post.collect(&other, None, 0).await, Collected::Ours { anew: true, .. });
    until("the lease is free", taken).await;
    assert_eq!(bodies(&post.given(&other, Some(Position::START), 10).await.1), [b"1"]);
}

pub(super) async fn what_is_pending_can_be_read_in_parts(store: Arc<dyn Store>) {
    let (post, one, other) = (Post::new(&store, 43), node("one"), node("other"));
    post.put(["1", "2", "3", "4"]).await;
    assert_eq!(post.given(&one, None, 3).await.1.len(), 3);
    store.release(post.partition, &one).await.unwrap();
    let (anew, first, rest) = post.given(&other, None, 2).await;
    assert_eq!((anew, bodies(&first)), (true, vec![&b"1"[..], b"2"]));
    assert_eq!(rest, Some(first[1].position));
    let (anew, none, rest) = post.given(&other, rest, 0).await;
    assert_eq!((anew, none, rest), (false, Vec::new(), Some(first[1].position)), "only the lease is renewed");
    let (anew, second, rest) = post.given(&other, rest, 2).await;
    assert_eq!((anew, bodies(&second), rest), (false, vec![&b"3"[..], b"4"], None));
}

pub(super) async fn what_is_not_applied_is_not_sent(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 44), node("n"));
    let call = post.two.placed().await;
    let outgoing = Outgoing { letters: vec!["never".into()], retention: KEPT };
    let wrong = Commit { outgoing: outgoing.clone(), ..post.two.change(&call, version(7, "x"), "wrong") };
    post.two.conflicts(wrong).await;
    let right = Commit { outgoing, ..post.two.change(&call, version(1, "placed"), "right") };
    post.two.applies(right.clone()).await;
    post.two.conflicts(right).await;
    assert_eq!(post.given(&gateway, None, 10).await.1.len(), 1, "a commit that is sent twice is told once");
}

pub(super) async fn a_dead_letter_can_be_sent_anew(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 45), node("n"));
    post.put(["bad", "good"]).await;
    let (_, letters, _) = post.given(&gateway, None, 10).await;
    for _ in 0..2 {
        store.bury(post.partition, &letters[0], "status 500", KEPT).await.unwrap();
    }
    post.acknowledge(&letters[1..]).await;
    assert_eq!(post.collect(&gateway, None, 10).await, Collected::Nothing);
    let dead = store.browse_dead(post.partition, Position::START, 10).await.unwrap();
    assert_eq!(dead.len(), 1, "it dies once");
    assert_eq!((&*dead[0].letter.body, dead[0].why.as_str()), (&b"bad"[..], "status 500"));
    assert_eq!(store.browse_dead(post.partition, dead[0].letter.position, 10).await.unwrap(), []);
    assert!(store.revive(post.partition, dead[0].letter.position, KEPT).await.unwrap());
    assert!(!store.revive(post.partition, dead[0].letter.position, KEPT).await.unwrap(), "it is sent once");
    assert_eq!(store.browse_dead(post.partition, Position::START, 10).await.unwrap(), []);
    let (_, again, _) = post.given(&gateway, None, 10).await;
    assert_eq!(bodies(&again), [b"bad"]);
    store.bury(post.partition, &again[0], "again", Retention { keep_ms: 40, ..KEPT }).await.unwrap();
    let gone = async || store.browse_dead(post.partition, Position::START, 10).await.unwrap().is_empty();
    until("the dead are forgotten", gone).await;
}

pub(super) async fn dead_letters_are_in_the_order_of_their_deaths(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 49), node("n"));
    post.put(["1", "2"]).await;
    let (_, letters, _) = post.given(&gateway, None, 10).await;
    for letter in letters.iter().rev() {
        store.bury(post.partition, letter, "", KEPT).await.unwrap();
    }
    let first = store.browse_dead(post.partition, Position::START, 1).await.unwrap();
    let second = store.browse_dead(post.partition, first[0].letter.position, 10).await.unwrap();
    let dead = first.iter().chain(&second).map(|dead| &*dead.letter.body);
    assert!(dead.eq([&b"2"[..], b"1"]));
}

pub(super) async fn of_too_many_dead_letters_the_oldest_go(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 50), node("n"));
    let few = Retention { keep_ms: 60_000, most: 10 };
    post.put((0..1_000).map(|n| format!("{n:01000}"))).await;
    let (_, letters, _) = post.given(&gateway, None, 1_000).await;
    assert_eq!(letters.len(), 1_000);
    for letter in &letters {
        store.bury(post.partition, letter, "status 500", few).await.unwrap();
    }
    let dead = store.browse_dead(post.partition, Position::START, 2_000).await.unwrap();
    assert!((10..200).contains(&dead.len()), "{} are kept", dead.len());
    let kept = dead.iter().map(|dead| &dead.letter.body);
    assert!(kept.eq(letters[1_000 - dead.len()..].iter().map(|letter| &letter.body)), "the last ones");
    assert_eq!(post.collect(&gateway, None, 10).await, Collected::Nothing);
}

pub(super) async fn letters_can_be_read_whether_delivered_or_not(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 46), node("n"));
    assert_eq!(post.browse(Position::START, 10).await, []);
    post.put(["1", "2", "3"]).await;
    let (_, letters, _) = post.given(&gateway, None, 2).await;
    post.acknowledge(&letters).await;
    let all = post.browse(Position::START, 10).await;
    assert_eq!(bodies(&all), [b"1", b"2", b"3"]);
    assert_eq!(all[..2], letters);
    assert_eq!(post.browse(all[0].position, 1).await, all[1..2]);
    assert_eq!(post.browse(all[2].position, 10).await, []);
}

pub(super) async fn what_waits_is_counted(store: Arc<dyn Store>) {
    let (post, gateway) = (Post::new(&store, 51), node("n"));
    let waiting = async || store.waiting(post.partition).await.unwrap();
    assert_eq!(waiting().await, 0);
    post.put(["1", "2", "3"]).await;
    assert_eq!(waiting().await, 3, "nobody has asked for them");
    let (_, letters, _) = post.given(&gateway, None, 2).await;
    assert_eq!(waiting().await, 3, "two are on their way");
    post.acknowledge(&letters[..1]).await;
    assert_eq!(waiting().await, 2);
    store.bury(post.partition, &letters[1], "status 500", KEPT).await.unwrap();
    assert_eq!(waiting().await, 1);
    let (_, letters, _) = post.given(&gateway, None, 2).await;
    post.acknowledge(&letters).await;
    assert_eq!(waiting().await, 0, "delivered ones do not wait");
    post.put_for(Retention { keep_ms: 60_000, most: 10 }, (0..1_000).map(|n| format!("{n:01000}"))).await;
    let kept = post.browse(Position::START, 2_000).await;
    assert_eq!(waiting().await, kept.len() as u64, "what is not kept does not wait");
}

pub(super) async fn letters_are_kept_for_their_time(store: Arc<dyn Store>) {
    let post = Post::new(&store, 47);
    post.put_for(Retention { keep_ms: 40, most: 10_000 }, ["1"]).await;
    let gone = async || post.browse(Position::START, 10).await.is_empty();
    until("the letter is gone", gone).await;
    assert_eq!(post.collect(&node("n"), None, 10).await, Collected::Nothing);
}

pub(super) async fn of_too_many_letters_the_oldest_go_and_are_counted(store: Arc<dyn Store>) {
    let (post, one, other) = (Post::new(&store, 48), node("one"), node("other"));
    let few = Retention { keep_ms: 60_000, most: 10 };
    post.put(["first"]).await;
    assert_eq!(post.given(&one, None, 10).await.1.len(), 1);
    post.put_for(few, (0..1_000).map(|n| format!("{n:01000}"))).await;
    let kept = post.browse(Position::START, 2_000).await;
    assert!((10..200).contains(&kept.len()), "{} are kept", kept.len());
    assert_eq!(kept.last().map(|letter| letter.body.clone()), Some(format!("{:01000}", 999).into()));
    store.release(post.partition, &one).await.unwrap();
    match post.collect(&other, None, 2_000).await {
        Collected::Ours { anew: true, letters, lost: 1, pending_after: None } => assert_eq!(letters, kept),
        other => panic!("expected what is left, got {other:?}"),
    }
}
