//! The same call over the floor: the same 23 messages of the same sizes in the same order, which nobody acknowledges.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    answered::init,
    failure::Failure,
    payload::{self, ANSWER, OFFER},
    script::{Came, Script},
};
use crate::{
    measure::metric::Metric,
    protocol::{Kind, request::Request},
    user::User,
};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Set up, held, hung up; gives the set-up time.
pub(crate) async fn answered(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<Option<Duration>, Failure> {
    let call: Arc<str> = format!("{}-{}", caller.name, CALLS.fetch_add(1, Ordering::Relaxed)).into();
    let first =
        Request { kind: Kind::Incoming, call: Some(Arc::clone(&call)), ..init(&script.plan, &callee.name) };
    let incoming = pass(script, caller, callee, first).await?;
    script.time(Metric::SetupRing, incoming.at.duration_since(script.intended));
    pass(script, callee, caller, Request::about(Kind::Ringing, &call)).await?;
    let rang = script.pause(script.plan.ring).await;
    let begun = Instant::now();
    let accepted = pass(script, callee, caller, Request::about(Kind::Accepted, &call)).await?;
    script.time(Metric::SetupAccept, accepted.at.duration_since(begun));
    negotiate(script, caller, callee, &call).await?;
    trickle(script, caller, callee, &call).await?;
    let begun = Instant::now();
    let connected = pass(script, callee, caller, Request::about(Kind::Connected, &call)).await?;
    script.time(Metric::SetupConnect, connected.at.duration_since(begun));
    script.pause(script.plan.hold).await;
    let (by, other) = if script.either() { (caller, callee) } else { (callee, caller) };
    pass(script, by, other, Request::about(Kind::Ended, &call)).await?;
    Ok(Some(connected.at.duration_since(script.intended).saturating_sub(rang)))
}

async fn pass(script: &Script, from: &mut User, to: &mut User, request: Request) -> Result<Came, Failure> {
    let (kind, call) = (request.kind, request.call.clone().ok_or(Failure::Gone)?);
    let request = Request { to: Some(Arc::clone(&to.name)), ..request };
    script.pass(from, to, &call, request, kind).await
}

async fn negotiate(
    script: &Script,
    caller: &mut User,
    callee: &mut User,
    call: &Arc<str>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let describe = |kind, tag| Request {
        sdp: Some(payload::sdp(tag, script.plan.sdp_bytes)),
        ..Request::about(kind, call)
    };
    pass(script, caller, callee, describe(Kind::Offer, OFFER)).await?;
    let answer = pass(script, callee, caller, describe(Kind::Answer, ANSWER)).await?;
    script.time(Metric::SetupNegotiate, answer.at.duration_since(begun));
    Ok(())
}

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
        let to = |user: &User| Request {
            to: Some(Arc::clone(&user.name)),
            candidates: Some(vec![candidate.clone()]),
            ..Request::about(Kind::Ice, call)
        };
        let first = script.ask(caller, to(callee)).await?;
        let second = script.ask(callee, to(caller)).await?;
        script.arrives(caller, callee, call, first, Kind::Ice).await?;
        script.arrives(callee, caller, call, second, Kind::Ice).await?;
    }
    script.time(Metric::SetupTrickle, begun.elapsed());
    Ok(())
}
