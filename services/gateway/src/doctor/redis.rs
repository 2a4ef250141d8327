//! What Redis is like, and what of it is good for calls: docs/redis.md.

use std::time::Duration;

use ringback_store_redis::{
    Durability,
    diagnosis::{self, Diagnosis, Kind, Primary, State},
};

use super::report::Report;
use crate::{app::redis_settings, settings::Settings};

/// By how much a clock may be off before tokens are judged wrongly (they have 5 s of leeway), in milliseconds.
const SKEW_FAILS_MS: u64 = 5_000;
const SKEW_WARNS_MS: u64 = 1_000;
/// What a subscriber's buffer should hold, in bytes.
const PUBSUB_LIMIT: u64 = 32 * 1_024 * 1_024;
/// A store that takes longer to answer makes callers wait: a call's set-up has some eight round trips.
const SLOW: Duration = Duration::from_millis(10);

/// Looks at Redis; `false` where there is nothing to be looked at further.
pub(super) async fn examine(settings: &Settings, report: &mut Report) -> bool {
    match diagnosis::diagnose(&redis_settings(&settings.store)).await {
        Ok(found) => judge(&found, settings.store.durability, report),
        Err(error) => {
            report.failure(
                "redis",
                error.to_string(),
                "is store.url right, and can Redis be reached from here?",
            );
            false
        }
    }
}

fn judge(found: &Diagnosis, durability: Durability, report: &mut Report) -> bool {
    if !found.orphans.is_empty() {
        report.failure(
            "redis",
            format!("{} partitions are nobody's", found.orphans.len()),
            "some slots of the Cluster have no primary: redis-cli --cluster fix",
        );
    }
    if found.kind == Kind::Cluster && found.primaries.len() > 1 {
        let shares: Vec<String> =
            found.primaries.iter().map(|primary| primary.partitions.to_string()).collect();
        report.ok("redis", format!("a Cluster, whose primaries have {} partitions", shares.join(", ")));
    }
    for Primary { name, state, .. } in &found.primaries {
        let subject = format!("redis {name}");
        match state {
            Ok(state) => judge_state(&subject, found.kind, state, durability, report),
            Err(error) => report.failure(
                subject,
                error.to_string(),
                "is store.url right, are store.username and store.password, and can it be reached from here?",
            ),
        }
    }
    found.primaries.iter().all(|primary| primary.state.is_ok())
}

fn judge_state(subject: &str, kind: Kind, state: &State, durability: Durability, report: &mut Report) {
    let server = if state.is_valkey { "Valkey" } else { "Redis" };
    let behind = if kind == Kind::Sentinel { ", behind Sentinels" } else { "" };
    let says = format!("{server} {}{behind}, {} replica(s)", state.version, state.replicas);
    let major: u32 = state.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if !state.is_valkey && major < 7 {
        report.failure(subject, says, "Redis 7.0 or newer, or Valkey, is needed: sharded pub/sub");
    } else if !state.is_primary {
        report.failure(subject, format!("{says}: it is a replica"), "name the primary, or the Sentinels");
    } else {
        report.ok(subject, says);
    }
    if durability == Durability::Replicated && state.replicas == 0 {
        report.failure(
            subject,
            "has no replica, and store.durability is \"replicated\": nothing is acknowledged",
            "add a replica, or set store.durability = \"primary\"",
        );
    }
    memory(subject, state, report);
    persistence(subject, state, report);
    if let Some(limit) = state.pubsub_limit.filter(|limit| *limit != 0 && *limit < PUBSUB_LIMIT) {
        report.warning(
            subject,
            format!("closes a subscriber for whom {limit} bytes wait"),
            "client-output-buffer-limit \"pubsub 32mb 8mb 60\", or more",
        );
    }
    if kind == Kind::Cluster && state.requires_full_coverage == Some(true) {
        report.warning(
            subject,
            "stops all partitions when one primary is gone",
            "cluster-require-full-coverage no",
        );
    }
    time(subject, state, report);
}

fn memory(subject: &str, state: &State, report: &mut Report) {
    match state.maxmemory_policy.as_deref() {
        Some("noeviction") => {}
        Some(policy) => report.failure(
            subject,
            format!("takes live calls when it is full: maxmemory-policy is {policy}"),
            "maxmemory-policy noeviction",
        ),
        None => report.warning(
            subject,
            "does not say what it does when it is full",
            "see to it that maxmemory-policy is noeviction",
        ),
    }
    match (state.maxmemory, state.used_memory) {
        (Some(most), Some(used)) if most > 0 && used > most / 3 * 2 => report.warning(
            subject,
            format!("has {used} of {most} bytes: more than two thirds"),
            "raise maxmemory, or see docs/capacity.md for what can be shorter",
        ),
        (Some(0), _) => report.warning(
            subject,
            "has no limit of memory: the system ends it when there is none left",
            "set maxmemory: docs/capacity.md says how much",
        ),
        _ => {}
    }
}

fn persistence(subject: &str, state: &State, report: &mut Report) {
    if state.appends == Some(false) && state.replicas == 0 {
        report.warning(
            subject,
            "writes no append-only file and has no replica: what only it knows is lost with it",
            "appendonly yes, or a replica: docs/redis.md",
        );
    }
}

fn time(subject: &str, state: &State, report: &mut Report) {
    let (took, ahead) = (state.round_trip, state.clock_ahead_ms);
    if took > SLOW {
        report.warning(
            subject,
            format!("takes {took:.1?} to answer"),
            "is it near, and has it a core to itself?",
        );
    } else {
        report.ok(subject, format!("answers in {took:.1?}"));
    }
    let says = format!("its clock is {ahead} ms ahead of this machine's");
    match ahead.unsigned_abs() {
        off if off > SKEW_FAILS_MS => report.failure(
            subject,
            says,
            "gateways go by its clock, and your servers by theirs when they make tokens: set the clocks (NTP)",
        ),
        off if off > SKEW_WARNS_MS => report.warning(subject, says, "set the clocks (NTP)"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Level;

    fn sound() -> State {
        State {
            version: "7.2.4".to_owned(),
            is_valkey: false,
            is_primary: true,
            replicas: 1,
            maxmemory_policy: Some("noeviction".to_owned()),
            maxmemory: Some(3_000),
            used_memory: Some(100),
            appends: Some(true),
            snapshots: Some(false),
            pubsub_limit: Some(PUBSUB_LIMIT),
            requires_full_coverage: Some(false),
            round_trip: Duration::from_micros(100),
            clock_ahead_ms: -20,
        }
    }

    fn worst(change: impl FnOnce(&mut State), durability: Durability) -> Level {
        let (mut state, mut report) = (sound(), Report::default());
        change(&mut state);
        judge_state("redis", Kind::Cluster, &state, durability, &mut report);
        [Level::Failure, Level::Warning]
            .into_iter()
            .find(|level| report.count(*level) > 0)
            .unwrap_or(Level::Ok)
    }

    #[test]
    fn what_is_sound_is_left_alone() {
        assert_eq!(worst(|_| {}, Durability::Replicated), Level::Ok);
        assert_eq!(worst(|state| state.version = "8.1.0".to_owned(), Durability::Primary), Level::Ok);
        let valkey = |state: &mut State| (state.is_valkey, state.version) = (true, "9.0.1".to_owned());
        assert_eq!(worst(valkey, Durability::Primary), Level::Ok);
    }

    #[test]
    fn what_loses_calls_is_a_failure() {
        let fails = |change: fn(&mut State)| worst(change, Durability::Replicated) == Level::Failure;
        assert!(fails(|state| state.version = "6.2.5".to_owned()));
        assert!(fails(|state| state.is_primary = false));
        assert!(fails(|state| state.replicas = 0));
        assert!(fails(|state| state.maxmemory_policy = Some("volatile-lru".to_owned())));
        assert!(fails(|state| state.clock_ahead_ms = -6_000));
    }

    #[test]
    fn what_may_go_wrong_is_a_warning() {
        let warns = |change: fn(&mut State)| worst(change, Durability::Primary) == Level::Warning;
        assert!(warns(|state| state.maxmemory_policy = None));
        assert!(warns(|state| state.maxmemory = Some(0)));
        assert!(warns(|state| state.used_memory = Some(2_500)));
        assert!(warns(|state| state.pubsub_limit = Some(1_024)));
        assert!(warns(|state| state.requires_full_coverage = Some(true)));
        assert!(warns(|state| (state.appends, state.replicas) = (Some(false), 0)));
        assert!(warns(|state| state.round_trip = Duration::from_millis(40)));
        assert!(warns(|state| state.clock_ahead_ms = 1_500));
    }
}
