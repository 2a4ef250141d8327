//! Connections that come and go, and time that passes.

use ringback_call::{Attendance, CallId, DeviceId, Input, PerSide, Side};

use super::world::World;

impl World {
    pub(super) fn drop(&mut self, who: usize) {
        let device = &mut self.devices[who];
        if !std::mem::take(&mut device.is_there) {
            return;
        }
        device.inbox.clear();
        let identity = device.identity().clone();
        for id in self.ids.clone() {
            let (user, device) = (identity.user.clone(), identity.device.clone());
            let input = Input::Dropped { user, device, connection: identity.link.connection, closed: true };
            let _answer = self.apply(&id, &input, false);
        }
    }

    pub(super) fn reconnect(&mut self, who: usize, fresh: bool) {
        self.devices[who].connect(self.now);
        let identity = self.devices[who].identity().clone();
        for id in self.ids.clone() {
            let call = &self.calls[&id].document.call;
            let Some(side) = call.side_of(&identity.user) else { continue };
            let from = call.fresh_start(side, &identity.device);
            let (user, device, link) =
                (identity.user.clone(), identity.device.clone(), identity.link.clone());
            let _answer = self.apply(&id, &Input::Attached { user, device, link, fresh }, false);
            if self.takes_part(&id, side, &identity.device) {
                self.devices[who].session.reach(&id, from);
                self.catch_up(who, &id);
            }
        }
    }

    fn takes_part(&self, id: &CallId, side: Side, device: &DeviceId) -> bool {
        let call = &self.calls[id].document.call;
        !call.has_ended() && call.legs(side).iter().any(|leg| leg.device == *device)
    }

    pub(super) fn wait(&mut self, seconds: u8) {
        self.now = self.now.after(u64::from(seconds) * 1_000);
        for id in self.ids.clone() {
            let call = &self.calls[&id].document.call;
            if self.rules.deadline(call).is_none_or(|due| due > self.now) {
                continue;
            }
            let route = |side| {
                let leg = call.bound(side)?;
                let device = self.devices.iter().find(|device| device.identity().device == leg.device)?;
                device.is_there.then(|| device.identity().link.clone())
            };
            let attendance: Attendance = PerSide { caller: route(Side::Caller), callee: route(Side::Callee) };
            let _answer = self.apply(&id, &Input::Deadline { attendance, away_until: None }, false);
        }
    }
}
