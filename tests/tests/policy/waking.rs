//! A callee who is nowhere, and whose application wakes a device.

use ringback_tests::flow::{accept, end, finish, init, quiet};
use serde_json::json;

use super::*;

fn waking(application: &Receiver, waking_ms: u64) -> Settings {
    vec![
        ("WEBHOOKS__URL", application.url()),
        ("WEBHOOKS__SECRETS", SECRET.to_owned()),
        ("TIMEOUTS__WAKING_MS", waking_ms.to_string()),
    ]
}

async fn is_woken(backend: Backend, nodes: usize) {
    let application = Receiver::start();
    let stage = stage(backend, &waking(&application, 30_000), nodes).await;
    let alice = stage.caller("alice").await;
    let bob = stage.user("bob");
    let call = init(&alice, &bob).await;
    application.hears(SOON, &call, &["call.wake"]).await;
    let told = application.got().remove(0).event;
    assert_eq!((&told["id"], &told["callee"]), (&json!(format!("{call}_wake")), &json!({"user": bob})));
    assert_eq!(told["expires_at"].as_u64().unwrap() - told["at"].as_u64().unwrap(), 30_000);
    // The push message has started the application.
    let bob = stage.callee("bob").await;
    bob.expect("call:incoming", json!({"call": call, "from": alice.who()})).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    end(&bob, &[&alice], &call, "hangup").await;
    application.hears(SOON, &call, &["call.wake", "call.ended"]).await;
    close(&stage, &application);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_as_soon_as_a_device_comes() {
    is_woken(Backend::Standalone, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_as_soon_as_a_device_comes_on_a_cluster() {
    is_woken(Backend::Cluster, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_as_soon_as_a_device_comes_from_memory() {
    is_woken(Backend::Memory, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_takes_the_wake_up_back() {
    let application = Receiver::start();
    let stage = stage(Backend::Standalone, &waking(&application, 30_000), 2).await;
    let alice = stage.caller("alice").await;
    let call = init(&alice, &stage.user("bob")).await;
    application.hears(SOON, &call, &["call.wake"]).await;
    end(&alice, &[], &call, "cancelled").await;
    application.hears(SOON, &call, &["call.wake", "call.wake_cancelled", "call.ended"]).await;
    // Who comes now has missed it, and nothing rings.
    let bob = stage.callee("bob").await;
    quiet(&[&bob]).await;
    close(&stage, &application);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_wakes_nobody_ends_as_offline_in_time() {
    let application = Receiver::start();
    let stage = stage(Backend::Standalone, &waking(&application, 1_500), 2).await;
    let alice = stage.caller("alice").await;
    let call = init(&alice, &stage.user("bob")).await;
    alice.expect("call:ended", json!({"call": call, "reason": "offline"})).await;
    application.hears(SOON, &call, &["call.wake", "call.wake_cancelled", "call.ended"]).await;
    close(&stage, &application);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_of_a_caller_may_die_meanwhile() {
    let application = Receiver::start();
    let stage = stage(Backend::Standalone, &waking(&application, 30_000), 2).await;
    let alice = stage.caller("alice").await;
    let call = init(&alice, &stage.user("bob")).await;
    application.hears(SOON, &call, &["call.wake"]).await;
    stage.world.gateways[0].kill9();
    let alice = stage.resume(&alice.left(), 1).await;
    let bob = stage.callee("bob").await;
    bob.expect("call:incoming", json!({"call": call})).await;
    accept(&alice, &bob, &[], &call).await;
    end(&bob, &[&alice], &call, "hangup").await;
    close(&stage, &application);
}
