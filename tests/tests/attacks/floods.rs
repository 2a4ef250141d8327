//! Floods: by one connection, by all devices of one user, and by all that comes from one address. A hundred calls go on
//! meanwhile, and others are set up.

use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures::future::join_all;
use ringback_tests::attacker::{dial, frame, upgraded};
use ringback_tests::client::Seat;
use ringback_tests::patience::{START, eventually};
use ringback_tests::scrape::Scrape;
use ringback_tests::stage::Stage;
use ringback_tests::token;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{MissedTickBehavior, interval};

use super::Target;
use super::honest::{Honest, percentile};

/// Frames a second of each flood: fifty times what one user may send.
const FRAMES: u32 = 5_000;
/// How often a second some of them are sent.
const TICKS: u32 = 50;
/// Turns of each, where it is looked how long calls take: by `make attack`, on a machine that does nothing else.
const TURNS: usize = 8;
/// What a busy machine adds to a set-up here and there, whoever else is there.
const JITTER: Duration = Duration::from_millis(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_drowns_nobody_else() {
    // A gateway that was built to be tested, on a part of two cores, does a tenth of what one does that is to be used.
    let limits = [
        ("LIMITS__UPGRADES_PER_ADDRESS", "5"),
        ("LIMITS__UPGRADE_BURST_PER_ADDRESS", "25"),
        ("LIMITS__UNLIMITED_ADDRESSES", "127.0.0.1"),
    ];
    let target = Target::start(&limits).await;
    let stage = &target.stage;
    let honest = Honest::come(stage).await;
    // Of the others' calls none fails, ever; how long they take says something of a machine that does nothing else.
    let measures = std::env::var_os("RINGBACK_MEASURE").is_some();
    let drowned = who_drowns(stage, &honest, if measures { TURNS } else { 1 }).await;
    assert!(!measures || drowned.is_none(), "{drowned:?}");
    honest.unharmed().await;
    target.end().await;
}

/// Sets calls up with and without floods. The flood in which that took too long, if there is one.
async fn who_drowns(stage: &Stage, honest: &Honest, turns: usize) -> Option<String> {
    let mut took: [Vec<Duration>; 4] = Default::default();
    // In short turns, so that whatever else the machine does falls to all of them.
    for _ in 0..turns {
        took[0].extend(honest.talk().await);
        took[1].extend(during(stage, one_connection(stage), REFUSED[0], honest.talk()).await);
        took[2].extend(during(stage, one_user(stage), REFUSED[1], honest.talk()).await);
        took[3].extend(during(stage, one_address(stage), REFUSED[2], honest.talk()).await);
    }
    let names = ["nobody floods", "one connection", "one user", "one address"];
    let mut quiet = Duration::ZERO;
    let mut drowned = None;
    for (name, took) in names.iter().zip(&mut took) {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| percentile(took, percent));
        eprintln!("set-up, {name}: p50 {p50:?}, p90 {p90:?}, p99 {p99:?} of {} calls", took.len());
        if quiet.is_zero() {
            quiet = p99;
        }
        if p99 > quiet * 2 + JITTER {
            drowned = Some(format!("{name}: {p99:?}, and {quiet:?} without"));
        }
    }
    drowned
}

/// What tells each of the floods.
const REFUSED: [&str; 3] = [
    "ringback_held_back_total{what=\"requests\"}",
    "ringback_held_back_total{what=\"user_requests\"}",
    "ringback_connections_refused_total{reason=\"address_rate\"}",
];

/// Does something while a flood goes on, once it is felt.
async fn during<T>(
    stage: &Stage,
    flood: impl Future<Output = ()>,
    refused: &str,
    work: impl Future<Output = T>,
) -> T {
    let gateways = &stage.world.gateways;
    let before = Scrape::of(gateways).await.unwrap();
    let work = async {
        let felt = eventually(START, async || {
            let now = Scrape::of(gateways).await.unwrap();
            (now.grown(&before, refused) >= 20.0).then_some(())
        });
        felt.await.unwrap_or_else(|| panic!("{refused}: it is no flood"));
        work.await
    };
    tokio::select! {
        () = flood => panic!("a flood goes on"),
        done = work => done,
    }
}

/// What a flood is of: signs of life, calls, and what makes no sense. The ids do not grow; a flood need not keep to that.
fn some_of_it(frames: u32) -> Vec<u8> {
    let kinds = [
        json!({"type": "ping", "id": 7}),
        json!({"type": "call:init", "id": 8, "to": "nobody"}),
        json!({"type": "webrtc:ice", "id": 9, "call": "p0-x", "candidates": [null]}),
    ];
    let bytes: Vec<_> = kinds.iter().map(|kind| frame(&kind.to_string())).collect();
    (0..frames as usize).flat_map(|n| bytes[n % bytes.len()].clone()).collect()
}

/// Sends without end, so many frames a second; and again and again by another connection, once that one is closed.
async fn pour(seat: Seat, from: Ipv4Addr, frames: u32) {
    let flood = some_of_it(frames / TICKS);
    let hello = json!({"type": "hello", "id": 1, "token": seat.token, "device": seat.device});
    let mut tick = interval(Duration::from_secs(1) / TICKS);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Ok(stream) = dial(seat.port, from).await else { continue };
        let Ok(stream) = upgraded(stream).await else { continue };
        let (mut reading, mut writing) = stream.into_split();
        let send = async {
            writing.write_all(&frame(&hello.to_string())).await?;
            loop {
                tick.tick().await;
                writing.write_all(&flood).await?;
            }
        };
        let mut nowhere = tokio::io::sink();
        let hear = tokio::io::copy(&mut reading, &mut nowhere);
        tokio::select! {
            sent = send => drop::<std::io::Result<()>>(sent),
            _ = hear => {}
        }
    }
}

async fn one_connection(stage: &Stage) {
    let seat = stage.seat("mallory", "phone", 0, stage.cast.caller);
    pour(seat, Ipv4Addr::new(127, 0, 0, 66), FRAMES).await;
}

async fn one_user(stage: &Stage) {
    let devices = (0..16).map(|n| {
        let seat = stage.seat("trudy", &format!("d{n}"), 0, stage.cast.caller);
        // Each at an address of its own: that they are one user is what gives them away.
        pour(seat, Ipv4Addr::new(127, 0, 1, n), FRAMES / 16)
    });
    join_all(devices).await;
}

/// Connections without end: of ever other users, who call somebody; and such that say nothing.
async fn one_address(stage: &Stage) {
    let from = Ipv4Addr::new(127, 0, 0, 67);
    let tokens: Vec<_> = (0..50).map(|n| token::good(&stage.user(&format!("eve{n}")))).collect();
    let (port, tokens) = (stage.world.gateway(0).port(), &tokens);
    let workers = (0..16).map(|worker| async move {
        let mut tick = interval(Duration::from_secs(1) / TICKS);
        for n in 0.. {
            tick.tick().await;
            let Ok(stream) = dial(port, from).await else { continue };
            let Ok(mut stream) = upgraded(stream).await else { continue };
            if worker % 4 == 0 {
                continue;
            }
            let token = &tokens[(n * 16 + worker) % tokens.len()];
            let hello = json!({"type": "hello", "id": 1, "token": token});
            let init = json!({"type": "call:init", "id": 2, "to": "nobody"});
            let said = [frame(&hello.to_string()), frame(&init.to_string())].concat();
            let _ = stream.write_all(&said).await;
            let _ = stream.read(&mut [0; 512]).await;
        }
    });
    join_all(workers).await;
}
