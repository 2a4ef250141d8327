use std::sync::Arc;

use futures::future::join_all;

use super::stage::{Two, stored, version};
use crate::{Committed, Store};

pub(super) async fn of_many_commits_at_once_exactly_one_wins(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let mut known = version(1, "placed");
    for round in 1..=6 {
        let attempts = (0..32).map(|n| {
            let commit = two.change(&call, known, format!("{round}/{n}"));
            let store = Arc::clone(&store);
            tokio::spawn(async move { (commit.document.clone(), store.commit(commit).await.unwrap()) })
        });
        let outcomes: Vec<_> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
        let applied = |outcome: &Committed| *outcome == Committed::Applied;
        let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| applied(outcome)).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        let won = Some(stored(round + 1, winners[0].0.clone()));
        for (_, outcome) in outcomes.iter().filter(|(_, outcome)| !applied(outcome)) {
            assert_eq!(*outcome, Committed::Conflict(won.clone()));
        }
        assert_eq!(store.load(&call).await.unwrap(), won);
        known = version(round + 1, &winners[0].0);
    }
}

pub(super) async fn no_update_is_lost(store: Arc<dyn Store>) {
    let two = Arc::new(Two::new(&store));
    let call = two.call();
    two.applies(two.create(&call, "0")).await;
    let adders = (0..8).map(|_| {
        let (two, call) = (Arc::clone(&two), call.clone());
        tokio::spawn(async move {
            let mut known = two.store.load(&call).await.unwrap().unwrap();
            for _ in 0..10 {
                loop {
                    let count: u64 = std::str::from_utf8(&known.document).unwrap().parse().unwrap();
                    let document = (count + 1).to_string();
                    match two.commit(two.change(&call, known.version, document.clone())).await {
                        Committed::Applied => {
                            known = stored(known.version.count + 1, document);
                            break;
                        }
                        Committed::Conflict(Some(newer)) => known = newer,
                        other => panic!("{other:?}"),
                    }
                }
            }
        })
    });
    join_all(adders).await.into_iter().for_each(Result::unwrap);
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(81, "80")));
}

pub(super) async fn of_many_claims_of_a_pair_at_once_exactly_one_wins(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let claims = (0..16).map(|_| {
        let call = two.call();
        let commit = two.create(&call, call.as_str().to_owned());
        let store = Arc::clone(&store);
        tokio::spawn(async move { (call, store.commit(commit).await.unwrap()) })
    });
    let outcomes: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    let won = |outcome: &Committed| matches!(outcome, Committed::Applied);
    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| won(outcome)).map(|(call, _)| call).collect();
    assert_eq!(winners.len(), 1);
    for (_, outcome) in outcomes.iter().filter(|(_, outcome)| !won(outcome)) {
        let stored = Some(stored(1, winners[0].as_str().to_owned()));
        assert_eq!(*outcome, Committed::PairTaken { call: winners[0].clone(), stored });
    }
}
