//! From the store to the devices: what was published, and what is read up.

use ringback_call::CallId;
use ringback_session::Turn;
use ringback_store::record::{self, Envelope};

use super::{Fate, world::World};

impl World {
    /// What was published reaches a device.
    pub(super) fn hear(&mut self, who: usize, fate: &Fate) {
        let device = &mut self.devices[who];
        let Some(body) = device.inbox.pop_front() else { return };
        match fate {
            Fate::Arrives => {}
            Fate::Lost => return,
            Fate::Twice => device.inbox.push_back(body.clone()),
            Fate::Late => return device.inbox.push_back(body),
            Fate::Damaged(at, byte) => {
                let mut damaged = body.to_vec();
                let at = usize::from(*at) % damaged.len();
                damaged[at] = *byte;
                let _read = record::decode_envelope(&damaged);
                return;
            }
        }
        let entry: Envelope = record::decode("an envelope", &body).expect("what was stored can be read");
        let Envelope { call, seq, at, to, event, .. } = &entry;
        let turn = device.session.next(call, *seq, *at, to, event);
        self.passed.insert(match &turn {
            Turn::Deliver(_) => "told",
            Turn::Skip => "skipped",
            Turn::Gap => "gap",
            Turn::Unknown => "unknown",
        });
        match turn {
            Turn::Gap => self.catch_up(who, call),
            Turn::Unknown => device.session.withhold(call),
            turn => self.told(who, &entry, turn),
        }
    }

    pub(super) fn told(&mut self, who: usize, entry: &Envelope, turn: Turn) {
        let mailbox = &self.calls[&entry.call].mailboxes[entry.side];
        let device = self.devices[who].identity().device.clone();
        let between = |last: u64| {
            let others = mailbox.range(last + 1..entry.seq);
            let ours = others.filter(|(_, body)| {
                let other: Envelope = record::decode("an envelope", body).expect("it can be read");
                other.to.includes(&device)
            });
            ours.map(|(seq, _)| *seq).collect()
        };
        self.devices[who].hear(entry, turn, between);
    }

    /// Reads what a device has not been told of a call.
    pub(super) fn catch_up(&mut self, who: usize, id: &CallId) {
        let held = &self.calls[id];
        let call = &held.document.call;
        let device = &mut self.devices[who];
        let (user, name) = (device.user.clone(), device.identity().device.clone());
        let Some(side) = call.side_of(&user) else { return };
        let is_bound = call.final_device(side) == Some(&name);
        let reached = device.session.reached(id).or_else(|| call.joined_after(side, &name));
        let Some(reached) = reached else { return };
        let Some(ranges) = call.mailboxes[side].unread(reached, is_bound) else {
            self.passed.insert("broken");
            return self.reconnect(who, true);
        };
        let last = call.mailboxes[side].last;
        let mut entries = Vec::new();
        for seq in ranges.into_iter().flatten() {
            let body = held.mailboxes[side].get(&seq).expect("what the document says is there is there");
            entries.push(record::decode::<Envelope>("an envelope", body).expect("it can be read"));
        }
        for entry in entries {
            let Envelope { seq, at, to, event, .. } = &entry;
            let turn = self.devices[who].session.replayed(id, *seq, *at, to, event);
            self.told(who, &entry, turn);
        }
        self.devices[who].session.reach(id, last);
    }
}
