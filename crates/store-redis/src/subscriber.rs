//! One connection that listens to the nodes' channels on one primary.
//!
//! The reader passes messages on; the keeper keeps the subscriptions. fred's own resubscription fails silently
//! where there are only sharded channels, and a slot that moves away takes its subscriptions with it without an
//! event, so the keeper subscribes to everything again after each reconnect and every few seconds.

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
use ringback_store::Partition;
use tokio::sync::{Notify, broadcast::error::RecvError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{bus::Listeners, errors::Fault, keys::Keys, reply};

/// How often everything is subscribed again although nothing seems to be wrong.
const EVERY: Duration = Duration::from_secs(5);
/// How soon after a failure.
const SOON: Duration = Duration::from_millis(100);
/// How soon at most, while failures go on.
const LATER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Subscriber {
    client: Client,
    keys: Keys,
    listeners: Arc<Listeners>,
    partitions: Mutex<Vec<Partition>>,
    /// Nodes that are subscribed here. Held while commands are sent: one SSUBSCRIBE at a time, since fred tells
    /// its answers apart by their order only.
    subscribed: tokio::sync::Mutex<HashSet<String>>,
    wake: Notify,
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
            partitions: Mutex::default(),
            subscribed: tokio::sync::Mutex::default(),
            wake: Notify::new(),
        });
        // The receivers are made before the connection is, so that they miss nothing of it.
        let messages = subscriber.client.message_rx();
        let reader = Arc::clone(&subscriber).read(messages);
        let keeper = Arc::clone(&subscriber).keep();
        tasks.spawn(stop.clone().run_until_cancelled_owned(reader));
        tasks.spawn(stop.clone().run_until_cancelled_owned(keeper));
        subscriber
    }

    pub(crate) fn set_partitions(&self, partitions: Vec<Partition>) {
        *self.partitions.lock().unwrap_or_else(PoisonError::into_inner) = partitions;
    }

    fn partitions(&self) -> Vec<Partition> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the keeper subscribe to everything and tell the nodes that messages may have been lost.
    pub(crate) fn doubt(&self) {
        self.wake.notify_one();
    }

    /// Subscribes one node to its channel in these partitions.
    pub(crate) async fn listen(&self, node: &str, partitions: &[Partition]) -> Result<(), Error> {
        let mut subscribed = self.subscribed.lock().await;
        subscribed.insert(node.to_owned());
        for &partition in partitions {
            self.client.ssubscribe(self.keys.channel(partition, node)).await?;
        }
        Ok(())
    }

    async fn read(self: Arc<Self>, mut messages: tokio::sync::broadcast::Receiver<fred::types::Message>) {
        loop {
            match messages.recv().await {
                Ok(message) => self.listeners.deliver(message),
                Err(RecvError::Lagged(lost)) => {
                    tracing::warn!(lost, "messages came faster than they were read");
                    self.listeners.interrupt();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn keep(self: Arc<Self>) {
        let mut reconnects = self.client.reconnect_rx();
        // Whether the nodes are owed the news that messages may have been lost.
        let mut owed = false;
        let mut pause = EVERY;
        loop {
            tokio::select! {
                event = reconnects.recv() => match event {
                    Ok(_) | Err(RecvError::Lagged(_)) => owed = true,
                    Err(RecvError::Closed) => return,
                },
                () = self.wake.notified() => owed = true,
                () = tokio::time::sleep(pause) => owed = owed || self.is_deaf().await,
            }
            if !self.client.is_connected() && !self.is_up_soon().await {
                owed = true;
                pause = EVERY;
                continue;
            }
            let all = self.subscribe_all().await;
            if owed {
                self.listeners.interrupt();
            }
            owed = !all;
            pause = match all {
                true => EVERY,
                false if pause == EVERY => SOON,
                false => LATER.min(pause * 2),
            };
        }
    }

    /// A reconnect event comes a moment before the client counts as connected.
    async fn is_up_soon(&self) -> bool {
        tokio::time::timeout(SOON, self.client.wait_for_connect()).await.is_ok_and(|up| up.is_ok())
    }

    /// Whether the server knows no subscriber of one of our channels: they are ours alone.
    async fn is_deaf(&self) -> bool {
        let subscribed: Vec<String> = self.subscribed.lock().await.iter().cloned().collect();
        let live = self.listeners.nodes();
        let channels: Vec<String> = self
            .partitions()
            .iter()
            .flat_map(|&partition| {
                let nodes = subscribed.iter().filter(|&node| live.contains(node));
                nodes.map(move |node| self.keys.channel(partition, node))
            })
            .collect();
        if channels.is_empty() || !self.client.is_connected() {
            return false;
        }
        let counts: Result<fred::types::Value, _> = self.client.pubsub_shardnumsub(channels).await;
        let Ok(Ok(counts)) = counts.map(reply::fields) else { return false };
        let deaf = counts.into_iter().any(|(_, count)| matches!(reply::integer(count), Ok(0)));
        if deaf {
            tracing::info!(server = ?self.client.active_connections(), "a subscription was lost without a word");
        }
        deaf
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
