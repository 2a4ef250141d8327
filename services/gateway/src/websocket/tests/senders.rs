//! Clients that send slowly, too much, or what nobody has agreed on: by hand, since no library does.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// For a message to come in.
const MESSAGE: Duration = Duration::from_secs(1);

/// A connection on which anything can be said, and the head of what the upgrade was answered.
async fn raw(address: SocketAddr, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(answer).unwrap())
}

/// A frame with a mask of zeros, and as much of its payload as there is.
fn frame(first: u8, payload: &[u8], length: u16) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | 126];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn whole(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes(), u16::try_from(text.len()).unwrap())
}

/// What the server says next: a frame's first byte, and its payload.
async fn said(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let frame = async {
        let first = stream.read_u8().await.expect("a frame");
        let length = match stream.read_u8().await.unwrap() {
            126 => stream.read_u16().await.unwrap().into(),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    };
    timeout(Duration::from_secs(10), frame).await.expect("a frame in time")
}

/// The code of the close frame that comes after anything else.
async fn close_code(stream: &mut TcpStream) -> u16 {
    loop {
        if let (0x88, reason) = said(stream).await {
            return u16::from_be_bytes([reason[0], reason[1]]);
        }
    }
}

#[tokio::test]
async fn a_message_that_does_not_come_to_its_end_closes() {
    let (node, address) = gateway().await;
    let hello = whole(r#"{"type":"hello","id":1,"token":"mallory"}"#);
    let begun = frame(0x81, b"{\"type\":", 30_000);
    let fragment = frame(0x01, b"{", 1);
    // A ping between the fragments is a sign of life, and not of a message.
    let ping = frame(0x89, b"", 0);
    for (name, parts) in [("a frame", [begun, b"x".to_vec()]), ("fragments", [fragment, ping])] {
        let (mut stream, _) = raw(address, "").await;
        stream.write_all(&hello).await.unwrap();
        let began = Instant::now();
        stream.write_all(&parts[0]).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let drip = tokio::spawn(async move {
            let part = parts[1].clone();
            while writing.write_all(&part).await.is_ok() {
                // No condition stands behind this: it is how slow the client is.
                sleep(MESSAGE / 20).await;
            }
        });
        let mut stream = Vec::new();
        let read = timeout(Duration::from_secs(10), reading.read_to_end(&mut stream)).await;
        assert!(read.is_ok(), "{name}: it is still open");
        assert!(began.elapsed() >= MESSAGE, "{name}: {:?}", began.elapsed());
        let code = 4002_u16.to_be_bytes();
        assert!(stream.windows(4).any(|part| part[0] == 0x88 && part[2..] == code), "{name}: {stream:?}");
        drip.abort();
    }
    node.end().await;
}

#[tokio::test]
async fn a_message_in_many_pieces_is_taken_if_it_is_whole_in_time() {
    let (node, address) = gateway().await;
    let (mut stream, _) = raw(address, "").await;
    for byte in whole(r#"{"type":"hello","id":1,"token":"alice","device":"phone"}"#) {
        stream.write_u8(byte).await.unwrap();
        stream.flush().await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    assert!(said(&mut stream).await.1.starts_with(br#"{"type":"ack""#));
    // And then it may say nothing for longer than any message may take.
    sleep(MESSAGE * 2).await;
    stream.write_all(&frame(0x81, b"", 0)).await.unwrap();
    assert_eq!(close_code(&mut stream).await, 4500, "it was open: what is no map closes it");
    node.end().await;
}

#[tokio::test]
async fn nothing_is_compressed() {
    let (node, address) = gateway().await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let (mut stream, answer) = raw(address, offer).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("extensions"), "{answer}");
    // RSV1: a compressed message.
    stream.write_all(&frame(0xc1, b"\x4a\x4c\x04\x00", 4)).await.unwrap();
    assert_eq!(close_code(&mut stream).await, 1002);
    node.end().await;
}

#[tokio::test]
async fn who_sends_more_than_it_may_is_read_at_the_pace_that_it_may() {
    let (node, address) = gateway_with(&[("limits.bytes_per_second", "20000")]).await;
    let (mut alice, _) = Client::connect(address, "alice", json!({})).await;
    let began = Instant::now();
    for _ in 0..12 {
        alice.ask(json!({"type": "ping", "fill": "x".repeat(10_000)})).await;
    }
    // 80 kB may come at once, and the last is read when all before it, 30 more, might have come.
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
    let text = String::from_utf8(node.scrape().await.unwrap()).unwrap();
    assert!(text.contains("ringback_held_back_total{what=\"bytes\"} "), "{text}");
    assert!(!text.contains("ringback_held_back_total{what=\"bytes\"} 0"), "{text}");
    node.end().await;
}
