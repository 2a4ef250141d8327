//! A call as it should be: 23 messages from one side to the other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    failure::Failure,
    payload::{self, ANSWER, OFFER},
    script::Script,
};
use crate::{
    measure::metric::Metric,
    protocol::{
        Kind,
        request::{Media, Request},
    },
    scenario::CallPlan,
    user::User,
};

/// Set up, held, hung up; gives the set-up time.
pub(crate) async fn answered(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<Option<Duration>, Failure> {
    let (call, took) = set_up(script, caller, callee).await?;
    script.pause(script.plan.hold).await;
    hang_up(script, caller, callee, &call).await?;
    Ok(Some(took))
}

/// From `call:init` to media on both sides. The time it rang is no part of the time.
pub(crate) async fn set_up(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<(Arc<str>, Duration), Failure> {
    let call = ring(script, caller, callee).await?;
    let rang = script.pause(script.plan.ring).await;
    let sent = script.ask(callee, Request::about(Kind::Accept, &call)).await?;
    let accepted = script.arrives(callee, caller, &call, sent, Kind::Accepted).await?;
    script.time(Metric::SetupAccept, accepted.at.duration_since(sent));
    script.expect_within(callee, &call, Kind::Accepted, script.plan.step_limit.0).await?;
    let both = media(script, caller, callee, &call).await?;
    Ok((call, both.duration_since(script.intended).saturating_sub(rang)))
}

/// The callee's device rings, and the caller knows.
pub(crate) async fn ring(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<Arc<str>, Failure> {
    let sent = script.ask(caller, init(&script.plan, &callee.name)).await?;
    let ack = script.ack(caller, Kind::Init).await?;
    let call = ack.call.ok_or(Failure::Missing(Kind::Init))?;
    script.placed(&call);
    let incoming = script.arrives(caller, callee, &call, sent, Kind::Incoming).await?;
    script.time(Metric::SetupRing, incoming.at.duration_since(script.intended));
    script.pass(callee, caller, &call, Request::about(Kind::Ringing, &call), Kind::Ringing).await?;
    Ok(call)
}

/// The first request of a call.
pub(crate) fn init(plan: &CallPlan, to: &Arc<str>) -> Request {
    Request {
        to: Some(Arc::clone(to)),
        media: Some(Media { audio: true, video: true }),
        metadata: payload::metadata(plan.init_bytes),
        ..Request::new(Kind::Init)
    }
}

/// From the accept to media on both sides; gives when both knew.
pub(crate) async fn media(
    script: &Script,
    caller: &mut User,
    callee: &mut User,
    call: &Arc<str>,
) -> Result<Instant, Failure> {
    negotiate(script, caller, callee, call).await?;
    trickle(script, caller, callee, call).await?;
    let first = script.ask(caller, Request::about(Kind::Connected, call)).await?;
    let second = script.ask(callee, Request::about(Kind::Connected, call)).await?;
    let at_callee = script.arrives(caller, callee, call, second, Kind::Connected).await?;
    let at_caller = script.arrives(callee, caller, call, second, Kind::Connected).await?;
    let both = at_caller.at.max(at_callee.at);
    script.time(Metric::SetupConnect, both.duration_since(first));
    Ok(both)
}

async fn negotiate(
    script: &Script,
    caller: &mut User,
    callee: &mut User,
    call: &Arc<str>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let describe = |kind, tag| {
        let sdp = payload::sdp(tag, script.plan.sdp_bytes);
        (Request { sdp: Some(Arc::clone(&sdp)), ..Request::about(kind, call) }, sdp)
    };
    let (offer, sent) = describe(Kind::Offer, OFFER);
    let came = script.pass(caller, callee, call, offer, Kind::Offer).await?;
    script.same(&came.frame.sdp.as_deref(), &Some(&*sent));
    let (answer, sent) = describe(Kind::Answer, ANSWER);
    let came = script.pass(callee, caller, call, answer, Kind::Answer).await?;
    script.same(&came.frame.sdp.as_deref(), &Some(&*sent));
    script.time(Metric::SetupNegotiate, came.at.duration_since(begun));
    Ok(())
}

/// Both sides send their candidates at the same time, each the next when the one before has come.
async fn trickle(
    script: &Script,
    caller: &mut User,
    callee: &mut User,
    call: &Arc<str>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    for tag in 0..script.plan.candidates {
        let candidate =
            payload::candidate(u32::try_from(tag).unwrap_or_default(), script.plan.candidate_bytes);
        let request =
            Request { candidates: Some(vec![candidate.clone()]), ..Request::about(Kind::Ice, call) };
        let first = script.ask(caller, request.clone()).await?;
        let second = script.ask(callee, request).await?;
        let at_callee = script.arrives(caller, callee, call, first, Kind::Ice).await?;
        let at_caller = script.arrives(callee, caller, call, second, Kind::Ice).await?;
        let sent = Some(vec![Some(candidate)]);
        script.same(&at_callee.frame.candidates, &sent);
        script.same(&at_caller.frame.candidates, &sent);
    }
    script.time(Metric::SetupTrickle, begun.elapsed());
    Ok(())
}

/// One of the two hangs up, and both hear it.
pub(crate) async fn hang_up(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
    call: &Arc<str>,
) -> Result<(), Failure> {
    let (by, other) = if script.either() { (caller, callee) } else { (callee, caller) };
    end(script, by, other, Request::about(Kind::End, call), "hangup").await
}

/// `by` ends the call with this request, and both hear this reason.
pub(crate) async fn end(
    script: &Script,
    by: &mut User,
    other: &mut User,
    request: Request,
    reason: &str,
) -> Result<(), Failure> {
    let Some(call) = request.call.clone() else { return Err(Failure::Missing(Kind::Init)) };
    let sent = script.ask(by, request).await?;
    script.ended(other, &call, reason, Some(sent)).await?;
    script.ended(by, &call, reason, None).await?;
    script.settle(&mut [by, other]).await
}
