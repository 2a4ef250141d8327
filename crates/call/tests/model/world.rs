//! The state space: one call (the pair's only slot), three devices with what is on its way to each of them, the
//! placing that is under way, and what may still go wrong.
//!
//! A commit that loses the compare-and-set is decided again on what won, so a decision is one atomic step here; what
//! is *not* atomic is everything that leads to it: a device acts on what it has seen, and the look-up of the callee's
//! devices is as old as it likes when its admission is stored. Time stands still but for deadlines, which may pass at
//! any moment; the budgets make every path end.

use std::sync::Arc;

use ringback_call::{
    Ack, Action, Admission, Call, CallId, Command, ConnectionId, Decision, EndRequest, Input, Link, Media,
    Opening, Origin, PerSide, RejectReason, Rejection, RequestId, Rules, Side, State, Terms, Timestamp,
};

use super::client::{self, Ask, Client, Sent, Shock};
use crate::common::{ALICE, BOB, BOB_TABLET, laws};

/// The function under test, or a broken one.
pub(crate) type Decide = fn(&Rules, &Call, &Command) -> Result<Decision, Rejection>;

pub(crate) const PHONE: usize = 0;
pub(crate) const DEVICES: [crate::common::Device; 3] = [ALICE, BOB, BOB_TABLET];

/// What never changes in one model.
pub(crate) struct Scene {
    pub(crate) rules: Rules,
    pub(crate) decide: Decide,
    pub(crate) start: World,
    /// The policy may refuse.
    pub(crate) may_deny: bool,
    /// Gateways die without telling the call of their connections.
    pub(crate) silent: bool,
    pub(crate) origins: [Origin; 3],
}

/// What may still happen to the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fate {
    /// Connections that break.
    pub(crate) drops: u8,
    /// Gateways that die while they place the call.
    pub(crate) lost_placings: u8,
    /// Times the session timer finds everybody there.
    pub(crate) sessions: u8,
    /// Refused requests that are sent again, their reply being lost.
    pub(crate) repeats: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) call: Option<Arc<Call>>,
    pub(crate) clients: Vec<Client>,
    /// Placings that gateways are at.
    pub(crate) placing: u8,
    /// Answers on their way to the store: refused, or the devices that were found.
    pub(crate) admissions: Vec<Option<Vec<(usize, u8)>>>,
    pub(crate) left: Fate,
    pub(crate) winners: Vec<usize>,
    pub(crate) outcomes: u8,
    pub(crate) shock: Option<Shock>,
    pub(crate) broken_law: Option<&'static str>,
}

impl World {
    pub(crate) fn new(clients: Vec<Client>, left: Fate) -> Self {
        Self {
            now: Timestamp(0),
            call: None,
            clients,
            placing: 0,
            admissions: Vec::new(),
            left,
            winners: Vec::new(),
            outcomes: 0,
            shock: None,
            broken_law: None,
        }
    }

    pub(crate) fn state(&self) -> Option<&State> {
        self.call.as_deref().map(|call| &call.state)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.call.as_deref().is_some_and(Call::has_ended)
    }
}

impl Scene {
    pub(crate) fn new(decide: Decide, start: World) -> Self {
        // Ones and twos: the order of deadlines is what counts, and few moments make few states.
        let timeouts = ringback_call::Timeouts {
            placing_ms: 1,
            idle_ms: 2,
            ringing_ms: 2,
            waking_ms: 0,
            connecting_ms: 2,
            reconnect_ms: 1,
            session_ms: 1,
            report_ms: 1,
        };
        // What is only written down would make each state another one.
        let rules = Rules { timeouts, max_steps: 0, ..Rules::default() };
        let origins = DEVICES.map(super::common::Device::origin);
        Self { rules, decide, start, may_deny: false, silent: false, origins }
    }

    pub(crate) fn link(&self, world: &World, who: usize) -> Link {
        self.link_by(who, world.clients[who].connection)
    }

    fn link_by(&self, who: usize, connection: u8) -> Link {
        Link { node: self.origins[who].link.node.clone(), connection: ConnectionId(connection.into()) }
    }

    /// A device asks for something; with `again`, by an id it has used before.
    pub(crate) fn ask(&self, world: &mut World, who: usize, ask: Ask, again: Option<usize>) {
        let index = again.unwrap_or(world.clients[who].sent.len());
        let id = RequestId(index as u64 + 1);
        let reply = if ask == Ask::Init && world.call.is_none() {
            self.open(world, who, id)
        } else {
            let input = self.request(world, who, id, ask);
            self.happen(world, input)
        };
        let sent = Sent { ask, ack: reply.as_ref().ok().cloned() };
        let client = &mut world.clients[who];
        match again {
            Some(index) => client.sent[index] = sent,
            None => client.sent.push(sent),
        }
        client.replied(ask, &reply);
    }

    pub(crate) fn request(&self, world: &World, who: usize, id: RequestId, ask: Ask) -> Input {
        let from = Origin { link: self.link(world, who), ..self.origins[who].clone() };
        let action = match ask {
            Ask::Init => Action::Init,
            Ask::Ringing => Action::Ringing,
            Ask::Accept => Action::Accept,
            Ask::Reject => Action::Reject(RejectReason::Rejected),
            Ask::End => Action::End(EndRequest::Hangup),
            Ask::Offer(_) => Action::Offer(client::sdp()),
            Ask::Answer(_) => Action::Answer { sdp: client::sdp(), offer: None },
            Ask::Ice(generation, number) => Action::Ice(vec![client::candidate(generation, number)]),
            Ask::Connected => Action::Connected,
        };
        Input::Request { from, id: Some(id), action }
    }

    fn open(&self, world: &mut World, who: usize, request: RequestId) -> Result<Ack, Rejection> {
        let to = if who == PHONE { BOB.user() } else { ALICE.user() };
        let from = Origin { link: self.link(world, who), ..self.origins[who].clone() };
        let id = CallId::new("c").unwrap();
        let opening = Opening {
            id,
            from,
            request,
            to,
            media: Media::default(),
            metadata: None,
            traceparent: None,
            granted: true,
            at: world.now,
        };
        let decision = self.rules.open(&opening)?;
        world.placing += u8::from(decision.follow_up.is_some());
        world.call = decision.next.map(Arc::new);
        Ok(decision.ack)
    }

    /// One decision is stored, and what it says is on its way.
    pub(crate) fn happen(&self, world: &mut World, input: Input) -> Result<Ack, Rejection> {
        let Some(before) = world.call.clone() else { return Err(Rejection::NoSuchCall) };
        let command = Command { at: world.now, input };
        let decision = (self.decide)(&self.rules, &before, &command)?;
        if world.broken_law.is_none() {
            world.broken_law = laws::broken(&self.rules, &before, &command, &decision);
        }
        let Some(after) = decision.next else { return Ok(decision.ack) };
        world.placing += u8::from(decision.follow_up.is_some());
        world.outcomes += u8::from(after.has_ended() && after.state != before.state);
        for delivery in decision.deliveries {
            for (who, device) in DEVICES.iter().enumerate().take(world.clients.len()) {
                let device = device.device();
                let part = |call: &Call| call.legs(delivery.side).iter().any(|leg| leg.device == device);
                if delivery.to.includes(&device) && (part(&before) || part(&after)) {
                    world.clients[who].inbox.push_back(delivery.event.clone());
                }
            }
        }
        if let Some(dialog) = after.state.dialog() {
            let winner = DEVICES.iter().position(|device| device.device() == dialog.callee.device);
            if let Some(winner) = winner.filter(|winner| !world.winners.contains(winner)) {
                world.winners.push(winner);
            }
        }
        world.call = Some(Arc::new(after));
        Ok(decision.ack)
    }

    /// Who of a user is there, by the routes.
    pub(crate) fn look_up(&self, world: &World) -> Vec<(usize, u8)> {
        let callee = world.call.as_deref().map(|call| call.callee.clone());
        let there = |&who: &usize| Some(DEVICES[who].user()) == callee && world.clients[who].online;
        (0..world.clients.len()).filter(there).map(|who| (who, world.clients[who].connection)).collect()
    }

    pub(crate) fn admission(&self, found: Option<Vec<(usize, u8)>>) -> Input {
        let Some(found) = found else { return Input::Admission(Admission::Denied { detail: None }) };
        let leg = |(who, connection): (usize, u8)| {
            ringback_call::Leg::present(DEVICES[who].device(), self.link_by(who, connection))
        };
        let legs = found.into_iter().map(leg).collect();
        Input::Admission(Admission::Allowed { legs, others: Vec::new(), terms: Terms::default() })
    }

    /// Where the bound devices are, by the routes.
    pub(crate) fn attendance(&self, world: &World) -> PerSide<Option<Link>> {
        let there = |side| {
            let endpoint = world.call.as_deref()?.endpoint(side)?;
            let who = DEVICES.iter().position(|device| device.endpoint() == endpoint)?;
            world.clients[who].online.then(|| self.link(world, who))
        };
        PerSide { caller: there(Side::Caller), callee: there(Side::Callee) }
    }
}
