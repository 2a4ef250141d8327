//! A device looks present if it is, and only then.

use ringback_call::UserId;
use ringback_store::Users as _;

use crate::{device::View, world::World};

impl World {
    pub(super) async fn check_presence(&self, views: &[View]) {
        let nodes = self.fleet.nodes();
        for user in &self.users {
            let Ok(id) = UserId::new(user.as_str()) else { continue };
            let record = self.depot.memory.lookup(&id).await.unwrap_or_default();
            let mut present = Vec::new();
            for (device, route) in &record.routes {
                // A route to a node that is gone counts for nothing.
                let Some(node) = nodes.iter().find(|node| *node.cluster.node() == route.node) else {
                    continue;
                };
                let name = format!("{user}/{}", device.as_str());
                if node.registry.has(&id, device, route.connection) {
                    present.push(name);
                } else {
                    let text = format!("{name} has a route to {}, which has no such connection", route.node);
                    self.violated("presence", text);
                }
            }
            for view in views.iter().filter(|view| view.name.split('/').next() == Some(user)) {
                if view.online != present.contains(&view.name) {
                    let text = format!("{} online: {}, present are {present:?}", view.name, view.online);
                    self.violated("presence", text);
                }
            }
            if views.is_empty() && !present.is_empty() {
                self.violated("presence", format_args!("{present:?} are gone and look present"));
            }
        }
    }
}
