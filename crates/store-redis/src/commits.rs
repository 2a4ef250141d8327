//! Documents and logs.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use bytes::Bytes;
use fred::types::Value;
use ringback_call::{CallId, NodeId};
use ringback_store::{Calls, Claim, Commit, Committed, Log, Partition, StoreError, Stored, Version};

use crate::{
    RedisStore,
    keys::{self, DOCUMENT, LONGEST_TTL_MS, VERSION},
    outbox,
    reply::{self, Unexpected},
    request::{COMMIT, Request},
};

/// Nodes that one entry can be published to.
const MOST_NODES: usize = 100;
/// Entries of one log that one commit takes out. The rest goes with the call.
const MOST_TRIMMED: usize = 2_000;
/// Entries fetched by one command, and numbers asked for one by one before the log's fields are listed instead.
const BATCH: usize = 256;

#[async_trait]
impl Calls for RedisStore {
    async fn load(&self, call: &CallId) -> Result<Option<Stored>, StoreError> {
        let Some(partition) = self.partition_of(call) else { return Ok(None) };
        let key = self.keys().call(partition, call);
        let request = Request::command("a call", "HMGET", key, vec![VERSION.into(), DOCUMENT.into()]);
        let reply = self.run(partition, &request).await?;
        reply::list(reply)
            .and_then(|values| stored(&mut values.into_iter()))
            .map_err(|error| error.in_the("a call"))
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let Some(partition) = self.partition_of(&commit.call) else {
            return Err(StoreError::corrupt("a call id", "it names no partition"));
        };
        if commit.entries.iter().any(|entry| entry.nodes.len() > MOST_NODES) {
            return Err(StoreError::corrupt("a commit", "an entry for so many nodes"));
        }
        let reply = self.topology.run(partition, &|| self.commit_request(partition, &commit)).await?;
        match read_commit(reply).map_err(|error| error.in_the("a commit"))? {
            Outcome::Done(Committed::Applied) => {
                self.replicate(partition, &commit.call, commit.version).await?;
                Ok(Committed::Applied)
            }
            Outcome::Done(Committed::Conflict(Some(stored))) if stored.version == commit.version => {
                // It is this very commit, sent before: what it says must hold now as it would have then.
                self.settle(&commit.call, commit.version).await?;
                Ok(Committed::Conflict(Some(stored)))
            }
            Outcome::Done(committed) => Ok(committed),
            Outcome::Taken(call) => {
                let stored = self.load(&call).await?;
                Ok(Committed::PairTaken { call, stored })
            }
        }
    }

    async fn settle(&self, call: &CallId, version: Version) -> Result<(), StoreError> {
        let Some(partition) = self.partition_of(call) else { return Ok(()) };
        if !self.waits_for_replicas() {
            return Ok(());
        }
        // A replica that has a later write has all earlier ones, whichever connection they came by.
        let args = vec!["1".into(), "PX".into(), "1000".into()];
        let mark = Request::command("a mark", "SET", self.keys().settle(partition), args);
        self.run(partition, &mark).await?;
        self.replicate(partition, call, version).await
    }

    async fn read(
        &self,
        call: &CallId,
        log: Log,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let Some(partition) = self.partition_of(call) else { return Ok(Vec::new()) };
        if first > last {
            return Ok(Vec::new());
        }
        if log == Log::Notes {
            return self.read_notes(partition, call, first..=last).await;
        }
        let numbers = if last - first < BATCH as u64 {
            (first..=last).collect()
        } else {
            self.numbers(partition, call, log, first, last).await?
        };
        let mut entries = Vec::new();
        for batch in numbers.chunks(BATCH) {
            // The version comes first so that no entry does: fred takes a list that begins with the word
            // "subscribe" for the answer to that command, and would give everybody the next one's answer.
            let names = batch.iter().map(|&seq| Value::from(keys::field(log, seq)));
            let args = [VERSION.into()].into_iter().chain(names).collect();
            let request = Request::command("a log", "HMGET", self.keys().call(partition, call), args);
            let bodies =
                reply::list(self.run(partition, &request).await?).map_err(|error| error.in_the("a log"))?;
            for (&seq, body) in batch.iter().zip(bodies.into_iter().skip(1)) {
                if !body.is_null() {
                    entries.push((seq, reply::bytes(body).map_err(|error| error.in_the("a log"))?));
                }
            }
        }
        Ok(entries)
    }
}

impl RedisStore {
    fn commit_request(&self, partition: Partition, commit: &Commit) -> Request {
        let (names, told) = (self.keys(), told(commit));
        // Of one that is made nothing is there yet.
        let renews = commit.renews || commit.expected == Version::NONE;
        let mut keys = Vec::with_capacity(5 + 2 * told.len());
        keys.push(names.call(partition, &commit.call));
        keys.push(names.notes(partition, &commit.call));
        for node in &told {
            keys.push(names.channel(partition, node.as_str()).into());
            keys.push(names.count(partition, node.as_str()));
        }
        if renews {
            keys.push(names.deadlines(partition));
            keys.push(names.pair(partition, &commit.pair));
        }
        let trimmed: Vec<Value> = commit
            .trims
            .iter()
            .flat_map(|(log, numbers)| numbers.clone().take(MOST_TRIMMED).map(|seq| keys::field(*log, seq)))
            .map(Value::from)
            .collect();
        let posts = commit.entries.len() + commit.outgoing.letters.len();
        let mut args: Vec<Value> = Vec::with_capacity(6 + trimmed.len() + 3 * posts);
        args.extend([
            commit.expected.to_string().into(),
            commit.version.to_string().into(),
            commit.document.clone().into(),
            commit.call.as_str().into(),
            if renews { renewal(commit, told.len()).into() } else { "".into() },
            trimmed.len().to_string().into(),
        ]);
        args.extend(trimmed);
        for entry in &commit.entries {
            match entry.log {
                Log::Mailbox(_) => args.extend([
                    keys::field(entry.log, entry.seq).into(),
                    entry.body.clone().into(),
                    places(&entry.nodes, &told).into(),
                ]),
                Log::Notes => args.extend(["".into(), numbered(entry.seq, &entry.body).into()]),
            }
        }
        if !commit.outgoing.letters.is_empty() {
            keys.push(names.outbox(partition));
            let (keep, most) = outbox::bounds(commit.outgoing.retention);
            for letter in &commit.outgoing.letters {
                args.extend(["*".into(), letter.clone().into(), format!("{keep} {most}").into()]);
            }
        }
        Request::script("a commit", &COMMIT, keys, args)
    }

    /// Notes are many and small, and nobody takes one out: a list keeps them in a fraction of a hash's memory.
    async fn read_notes(
        &self,
        partition: Partition,
        call: &CallId,
        range: RangeInclusive<u64>,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let all = vec!["0".into(), "-1".into()];
        let request = Request::command("notes", "LRANGE", self.keys().notes(partition, call), all);
        let notes = reply::list(self.run(partition, &request).await?);
        let notes = notes.map_err(|error| error.in_the("notes"))?.into_iter().map(reply::bytes);
        let notes: Vec<Bytes> = notes.collect::<Result<_, _>>().map_err(|error| error.in_the("notes"))?;
        Ok(notes.iter().filter_map(unnumbered).filter(|(seq, _)| range.contains(seq)).collect())
    }

    /// The numbers of a log's entries within a range, sorted.
    async fn numbers(
        &self,
        partition: Partition,
        call: &CallId,
        log: Log,
        first: u64,
        last: u64,
    ) -> Result<Vec<u64>, StoreError> {
        let request = Request::command("a log", "HKEYS", self.keys().call(partition, call), Vec::new());
        let fields =
            reply::list(self.run(partition, &request).await?).map_err(|error| error.in_the("a log"))?;
        let mut numbers: Vec<u64> = fields
            .into_iter()
            .filter_map(|field| reply::text(field).ok()?.strip_prefix(keys::log_prefix(log))?.parse().ok())
            .filter(|seq| (first..=last).contains(seq))
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// The nodes that a commit's entries are published to, each once.
fn told(commit: &Commit) -> Vec<&NodeId> {
    let mut told = Vec::new();
    for entry in commit.entries.iter().filter(|entry| entry.log != Log::Notes) {
        for node in &entry.nodes {
            if !told.contains(&node) {
                told.push(node);
            }
        }
    }
    told
}

/// Which of these an entry's nodes are, as the script has it: a byte for each, counted from 1.
fn places(nodes: &[NodeId], told: &[&NodeId]) -> Bytes {
    let place = |node: &NodeId| told.iter().position(|known| *known == node);
    nodes.iter().filter_map(place).map(|place| place as u8 + 1).collect()
}

/// How long a document is kept, when it is looked at, and whose the pair is, as the script has it.
fn renewal(commit: &Commit, nodes: usize) -> String {
    let ttl = commit.ttl_ms.min(LONGEST_TTL_MS);
    let deadline = commit.deadline.map(|at| at.0.to_string()).unwrap_or_default();
    let claim = match &commit.claim {
        Claim::Held => "-",
        Claim::Free => "",
        Claim::After(ended) => ended.as_str(),
    };
    format!("{ttl} {deadline} {nodes} {claim}")
}

/// A note as it stands in the list: its number, a blank, and what it says.
fn numbered(seq: u64, body: &[u8]) -> Bytes {
    [seq.to_string().as_bytes(), b" ", body].concat().into()
}

fn unnumbered(note: &Bytes) -> Option<(u64, Bytes)> {
    let blank = note.iter().position(|byte| *byte == b' ')?;
    let seq = std::str::from_utf8(&note[..blank]).ok()?.parse().ok()?;
    Some((seq, note.slice(blank + 1..)))
}

enum Outcome {
    Done(Committed),
    Taken(CallId),
}

fn read_commit(reply: Value) -> Result<Outcome, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    match reply::integer(reply::next(&mut values)?)? {
        1 => Ok(Outcome::Done(Committed::Applied)),
        0 if values.len() == 0 => Ok(Outcome::Done(Committed::Conflict(None))),
        0 => Ok(Outcome::Done(Committed::Conflict(stored(&mut values)?))),
        2 => Ok(Outcome::Taken(reply::call_id(reply::next(&mut values)?)?)),
        _ => Err(Unexpected("an unknown outcome")),
    }
}

fn stored(values: &mut impl Iterator<Item = Value>) -> Result<Option<Stored>, Unexpected> {
    match (reply::next(values)?, reply::next(values)?) {
        (Value::Null, _) => Ok(None),
        (version, document) => {
            let version: Version = reply::text(version)?.parse().map_err(|_| Unexpected("not a version"))?;
            Ok(Some(Stored { version, document: reply::bytes(document)? }))
        }
    }
}
