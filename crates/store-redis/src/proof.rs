//! Proving a node's subscriptions, and finding out what was missed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Key, Value},
};
use futures::future::join_all;
use ringback_call::CallId;
use ringback_store::{BusEvent, Partition};
use tokio::time::Instant;

use crate::{
    bus::{Gap, Listeners},
    counts::{Heard, REMEMBERED},
    keys::{Keys, USER_TTL_MS},
    reply::{self, Unexpected},
    request::{PROBE, Request},
};

/// How long a probe may take from the server to us.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often its arrival is looked for.
const GLANCE: Duration = Duration::from_millis(10);

/// What has been proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Every channel is heard.
    Given,
    /// The server knows no subscriber of one of our channels: they are ours alone.
    Deaf,
    /// The server has sent what did not arrive.
    Unheard,
    /// The server did not answer.
    Failed,
}

/// Probes by one connection.
pub(crate) struct Prover<'a> {
    client: &'a Client,
    keys: &'a Keys,
    listeners: &'a Arc<Listeners>,
    run: String,
}

/// What the server said to a probe.
pub(crate) struct Answer {
    partition: Partition,
    history: String,
    heard: i64,
}

/// Finds out which server we are connected to.
pub(crate) async fn of<'a>(
    client: &'a Client,
    keys: &'a Keys,
    listeners: &'a Arc<Listeners>,
) -> Result<Prover<'a>, Error> {
    let info = CustomCommand::new_static("INFO", ClusterHash::FirstKey, false);
    let info: String = client.custom(info, vec!["server"]).await?;
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    let run = run.ok_or_else(|| Error::new(ErrorKind::Protocol, "no run_id in INFO"))?.to_owned();
    Ok(Prover { client, keys, listeners, run })
}

impl Prover<'_> {
    /// Probes every channel and waits for what comes of it. Nodes are told where a history has ended.
    pub(crate) async fn give(&self, nodes: &[String], partitions: &[Partition]) -> Proof {
        let began = Instant::now();
        let answers: Result<Vec<Answer>, Error> = self.probe(nodes, partitions).await.into_iter().collect();
        let Ok(answers) = answers else { return Proof::Failed };
        if answers.iter().any(|answer| answer.heard == 0) {
            tracing::info!("a subscription was lost without a word");
            return Proof::Deaf;
        }
        let unheard = || {
            nodes.iter().any(|node| {
                let fresh = |partition| self.listeners.proved(node, partition).is_some_and(|at| at >= began);
                partitions.iter().any(|&partition| !fresh(partition))
            })
        };
        let heard = async {
            while unheard() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if tokio::time::timeout(PATIENCE, heard).await.is_ok() { Proof::Given } else { Proof::Unheard }
    }

    /// Sends the probes, all at once, and takes note of the histories.
    pub(crate) async fn probe(
        &self,
        nodes: &[String],
        partitions: &[Partition],
    ) -> Vec<Result<Answer, Error>> {
        let each = nodes.iter().flat_map(|node| partitions.iter().map(move |&partition| (node, partition)));
        let answers = join_all(each.map(|(node, partition)| self.probe_one(node, partition))).await;
        let mut ended: Vec<Partition> = Vec::new();
        for answer in answers.iter().flatten() {
            if self.listeners.learn_history(answer.partition, &answer.history) {
                ended.push(answer.partition);
            }
        }
        if !ended.is_empty() {
            tracing::warn!(partitions = ended.len(), "Redis may have lost data: calls are checked");
            self.listeners.tell_all(&BusEvent::Regressed(ended));
        }
        answers
    }

    async fn probe_one(&self, node: &str, partition: Partition) -> Result<Answer, Error> {
        let keys = vec![
            self.keys.channel(partition, node).into(),
            self.keys.count(partition, node),
            self.keys.history(partition),
        ];
        let args = vec![self.run.as_str().into(), USER_TTL_MS.to_string().into()];
        let reply = Request::script("a probe", &PROBE, keys, args).send(self.client).await?;
        read_answer(reply, partition).map_err(|error| Error::new(ErrorKind::Parse, error.to_string()))
    }
}

fn read_answer(reply: Value, partition: Partition) -> Result<Answer, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    let _number = reply::next(&mut values)?;
    let history = reply::text(reply::next(&mut values)?)?;
    Ok(Answer { partition, history, heard: reply::integer(reply::next(&mut values)?)? })
}

/// What a gap consists of. `None` where the server does not know any more.
pub(crate) async fn look_into(client: &Client, keys: &Keys, gap: &Gap) -> Option<Vec<BusEvent>> {
    let (first, last) = match gap.heard {
        Heard::Missed { first, last } => (first, last),
        Heard::InTurn => return Some(Vec::new()),
        Heard::Restarted => return None,
    };
    let count = last.wrapping_sub(first).wrapping_add(1);
    if count > REMEMBERED {
        return None;
    }
    let numbers: Vec<u32> = (0..count).map(|n| first.wrapping_add(n)).collect();
    ask(client, keys.count(gap.partition, &gap.node), &numbers).await
}

/// `None` where the server does not know any more, or does not answer.
async fn ask(client: &Client, count: Key, numbers: &[u32]) -> Option<Vec<BusEvent>> {
    // The number of all comes first so that no message does: see `Calls::read`.
    let fields = numbers.iter().map(|number| Value::from((number % REMEMBERED).to_string()));
    let args: Vec<Value> = [count.into(), "n".into()].into_iter().chain(fields).collect();
    let command = CustomCommand::new_static("HMGET", ClusterHash::FirstKey, false);
    let reply: Value = client.custom(command, args).await.ok()?;
    let (mut calls, mut events) = (Vec::new(), Vec::new());
    for (number, what) in numbers.iter().zip(reply::list(reply).ok()?.into_iter().skip(1)) {
        match read_remembered(*number, reply::bytes(what).ok()?)? {
            Remembered::Entry(call) if calls.contains(&call) => {}
            Remembered::Entry(call) => calls.push(call),
            Remembered::Message(body) => events.push(BusEvent::Direct(body)),
        }
    }
    if !calls.is_empty() {
        events.push(BusEvent::Missed(calls));
    }
    Some(events)
}

enum Remembered {
    Entry(CallId),
    Message(Bytes),
}

/// `<number>:c<call>` or `<number>:m<message>`; `None` if the place was taken by a later message.
fn read_remembered(number: u32, bytes: Bytes) -> Option<Remembered> {
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    let stored: u64 = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    if stored as u32 != number {
        return None;
    }
    let what = bytes.slice(colon + 1..);
    match what.first()? {
        b'c' => CallId::new(std::str::from_utf8(&what[1..]).ok()?).ok().map(Remembered::Entry),
        b'm' => Some(Remembered::Message(what.slice(1..))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_read() {
        let read = |number, text: &'static str| read_remembered(number, Bytes::from_static(text.as_bytes()));
        assert!(matches!(read(70, "70:cp3-abc"), Some(Remembered::Entry(call)) if call.as_str() == "p3-abc"));
        assert!(matches!(read(5, "5:ma:b"), Some(Remembered::Message(body)) if body == "a:b"));
        assert!(read(6, "70:cp3-abc").is_none(), "a later message has its place");
        assert!(read(5, "5:x").is_none() && read(5, "nonsense").is_none() && read(5, "5:").is_none());
        // Numbers on the wire wrap around, those in the hash do not.
        assert!(read(0, "4294967296:mx").is_some());
    }
}
