//! What the application's servers are told, and where they are.

use std::time::Duration;

use axum::http::Uri;
use ringback_call::OutcomeEvent;
use ringback_node::{config::Events, outbox::Terms, policy::OnFailure};
use ringback_store::Retention;

use crate::{
    hooks::signature::Secret,
    settings::{
        Policy, Webhooks,
        source::{Problems, Raw},
    },
};

/// The longest that a policy may let a call ring.
const LONGEST_RINGING_MS: u64 = 600_000;

pub(super) fn events(raw: &Raw, problems: &mut Problems) -> Events {
    let mut types = Vec::new();
    for name in &raw.events.types {
        match OutcomeEvent::ALL.into_iter().find(|event| event.as_str() == name) {
            Some(event) => types.push(event),
            None => {
                let known = OutcomeEvent::ALL.map(OutcomeEvent::as_str).join(", ");
                problems.add("events.types", format_args!("{name:?} is none of {known}"));
            }
        }
    }
    if raw.events.keep_ms < 60_000 {
        problems
            .add("events.keep_ms", "must be at least 60000, or events are gone before they are delivered");
    }
    if raw.timeouts.waking_ms > 0 {
        // Without these nobody would be woken.
        for event in [OutcomeEvent::Wake, OutcomeEvent::WakeCancelled] {
            if !types.contains(&event) {
                types.push(event);
            }
        }
        if raw.webhooks.url.is_empty() {
            problems.add("timeouts.waking_ms", "needs webhooks.url, where \"call.wake\" is delivered");
        }
        if raw.calls.live_ttl_ms < raw.timeouts.waking_ms.saturating_mul(2) {
            problems
                .add("calls.live_ttl_ms", "must be at least twice timeouts.waking_ms, or live calls vanish");
        }
    }
    let most = share(raw, ("events.most", raw.events.most), 100, problems);
    Events { types, retention: Retention { keep_ms: raw.events.keep_ms, most } }
}

/// Of so many letters those of one partition: calls are spread over them evenly.
fn share(raw: &Raw, (key, most): (&str, u64), least: u64, problems: &mut Problems) -> usize {
    let share = most.div_ceil(raw.store.partitions.max(1));
    if share < least {
        problems.add(key, format_args!("must be at least {least} for each of store.partitions"));
    }
    usize::try_from(share).unwrap_or(usize::MAX)
}

pub(super) fn webhooks(raw: &Raw, problems: &mut Problems) -> Option<Webhooks> {
    let webhooks = &raw.webhooks;
    let secrets = secrets("webhooks.secrets", &webhooks.secrets, problems);
    for (key, value) in [
        ("webhooks.timeout_ms", webhooks.timeout_ms),
        ("webhooks.concurrency", webhooks.concurrency),
        ("webhooks.attempts", webhooks.attempts),
        ("webhooks.first_pause_ms", webhooks.first_pause_ms),
        ("webhooks.dead_keep_ms", webhooks.dead_keep_ms),
    ] {
        if value == 0 {
            problems.add(key, "must be greater than 0");
        }
    }
    let dead_most = share(raw, ("webhooks.dead_most", webhooks.dead_most), 10, problems);
    if webhooks.concurrency > 1_024 {
        problems.add("webhooks.concurrency", "must be 1024 at most");
    }
    if webhooks.longest_pause_ms < webhooks.first_pause_ms {
        problems.add("webhooks.longest_pause_ms", "must not be less than webhooks.first_pause_ms");
    }
    if webhooks.url.is_empty() {
        if !secrets.is_empty() {
            problems.add("webhooks.url", "names no receiver that webhooks.secrets are for");
        }
        return None;
    }
    if webhooks.secrets.is_empty() {
        problems.add("webhooks.secrets", "is needed for webhooks.url: events are signed");
    }
    if raw.events.types.is_empty() {
        problems.add("events.types", "names no event that could be delivered to webhooks.url");
    }
    let url = url(&webhooks.url);
    if url.is_none() {
        // It may name what is private: it is not repeated.
        problems.add("webhooks.url", "must be http:// or https://, a host and a path, without a user's name");
    }
    let terms = Terms {
        timeout: Duration::from_millis(webhooks.timeout_ms),
        concurrency: usize::try_from(webhooks.concurrency).unwrap_or(usize::MAX),
        attempts: u32::try_from(webhooks.attempts).unwrap_or(u32::MAX),
        first_pause: Duration::from_millis(webhooks.first_pause_ms),
        longest_pause: Duration::from_millis(webhooks.longest_pause_ms),
        dead: Retention { keep_ms: webhooks.dead_keep_ms, most: dead_most },
    };
    Some(Webhooks { url: url?, secrets, terms })
}

pub(super) fn policy(raw: &Raw, problems: &mut Problems) -> Option<Policy> {
    let policy = &raw.policy;
    let secrets = secrets("policy.secrets", &policy.secrets, problems);
    let on_failure = match policy.on_failure.as_str() {
        "deny" => OnFailure::Deny,
        "allow" => OnFailure::Allow,
        _ => {
            problems.add("policy.on_failure", "must be \"deny\" or \"allow\"");
            OnFailure::Deny
        }
    };
    for (key, value) in [
        ("policy.timeout_ms", policy.timeout_ms),
        ("policy.concurrency", policy.concurrency),
        ("policy.pause_ms", policy.pause_ms),
    ] {
        if value == 0 {
            problems.add(key, "must be greater than 0");
        }
    }
    if policy.concurrency > 1_024 {
        problems.add("policy.concurrency", "must be 1024 at most");
    }
    if policy.url.is_empty() {
        if !policy.secrets.is_empty() {
            problems.add("policy.url", "names nobody that policy.secrets are for");
        }
        return None;
    }
    if policy.secrets.is_empty() {
        problems.add("policy.secrets", "is needed for policy.url: questions are signed");
    }
    if policy.timeout_ms >= raw.timeouts.placing_ms {
        problems.add(
            "policy.timeout_ms",
            "must be less than timeouts.placing_ms, or each call is asked about twice",
        );
    }
    if raw.calls.live_ttl_ms < 2 * LONGEST_RINGING_MS {
        problems.add(
            "calls.live_ttl_ms",
            format_args!(
                "must be at least {} with policy.url, which may let calls ring for ten minutes",
                2 * LONGEST_RINGING_MS
            ),
        );
    }
    let url = url(&policy.url);
    if url.is_none() {
        problems.add("policy.url", "must be http:// or https://, a host and a path, without a user's name");
    }
    let asking = ringback_node::policy::Settings {
        timeout: Duration::from_millis(policy.timeout_ms),
        concurrency: usize::try_from(policy.concurrency).unwrap_or(usize::MAX),
        pause: Duration::from_millis(policy.pause_ms),
        on_failure,
    };
    Some(Policy { url: url?, secrets, asking })
}

fn secrets(key: &str, texts: &[String], problems: &mut Problems) -> Vec<Secret> {
    let read = |text: &String| Secret::read(text).map_err(|error| problems.add(key, error)).ok();
    texts.iter().filter_map(read).collect()
}

pub(super) fn url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    let authority = url.authority()?;
    (known && !authority.host().is_empty() && !authority.as_str().contains('@')).then_some(url)
}
