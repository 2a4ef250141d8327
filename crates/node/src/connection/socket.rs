//! Frames in and out, encoded, bounded, and each with a time limit. What is sent leaves before the client is waited for:
//! frames that are ready at the same time, a reply and an event, say, leave by one system call.

use std::{collections::VecDeque, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use ringback_session::Departure;
use ringback_telemetry::Metrics;
use ringback_wire::{CloseCode, Format, ServerFrame};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Incoming, Transport};
use crate::Node;

/// How long a client may take to answer our close frame.
const GOODBYE: Duration = Duration::from_secs(1);

/// Frames that are kept of those that come before they are asked for.
const EARLY: usize = 16;

pub(super) struct Socket<T> {
    transport: T,
    format: Format,
    max_frame: usize,
    write_limit: Duration,
    metrics: Arc<Metrics>,
    /// By when the first frame that was sent and has not left yet must have.
    leaves_by: Option<Instant>,
    /// What has come and was not asked for yet.
    early: VecDeque<Incoming>,
}

/// What a client that is still there has sent.
#[derive(Debug)]
pub(super) enum Received {
    /// A frame that is not too large.
    Frame(Bytes),
    /// The answer to a ping.
    Pong(u64),
    /// A sign of life, no more.
    Life,
}

impl<T: Transport> Socket<T> {
    pub(super) fn new(transport: T, format: Format, node: &Node) -> Self {
        let (max_frame, write_limit) = (node.config.frames.frame_bytes, node.config.connection.write);
        let metrics = Arc::clone(&node.metrics);
        Self { transport, format, max_frame, write_limit, metrics, leaves_by: None, early: VecDeque::new() }
    }

    pub(super) const fn format(&self) -> Format {
        self.format
    }

    /// What comes next. Can be dropped and called again without losing anything.
    pub(super) async fn receive(&mut self) -> Result<Received, Departure> {
        self.flush().await?;
        let incoming = match self.early.pop_front() {
            Some(incoming) => incoming,
            None => self.transport.receive().await,
        };
        match incoming {
            Incoming::Frame(bytes) if bytes.len() > self.max_frame => Err(CloseCode::FrameTooLarge.into()),
            Incoming::Frame(bytes) => Ok(Received::Frame(bytes)),
            Incoming::Pong(number) => Ok(Received::Pong(number)),
            Incoming::Life => Ok(Received::Life),
            Incoming::End(departure) => Err(departure),
        }
    }

    /// Whether it is known already that the client has gone.
    pub(super) fn is_gone(&mut self) -> bool {
        let is_end = |incoming: Option<&Incoming>| matches!(incoming, Some(Incoming::End(_)));
        while self.early.len() < EARLY
            && !is_end(self.early.back())
            && let Some(incoming) = self.transport.receive().now_or_never()
        {
            self.early.push_back(incoming);
        }
        is_end(self.early.back())
    }

    /// The same, but nothing comes where there is no room for it.
    pub(super) async fn receive_if(&mut self, room: bool) -> Result<Received, Departure> {
        if room {
            return self.receive().await;
        }
        self.flush().await?;
        std::future::pending().await
    }

    /// Has everything leave that was sent. Can be dropped and called again.
    pub(super) async fn flush(&mut self) -> Result<(), Departure> {
        let Some(by) = self.leaves_by else { return Ok(()) };
        match timeout_at(by, self.transport.flush()).await {
            Ok(flushed) => flushed?,
            Err(_) => return Err(CloseCode::SlowReader.into()),
        }
        self.leaves_by = None;
        Ok(())
    }

    /// A frame that can't be written is our mistake; the connection goes on without it.
    pub(super) async fn send(&mut self, frame: &ServerFrame) -> Result<(), Departure> {
        match frame {
            ServerFrame::Error(error) => self.metrics.errors.inc((error.code,)),
            ServerFrame::Event(_) => self.metrics.deliveries.inc(()),
            ServerFrame::Goaway(_) => self.metrics.goaways.inc(()),
            ServerFrame::Hello(_)
            | ServerFrame::Ack(_)
            | ServerFrame::Missed(_)
            | ServerFrame::TokenExpiring(_) => {}
        }
        match self.format.encode(frame) {
            Ok(bytes) => {
                let sending = self.transport.send(bytes);
                taken(sending, self.write_limit, &mut self.leaves_by).await
            }
            Err(error) => {
                tracing::error!(%error, "a frame could not be written");
                Ok(())
            }
        }
    }

    pub(super) async fn ping(&mut self, number: u64) -> Result<(), Departure> {
        let sending = self.transport.ping(number);
        taken(sending, self.write_limit, &mut self.leaves_by).await
    }

    pub(super) async fn close(&mut self, code: CloseCode) {
        let _ = timeout(GOODBYE, self.transport.close(code)).await;
    }
}

/// Waits until a frame is taken, as long as a frame may take to leave. One that had to wait has waited for those before it
/// to leave: a client that reads steadily is no slow reader, however much there is to be told.
async fn taken(
    sending: impl Future<Output = Result<(), Departure>>,
    limit: Duration,
    leaves_by: &mut Option<Instant>,
) -> Result<(), Departure> {
    let mut sending = pin!(sending);
    leaves_by.get_or_insert_with(|| Instant::now() + limit);
    if let Some(sent) = sending.as_mut().now_or_never() {
        return sent;
    }
    match timeout(limit, sending).await {
        Ok(sent) => sent?,
        Err(_) => return Err(CloseCode::SlowReader.into()),
    }
    *leaves_by = Some(Instant::now() + limit);
    Ok(())
}
