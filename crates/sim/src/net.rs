//! Connections between clients and nodes: in order and whole as TCP's are, late, cut, or swallowed.

mod lane;
mod transport;

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use crate::dice::Dice;
pub use lane::Item;
use lane::Lane;
pub use transport::ServerEnd;

/// Frames that fit into the buffers between a node and a client that does not read.
const BUFFERS: [usize; 3] = [8, 32, 128];

/// A client's way to the network, whatever connections it has.
#[derive(Debug, Default)]
pub struct Access {
    swallows: AtomicBool,
    links: Mutex<Vec<Weak<Link>>>,
}

impl Access {
    /// Swallows everything from now on, or gives back what it has swallowed: the packets are sent again.
    pub fn swallow(&self, on: bool) {
        self.swallows.store(on, Ordering::Relaxed);
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        for link in links.iter().filter_map(Weak::upgrade) {
            link.to_client.nudge();
            link.to_server.nudge();
        }
    }

    /// Whether nothing gets through.
    pub fn swallows(&self) -> bool {
        self.swallows.load(Ordering::Relaxed)
    }
}

/// One connection.
#[derive(Debug)]
pub struct Link {
    access: Arc<Access>,
    to_server: Lane,
    to_client: Lane,
    room: usize,
    /// One way, without the jitter.
    latency: Duration,
    dice: Mutex<Dice>,
    /// The node's process is gone: what is still running of it says nothing any more.
    silenced: AtomicBool,
}

impl Link {
    /// A new one.
    pub fn new(access: &Arc<Access>, mut dice: Dice) -> Arc<Self> {
        let latency = dice.ms(1, 40);
        let link = Arc::new(Self {
            access: Arc::clone(access),
            to_server: Lane::default(),
            to_client: Lane::default(),
            room: *dice.pick(&BUFFERS),
            latency,
            dice: Mutex::new(dice),
            silenced: AtomicBool::new(false),
        });
        access.links.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&link));
        link
    }

    fn throw<T>(&self, what: impl FnOnce(&mut Dice) -> T) -> T {
        what(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn delay(&self) -> Duration {
        self.latency + self.throw(|dice| if dice.chance(0.1) { dice.ms(0, 60) } else { dice.ms(0, 5) })
    }

    /// The client sends a frame.
    pub fn send(&self, frame: Bytes) {
        self.to_server.push(Item::Frame(frame), self.delay());
    }

    /// The client shows that it lives.
    pub fn pong(&self, number: u64) {
        self.to_server.push(Item::Pong(number), self.delay());
    }

    /// The client closes the connection, or its system does.
    pub fn leave(&self) {
        self.to_server.push(Item::Gone, self.delay());
        self.to_client.clear(0);
    }

    /// What comes to the client next. Can be dropped and called again.
    pub async fn receive(&self) -> Item {
        self.to_client.receive(&self.access).await
    }

    /// The connection is reset somewhere on the way. Each end gets some of what was under way, and notices later.
    pub fn reset(&self) {
        for lane in [&self.to_client, &self.to_server] {
            let kept = self.throw(|dice| dice.below(lane.len() + 1));
            lane.clear(kept);
            lane.push(Item::Gone, self.throw(|dice| dice.ms(0, 200)));
        }
    }

    /// The node's process is gone. Its system resets the connection.
    pub fn silence(&self) {
        self.silenced.store(true, Ordering::Relaxed);
        self.reset();
    }

    fn is_silenced(&self) -> bool {
        self.silenced.load(Ordering::Relaxed)
    }
}
