//! Which primary has which partition.
//!
//! Without a cluster there is one shard, and it has them all; fred follows a Sentinel's failover within it. With a
//! cluster, a task asks one of the nodes for the map every second, and at once when a command got an error that
//! speaks of another map. A primary that stays keeps its connections. A partition that moves is first subscribed at
//! its new primary, then commands go there, and then the nodes are told that messages may have been lost: other
//! gateways may have published there before we listened.

mod sending;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fred::types::config::Server;
use ringback_store::{COMMAND_TIMEOUT_MS, Partition, Partitions, StoreError, Subscription};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bus::Listeners,
    discovery,
    errors::{Fault, GivenUp},
    keys::Keys,
    settings::{COMMAND_TIMEOUT, Dialer, Durability, RedisSettings},
    shard::Shard,
    slots::{self, Slots},
};

/// How often a cluster is asked for its map.
const EVERY: Duration = Duration::from_secs(1);
/// How often at most: errors come in crowds, from every gateway, and one answer is for all of them.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);
/// How long `close` waits for connections to end.
const GOODBYE: Duration = Duration::from_secs(3);

/// Who has what.
#[derive(Debug, Default)]
pub(crate) struct Map {
    pub(crate) shards: Vec<Arc<Shard>>,
    owners: Vec<Option<Arc<Shard>>>,
}

impl Map {
    pub(crate) fn owner(&self, partition: Partition) -> Option<&Arc<Shard>> {
        self.owners.get(usize::from(partition.0))?.as_ref()
    }

    fn owner_is(&self, partition: Partition, server: Option<&Server>) -> bool {
        let name = server.map(Server::to_string);
        self.owner(partition).map(|shard| shard.name()) == name.as_deref()
    }
}

#[derive(Debug)]
pub(crate) struct Topology {
    dialer: Dialer,
    clients: usize,
    pub(crate) durability: Durability,
    pub(crate) partitions: Partitions,
    pub(crate) keys: Keys,
    pub(crate) listeners: Arc<Listeners>,
    map: watch::Sender<Arc<Map>>,
    /// Held while the map changes, and while a node subscribes: so that it does on every shard there is.
    changing: tokio::sync::Mutex<()>,
    refresh: Notify,
    hint: Mutex<Option<Server>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Topology {
    pub(crate) fn start(settings: &RedisSettings, dialer: Dialer, stop: CancellationToken) -> Arc<Self> {
        let keys = Keys::new(settings.namespace.as_str());
        let topology = Arc::new(Self {
            dialer,
            clients: settings.clients_per_primary,
            durability: settings.durability,
            partitions: settings.partitions,
            listeners: Arc::new(Listeners::new(keys.clone())),
            keys,
            map: watch::Sender::default(),
            changing: tokio::sync::Mutex::default(),
            refresh: Notify::new(),
            hint: Mutex::default(),
            tasks: TaskTracker::new(),
            stop,
        });
        match topology.dialer.seeds() {
            Some(seeds) => {
                let follow = Arc::clone(&topology).follow(seeds);
                topology.tasks.spawn(topology.stop.clone().run_until_cancelled_owned(follow));
            }
            None => topology.start_only_shard(),
        }
        topology
    }

    /// The map as it is.
    pub(crate) fn map(&self) -> Arc<Map> {
        self.map.borrow().clone()
    }

    /// Waits until the map is another one, but not longer than this.
    pub(crate) async fn changed(&self, pause: Duration) {
        let mut map = self.map.subscribe();
        let _ = tokio::time::timeout(pause, map.changed()).await;
    }

    /// Has the map looked at soon, because of this error.
    pub(crate) fn doubt(&self, fault: &Fault) {
        if let Fault::Moved(server) = fault {
            *self.hint.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.clone());
        }
        self.refresh.notify_one();
    }

    /// Has the subscriptions of a partition's primary proved at once.
    pub(crate) fn prove_again(&self, partition: Partition) {
        if let Some(shard) = self.map().owner(partition) {
            shard.subscriber().prove_soon();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.listeners.clear();
        if tokio::time::timeout(GOODBYE, self.tasks.wait()).await.is_err() {
            tracing::warn!("connections to Redis did not end in time");
        }
    }

    /// Subscribes a node on every shard.
    pub(crate) async fn subscribe(&self, node: &str) -> Result<Subscription, StoreError> {
        if self.is_closed() {
            return Err(StoreError::unavailable(GivenUp::Closed));
        }
        let (sender, subscription) = Subscription::new(self.partitions);
        self.listeners.add(node, sender);
        let mut last = GivenUp::NoPrimary;
        let attempts = async {
            loop {
                match self.subscribe_once(node).await {
                    Ok(()) => return,
                    Err(Some(error)) => {
                        self.doubt(&Fault::of(&error));
                        last = GivenUp::TooLate(error);
                    }
                    Err(None) => {}
                }
                self.changed(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(Duration::from_millis(COMMAND_TIMEOUT_MS), attempts).await {
            Ok(()) => {
                tracing::info!(node, "subscribed");
                Ok(subscription)
            }
            Err(_) => Err(StoreError::unavailable(last)),
        }
    }

    async fn subscribe_once(&self, node: &str) -> Result<(), Option<fred::error::Error>> {
        let _steady = self.changing.lock().await;
        let map = self.map();
        if !self.partitions.all().all(|partition| map.owner(partition).is_some()) {
            return Err(None);
        }
        for shard in &map.shards {
            shard.subscriber().listen(node, &self.partitions_of(&map, shard)).await?;
        }
        Ok(())
    }

    fn partitions_of(&self, map: &Map, shard: &Arc<Shard>) -> Vec<Partition> {
        let owned =
            |partition: &Partition| map.owner(*partition).is_some_and(|owner| Arc::ptr_eq(owner, shard));
        self.partitions.all().filter(owned).collect()
    }

    fn start_shard(&self, name: String, make: impl Fn() -> fred::clients::Client) -> Arc<Shard> {
        let stop = self.stop.child_token();
        Shard::start(name, self.clients, make, &self.keys, &self.listeners, &self.tasks, stop)
    }

    fn start_only_shard(&self) {
        let shard = self.start_shard("the only primary".to_owned(), || self.dialer.client());
        shard.subscriber().set_partitions(self.partitions.all().collect());
        let owners = self.partitions.all().map(|_| Some(Arc::clone(&shard))).collect();
        self.map.send_replace(Arc::new(Map { shards: vec![shard], owners }));
    }

    /// Keeps the map of a cluster.
    async fn follow(self: Arc<Self>, seeds: Vec<Server>) {
        let mut turn = 0_usize;
        let mut silent = false;
        loop {
            let asked = Instant::now();
            turn = turn.wrapping_add(1);
            let hint = self.hint.lock().unwrap_or_else(PoisonError::into_inner).take();
            let hints: Vec<Server> = hint.into_iter().collect();
            match discovery::ask(&self.dialer, &self.map(), &hints, &seeds, turn).await {
                Ok(slots) => {
                    silent = false;
                    self.adopt(&slots).await;
                }
                Err(reason) if !silent => {
                    silent = true;
                    let reason = reason.map(tracing::field::display);
                    tracing::warn!(reason, "no node of the Redis Cluster could be asked for its map");
                }
                Err(_) => {}
            }
            let _ = tokio::time::timeout_at(asked + EVERY, self.refresh.notified()).await;
            tokio::time::sleep_until(asked + AT_MOST_EVERY).await;
        }
    }

    /// Makes the map what the slots say.
    async fn adopt(&self, slots: &Slots) {
        let before = self.map();
        let servers: Vec<Option<&Server>> =
            self.partitions.all().map(|partition| slots.owner(slots::slot_of(partition))).collect();
        if self.partitions.all().zip(&servers).all(|(partition, server)| before.owner_is(partition, *server))
            && before.owners.len() == servers.len()
        {
            return;
        }
        let _steady = self.changing.lock().await;
        let mut shards: HashMap<String, Arc<Shard>> = HashMap::new();
        let mut owners = Vec::with_capacity(servers.len());
        for server in servers {
            owners.push(server.map(|server| {
                let known = || before.shards.iter().find(|shard| shard.name() == server.to_string()).cloned();
                let made = || self.start_shard(server.to_string(), || self.dialer.client_of(server));
                Arc::clone(shards.entry(server.to_string()).or_insert_with(|| known().unwrap_or_else(made)))
            }));
        }
        let after = Map { shards: shards.into_values().collect(), owners };
        let gained = self.gains(&before, &after);
        let nodes = self.listeners.nodes();
        let listen = async {
            for (shard, partitions) in &gained {
                for node in &nodes {
                    if let Err(error) = shard.subscriber().listen(node, partitions).await {
                        tracing::debug!(server = shard.name(), %error, "could not subscribe at a new primary yet");
                    }
                }
            }
        };
        let _ = tokio::time::timeout(COMMAND_TIMEOUT, listen).await;
        self.switch(&before, after, &gained);
    }

    /// What each shard has to listen to from now on, and did not before.
    fn gains(&self, before: &Map, after: &Map) -> Vec<(Arc<Shard>, Vec<Partition>)> {
        let mut gains = Vec::new();
        for shard in &after.shards {
            let partitions = self.partitions_of(after, shard);
            shard.subscriber().set_partitions(partitions.clone());
            let old =
                |partition: &Partition| before.owner(*partition).is_some_and(|was| Arc::ptr_eq(was, shard));
            let gained: Vec<Partition> =
                partitions.iter().copied().filter(|partition| !old(partition)).collect();
            tracing::info!(
                server = shard.name(),
                partitions = partitions.len(),
                gained = gained.len(),
                "a primary's partitions"
            );
            if !gained.is_empty() {
                gains.push((Arc::clone(shard), gained));
            }
        }
        gains
    }

    fn switch(&self, before: &Map, after: Map, gained: &[(Arc<Shard>, Vec<Partition>)]) {
        let after = Arc::new(after);
        self.map.send_replace(Arc::clone(&after));
        for (shard, _) in gained {
            shard.subscriber().doubt();
        }
        for shard in &before.shards {
            if !after.shards.iter().any(|kept| Arc::ptr_eq(kept, shard)) {
                tracing::info!(server = shard.name(), "no primary of ours any more");
                shard.stop();
            }
        }
    }
}
