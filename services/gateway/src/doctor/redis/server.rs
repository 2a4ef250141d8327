//! One primary: whether it is what gateways need, and set up so that it keeps what they give it.

use ringback_auth::LEEWAY_S;
use ringback_store_redis::{
    Durability,
    diagnosis::{BufferLimit, Product, ServerFacts, Topology},
};

use super::kind::TOO_LONG_MS;
use crate::doctor::{Finding, Level};

/// What a subscriber may have waiting at least, in bytes.
const BUFFER: u64 = 32 << 20;
/// From which part of its memory on a server is nearly full, in hundredths.
const NEARLY_FULL: u64 = 80;
/// How far two clocks may be apart, ms: a fifth of what tokens allow.
const SKEW_MS: u64 = 1_000;
/// From how long on it takes too long to answer, ms: the set-up of a call has some eight round trips.
const SLOW_MS: f64 = 10.0;
/// How far tokens are allowed to be off, ms.
const LEEWAY_MS: u64 = LEEWAY_S * 1_000;

pub(super) fn judge(
    address: &str,
    facts: &ServerFacts,
    topology: &Topology,
    durability: Durability,
) -> Vec<Finding> {
    let subject = format!("redis {address}");
    let rules: [Option<Finding>; 12] = [
        Some(version(&subject, facts)),
        role(&subject, facts, topology),
        Some(replicas(&subject, facts, durability)),
        Some(eviction(&subject, facts)),
        Some(memory(&subject, facts)),
        Some(buffer(&subject, facts.subscriber_buffer)),
        coverage(&subject, facts),
        idle_timeout(&subject, facts),
        node_timeout(&subject, facts),
        Some(persistence(&subject, facts)),
        Some(round_trip(&subject, facts)),
        Some(clock(&subject, facts)),
    ];
    rules.into_iter().flatten().collect()
}

fn version(subject: &str, facts: &ServerFacts) -> Finding {
    let product = match facts.product {
        Product::Redis => "Redis",
        Product::Valkey => "Valkey",
    };
    let version = facts.version.as_deref().unwrap_or("of an unknown version");
    let text = format!("{product} {version}");
    match facts.is_new_enough() {
        Some(true) => Finding::ok(subject, text),
        Some(false) => {
            Finding::failure(subject, text).hint("Redis 7.0 or newer, or Valkey: sharded pub/sub is needed")
        }
        None => Finding::note(subject, text),
    }
}

fn role(subject: &str, facts: &ServerFacts, topology: &Topology) -> Option<Finding> {
    let failure = |text, hint: &str| Some(Finding::failure(subject, text).hint(hint));
    match topology {
        _ if !facts.primary => {
            failure("is a replica, which takes no writes", "store.url has to name the primary")
        }
        Topology::Cluster(_) if !facts.clustered => {
            failure("is no node of a Cluster", "store.url has to begin with redis:// (or rediss://)")
        }
        Topology::Standalone | Topology::Sentinel(_) if facts.clustered => failure(
            "is a node of a Cluster",
            "store.url has to begin with redis-cluster:// (or rediss-cluster://)",
        ),
        _ => None,
    }
}

fn replicas(subject: &str, facts: &ServerFacts, durability: Durability) -> Finding {
    let joining = match facts.joining {
        0 => String::new(),
        joining => format!(", {joining} more being copied to"),
    };
    let text = format!("replicas: {}{joining}", facts.replicas);
    match (durability, facts.replicas) {
        (Durability::Replicated, 0) => Finding::failure(subject, text)
            .hint("store.durability is \"replicated\": nothing is acknowledged before a replica has it"),
        (Durability::Primary, 0) if facts.append_only == Some(true) => {
            Finding::note(subject, format!("{text}: calls wait while it is down"))
        }
        (Durability::Primary, 0) => Finding::warning(subject, text).hint("what it has is lost when it dies"),
        _ => Finding::ok(subject, text),
    }
}

fn eviction(subject: &str, facts: &ServerFacts) -> Finding {
    let Some(policy) = facts.eviction.as_deref() else {
        return Finding::note(subject, "maxmemory-policy could not be read");
    };
    let text = format!("maxmemory-policy is {policy}");
    if policy == "noeviction" {
        return Finding::ok(subject, text);
    }
    // Every key has a time to live: also the `volatile-` policies take any.
    let hint = "set it to noeviction: a server that is full would take live calls away without a word";
    let level = if facts.max_memory == Some(0) { Finding::warning } else { Finding::failure };
    level(subject.to_owned(), text).hint(hint)
}

fn memory(subject: &str, facts: &ServerFacts) -> Finding {
    let mib = |bytes: u64| bytes >> 20;
    let (Some(max), Some(used)) = (facts.max_memory, facts.used_memory) else {
        return Finding::note(subject, "its memory could not be read");
    };
    if max == 0 {
        let text = format!("maxmemory is not set; {} MiB are in use", mib(used));
        let hint = "without it the kernel kills a server that grows too large: see docs/redis.md";
        return Finding::warning(subject, text).hint(hint);
    }
    let share = used.saturating_mul(100) / max;
    let text = format!("{} of {} MiB are in use ({share} %)", mib(used), mib(max));
    if share < NEARLY_FULL {
        return Finding::ok(subject, text);
    }
    Finding::warning(subject, text)
        .hint("a full server refuses calls: give it more memory, or find out what fills it")
}

fn buffer(subject: &str, limit: Option<BufferLimit>) -> Finding {
    let Some(BufferLimit { hard, soft, seconds }) = limit else {
        return Finding::note(subject, "client-output-buffer-limit could not be read");
    };
    let mib = |bytes: u64| if bytes == 0 { "no limit".to_owned() } else { format!("{} MiB", bytes >> 20) };
    let text = format!("a subscriber may have {} waiting ({} for {seconds} s)", mib(hard), mib(soft));
    if hard == 0 || hard >= BUFFER {
        return Finding::ok(subject, text);
    }
    Finding::warning(subject, text).hint("client-output-buffer-limit \"pubsub 32mb 8mb 60\", or more")
}

fn coverage(subject: &str, facts: &ServerFacts) -> Option<Finding> {
    if !facts.clustered {
        return None;
    }
    Some(match facts.full_coverage {
        Some(false) => Finding::ok(subject, "cluster-require-full-coverage is no"),
        Some(true) => Finding::warning(subject, "cluster-require-full-coverage is yes")
            .hint("set it to no: with yes one primary that is gone stops all calls"),
        None => Finding::note(subject, "cluster-require-full-coverage could not be read"),
    })
}

fn idle_timeout(subject: &str, facts: &ServerFacts) -> Option<Finding> {
    let seconds = facts.idle_timeout_s.filter(|seconds| *seconds > 0)?;
    let text = format!("closes connections that are idle for {seconds} s");
    Some(Finding::warning(subject, text).hint("set timeout to 0"))
}

fn node_timeout(subject: &str, facts: &ServerFacts) -> Option<Finding> {
    let timeout = facts.node_timeout_ms.filter(|ms| facts.clustered && *ms > TOO_LONG_MS)?;
    let text = format!("cluster-node-timeout is {timeout} ms");
    Some(Finding::warning(subject, text).hint("3000 to 5000: for so long calls wait when a primary is lost"))
}

fn persistence(subject: &str, facts: &ServerFacts) -> Finding {
    let snapshots = match facts.snapshots.as_deref() {
        None => "whether there are snapshots could not be read",
        Some("") => "no snapshots",
        Some(_) => "snapshots",
    };
    let appended = match facts.append_only {
        None => "whether changes are appended to a file could not be read",
        Some(false) => "no append-only file",
        Some(true) => "an append-only file",
    };
    Finding::note(subject, format!("persistence: {appended}, {snapshots}"))
}

fn round_trip(subject: &str, facts: &ServerFacts) -> Finding {
    let took = facts.clock.round_trip.as_secs_f64() * 1_000.0;
    let text = format!("answers in {took:.2} ms");
    if took > SLOW_MS {
        return Finding::warning(subject, text).hint("is it near, and has it a core to itself?");
    }
    Finding::ok(subject, text)
}

fn clock(subject: &str, facts: &ServerFacts) -> Finding {
    let ahead = facts.clock.ahead_ms;
    let whose = if ahead < 0 { "behind" } else { "ahead of" };
    let text = format!("its clock is {} ms {whose} this machine's", ahead.unsigned_abs());
    let hint = "keep both right by NTP: gateways judge tokens and TURN credentials by the clock of Redis";
    match skew(ahead) {
        Level::Failure => Finding::failure(subject, text).hint(hint),
        Level::Warning => Finding::warning(subject, text).hint(hint),
        Level::Ok | Level::Note => Finding::ok(subject, text),
    }
}

/// How bad it is that two clocks are so far apart.
fn skew(ahead_ms: i64) -> Level {
    match ahead_ms.unsigned_abs() {
        apart if apart > LEEWAY_MS => Level::Failure,
        apart if apart > SKEW_MS => Level::Warning,
        _ => Level::Ok,
    }
}

#[cfg(test)]
mod tests;
