//! The connections to one primary.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _},
};
use ringback_store::Partition;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{bus::Listeners, keys::Keys, subscriber::Subscriber};

/// How long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);
/// Before a client is started again that gave up in spite of its policy (a wrong password, say).
const AGAIN: Duration = Duration::from_secs(1);

/// One primary: a few clients for commands and one for messages.
#[derive(Debug)]
pub(crate) struct Shard {
    name: String,
    commands: Vec<Client>,
    subscriber: Arc<Subscriber>,
    stop: CancellationToken,
}

impl Shard {
    /// Starts connecting, in the background and for as long as it takes.
    pub(crate) fn start(
        name: String,
        clients: usize,
        make: impl Fn() -> Client,
        keys: &Keys,
        listeners: &Arc<Listeners>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let commands: Vec<Client> = (0..clients).map(|_| make()).collect();
        let ear = make();
        let subscriber = Subscriber::start(ear.clone(), keys.clone(), Arc::clone(listeners), tasks, &stop);
        for client in commands.iter().cloned() {
            tasks.spawn(drive(client, name.clone(), "commands", stop.clone()));
        }
        tasks.spawn(drive(ear, name.clone(), "messages", stop.clone()));
        Arc::new(Self { name, commands, subscriber, stop })
    }

    /// Which primary, for logs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The client of a partition: always the same one, so that its commands keep their order.
    pub(crate) fn commands(&self, partition: Partition) -> &Client {
        &self.commands[usize::from(partition.0) % self.commands.len()]
    }

    pub(crate) fn any_commands(&self) -> Option<&Client> {
        self.commands.iter().find(|client| client.is_connected())
    }

    pub(crate) fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }

    /// Ends its connections.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

/// Runs a client until it is to stop.
async fn drive(client: Client, server: String, purpose: &'static str, stop: CancellationToken) {
    let mut connects = client.reconnect_rx();
    let mut errors = client.error_rx();
    let (mut up, mut told) = (false, false);
    while !stop.is_cancelled() {
        let mut connection = client.connect();
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    let _ = tokio::time::timeout(GOODBYE, client.quit()).await;
                    connection.abort();
                    return;
                }
                Ok(_) = connects.recv() => {
                    (up, told) = (true, false);
                    tracing::info!(%server, purpose, "connected to Redis");
                }
                Ok((error, _)) = errors.recv() => {
                    // Each attempt to connect again that fails is another error.
                    if up {
                        tracing::warn!(%server, purpose, %error, "lost a connection to Redis");
                    } else if !told {
                        // Whatever is wrong with the settings shows here first.
                        told = true;
                        tracing::warn!(%server, purpose, %error, "no connection to Redis yet");
                    } else {
                        tracing::debug!(%server, purpose, %error, "no connection to Redis yet");
                    }
                    up = false;
                }
                end = &mut connection => {
                    let error = end.map_err(fred::error::Error::from).and_then(|end| end).err();
                    tracing::warn!(%server, purpose, ?error, "a connection was given up and is started again");
                    break;
                }
            }
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
    }
}
