//! The stories. A module holds those about one subject and lists them in its `STORIES`.

use std::future::Future;
use std::pin::Pin;

use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, Pace};

/// Lists a module's stories, each group with its kind.
macro_rules! stories {
    ($($kind:ident: $($name:ident),+ $(,)?);+ $(;)?) => {
        pub(crate) const STORIES: &[$crate::stories::Story] = &[$($(
            $crate::stories::Story {
                name: stringify!($name),
                kind: &$crate::stories::$kind,
                run: |stage| Box::pin($name(stage)),
            },
        )+)+];
    };
}

mod bad_fields;
mod bad_frames;
mod bystanders;
mod call_log;
mod calls;
mod candidates;
mod deadlines;
mod devices;
mod failures;
mod fuzz;
mod glare;
mod limits;
mod logs;
mod mailboxes;
mod metrics;
mod negotiation;
mod passthrough;
pub(crate) mod programs;
mod reconnect;
mod requests;
mod rights;
mod ringing;
mod sessions;
mod states;
mod timeline;
mod tokens;

/// What a story is performed by.
type Performance<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One story.
#[derive(Clone, Copy)]
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static Kind,
    pub(crate) run: for<'a> fn(&'a Stage) -> Performance<'a>,
}

/// Where, and how often, a story is performed.
pub(crate) struct Kind {
    pub(crate) place: Place,
    pub(crate) backends: &'static [Backend],
    pub(crate) casts: &'static [Cast],
    /// Further combinations, beside each backend with each cast.
    pub(crate) also: &'static [(Backend, Cast)],
}

impl Kind {
    /// Every combination.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (Backend, Cast)> {
        let product =
            self.backends.iter().flat_map(|backend| self.casts.iter().map(|cast| (*backend, *cast)));
        product.chain(self.also.iter().copied())
    }
}

/// The world of a story.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// One that it shares.
    Shared(Pace),
    /// One of its own, which it may take apart.
    Own(fn() -> Vec<(&'static str, String)>),
}

/// Two sides, in every combination of encodings. Sentinel is Redis found in another way: once is enough.
const PAIR: Kind = Kind {
    place: Place::Shared(Pace::Default),
    backends: &Backend::ALL,
    casts: &Cast::ALL,
    also: &[(Backend::Sentinel, JSON)],
};

/// About one connection: who else speaks which encoding makes no difference.
const SOLO: Kind =
    Kind { place: Place::Shared(Pace::Default), backends: &Backend::ALL, casts: &[JSON, MSGPACK], also: &[] };

/// With short deadlines.
const SHORT: Kind =
    Kind { place: Place::Shared(Pace::Short), backends: &Backend::ALL, casts: &Cast::ALL, also: &[] };

/// About one connection, with short deadlines.
const SILENT: Kind =
    Kind { place: Place::Shared(Pace::Short), backends: &Backend::ALL, casts: &[JSON, MSGPACK], also: &[] };

/// Two gateways that may be killed.
const MORTAL: Kind = Kind {
    place: Place::Own(short_and_draining),
    backends: &[Backend::Standalone, Backend::Cluster],
    casts: &[JSON],
    also: &[],
};

/// A gateway that is told to go, alone or with another beside it.
const LEAVING: Kind =
    Kind { place: Place::Own(draining), backends: &Backend::ALL, casts: &[JSON], also: &[] };

/// A gateway that takes two connections.
const CROWDED: Kind = Kind {
    place: Place::Own(crowded),
    backends: &[Backend::Memory, Backend::Standalone],
    casts: &[JSON],
    also: &[],
};

/// Gateways that log all they know.
const TALKATIVE: Kind =
    Kind { place: Place::Own(talkative), backends: &Backend::ALL, casts: &[JSON, MSGPACK], also: &[] };

/// Gateways that keep ended calls for half a second.
const FORGETFUL: Kind = Kind {
    place: Place::Own(forgetful),
    backends: &[Backend::Memory, Backend::Standalone],
    casts: &[JSON],
    also: &[],
};

/// Gateways that keep no logs of calls.
const LOGLESS: Kind = Kind {
    place: Place::Own(logless),
    backends: &[Backend::Memory, Backend::Standalone],
    casts: &[JSON],
    also: &[],
};

const JSON: Cast = Cast::ALL[0];
const MSGPACK: Cast = Cast::ALL[1];

fn crowded() -> Vec<(&'static str, String)> {
    vec![("LIMITS__CONNECTIONS", "2".to_owned())]
}

fn talkative() -> Vec<(&'static str, String)> {
    vec![("LOG__FILTER", "debug".to_owned()), ("LOG__FORMAT", "json".to_owned())]
}

fn forgetful() -> Vec<(&'static str, String)> {
    vec![("CALLS__ENDED_TTL_MS", "500".to_owned())]
}

fn logless() -> Vec<(&'static str, String)> {
    vec![("CALLS__LOG_ENTRIES", "0".to_owned())]
}

fn draining() -> Vec<(&'static str, String)> {
    vec![("DRAIN__WINDOW_MS", "1500".to_owned())]
}

fn short_and_draining() -> Vec<(&'static str, String)> {
    let mut settings = Pace::Short.settings();
    settings.extend(draining());
    settings
}

/// All stories.
pub(crate) fn all() -> impl Iterator<Item = Story> {
    [
        calls::STORIES,
        ringing::STORIES,
        deadlines::STORIES,
        devices::STORIES,
        glare::STORIES,
        negotiation::STORIES,
        candidates::STORIES,
        passthrough::STORIES,
        rights::STORIES,
        states::STORIES,
        requests::STORIES,
        reconnect::STORIES,
        mailboxes::STORIES,
        sessions::STORIES,
        tokens::STORIES,
        failures::STORIES,
        bad_frames::STORIES,
        bad_fields::STORIES,
        limits::STORIES,
        logs::STORIES,
        metrics::STORIES,
        timeline::STORIES,
        call_log::STORIES,
        fuzz::STORIES,
    ]
    .concat()
    .into_iter()
}
