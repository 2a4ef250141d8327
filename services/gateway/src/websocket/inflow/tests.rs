use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::advance,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A frame of a client.
fn frame(last: bool, opcode: u8, payload: usize) -> Vec<u8> {
    let mut bytes = vec![if last { 0x80 } else { 0 } | opcode];
    match payload {
        0..126 => bytes.push(0x80 | u8::try_from(payload).unwrap()),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(payload).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload as u64).to_be_bytes());
        }
    }
    bytes.extend([1, 2, 3, 4]);
    bytes.resize(bytes.len() + payload, 0x83);
    bytes
}

fn messages() -> Vec<Vec<u8>> {
    let ping = frame(true, 9, 8);
    let whole = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000].map(|size| frame(true, 1, size));
    let parts = [frame(false, 2, 200), ping.clone(), frame(false, 0, 0), ping.clone(), frame(true, 0, 3)];
    whole.into_iter().chain([ping, parts.concat()]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_unfinished_from_its_first_byte_to_its_last() {
    for pieces in [1, 2, 3, 7, 1_024, usize::MAX] {
        let mut frames = Frames::default();
        for message in messages() {
            assert_eq!(frames.since, None, "in pieces of {pieces}");
            let (began, last) = (Instant::now(), message.len() - 1);
            for piece in message[..last].chunks(pieces) {
                frames.pass(piece, Instant::now());
                assert_eq!(frames.since, Some(began), "in pieces of {pieces}");
                advance(Duration::from_micros(1)).await;
            }
            frames.pass(&message[last..], Instant::now());
        }
        assert_eq!(frames.since, None, "in pieces of {pieces}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_begins_with_the_end_of_another_is_unfinished_too() {
    let (mut frames, now) = (Frames::default(), Instant::now());
    let both = [frame(true, 1, 10), frame(false, 1, 10)].concat();
    frames.pass(&both, now);
    assert_eq!(frames.since, Some(now), "its other fragments are to come");
    frames.pass(&frame(true, 0, 10), now);
    assert_eq!(frames.since, None);
}

async fn bring(inflow: &mut Inflow<DuplexStream>, client: &mut DuplexStream, bytes: usize) {
    client.write_all(&vec![0; bytes]).await.unwrap();
    inflow.read_exact(&mut vec![0; bytes]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_sends_more_than_allowed_is_not_read_for_as_long_as_it_is_ahead() {
    let (mut client, server) = duplex(1 << 20);
    let mut inflow = Inflow::new(server, Pace { bytes_per_second: 1_000, ..Pace::default() });
    bring(&mut inflow, &mut client, 4_000).await;
    assert_eq!(inflow.rest(), None, "so much may come at once");
    bring(&mut inflow, &mut client, 500).await;
    assert_eq!(inflow.rest(), Some(Instant::now() + SECOND / 2));
    advance(SECOND / 2).await;
    assert_eq!(inflow.rest(), None);
    advance(SECOND * 100).await;
    bring(&mut inflow, &mut client, 5_000).await;
    assert_eq!(inflow.rest(), Some(Instant::now() + SECOND), "nothing is saved up beyond that");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_any_number_is_read() {
    let (mut client, server) = duplex(1 << 20);
    let mut inflow = Inflow::new(server, Pace::default());
    bring(&mut inflow, &mut client, 1_000_000).await;
    assert_eq!(inflow.rest(), None);
}
