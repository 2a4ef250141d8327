//! What a story says a client should see. Each of these stops the story with the place in it and the reason; the
//! harness then prints all that was received.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::inbox::Ending;
use crate::patience::SOON;
use crate::shape::{brief, covers, with};

impl Client {
    /// Sends a request that must be acknowledged; gives the ack.
    #[track_caller]
    pub fn ok(&self, kind: &str, fields: Value) -> impl Future<Output = Value> {
        let at = Location::caller();
        async move {
            let asked = brief(&fields);
            match self.request(kind, fields).await {
                Ok(ack) => ack,
                Err(error) => self.fail(at, &format!("{kind} {asked} was refused: {}", brief(&error))),
            }
        }
    }

    /// Sends a request that must be refused with `code`; gives the error.
    #[track_caller]
    pub fn refused(&self, kind: &str, fields: Value, code: &str) -> impl Future<Output = Value> {
        let at = Location::caller();
        async move {
            let error = self.refused_with_one_of_at(at, kind, fields, &[code]).await;
            if code == "invalid_state" && !error["state"].is_string() {
                self.fail(at, &format!("invalid_state must name the state: {}", brief(&error)));
            }
            error
        }
    }

    /// Sends a request that must be refused; the protocol leaves room for one of several codes.
    #[track_caller]
    pub fn refused_with_one_of(
        &self,
        kind: &str,
        fields: Value,
        codes: &[&str],
    ) -> impl Future<Output = Value> {
        self.refused_with_one_of_at(Location::caller(), kind, fields, codes)
    }

    async fn refused_with_one_of_at(
        &self,
        at: &'static Location<'static>,
        kind: &str,
        fields: Value,
        codes: &[&str],
    ) -> Value {
        let asked = brief(&fields);
        match self.request(kind, fields).await {
            Err(error) if codes.contains(&error["code"].as_str().unwrap_or_default()) => error,
            Err(error) => {
                self.fail(at, &format!("{kind} {asked}: wanted one of {codes:?}, got {}", brief(&error)))
            }
            Ok(ack) => self.fail(at, &format!("{kind} {asked}: wanted {codes:?}, got {}", brief(&ack))),
        }
    }

    /// The next event, which must be of this type and have these fields.
    #[track_caller]
    pub fn expect(&self, kind: &str, fields: Value) -> impl Future<Output = Value> {
        self.expect_at(Location::caller(), SOON, kind, fields)
    }

    /// The same, for an event that takes its time.
    #[track_caller]
    pub fn expect_within(&self, limit: Duration, kind: &str, fields: Value) -> impl Future<Output = Value> {
        self.expect_at(Location::caller(), limit, kind, fields)
    }

    async fn expect_at(
        &self,
        at: &'static Location<'static>,
        limit: Duration,
        kind: &str,
        fields: Value,
    ) -> Value {
        let wanted = format!("{kind} {}", brief(&fields));
        match self.next_event(limit).await {
            Some(event) if event["type"] == kind && covers(&event, &fields) => event,
            Some(event) => self.fail(at, &format!("wanted {wanted}, got {}", brief(&event))),
            None => self.fail(at, &format!("wanted {wanted}, got nothing")),
        }
    }

    /// The next event, if one comes in time and before the connection ends.
    pub async fn next_event(&self, limit: Duration) -> Option<Value> {
        let next = self.inbox.wait(limit, |received| match (received.next_event(), &received.ending) {
            (None, None) => None,
            (event, _) => Some(event),
        });
        next.await.flatten()
    }

    /// Lets events of this kind pass unmentioned: the protocol allows them here, but does not demand them.
    pub fn tolerate(&self, kind: &str, fields: Value) {
        self.inbox.tolerate(with(fields, json!({"type": kind})));
    }

    /// The server closes the connection with this code.
    #[track_caller]
    pub fn closed_with(&self, code: u16) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            match self.inbox.wait(SOON, |received| received.ending.clone()).await {
                Some(Ending::Closed(have, _)) if have == code => {}
                other => self.fail(at, &format!("wanted to be closed with {code}, but {other:?}")),
            }
        }
    }

    /// Asks for a sign of life and checks that no event is waiting.
    #[track_caller]
    pub fn quiet(&self) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            self.ok("ping", json!({})).await;
            if let Some(Some(event)) =
                self.inbox.wait(Duration::ZERO, |received| Some(received.next_event())).await
            {
                self.fail(at, &format!("wanted nothing more, got {}", brief(&event)));
            }
        }
    }

    fn fail(&self, at: &Location<'_>, what: &str) -> ! {
        panic!("{}:{}: {}: {what}", at.file(), at.line(), self.seat.user)
    }
}
