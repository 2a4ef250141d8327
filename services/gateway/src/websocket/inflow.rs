//! What comes in, looked at as it passes: whether a message has begun and is not whole yet, and how much it all is.
//!
//! What carries the frames keeps to itself that it has a part of one. So their ends are found here, in the bytes (RFC 6455
//! section 5.2); whether a frame is a sound one is not for here to say.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// How a client has to send.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For a message to come in whole, once it has begun.
    pub message: Duration,
    /// Bytes a second, of all that comes in; 0: any number. Who sends more is not read for a while.
    pub bytes_per_second: u32,
}

/// So much may come at once, in what is allowed for a second.
const BURST: u32 = 4;

impl Default for Pace {
    fn default() -> Self {
        Self { message: Duration::from_secs(10), bytes_per_second: 0 }
    }
}

/// A stream whose incoming bytes are WebSocket frames.
#[derive(Debug)]
pub struct Inflow<S> {
    stream: S,
    frames: Frames,
    bytes_per_second: u32,
    /// When all that has come would have come at the pace that is allowed.
    even: Option<Instant>,
}

impl<S> Inflow<S> {
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, frames: Frames::default(), bytes_per_second: pace.bytes_per_second, even: None }
    }

    /// Since when a message is not whole.
    pub(super) const fn unfinished(&self) -> Option<Instant> {
        self.frames.since
    }

    /// The message that is not whole counts as begun now.
    pub(super) fn forgive(&mut self) {
        self.frames.since = self.frames.since.map(|_| Instant::now());
    }

    /// Until when nothing should be read, if that is later than now.
    pub(super) fn rest(&self) -> Option<Instant> {
        let until = self.even?.checked_sub(Duration::from_secs(BURST.into()))?;
        (until > Instant::now()).then_some(until)
    }

    fn pass(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = Instant::now();
        self.frames.pass(bytes, now);
        if self.bytes_per_second > 0 {
            let takes = Duration::from_secs(bytes.len() as u64) / self.bytes_per_second;
            self.even = Some(self.even.filter(|even| *even > now).unwrap_or(now) + takes);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Inflow<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.pass(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Inflow<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Where in a frame the bytes are.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that are there.
    known: u8,
    /// Bytes of the frame that are still to come behind its head.
    left: u64,
    /// Whether the last frame of a message is still to come. Frames of control may come between.
    fragmented: bool,
    since: Option<Instant>,
}

/// The longest head, without the mask, which is as good as payload.
const HEAD: usize = 10;

impl Frames {
    fn pass(&mut self, mut bytes: &[u8], now: Instant) {
        while !bytes.is_empty() {
            self.since.get_or_insert(now);
            if self.left > 0 {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = &bytes[taken..];
                self.left -= taken as u64;
            } else {
                self.head[usize::from(self.known)] = bytes[0];
                self.known += 1;
                bytes = &bytes[1..];
                if usize::from(self.known) < self.head_length() {
                    continue;
                }
                self.left = self.length();
                if self.is_of_a_message() {
                    self.fragmented = !self.is_last();
                }
                self.known = 0;
            }
            if self.left == 0 && self.known == 0 && !self.fragmented {
                self.since = None;
            }
        }
    }

    fn head_length(&self) -> usize {
        match (self.known, self.head[1] & 0x7f) {
            (0 | 1, _) => 2,
            (_, 126) => 4,
            (_, 127) => 10,
            _ => 2,
        }
    }

    /// Of the mask and the payload.
    fn length(&self) -> u64 {
        let [_, second, a, b, ..] = self.head;
        let payload = match second & 0x7f {
            126 => u16::from_be_bytes([a, b]).into(),
            127 => self.head[2..].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            short => u64::from(short),
        };
        payload.saturating_add(if second & 0x80 == 0 { 0 } else { 4 })
    }

    const fn is_last(&self) -> bool {
        self.head[0] & 0x80 != 0
    }

    const fn is_of_a_message(&self) -> bool {
        self.head[0] & 0x08 == 0
    }
}

#[cfg(test)]
mod tests;
