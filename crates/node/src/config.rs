//! What an operator can choose about a node. Where it comes from is the program's business.

use std::time::Duration;

use ringback_call::{Millis, NodeId, OutcomeEvent, Rules};
use ringback_store::{LogBounds, Pace, Retention};
use ringback_wire::Limits as FrameLimits;

use crate::{ice::IceServers, machine::Machine};

/// All of it, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The gateway's name, as clients and operators know it.
    pub name: NodeId,
    /// How often it proves that it lives.
    pub heartbeat: Duration,
    /// How long a proof holds.
    pub ttl_ms: Millis,
    /// Times of a connection.
    pub connection: ConnectionTimes,
    /// The rules of calls.
    pub rules: Rules,
    /// Bounds on frames.
    pub frames: FrameLimits,
    /// Bounds on connections.
    pub limits: Limits,
    /// How long calls are kept.
    pub keep: Keep,
    /// What the application's servers are told of.
    pub events: Events,
    /// How often deadlines are looked for.
    pub sweep: Duration,
    /// STUN and TURN servers for clients.
    pub ice: IceServers,
    /// How long a drain may take.
    pub drain: Duration,
    /// Where names and time come from.
    pub machine: Machine,
}

/// Times of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimes {
    /// From the upgrade to hello.
    pub hello: Duration,
    /// Between two signs of life.
    pub heartbeat: Duration,
    /// For one frame to leave.
    pub write: Duration,
    /// How long a session is kept whose connection is gone.
    pub resume_ms: Millis,
    /// How long entries that were seen may stay in a mailbox with nothing else going on.
    pub trim: Duration,
}

/// Bounds on connections and users.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections of this gateway.
    pub connections: usize,
    /// Connections that are being greeted at once: one more is told to come back later.
    pub greetings: usize,
    /// Requests a second of one connection.
    pub requests_per_second: u32,
    /// Requests at once of one connection.
    pub request_burst: u32,
    /// Connected devices of a user.
    pub devices_per_user: usize,
    /// Frames that wait for one connection.
    pub outbox_frames: usize,
    /// How late tasks may be before newcomers are turned away; none: however late.
    pub lag: Duration,
    /// Requests a second of all connections of one user; 0: as many as each of them may.
    pub user_requests_per_second: u32,
    /// What one address may have.
    pub per_address: AddressLimits,
    /// How often calls may be tried.
    pub attempts: Attempts,
}

/// How often calls may be tried, wherever in the cluster; `None`: as often as one likes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts {
    /// By one user.
    pub made: Option<Pace>,
    /// To one user, by all others.
    pub received: Option<Pace>,
}

/// Bounds on one address; 0: none.
#[derive(Clone, Copy, Debug, Default)]
pub struct AddressLimits {
    /// Connections of this gateway.
    pub connections: usize,
    /// Attempts to connect, a second.
    pub upgrades_per_second: u32,
    /// Attempts at once.
    pub upgrade_burst: u32,
    /// Hellos that are refused, a minute and at once. Who has more of them is not let in for a while.
    pub failures_per_minute: u32,
}

/// How long calls are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// A live one, after its last change.
    pub live_ms: Millis,
    /// An ended one.
    pub ended_ms: Millis,
    /// What each user's log says of it. No entries: there are no logs.
    pub log: LogBounds,
}

/// Which events are written, and how long they are kept.
#[derive(Clone, Debug)]
pub struct Events {
    /// Those that are.
    pub types: Vec<OutcomeEvent>,
    /// In each partition.
    pub retention: Retention,
}

impl Default for Events {
    /// The end of each call, for a day.
    fn default() -> Self {
        let retention = Retention { keep_ms: 86_400_000, most: 15_625 };
        Self { types: vec![OutcomeEvent::Ended], retention }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The defaults, for tests.
    pub(crate) fn config(name: &str) -> Config {
        let seconds = Duration::from_secs;
        Config {
            name: NodeId::new(name).unwrap(),
            heartbeat: seconds(1),
            ttl_ms: 5_000,
            connection: ConnectionTimes {
                hello: seconds(5),
                heartbeat: seconds(20),
                write: seconds(10),
                resume_ms: 600_000,
                trim: seconds(5),
            },
            rules: Rules::default(),
            frames: FrameLimits::default(),
            limits: Limits {
                connections: 100,
                greetings: 10,
                requests_per_second: 50,
                request_burst: 200,
                devices_per_user: 16,
                outbox_frames: 256,
                lag: Duration::ZERO,
                user_requests_per_second: 0,
                per_address: AddressLimits::default(),
                attempts: Attempts::default(),
            },
            keep: Keep {
                live_ms: 3_600_000,
                ended_ms: 120_000,
                log: LogBounds { entries: 100, age_ms: 86_400_000 },
            },
            events: Events::default(),
            sweep: Duration::from_millis(500),
            ice: IceServers::default(),
            drain: seconds(30),
            machine: Machine::default(),
        }
    }
}
