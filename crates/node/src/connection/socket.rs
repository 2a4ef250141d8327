//! Frames in and out of one WebSocket, with a time limit on each.

use std::{error::Error, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use ringback_session::Departure;
use ringback_wire::{CloseCode, Format, ServerFrame};
use tokio::time::timeout;
use tungstenite::error::{CapacityError, ProtocolError};

use crate::settings::Settings;

/// How long a client may take to answer our close frame.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct Socket {
    inner: WebSocket,
    format: Format,
    max_frame: usize,
    write_limit: Duration,
}

/// What came in.
pub(super) enum Incoming {
    /// A frame of the protocol.
    Frame(Bytes),
    /// A sign of life, no more.
    Life,
}

impl Socket {
    pub(super) fn new(inner: WebSocket, format: Format, settings: &Settings) -> Self {
        Self { inner, format, max_frame: settings.frames.frame_bytes, write_limit: settings.connection.write }
    }

    pub(super) const fn format(&self) -> Format {
        self.format
    }

    /// What comes next. Can be dropped and called again without losing anything.
    pub(super) async fn receive(&mut self) -> Result<Incoming, Departure> {
        let bytes = match (self.inner.recv().await, self.format) {
            (None | Some(Ok(Message::Close(_))), _) => return Err(Departure::Client),
            (Some(Err(error)), _) => return Err(broken(error)),
            (Some(Ok(Message::Ping(_) | Message::Pong(_))), _) => return Ok(Incoming::Life),
            (Some(Ok(Message::Text(text))), Format::Json) => Bytes::from(text),
            (Some(Ok(Message::Binary(bytes))), Format::MsgPack) => bytes,
            (Some(Ok(Message::Text(_) | Message::Binary(_))), _) => return Err(CloseCode::BadFrame.into()),
        };
        if bytes.len() > self.max_frame {
            return Err(CloseCode::FrameTooLarge.into());
        }
        Ok(Incoming::Frame(bytes))
    }

    pub(super) async fn send(&mut self, frame: &ServerFrame) -> Result<(), Departure> {
        let message = match (self.format.encode(frame), self.format) {
            (Ok(bytes), Format::MsgPack) => Message::Binary(bytes.into()),
            (Ok(bytes), Format::Json) => match String::from_utf8(bytes) {
                Ok(text) => Message::Text(text.into()),
                Err(error) => return Self::unwritable(&error),
            },
            (Err(error), _) => return Self::unwritable(&error),
        };
        self.write(message).await
    }

    /// A frame that can't be written is our mistake; the connection goes on without it.
    fn unwritable(error: &dyn std::fmt::Display) -> Result<(), Departure> {
        tracing::error!(%error, "a frame could not be written");
        Ok(())
    }

    pub(super) async fn ping(&mut self) -> Result<(), Departure> {
        self.write(Message::Ping(Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Departure> {
        match timeout(self.write_limit, self.inner.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Departure::Client),
            Err(_) => Err(CloseCode::SlowReader.into()),
        }
    }

    /// Says why, and waits a moment for the client to have heard it: a connection that is torn down with data
    /// unread resets, and the reason is lost.
    pub(super) async fn close(&mut self, code: CloseCode) {
        let frame = CloseFrame { code: code.code(), reason: code.reason().into() };
        let goodbye = async {
            if self.inner.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.inner.recv().await {}
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

fn broken(error: axum::Error) -> Departure {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => {
            CloseCode::FrameTooLarge.into()
        }
        Some(tungstenite::Error::Utf8(_)) => CloseCode::BadFrame.into(),
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Departure::Client,
        Some(tungstenite::Error::Protocol(_)) => CloseCode::BadFrame.into(),
        _ => {
            tracing::debug!(error = &*error as &dyn Error, "connection broken");
            Departure::Client
        }
    }
}
