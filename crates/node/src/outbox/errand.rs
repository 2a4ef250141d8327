//! One event, until it is delivered or given up.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use ringback_call::Timestamp;
use ringback_store::{Letter, Partition, StoreError};
use ringback_telemetry::{Attempt, Undelivered};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    Answer, Event, Receiver, Terms,
    health::{self, Health},
    lane::Parcel,
};
use crate::{Node, seldom::Seldom};

/// The first pause after the store failed, and the longest.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(2);
/// What a receiver may ask for at most.
const LONGEST_WISH: Duration = Duration::from_secs(3_600);

/// Why an event is a dead letter that the code can't do with.
const PANICKED: &str = "a mistake in the gateway: it panicked over it";

/// Who runs them.
pub(super) struct Runner {
    node: Arc<Node>,
    receiver: Arc<dyn Receiver>,
    terms: Terms,
    places: Semaphore,
    health: Health,
    /// Not each dead letter is worth a line: of a receiver that is away for long there are many.
    dead: Seldom,
}

/// What becomes of an event.
enum Fate {
    Delivered,
    Dead(Undelivered, String),
}

impl Runner {
    pub(super) fn new(node: Arc<Node>, receiver: Arc<dyn Receiver>, terms: Terms) -> Self {
        let places = Semaphore::new(terms.concurrency);
        let dead = Seldom::new(health::REMIND);
        Self { node, receiver, terms, places, health: Health::new(), dead }
    }

    /// Delivers it or gives it up, and tells the store.
    pub(super) async fn run(&self, partition: Partition, parcel: &Parcel, lease: watch::Receiver<Instant>) {
        let fate = match &parcel.event {
            // An event that the code can't do with would else end every gateway that takes the partition over. What the
            // panic says may be of the event, and private; where it was is in the log.
            Ok(event) => {
                let delivered = AssertUnwindSafe(self.deliver(event, lease)).catch_unwind().await;
                delivered.unwrap_or_else(|_| Fate::Dead(Undelivered::Panicked, PANICKED.to_owned()))
            }
            Err(Undelivered::Panicked) => Fate::Dead(Undelivered::Panicked, PANICKED.to_owned()),
            Err(cause) => Fate::Dead(*cause, "it can't be read".to_owned()),
        };
        let Letter { position, .. } = parcel.letter;
        let store = &self.node.store;
        let settled = match &fate {
            Fate::Delivered => {
                let took = self.node.clock.now().since(Timestamp(position.at.0));
                self.node.metrics.webhook_delay.observe_ms((), took);
                insist(|| store.acknowledge(partition, position)).await
            }
            Fate::Dead(cause, why) => {
                match self.dead.happened() {
                    Some(events) => {
                        tracing::warn!(event = ?parcel.event, ?cause, why, events, "an event could not be delivered");
                    }
                    None => {
                        tracing::debug!(event = ?parcel.event, ?cause, why, "an event could not be delivered");
                    }
                }
                self.node.metrics.webhook_undelivered.inc((*cause,));
                insist(|| store.bury(partition, &parcel.letter, why, self.terms.dead)).await
            }
        };
        if let Err(error) = settled {
            let error = &error as &dyn std::error::Error;
            tracing::error!(event = ?parcel.event, error, "an event's delivery could not be stored");
        }
    }

    async fn deliver(&self, event: &Event, mut lease: watch::Receiver<Instant>) -> Fate {
        let mut pause = self.terms.first_pause;
        for attempt in 1.. {
            let (why, after) = match self.attempt(event, &mut lease).await {
                Answer::Delivered => return Fate::Delivered,
                Answer::Never { why } => return Fate::Dead(Undelivered::Refused, why),
                Answer::Again { why, after, .. } => (why, after),
            };
            tracing::debug!(?event, attempt, why, "not delivered yet");
            if attempt >= self.terms.attempts {
                return Fate::Dead(Undelivered::Attempts, why);
            }
            let wish = after.unwrap_or_default().min(LONGEST_WISH);
            sleep(wish.max(pause.mul_f32(0.5 + 0.5 * fastrand::f32()))).await;
            pause = self.terms.longest_pause.min(pause * 2);
        }
        Fate::Dead(Undelivered::Attempts, "no attempt".to_owned())
    }

    async fn attempt(&self, event: &Event, lease: &mut watch::Receiver<Instant>) -> Answer {
        loop {
            // The lane goes only with its errands.
            let _ = lease.wait_for(|until| *until > Instant::now()).await;
            // The places are never closed.
            let _place = self.places.acquire().await;
            if *lease.borrow() <= Instant::now() {
                continue;
            }
            let timer = self.node.metrics.webhook_answer.start();
            let answer = timeout(self.terms.timeout, self.receiver.deliver(event)).await;
            timer.stop(());
            let answer = answer.unwrap_or_else(|_| Answer::Again {
                attempt: Attempt::TimedOut,
                why: format!("no answer within {:?}", self.terms.timeout),
                after: None,
            });
            self.note(&answer);
            return answer;
        }
    }

    fn note(&self, answer: &Answer) {
        let attempt = match answer {
            Answer::Delivered => Attempt::Delivered,
            Answer::Again { attempt, .. } => *attempt,
            Answer::Never { .. } => Attempt::Refused,
        };
        self.node.metrics.webhook_attempts.inc((attempt,));
        match answer {
            Answer::Delivered => {
                if self.health.delivered() {
                    tracing::info!("the webhook's receiver takes events again");
                }
            }
            Answer::Again { why, .. } | Answer::Never { why } => {
                if let Some(attempts) = self.health.failed() {
                    tracing::warn!(why, attempts, "the webhook's receiver does not take an event");
                }
            }
        }
    }
}

/// As often as it takes, unless it fails for good. Ends with the lane at the latest.
async fn insist<F>(mut attempt: impl FnMut() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut pause = SHORT;
    loop {
        match attempt().await {
            Err(error) if error.is_transient() => {
                sleep(pause.mul_f32(0.5 + 0.5 * fastrand::f32())).await;
                pause = LONG.min(pause * 2);
            }
            settled => return settled,
        }
    }
}
