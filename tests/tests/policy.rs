//! The application's say in calls, and the devices that it wakes: with a real server that answers, refuses, hangs and
//! fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

#[path = "policy/asked.rs"]
mod asked;
#[path = "policy/failing.rs"]
mod failing;
#[path = "policy/waking.rs"]
mod waking;

use std::sync::Arc;
use std::time::Duration;

use ringback_tests::gateway;
use ringback_tests::patience::eventually;
use ringback_tests::receiver::{Mood, Receiver, SECRET};
use ringback_tests::scrape::Scrape;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};

type Settings = Vec<(&'static str, String)>;

/// How long something may take that nothing stands in the way of.
const SOON: Duration = Duration::from_secs(20);

const YES: Mood = Mood::Says(r#"{"allow":true}"#);

/// This server is asked, with little patience.
fn asking(policy: &Receiver) -> Settings {
    vec![
        ("POLICY__URL", policy.url()),
        ("POLICY__SECRETS", SECRET.to_owned()),
        ("POLICY__TIMEOUT_MS", "800".to_owned()),
    ]
}

async fn stage(backend: Backend, settings: &Settings, nodes: usize) -> Stage {
    // One caller tries more calls than a person would.
    let tireless = gateway::tireless(&gateway::program()).expect("a gateway");
    let settings: Settings = settings.iter().cloned().chain(tireless).collect();
    let world = World::start_with(backend, &settings, nodes).await.expect("it starts");
    Stage::new(Arc::new(world), Cast::ALL[0])
}

/// Waits until the server has been asked, or told, so many times.
async fn heard(server: &Receiver, times: usize) {
    let enough = async || (server.got().len() >= times).then_some(());
    assert!(eventually(SOON, enough).await.is_some(), "it has heard {:?}", server.got());
}

async fn counted(stage: &Stage, series: &str) -> f64 {
    Scrape::of(&stage.world.gateways).await.expect("a scrape").get(series)
}

/// Ends a world, in which nothing must have gone wrong.
fn close(stage: &Stage, server: &Receiver) {
    assert_eq!(server.faults(), Vec::<String>::new());
    assert_eq!(stage.faults(), Vec::<String>::new());
    let panics: Vec<String> = stage.world.gateways.iter().flat_map(|gateway| gateway.panics()).collect();
    assert_eq!(panics, Vec::<String>::new());
    stage.world.stop();
}
