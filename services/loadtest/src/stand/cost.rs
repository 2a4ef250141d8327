//! What calls cost, told apart from what is spent when nothing happens.

use std::time::{Duration, Instant};

use super::counters::Counted;

/// What had been spent at some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// When.
    pub(crate) at: Instant,
    /// CPU of all nodes.
    pub(crate) nodes: Duration,
    /// CPU of all Redis servers.
    pub(crate) redis: Duration,
    /// What Redis counts, if it can be asked.
    pub(crate) counted: Option<Counted>,
}

/// What was spent between two looks, or of that a share. What is not known is not a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// CPU of all nodes, in microseconds.
    pub(crate) nodes_us: f64,
    /// CPU of all Redis servers, in microseconds.
    pub(crate) redis_us: f64,
    /// Scripts called in Redis.
    pub(crate) scripts: f64,
    /// Commands in Redis, those that scripts run among them.
    pub(crate) commands: f64,
    /// Bytes into Redis …
    pub(crate) received: f64,
    /// … and out of it.
    pub(crate) sent: f64,
}

/// What one turn of calls has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// All that was spent meanwhile, for each call.
    pub(crate) all: Spent,
    /// The same beyond what would have been spent anyway.
    pub(crate) call: Spent,
    /// What is spent anyway, in a second: heartbeats, sweeps, probes.
    pub(crate) idle: Spent,
}

/// A figure of it: its name, its unit, and which it is.
pub(crate) type Figure = (&'static str, &'static str, fn(&Cost) -> f64);

/// What a call takes of Redis, and what is spent anyway.
pub(crate) const REDIS_AND_IDLE: [Figure; 7] = [
    ("scripts of a call", "", |cost| cost.call.scripts),
    ("commands of a call", "", |cost| cost.call.commands),
    ("into Redis, a call", "B", |cost| cost.call.received),
    ("out of Redis, a call", "B", |cost| cost.call.sent),
    ("idle: CPU, gateways", "us/s", |cost| cost.idle.nodes_us),
    ("idle: CPU, Redis", "us/s", |cost| cost.idle.redis_us),
    ("idle: commands", "/s", |cost| cost.idle.commands),
];

impl Look {
    fn since(&self, before: &Self) -> (Spent, f64) {
        let us = |after: Duration, before: Duration| after.saturating_sub(before).as_secs_f64() * 1e6;
        let counted = |of: fn(&Counted) -> u64| match (&self.counted, &before.counted) {
            (Some(after), Some(before)) => of(after).saturating_sub(of(before)) as f64,
            _ => f64::NAN,
        };
        let spent = Spent {
            nodes_us: us(self.nodes, before.nodes),
            redis_us: us(self.redis, before.redis),
            scripts: counted(|counted| counted.scripts),
            commands: counted(|counted| counted.commands),
            received: counted(|counted| counted.received),
            sent: counted(|counted| counted.sent),
        };
        (spent, self.at.duration_since(before.at).as_secs_f64())
    }
}

impl Spent {
    /// CPU of nodes and Redis together, in microseconds.
    pub(crate) fn both_us(&self) -> f64 {
        self.nodes_us + self.redis_us
    }

    fn with(self, other: Self, what: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            nodes_us: what(self.nodes_us, other.nodes_us),
            redis_us: what(self.redis_us, other.redis_us),
            scripts: what(self.scripts, other.scripts),
            commands: what(self.commands, other.commands),
            received: what(self.received, other.received),
            sent: what(self.sent, other.sent),
        }
    }

    fn each(self, of: f64) -> Self {
        self.with(self, |spent, _| spent / of)
    }
}

impl Cost {
    /// Nothing happened until `before`, then there were so many calls until `after`.
    pub(crate) fn new(idle: &Look, before: &Look, after: &Look, calls: u64) -> Self {
        let (idle, rest) = before.since(idle);
        let (all, took) = after.since(before);
        let (idle, all, calls) = (idle.each(rest), all.each(calls as f64), calls as f64);
        Self { all, call: all.with(idle, |all, idle| all - idle * took / calls), idle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_anyway_is_no_cost_of_a_call() {
        let start = Instant::now();
        let look = |at: u64, ms: u64, commands: u64| Look {
            at: start + Duration::from_secs(at),
            nodes: Duration::from_millis(ms),
            redis: Duration::from_millis(2 * ms),
            counted: Some(Counted { commands, ..Counted::default() }),
        };
        // Two seconds of nothing cost 20 ms and 100 commands; five seconds of ten calls, 150 ms and 350 commands.
        let cost = Cost::new(&look(0, 100, 0), &look(2, 120, 100), &look(7, 270, 450), 10);
        assert_eq!((cost.idle.nodes_us, cost.idle.commands), (10_000.0, 50.0));
        assert_eq!((cost.all.nodes_us, cost.all.commands), (15_000.0, 35.0));
        assert_eq!((cost.call.nodes_us, cost.call.redis_us, cost.call.commands), (10_000.0, 20_000.0, 10.0));
    }

    #[test]
    fn what_redis_did_not_tell_is_not_nothing() {
        let look = Look { at: Instant::now(), nodes: Duration::ZERO, redis: Duration::ZERO, counted: None };
        assert!(Cost::new(&look, &look, &look, 1).call.commands.is_nan());
    }
}
