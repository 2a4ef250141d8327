//! One connection that listens to the nodes' channels on one primary.
//!
//! The reader passes messages on and sees from their numbers when some were missed; the mender asks what those were, and
//! the teller tells where nobody knows; the keeper keeps the subscriptions, and proves them: every few seconds each node is
//! sent a probe through each of its channels. fred's own resubscription fails silently where there are only sharded
//! channels, and a slot that moves away takes its subscriptions with it without an event, so nothing less would do.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _},
};
use ringback_store::{BusEvent, Partition};
use tokio::sync::{Notify, broadcast::error::RecvError, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bus::{Gap, Listeners},
    doubts::Doubts,
    errors::Fault,
    keys::Keys,
    proof::{self, Proof},
};

/// How often every subscription is proved: a lost message that no other follows is noticed after this time.
const EVERY: Duration = Duration::from_secs(2);
/// How soon after a failure.
const SOON: Duration = Duration::from_millis(100);
/// How soon at most, while failures go on.
const LATER: Duration = Duration::from_secs(1);
/// Gaps that wait to be looked into; of more, all that is known is that something was missed.
const GAPS: usize = 256;
/// Proofs in a row that the server sent and that did not arrive, before the connection is made anew.
const UNHEARD: u32 = 2;

#[derive(Debug)]
pub(crate) struct Subscriber {
    client: Client,
    keys: Keys,
    listeners: Arc<Listeners>,
    doubts: Doubts,
    partitions: Mutex<Vec<Partition>>,
    /// Nodes that are subscribed here. Held while commands are sent: one SSUBSCRIBE at a time, since fred tells
    /// its answers apart by their order only.
    subscribed: tokio::sync::Mutex<HashSet<String>>,
    wake: Notify,
    prove: Notify,
}

impl Subscriber {
    pub(crate) fn start(
        client: Client,
        keys: Keys,
        listeners: Arc<Listeners>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        let subscriber = Arc::new(Self {
            client,
            keys,
            listeners,
            doubts: Doubts::default(),
            partitions: Mutex::default(),
            subscribed: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            prove: Notify::new(),
        });
        // The receivers are made before the connection is, so that they miss nothing of it.
        let messages = subscriber.client.message_rx();
        let (gaps, found) = mpsc::channel(GAPS);
        let reader = Arc::clone(&subscriber).read(messages, gaps);
        let mender = Arc::clone(&subscriber).mend(found);
        let teller = Arc::clone(&subscriber).tell();
        let keeper = Arc::clone(&subscriber).keep();
        tasks.spawn(stop.clone().run_until_cancelled_owned(reader));
        tasks.spawn(stop.clone().run_until_cancelled_owned(mender));
        tasks.spawn(stop.clone().run_until_cancelled_owned(teller));
        tasks.spawn(stop.clone().run_until_cancelled_owned(keeper));
        subscriber
    }

    pub(crate) fn set_partitions(&self, partitions: Vec<Partition>) {
        *self.partitions.lock().unwrap_or_else(PoisonError::into_inner) = partitions;
    }

    fn partitions(&self) -> Vec<Partition> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the keeper subscribe to everything and prove it, at once.
    pub(crate) fn doubt(&self) {
        self.wake.notify_one();
    }

    /// Has the keeper prove everything, at once.
    pub(crate) fn prove_soon(&self) {
        self.prove.notify_one();
    }

    /// Subscribes one node to its channel in these partitions, and finds out where they stand: what is said to the
    /// node from now on is heard, or missed with somebody noticing.
    pub(crate) async fn listen(&self, node: &str, partitions: &[Partition]) -> Result<(), Error> {
        let mut subscribed = self.subscribed.lock().await;
        subscribed.insert(node.to_owned());
        for &partition in partitions {
            self.client.ssubscribe(self.keys.channel(partition, node)).await?;
        }
        let proof = proof::of(&self.client, &self.keys, &self.listeners).await?;
        for outcome in proof.probe(&[node.to_owned()], partitions).await {
            outcome?;
        }
        Ok(())
    }

    async fn read(
        self: Arc<Self>,
        mut messages: tokio::sync::broadcast::Receiver<fred::types::Message>,
        gaps: mpsc::Sender<Gap>,
    ) {
        loop {
            match messages.recv().await {
                Ok(message) => {
                    let Some(gap) = self.listeners.deliver(message) else { continue };
                    if let Err(full) = gaps.try_send(gap) {
                        let Gap { node, partition, .. } = full.into_inner();
                        self.doubts.add(node, partition);
                    }
                }
                // The numbers of the messages that follow tell which they were.
                Err(RecvError::Lagged(lost)) => {
                    tracing::warn!(lost, "messages came faster than they were read");
                    self.doubt();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Tells the nodes what they have missed, as far as that is known.
    async fn mend(self: Arc<Self>, mut gaps: mpsc::Receiver<Gap>) {
        while let Some(gap) = gaps.recv().await {
            let events = proof::look_into(&self.client, &self.keys, &gap).await;
            tracing::info!(node = gap.node, partition = %gap.partition, heard = ?gap.heard, "messages were missed");
            match events {
                Some(events) => events.into_iter().for_each(|event| self.listeners.tell(&gap.node, event)),
                None => self.doubts.add(gap.node, gap.partition),
            }
        }
    }

    /// Tells the nodes where they have missed what nobody knows.
    async fn tell(self: Arc<Self>) {
        loop {
            for (node, partitions) in self.doubts.take().await {
                self.listeners.tell(&node, BusEvent::Interrupted(partitions.into_iter().collect()));
            }
        }
    }

    async fn keep(self: Arc<Self>) {
        let mut reconnects = self.client.reconnect_rx();
        let mut pause = EVERY;
        let mut renew = false;
        let mut unheard = 0;
        loop {
            tokio::select! {
                event = reconnects.recv() => match event {
                    Ok(_) | Err(RecvError::Lagged(_)) => renew = true,
                    Err(RecvError::Closed) => return,
                },
                () = self.wake.notified() => renew = true,
                () = self.prove.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            if !self.client.is_connected() && !self.is_up_soon().await {
                renew = true;
                pause = EVERY;
                continue;
            }
            let subscribed = !renew || self.subscribe_all().await;
            let proof = if subscribed { self.prove().await } else { Proof::Failed };
            unheard = if proof == Proof::Unheard { unheard + 1 } else { 0 };
            if unheard >= UNHEARD {
                unheard = 0;
                tracing::warn!("a connection hears nothing although the server speaks: it is made anew");
                let _ = tokio::time::timeout(LATER, self.client.force_reconnection()).await;
            }
            renew = proof == Proof::Deaf || !subscribed;
            pause = match proof {
                Proof::Given | Proof::Unheard => EVERY,
                Proof::Deaf | Proof::Failed if pause == EVERY => SOON,
                Proof::Deaf | Proof::Failed => LATER.min(pause * 2),
            };
        }
    }

    /// A reconnect event comes a moment before the client counts as connected.
    async fn is_up_soon(&self) -> bool {
        tokio::time::timeout(SOON, self.client.wait_for_connect()).await.is_ok_and(|up| up.is_ok())
    }

    /// Sends every node that is subscribed here a probe through each of its channels.
    async fn prove(&self) -> Proof {
        let live = self.listeners.nodes();
        let mut nodes: Vec<String> = self.subscribed.lock().await.iter().cloned().collect();
        nodes.retain(|node| live.contains(node));
        if nodes.is_empty() {
            return Proof::Given;
        }
        let Ok(proof) = proof::of(&self.client, &self.keys, &self.listeners).await else {
            return Proof::Failed;
        };
        proof.give(&nodes, &self.partitions()).await
    }

    /// Subscribes every node to all its channels here; `false` if that did not work for all of them.
    async fn subscribe_all(&self) -> bool {
        let mut subscribed = self.subscribed.lock().await;
        let nodes = self.listeners.nodes();
        let partitions = self.partitions();
        let gone: Vec<String> = subscribed.iter().filter(|node| !nodes.contains(node)).cloned().collect();
        for node in gone {
            for &partition in &partitions {
                // It would end with the connection; to do it now only spares the server.
                let _ = self.client.sunsubscribe(self.keys.channel(partition, &node)).await;
            }
            subscribed.remove(&node);
        }
        let mut all = true;
        for node in nodes {
            for &partition in &partitions {
                if let Err(error) = self.client.ssubscribe(self.keys.channel(partition, &node)).await {
                    tracing::debug!(%partition, %error, "could not subscribe");
                    all = false;
                    if Fault::of(&error) == Fault::Unknown {
                        return false;
                    }
                }
            }
            subscribed.insert(node);
        }
        all
    }
}
