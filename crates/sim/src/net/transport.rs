//! The node's end of a connection.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ringback_node::{Incoming, Transport};
use ringback_session::Departure;
use ringback_wire::CloseCode;

use super::{Item, Link};

/// What stands for a WebSocket.
#[derive(Debug)]
pub struct ServerEnd {
    link: Arc<Link>,
}

impl ServerEnd {
    /// Of this connection.
    pub const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    fn push(&self, item: Item, delay: Duration) -> Result<(), Departure> {
        if self.link.is_silenced() {
            return Err(Departure::Client);
        }
        self.link.to_client.push(item, delay);
        Ok(())
    }
}

impl Transport for ServerEnd {
    async fn receive(&mut self) -> Incoming {
        match self.link.to_server.receive(&self.link.access).await {
            Item::Frame(frame) => Incoming::Frame(frame),
            Item::Pong(number) => Incoming::Pong(number),
            Item::Ping(_) | Item::Close(_) | Item::Gone => Incoming::End(Departure::Client),
        }
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<(), Departure> {
        self.link.to_client.room(self.link.room).await;
        if self.link.to_server.is_over() && self.link.to_server.len() <= 1 {
            return Err(Departure::Client);
        }
        self.push(Item::Frame(Bytes::from(frame)), self.link.delay())
    }

    async fn flush(&mut self) -> Result<(), Departure> {
        Ok(())
    }

    async fn ping(&mut self, number: u64) -> Result<(), Departure> {
        self.push(Item::Ping(number), self.link.delay())
    }

    async fn close(&mut self, code: CloseCode) {
        let sent = self.push(Item::Close(code.code()), self.link.delay());
        while sent.is_ok() && !matches!(self.receive().await, Incoming::End(_)) {}
    }
}

/// The node has dropped the connection: the client's system learns of it.
impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.link.to_client.push(Item::Gone, self.link.delay());
    }
}
