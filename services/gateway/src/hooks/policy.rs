//! Asks the application whether a call may be placed.

use async_trait::async_trait;
use ringback_call::Call;
use ringback_node::policy::{Policy, Unanswered, Verdict};
use ringback_telemetry::Judged;
use ringback_wire::{PolicyAnswer, write_policy_question};

use super::client::{HookClient, Message, body_of, causes};

/// What an answer may be long, in bytes.
const ANSWER: usize = 16_384;
/// The application's policy.
#[derive(Debug)]
pub struct PolicyHook(HookClient);

impl PolicyHook {
    /// That is reached like this.
    pub const fn new(client: HookClient) -> Self {
        Self(client)
    }
}

#[async_trait]
impl Policy for PolicyHook {
    async fn ask(&self, call: &Call) -> Result<Verdict, Unanswered> {
        let invalid = |why: String| Unanswered { cause: Judged::Invalid, why };
        let (id, body) = write_policy_question(call).map_err(|error| invalid(error.to_string()))?;
        let message = Message { id: &id, body: body.into(), traceparent: call.traceparent.as_ref() };
        let answer = self.0.post(message).await;
        let answer =
            answer.map_err(|error| Unanswered { cause: Judged::Unreachable, why: causes(&error) })?;
        let body = body_of(answer, ANSWER).await.map_err(invalid)?;
        match PolicyAnswer::read(&body) {
            Ok(PolicyAnswer::Allow(terms)) => Ok(Verdict::Allowed(terms)),
            Ok(PolicyAnswer::Deny(detail)) => Ok(Verdict::Denied(detail)),
            Err(error) => Err(invalid(format!("the answer {error}"))),
        }
    }
}
