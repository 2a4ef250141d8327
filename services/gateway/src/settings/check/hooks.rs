//! What the application's servers are told, and where they are.

use std::time::Duration;

use axum::http::Uri;
use ringback_call::OutcomeEvent;
use ringback_node::{config::Events, outbox::Terms};
use ringback_store::Retention;

use crate::{
    hooks::signature::Secret,
    settings::{
        Webhooks,
        source::{Problems, Raw},
    },
};

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
    let secrets: Vec<Secret> = webhooks
        .secrets
        .iter()
        .filter_map(|text| Secret::read(text).map_err(|error| problems.add("webhooks.secrets", error)).ok())
        .collect();
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

fn url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    let authority = url.authority()?;
    (known && !authority.host().is_empty() && !authority.as_str().contains('@')).then_some(url)
}
