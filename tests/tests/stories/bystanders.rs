//! A call between two others that goes on while somebody misbehaves, and what counts as being turned away.

use ringback_tests::client::Client;
use ringback_tests::flow::{candidate, hang_up, negotiate, quiet, set_up, trickle};
use ringback_tests::inbox::Ending;
use ringback_tests::patience::SOON;
use ringback_tests::stage::Stage;
use serde_json::Value;

/// Two users in a call.
pub(crate) struct Bystanders {
    ann: Client,
    ben: Client,
    pub(crate) call: String,
}

impl Bystanders {
    pub(crate) async fn start(stage: &Stage) -> Self {
        let (ann, ben) = (stage.caller("ann").await, stage.callee("ben").await);
        let call = set_up(&ann, &ben).await;
        Self { ann, ben, call }
    }

    /// Their call works in every respect, and they heard nothing of what went on around them.
    pub(crate) async fn unharmed(self, stage: &Stage) {
        assert!(stage.all_ready().await, "the gateways are still ready");
        let Self { ann, ben, call } = self;
        quiet(&[&ann, &ben]).await;
        negotiate(&ben, &ann, &call).await;
        trickle(&ann, &ben, &call, &[candidate("ann", 7)]).await;
        trickle(&ben, &ann, &call, &[candidate("ben", 7), Value::Null]).await;
        hang_up(&ann, &ben, &call).await;
    }
}

/// What a server may make of bad input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Acked,
    Refused(String),
    Closed(u16),
    Dropped,
}

/// What comes first of a reply and the connection's end.
pub(crate) async fn answer(client: &Client) -> Answer {
    let found = client.inbox.wait(SOON, |got| {
        let reply =
            got.strays.pop_front().or_else(|| got.replies.values_mut().find_map(|list| list.pop_front()));
        match (reply, &got.ending) {
            (Some(reply), _) if reply["type"] == "ack" => Some(Answer::Acked),
            (Some(reply), _) => Some(Answer::Refused(reply["code"].as_str().unwrap_or_default().to_owned())),
            (None, Some(Ending::Closed(code, _))) => Some(Answer::Closed(*code)),
            (None, Some(Ending::Dropped(_))) => Some(Answer::Dropped),
            (None, None) => None,
        }
    });
    found.await.expect("an answer, or the end of the connection")
}

/// Refused, or closed in a way that says not to try again: anything but let in.
pub(crate) async fn turned_away(client: &Client) {
    match answer(client).await {
        Answer::Refused(_) => {}
        Answer::Closed(code) if (4500..5000).contains(&code) => {}
        other => panic!("{} should have been turned away: {other:?}", client.seat.user),
    }
}
