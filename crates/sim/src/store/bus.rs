//! Messages on their way to a node: late, lost, or told as missed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use ringback_call::CallId;
use ringback_store::{
    BusEvent, Partition, Sender, Store as _, Subscription,
    record::{self, Direct, Envelope},
};
use tokio::time::{Instant, sleep_until};

use super::Line;
use crate::{fault::Fault, mutant::Mutant};

/// In which partition, and by which subscription, a message comes.
type By = (Partition, u64);

/// What is on its way, in the order of arrival.
#[derive(Default)]
struct Mail {
    bag: BTreeMap<(Instant, u64), (Option<By>, BusEvent)>,
    count: u64,
    /// Messages of one partition do not overtake each other.
    last: BTreeMap<Partition, Instant>,
}

impl Mail {
    /// `by` says in which partition and by which subscription.
    fn put(&mut self, at: Instant, by: Option<By>, event: BusEvent) {
        let at = match by {
            Some((partition, _)) => {
                let last = self.last.entry(partition).or_insert(at);
                *last = at.max(*last);
                *last
            }
            None => at,
        };
        self.count += 1;
        self.bag.insert((at, self.count), (by, event));
    }

    /// Something before it is missing, which shows only after what came before that.
    fn doubt(&mut self, at: Instant, partition: Partition, event: BusEvent) {
        let at = self.last.get(&partition).map_or(at, |last| at.max(*last));
        self.put(at, None, event);
    }
}

/// Brings a node what is published to it.
pub(super) async fn forward(line: Arc<Line>, mut from: Subscription, to: Sender) {
    let Some(mut told) = line.to_tell.lock().ok().and_then(|mut to_tell| to_tell.take()) else { return };
    let mut mail = Mail::default();
    loop {
        let next = mail.bag.first_key_value().map(|((at, _), _)| *at);
        let arrival = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = line.death() => return,
            () = arrival => {
                if let Some((_, (by, event))) = mail.bag.pop_first()
                    && by.is_none_or(|(partition, by)| line.subscription(partition) == Some(by))
                {
                    to.send(event);
                }
            }
            Some((at, event)) = told.recv() => mail.put(at, None, event),
            event = from.recv() => match event {
                Some(event) => sort(&line, &mut mail, event),
                None => return,
            },
        }
    }
}

fn sort(line: &Line, mail: &mut Mail, event: BusEvent) {
    let depot = line.depot();
    let Some((partition, call)) = address(line, &event) else {
        return mail.put(Instant::now(), None, event);
    };
    let Some(by) = line.subscription(partition) else { return depot.tally.fault(Fault::BusCut) };
    let by = Some((partition, by));
    let mut ground = depot.ground();
    let (weather, dice) = ground.weather();
    let (drop, double, far) = (weather.drop, weather.double, weather.delay_ms);
    let (dropped, doubled) = (dice.chance(drop), dice.chance(double));
    let (vague, notices) = (dice.chance(0.2), dice.ms(50, 3_000));
    let late = dice.chance(0.5) && far > 0;
    let delay = dice.ms(0, 3) + if late { dice.ms(0, far) } else { Duration::ZERO };
    core::mem::drop(ground);
    let now = Instant::now();
    if dropped {
        depot.tally.fault(Fault::BusDrop);
        depot.trace.note(line.name(), format_args!("a message of {partition} is lost"));
        if depot.mutant == Some(Mutant::LossesUntold) {
            return;
        }
        let doubt = match (vague, call) {
            (false, Some(call)) => BusEvent::Missed(vec![call]),
            // The server remembers what it was.
            (false, None) => event,
            (true, _) => BusEvent::Interrupted(vec![partition]),
        };
        return mail.doubt(now + notices, partition, doubt);
    }
    if late {
        depot.tally.fault(Fault::BusDelay);
    }
    if doubled {
        depot.tally.fault(Fault::BusDouble);
        mail.put(now + delay, by, event.clone());
    }
    mail.put(now + delay, by, event);
}

/// In which partition a message was published, and of which call it is.
fn address(line: &Line, event: &BusEvent) -> Option<(Partition, Option<CallId>)> {
    let parts = line.depot().memory.partitions();
    match event {
        BusEvent::Entry { body, .. } => {
            let envelope: Envelope = record::decode("an envelope", body).ok()?;
            Some((parts.of_call(&envelope.call)?, Some(envelope.call)))
        }
        BusEvent::Direct(body) => Some((parts.of_user(&addressee(body)?), None)),
        BusEvent::Missed(_) | BusEvent::Interrupted(_) | BusEvent::Regressed(_) => None,
    }
}

fn addressee(body: &Bytes) -> Option<ringback_call::UserId> {
    match record::decode("a message", body).ok()? {
        Direct::Replaced { user, .. } | Direct::Returned { user, .. } => Some(user),
    }
}
