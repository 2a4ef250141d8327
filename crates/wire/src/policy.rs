//! What the application is asked about a call before anybody is rung, and what it answers. Always JSON.

use std::ops::RangeInclusive;

use ringback_call::{Call, Detail, Media, Millis, Terms, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{json_text::JsonValue, party::Party};

/// How long the policy may let a call ring, in milliseconds.
const RINGING_MS: RangeInclusive<Millis> = 1_000..=600_000;
/// How long it may let the two talk, in milliseconds: a week at most.
const MAX_DURATION_MS: RangeInclusive<Millis> = 1_000..=604_800_000;

#[derive(Serialize)]
struct Question<'a> {
    id: &'a str,
    r#type: &'static str,
    call: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    caller: Party<'a>,
    callee: Party<'a>,
    media: Media,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<JsonValue<'a>>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

/// The question about one call: its name, which is the same whenever it is asked, and its body.
///
/// # Errors
/// When a value can't be written: a mistake of ours.
pub fn write_policy_question(call: &Call) -> Result<(String, Vec<u8>), serde_json::Error> {
    let id = format!("{}_policy", call.id.as_str());
    let question = Question {
        id: &id,
        r#type: "call.policy",
        call: call.id.as_str(),
        tenant: call.caller.tenant(),
        caller: Party { user: &call.caller, device: Some(&call.caller_leg.device) },
        callee: Party { user: &call.callee, device: None },
        media: call.media,
        metadata: call.metadata.as_ref().map(|metadata| JsonValue(metadata.as_str())),
        created_at: call.created_at,
        traceparent: call.traceparent.as_ref().map(ringback_call::TraceParent::as_str),
    };
    let body = serde_json::to_vec(&question)?;
    Ok((id, body))
}

/// What the application says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// Yes, on these terms.
    Allow(Terms),
    /// No, and this is what the caller is told.
    Deny(Option<Detail>),
}

/// What is no answer. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyAnswerError {
    /// Not the object that it should be.
    #[error(
        "must be a JSON object with `allow`, and no fields but `reason`, `ringing_ms` and `max_duration_ms`"
    )]
    Shape,
    /// Terms with a refusal, or a reason with a consent.
    #[error("`reason` is for a refusal, `ringing_ms` and `max_duration_ms` are for a consent")]
    Mixed,
    /// Out of bounds.
    #[error("`ringing_ms` must be from 1000 to 600000")]
    RingingMs,
    /// Out of bounds.
    #[error("`max_duration_ms` must be from 1000 to 604800000")]
    MaxDurationMs,
}

/// As it is written. A field that nobody knows is a mistake that would let a call go on for longer than was meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    allow: bool,
    reason: Option<Detail>,
    ringing_ms: Option<Millis>,
    max_duration_ms: Option<Millis>,
}

impl PolicyAnswer {
    /// Reads it.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(body: &[u8]) -> Result<Self, PolicyAnswerError> {
        let answer: Answer = serde_json::from_slice(body).map_err(|_| PolicyAnswerError::Shape)?;
        let Answer { allow, reason, ringing_ms, max_duration_ms } = answer;
        let terms = Terms { ringing_ms, duration_ms: max_duration_ms };
        if ringing_ms.is_some_and(|ms| !RINGING_MS.contains(&ms)) {
            return Err(PolicyAnswerError::RingingMs);
        }
        if max_duration_ms.is_some_and(|ms| !MAX_DURATION_MS.contains(&ms)) {
            return Err(PolicyAnswerError::MaxDurationMs);
        }
        match (allow, reason) {
            (true, None) => Ok(Self::Allow(terms)),
            (false, reason) if terms == Terms::default() => Ok(Self::Deny(reason)),
            _ => Err(PolicyAnswerError::Mixed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<PolicyAnswer, PolicyAnswerError> {
        PolicyAnswer::read(body.as_bytes())
    }

    #[test]
    fn yes_may_have_terms_and_no_a_reason() {
        assert_eq!(read(r#"{"allow":true}"#), Ok(PolicyAnswer::Allow(Terms::default())));
        let terms = Terms { ringing_ms: Some(20_000), duration_ms: Some(3_600_000) };
        assert_eq!(
            read(r#"{"allow":true,"ringing_ms":20000,"max_duration_ms":3600000}"#),
            Ok(PolicyAnswer::Allow(terms))
        );
        assert_eq!(read(r#"{"allow":false}"#), Ok(PolicyAnswer::Deny(None)));
        let reason = Some(Detail::new("blocked").unwrap());
        assert_eq!(read(r#"{"allow":false,"reason":"blocked"}"#), Ok(PolicyAnswer::Deny(reason)));
    }

    #[test]
    fn what_is_neither_is_no_answer() {
        use PolicyAnswerError::{MaxDurationMs, Mixed, RingingMs, Shape};
        let long = format!(r#"{{"allow":false,"reason":"{}"}}"#, "x".repeat(129));
        for (body, error) in [
            ("", Shape),
            ("true", Shape),
            ("{}", Shape),
            (r#"{"allow":"yes"}"#, Shape),
            (r#"{"allow":true,"max_duration":5000}"#, Shape),
            (r#"{"allow":true,"ringing_ms":-1}"#, Shape),
            (r#"{"allow":false,"reason":"a\nb"}"#, Shape),
            (long.as_str(), Shape),
            (r#"{"allow":true,"reason":"why not"}"#, Mixed),
            (r#"{"allow":false,"ringing_ms":5000}"#, Mixed),
            (r#"{"allow":true,"ringing_ms":999}"#, RingingMs),
            (r#"{"allow":true,"ringing_ms":600001}"#, RingingMs),
            (r#"{"allow":true,"max_duration_ms":0}"#, MaxDurationMs),
        ] {
            assert_eq!(read(body), Err(error), "{body}");
        }
    }
}
