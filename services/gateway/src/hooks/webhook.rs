//! Tells the application's servers what happened to calls.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::http::{HeaderMap, StatusCode, header};
use ringback_node::outbox::{Answer, Event, Receiver};
use ringback_telemetry::Attempt;

use super::client::{HookClient, Message, causes, discard};

/// A receiver of outcome events.
#[derive(Debug)]
pub struct Webhook(HookClient);

impl Webhook {
    /// That is reached like this.
    pub const fn new(client: HookClient) -> Self {
        Self(client)
    }
}

#[async_trait]
impl Receiver for Webhook {
    async fn deliver(&self, event: &Event) -> Answer {
        let message = Message {
            id: &event.head.id,
            body: event.body.clone(),
            traceparent: event.head.traceparent.as_ref(),
        };
        match self.0.post(message).await {
            Ok(answer) => {
                let verdict = judge(answer.status(), answer.headers(), SystemTime::now());
                // Not within the attempt's time: an event that was taken must not be sent again for the rest of its answer.
                tokio::spawn(discard(answer));
                verdict
            }
            Err(error) => {
                let why = causes(&error);
                Answer::Again { attempt: Attempt::Unreachable, why, after: None }
            }
        }
    }
}

/// What an answer means: any 2xx has taken the event, 410 never will, and all others may the next time.
fn judge(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Answer {
    let why = || format!("status {}", status.as_u16());
    match status {
        status if status.is_success() => Answer::Delivered,
        StatusCode::GONE => Answer::Never { why: why() },
        _ => Answer::Again { attempt: Attempt::Refused, why: why(), after: retry_after(headers, now) },
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|text| (header::RETRY_AFTER, text.parse().unwrap())));
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        judge(StatusCode::from_u16(status).unwrap(), &headers, now)
    }

    #[test]
    fn only_success_is_a_delivery() {
        for status in [200, 202, 204] {
            assert!(matches!(answer(status, None), Answer::Delivered), "{status}");
        }
        for status in [301, 307, 400, 401, 404, 409, 429, 500, 503] {
            assert!(matches!(answer(status, None), Answer::Again { after: None, .. }), "{status}");
        }
        assert!(matches!(answer(410, None), Answer::Never { .. }));
    }

    #[test]
    fn a_receiver_may_say_when_to_come_again() {
        let after = |text| match answer(503, Some(text)) {
            Answer::Again { after, .. } => after.map(|after| after.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:00 GMT"), None, "it is over");
        assert_eq!(after("soon"), None);
    }
}
