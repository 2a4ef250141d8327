//! Decisions in words, short enough for a table.

use ringback_call::{
    Ack, Audience, Call, Decision, Delivery, Endpoint, Event, FollowUp, Negotiation, PeerStatus, Rejection,
    Side, State,
};

pub(crate) fn said(event: &Event) -> String {
    match event {
        Event::Incoming { from, .. } => format!("incoming from {}", from.device.as_str()),
        Event::Ringing => "ringing".to_owned(),
        Event::Accepted { by } => format!("accepted by {}", by.device.as_str()),
        Event::Offer(sdp) => format!("offer {}", sdp.as_str()),
        Event::Answer(sdp) => format!("answer {}", sdp.as_str()),
        Event::Ice(list) => list.iter().fold("ice".to_owned(), |text, one| text + " " + one.as_str()),
        Event::Connected { .. } => "connected".to_owned(),
        Event::Peer(PeerStatus::Reconnecting) => "peer reconnecting".to_owned(),
        Event::Peer(PeerStatus::Restarted) => "peer restarted".to_owned(),
        Event::Peer(PeerStatus::Back) => "peer back".to_owned(),
        Event::Ended { reason, by, .. } => format!("ended {}{}", reason.as_str(), whom(by.as_ref())),
    }
}

fn whom(by: Option<&Endpoint>) -> String {
    by.map(|by| format!(" by {}", by.device.as_str())).unwrap_or_default()
}

/// Who is told what: `bob-phone: offer o1`, `bob: …` for all of bob's devices, `bob but bob-phone: …`.
pub(crate) fn told(call: &Call, delivery: &Delivery) -> String {
    let user = call.user(delivery.side).as_str();
    let to = match &delivery.to {
        Audience::All => user.to_owned(),
        Audience::Only(device) => device.as_str().to_owned(),
        Audience::Among(devices) => {
            devices.iter().map(|device| device.as_str()).collect::<Vec<_>>().join(" and ")
        }
        Audience::Except(device) => format!("{user} but {}", device.as_str()),
    };
    format!("{to}: {}", said(&delivery.event))
}

/// What the sender is told.
pub(crate) fn reply(result: &Result<Decision, Rejection>) -> String {
    match result {
        Ok(Decision { ack: Ack::Done, follow_up: Some(FollowUp::Place), .. }) => "done, place".to_owned(),
        Ok(Decision { ack: Ack::Done, .. }) => "done".to_owned(),
        Ok(Decision { ack: Ack::Placed(_), .. }) => "placed".to_owned(),
        Ok(Decision { ack: Ack::Merged(_), .. }) => "merged".to_owned(),
        Ok(Decision { ack: Ack::Already(reason), .. }) => format!("already {}", reason.as_str()),
        Err(Rejection::BadRequest(_)) => "bad_request".to_owned(),
        Err(Rejection::NoSuchCall) => "no_such_call".to_owned(),
        Err(Rejection::InvalidState(state)) => format!("invalid_state {}", state.as_str()),
        Err(Rejection::Glare) => "glare".to_owned(),
        Err(Rejection::AnsweredElsewhere) => "answered_elsewhere".to_owned(),
        Err(Rejection::BufferFull(_)) => "buffer_full".to_owned(),
        Err(Rejection::Outdated) => "outdated".to_owned(),
    }
}

/// Where a call stands: its state, in connecting the turn of the negotiation, and who is away.
pub(crate) fn stands(call: &Call) -> String {
    let state = match &call.state {
        State::Idle { crossing: None, .. } => "idle".to_owned(),
        State::Idle { crossing: Some(_), .. } => "crossing".to_owned(),
        state if state.is_waking() => "waking".to_owned(),
        State::Ringing { .. } => "ringing".to_owned(),
        State::Connecting(dialog) => match dialog.negotiation {
            Negotiation::Awaited => "awaited".to_owned(),
            Negotiation::Open(side) => format!("{}-offers", side.as_str()),
            Negotiation::Stable => "stable".to_owned(),
        },
        State::Connected { .. } => "connected".to_owned(),
        State::Ended(outcome) => format!("ended {}", outcome.reason.as_str()),
    };
    let away = Side::BOTH.into_iter().flat_map(|side| {
        let absent = call.legs(side).iter().any(|leg| leg.absent_since.is_some());
        (absent && !call.has_ended()).then_some(side)
    });
    away.fold(state, |text, side| format!("{text}, {} away", side.as_str()))
}
