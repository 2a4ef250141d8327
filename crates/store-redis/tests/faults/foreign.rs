//! What others have written where only gateways should.

use ringback_call::Timestamp;
use ringback_store::{Calls as _, Commit, Committed, Deadlines as _, Due, Partition};

use crate::{connect, counter::Counter, node, support::Server};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_does_not_keep_calls_from_their_deadlines() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let partition = Partition(3);
    let counter = Counter::new(partition, &node("n"));
    let commit = Commit { deadline: Some(Timestamp(10)), ..counter.next_commit() };
    assert_eq!(store.commit(commit).await.unwrap(), Committed::Applied);
    let ours = vec![Due { at: Timestamp(10), call: counter.call.clone() }];
    for foreign in
        ["{p3}:dl -5 p3-early", "{p3}:dl 9 no-call!", "{p3}:dl 9 no\u{a0}call", "{p3}:dl 11 no-call?"]
    {
        server.ask(&format!("ZADD rb1:{foreign}"));
        for most in [1, 2, 100] {
            assert_eq!(store.due(partition, None, Timestamp(20), most).await.unwrap(), ours, "{foreign}");
        }
        let behind = store.due(partition, Some(&ours[0]), Timestamp(20), 2).await.unwrap();
        assert_eq!(behind, [], "{foreign}");
    }
}
