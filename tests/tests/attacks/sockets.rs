//! Sockets that say nothing, say it slowly, or hear nothing.

use std::time::Duration;

use futures::future::join_all;
use ringback_tests::attacker::{dial, dial_deaf, frame, upgraded};
use ringback_tests::flow::{candidate, hang_up, init, sdp, set_up};
use ringback_tests::patience::eventually;
use ringback_tests::scrape::Scrape;
use ringback_tests::token;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{THERE, Target};

/// What the system may need to tell of a socket that is closed.
const SOON: Duration = Duration::from_secs(5);
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// How long it took until the other end closed.
async fn closed_after(mut stream: TcpStream) -> Duration {
    let began = Instant::now();
    let mut said = Vec::new();
    let closed = timeout(Duration::from_secs(40), stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "it is still open: {}", String::from_utf8_lossy(&said));
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sockets_that_say_nothing_hold_up_nobody() {
    const MANY: usize = 1_000;
    let target = Target::start(&[]).await;
    let stage = &target.stage;
    let port = stage.world.gateway(0).port();
    let mut sockets = Vec::new();
    for _ in 0..MANY {
        sockets.push(dial(port, THERE).await.unwrap());
    }
    let closed = tokio::spawn(join_all(sockets.into_iter().map(closed_after)));
    // Others come in, and talk, while they are there.
    let (alice, bob) = stage.pair().await;
    let call = timeout(SOON, set_up(&alice, &bob)).await.expect("in time");
    let closed = closed.await.unwrap();
    let at_once = closed.iter().filter(|after| **after < HEAD / 2).count();
    eprintln!("of {MANY} sockets that say nothing {at_once} were closed at once");
    assert!(at_once >= MANY - 256, "{at_once}");
    assert!(closed.iter().all(|after| *after < HEAD + SOON), "{:?}", closed.iter().max());
    let refused = Scrape::of(&stage.world.gateways).await.unwrap();
    let refused = refused.get("ringback_connections_refused_total{reason=\"half_open\"}");
    assert!(refused >= (MANY - 256) as f64, "{refused}");
    hang_up(&alice, &bob, &call).await;
    target.end().await;
}

/// Says it a byte at a time, until it is closed; how long that took.
async fn drip(mut stream: TcpStream, what: &[u8]) -> Duration {
    let began = Instant::now();
    for byte in what.iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        let mut heard = [0; 256];
        match timeout(Duration::from_millis(100), stream.read(&mut heard)).await {
            Ok(Ok(0) | Err(_)) => break,
            _ => assert!(began.elapsed() < HEAD * 3, "it is still open"),
        }
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_slowly_is_not_heard_out() {
    let target = Target::start(&[("TIMEOUTS__MESSAGE_MS", "3000"), ("TIMEOUTS__HELLO_MS", "3000")]).await;
    let stage = &target.stage;
    let port = stage.world.gateway(0).port();
    let head = async || drip(dial(port, THERE).await.unwrap(), b"GET /v1/ws HTTP/1.1\r\nX: ").await;
    let message = async || {
        let mut stream = upgraded(dial(port, THERE).await.unwrap()).await.unwrap();
        // A frame of 30,000 bytes.
        stream.write_all(&[0x81, 0xfe, 0x75, 0x30, 0, 0, 0, 0]).await.unwrap();
        drip(stream, b" ").await
    };
    let heads = join_all((0..100).map(|_| head()));
    let messages = join_all((0..100).map(|_| message()));
    let talk = async {
        let (alice, bob) = stage.pair().await;
        let call = timeout(SOON, set_up(&alice, &bob)).await.expect("in time");
        hang_up(&alice, &bob, &call).await;
    };
    let (heads, messages, ()) = futures::join!(heads, messages, talk);
    assert!(heads.iter().all(|after| *after < HEAD + SOON), "{:?}", heads.iter().max());
    assert!(
        messages.iter().all(|after| *after < Duration::from_secs(3) + SOON),
        "{:?}",
        messages.iter().max()
    );
    target.end().await;
}

/// Reads until this has been said.
async fn until(socket: &mut TcpStream, what: &str) {
    let mut heard = Vec::new();
    while !heard.windows(what.len()).any(|part| part == what.as_bytes()) {
        heard.push(socket.read_u8().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_costs_a_bounded_amount_of_memory() {
    const DEAF: usize = 10;
    const MEGABYTE: f64 = 1_048_576.0;
    let target = Target::start(&[("TIMEOUTS__WRITE_MS", "3000")]).await;
    let stage = &target.stage;
    let memory =
        async || Scrape::of(&stage.world.gateways).await.unwrap().get("process_resident_memory_bytes");
    let mut pairs = Vec::new();
    for n in 0..DEAF {
        let speaker = target.attacker(&format!("mallory{n}"), "desk").await.unwrap();
        speaker.hello(json!({})).await.unwrap();
        let (deaf, port) = (stage.user(&format!("trudy{n}")), stage.world.gateway(0).port());
        let mut socket = upgraded(dial_deaf(port, THERE).await.unwrap()).await.unwrap();
        let hello = json!({"type": "hello", "id": 1, "token": token::good(&deaf)});
        socket.write_all(&frame(&hello.to_string())).await.unwrap();
        until(&mut socket, "ack").await;
        let call = init(&speaker, &deaf).await;
        until(&mut socket, "call:incoming").await;
        let accept = json!({"type": "call:accept", "id": 2, "call": call});
        socket.write_all(&frame(&accept.to_string())).await.unwrap();
        pairs.push((speaker, socket, call));
    }
    let before = memory().await;
    for (speaker, _, call) in &pairs {
        speaker.expect("call:accepted", json!({"call": call})).await;
        speaker.ok("webrtc:offer", json!({"call": call, "sdp": sdp("offer")})).await;
    }
    // Fifty kilobytes in each request, until the client that does not read is gone.
    let batch: Vec<_> = (0..25)
        .map(|n| {
            let mut one = candidate("x", n);
            one["candidate"] = json!("c".repeat(1_900));
            one
        })
        .collect();
    let speak = pairs.iter().map(async |(speaker, _, call)| {
        // As much as one connection may bring on the whole.
        for _ in 0..200 {
            speaker.post("webrtc:ice", json!({"call": call, "candidates": batch})).await;
            sleep(Duration::from_millis(100)).await;
        }
    });
    let (mut most, mut readers) = (before, 0.0);
    let watch = eventually(Duration::from_secs(40), async || {
        let now = Scrape::of(&stage.world.gateways).await.unwrap();
        most = most.max(now.get("process_resident_memory_bytes"));
        readers = now.get("ringback_disconnects_total{reason=\"slow_reader\"}");
        (readers >= DEAF as f64).then_some(())
    });
    let spoken = async {
        join_all(speak).await;
        sleep(SOON * 2).await;
    };
    let gone = tokio::select! {
        gone = watch => gone,
        () = spoken => None,
    };
    eprintln!(
        "{DEAF} clients that never read: memory of the gateways grew by {:.0} MB at most",
        (most - before) / MEGABYTE
    );
    assert!(gone.is_some(), "{readers} of {DEAF} were closed as slow readers");
    assert!(most - before < 10.0 * DEAF as f64 * MEGABYTE, "{before} and then {most}");
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    hang_up(&alice, &bob, &call).await;
    drop(pairs);
    target.end().await;
}
