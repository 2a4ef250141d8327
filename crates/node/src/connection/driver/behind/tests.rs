use ringback_call::{Action, Origin, Sdp};
use ringback_store::Users as _;
use ringback_telemetry::StoreOperation as Operation;
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    registry::Mail,
    stage::{
        Client, Stage,
        weather::{LIMIT, Weather, forecast},
    },
};

const LONG: Duration = Duration::from_secs(60);

/// A client of bob's device, which is in a call with alice's and does not know, for the call is not on bob's list.
async fn without_its_call(stage: &Stage) -> (CallId, Origin, Client) {
    stage.node.start();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    // What follows from the set-up is done by then.
    sleep(Duration::from_secs(1)).await;
    stage.store.delist(&bob.user, &call, None).await.unwrap();
    let mut client = Client::comes(&stage.node, &bob, &[]);
    client.told_of("\"session\"").await;
    (call, alice, client)
}

async fn something_is_said(stage: &Stage, call: &CallId, by: &Origin) {
    stage.ask(call, by, 2, Action::Offer(Sdp::new("v=0"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_could_not_be_listed_again_is_looked_at_again() {
    let stage = Stage::new();
    let (call, alice, mut client) = without_its_call(&stage).await;
    let mut fails = 2;
    forecast(move |operation| match operation {
        Operation::Enlist if fails > 0 => {
            fails -= 1;
            Weather::Away
        }
        _ => Weather::Fair,
    });
    something_is_said(&stage, &call, &alice).await;
    assert_eq!(timeout(LONG, client.closed()).await, Ok(CloseCode::GoingAway));
    let listed = stage.store.lookup(&ringback_call::UserId::new("bob").unwrap()).await.unwrap().calls;
    assert!(listed.iter().any(|listed| listed.call == call));
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_may_be_what_was_asked_for_until_nobody_asks_again() {
    let stage = Stage::new();
    let (call, alice, mut client) = without_its_call(&stage).await;
    forecast(|operation| if operation == Operation::Commit { Weather::Away } else { Weather::Fair });
    client.say(r#"{"type":"call:init","id":7,"to":"carol","media":{"audio":true,"video":false}}"#);
    client.told_of("unavailable").await;
    forecast(|_| Weather::Fair);
    something_is_said(&stage, &call, &alice).await;
    assert!(timeout(ASKS_AGAIN, client.closed()).await.is_err(), "it may ask again");
    assert_eq!(timeout(LONG, client.closed()).await, Ok(CloseCode::GoingAway));
}

#[tokio::test(start_paused = true)]
async fn a_client_with_many_calls_is_served_while_the_store_is_away() {
    let stage = Stage::new();
    stage.node.start();
    let (bob, _bob) = stage.device("bob", 1);
    for n in 0..5 {
        let (caller, _inbox) = stage.device(&format!("caller-{n}"), 1);
        stage.answered(&caller, &bob).await;
    }
    // What follows from the set-up is done by then.
    sleep(Duration::from_secs(1)).await;
    let mut client = Client::comes(&stage.node, &bob, &[]);
    client.told_of("\"session\"").await;
    forecast(|operation| if operation == Operation::Load { Weather::Away } else { Weather::Fair });
    let partitions = stage.node.store.partitions().all().collect();
    stage.node.registry.deliver(&bob.user, &Mail::Doubt(partitions));
    for id in 2..10 {
        let begun = Instant::now();
        client.say(&format!(r#"{{"type":"ping","id":{id}}}"#));
        client.told_of(&format!("\"id\":{id},")).await;
        assert!(begun.elapsed() <= LIMIT, "{:?}", begun.elapsed());
        sleep(AGAIN).await;
    }
    forecast(|_| Weather::Fair);
}
