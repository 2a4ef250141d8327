//! The models: each looks closely at one part of a call, with the budgets that this part needs.

use stateright::Model;

use super::{
    checked::Step,
    client::{Ask, Client, Wishes},
    world::{Decide, Fate, PHONE, Scene, World},
};

const SILENT: Wishes =
    Wishes { init: 0, ringing: 0, accept: 0, reject: 0, end: 0, offers: 0, ice: 0, connected: 0 };
const CALLS: Wishes = Wishes { init: 1, end: 1, ..SILENT };
const ANSWERS: Wishes = Wishes { ringing: 1, accept: 1, reject: 1, ..SILENT };

/// One caller and two devices that ring, answer or refuse; the policy refuses or admits; gateways die over it.
pub(crate) fn answering(decide: Decide) -> Scene {
    let clients = vec![
        Client::new(true, CALLS),
        Client::new(true, Wishes { end: 1, ..ANSWERS }),
        Client::new(true, ANSWERS),
    ];
    let fate = Fate { lost_placings: 1, ..Fate::default() };
    Scene { may_deny: true, ..Scene::new(decide, World::new(clients, fate)) }
}

/// Nobody answers and nobody gives up: time alone has to do it.
pub(crate) fn unanswered(decide: Decide) -> Scene {
    let alerts = Wishes { ringing: 1, ..SILENT };
    let caller = Wishes { end: 0, ..CALLS };
    let clients = vec![Client::new(true, caller), Client::new(true, alerts), Client::new(false, alerts)];
    let fate = Fate { drops: 2, lost_placings: 1, ..Fate::default() };
    Scene { may_deny: true, silent: true, ..Scene::new(decide, World::new(clients, fate)) }
}

/// The race with connections that break, and a device that is not there at first.
pub(crate) fn ringing(decide: Decide) -> Scene {
    let answers = Wishes { accept: 1, ..SILENT };
    let clients = vec![Client::new(true, CALLS), Client::new(true, answers), Client::new(false, answers)];
    Scene::new(decide, World::new(clients, Fate { drops: 2, ..Fate::default() }))
}

/// Nobody is there at first, and a device may be woken, or not; its connection breaks.
pub(crate) fn waking(decide: Decide) -> Scene {
    let (answers, crosses) = (Wishes { accept: 1, ..SILENT }, Wishes { init: 1, ..SILENT });
    let clients = vec![Client::new(true, CALLS), Client::new(false, answers), Client::new(false, crosses)];
    let mut scene = Scene::new(decide, World::new(clients, Fate { drops: 1, ..Fate::default() }));
    scene.rules.timeouts.waking_ms = 1;
    scene
}

/// Both call each other, he from two devices; one connection breaks.
pub(crate) fn crossing(decide: Decide) -> Scene {
    let both = Wishes { accept: 1, ..CALLS };
    let tablet = Wishes { init: 1, ..SILENT };
    let clients = vec![Client::new(true, both), Client::new(true, both), Client::new(true, tablet)];
    let fate = Fate { drops: 1, repeats: 1, ..Fate::default() };
    Scene { may_deny: true, ..Scene::new(decide, World::new(clients, fate)) }
}

/// From the accept on: both trickle, before and after their descriptions, and the call may end at any time.
pub(crate) fn negotiation(decide: Decide) -> Scene {
    let mut scene = accepted(decide);
    let talks = Wishes { offers: 1, ice: 2, ..SILENT };
    scene.start.clients[PHONE].left = Wishes { end: 1, ..talks };
    scene.start.clients[1].left = Wishes { connected: 1, ..talks };
    scene
}

/// Later on both offer anew, at once if they like, and a refused offer is sent again.
pub(crate) fn renegotiation(decide: Decide) -> Scene {
    let mut scene = described(decide);
    let talks = Wishes { offers: 2, ice: 1, ..SILENT };
    scene.start.clients[PHONE].left = Wishes { ice: 2, ..talks };
    scene.start.clients[1].left = Wishes { offers: 1, end: 1, ..talks };
    scene.start.left = Fate { repeats: 1, ..Fate::default() };
    scene
}

/// Media comes up, and devices lose their connections, with and without a word.
pub(crate) fn attendance(decide: Decide) -> Scene {
    let mut scene = described(decide);
    let talks = Wishes { connected: 1, ..SILENT };
    scene.start.clients[PHONE].left = Wishes { offers: 1, ..talks };
    scene.start.clients[1].left = Wishes { end: 1, ..talks };
    scene.start.left = Fate { drops: 2, sessions: 1, ..Fate::default() };
    scene.silent = true;
    scene
}

/// Offer and answer have been exchanged.
fn described(decide: Decide) -> Scene {
    let mut scene = accepted(decide);
    for step in
        [Step::Ask(PHONE, Ask::Offer(1)), Step::Arrive(1), Step::Ask(1, Ask::Answer(1)), Step::Arrive(PHONE)]
    {
        scene.play(&step);
    }
    scene
}

/// Bob's phone has answered; his tablet has no part in it.
fn accepted(decide: Decide) -> Scene {
    let wishes = Wishes { offers: 1, ..CALLS };
    let clients = vec![Client::new(true, wishes), Client::new(true, ANSWERS)];
    let mut scene = Scene::new(decide, World::new(clients, Fate::default()));
    let steps = [
        Step::Ask(PHONE, Ask::Init),
        Step::Answer(true),
        Step::Admit(0),
        Step::Arrive(1),
        Step::Ask(1, Ask::Accept),
        Step::Arrive(1),
        Step::Arrive(PHONE),
    ];
    for step in steps {
        scene.play(&step);
    }
    scene
}

impl Scene {
    /// One step of the way to where the model begins.
    fn play(&mut self, step: &Step) {
        self.start = self.next_state(&self.start, step.clone()).unwrap();
    }
}
