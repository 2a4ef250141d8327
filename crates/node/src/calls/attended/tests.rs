use ringback_call::{Action, CallId, EndRequest, Input, Origin};
use ringback_store::Store as _;
use tokio::time::{advance, sleep};

use super::*;
use crate::stage::Stage;

#[tokio::test(start_paused = true)]
async fn a_call_is_remembered_while_a_device_is_here_and_for_a_while_after() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let calls = &stage.node.calls;
    let partition = stage.store.partitions().of_call(&call).unwrap();
    let ours = BTreeSet::from([partition]);
    let others: BTreeSet<_> = stage.store.partitions().all().filter(|other| *other != partition).collect();
    let is_known = async |away: bool| {
        calls.let_go_of_left(if away { &ours } else { &others }).await;
        calls.cache.find(&call).is_some()
    };
    let hang_up = |of: &Origin| stage.node.registry.remove(&of.user, &of.device, of.link.connection);
    hang_up(&alice);
    assert!(is_known(false).await);
    advance(KEPT * 100).await;
    assert!(is_known(false).await, "bob is here");
    assert_eq!(calls.let_go_of_left(&others).await, BTreeSet::new(), "nobody has to ask");
    hang_up(&bob);
    assert_eq!(calls.let_go_of_left(&others).await, ours, "it is to be asked whether its partition is there");
    advance(KEPT / 2).await;
    stage.ask(&call, &alice, 2, Action::Connected).await;
    assert!(is_known(false).await);
    advance(KEPT * 3 / 4).await;
    assert!(is_known(false).await, "something was learned of it");
    assert!(is_known(true).await);
    advance(KEPT).await;
    assert!(is_known(true).await && is_known(false).await, "its partition was away");
    advance(KEPT).await;
    assert!(!is_known(false).await, "others are away");
}

/// Three gateways, a call from a device at the first to one at the second, and a third to come back at.
struct Scene {
    gateways: [Stage; 3],
    devices: [Origin; 2],
    /// Where they are.
    at: [usize; 2],
    call: CallId,
}

impl Scene {
    async fn new() -> Self {
        let first = Stage::new();
        let gateways = [first.beside("gw-2"), first.beside("gw-3")];
        let [second, third] = gateways;
        let gateways = [first, second, third];
        gateways.iter().for_each(|gateway| gateway.node.start());
        settle().await;
        let (alice, _inbox) = gateways[0].device("alice", 1);
        let (bob, _inbox) = gateways[1].device("bob", 2);
        let call = gateways[0].ring(&alice, &bob).await;
        gateways[1].ask(&call, &bob, 1, Action::Accept).await;
        Self { gateways, devices: [alice, bob], at: [0, 1], call }
    }

    async fn counted(&self) -> usize {
        settle().await;
        let mut sum = 0;
        for gateway in &self.gateways {
            sum += gateway.node.calls.live_by_state().await.iter().map(|(_, count)| count).sum::<usize>();
        }
        sum
    }

    async fn lose(&self, of: usize) {
        let Origin { user, device, link, .. } = self.devices[of].clone();
        let gateway = &self.gateways[of];
        gateway.node.registry.remove(&user, &device, link.connection);
        let connection = link.connection;
        gateway.apply(&self.call, Input::Dropped { user, device, connection, closed: true }).await;
    }

    async fn come_back(&mut self, of: usize) {
        let (origin, _inbox) = self.gateways[2].device(self.devices[of].user.as_str(), 3);
        let Origin { user, device, link, .. } = origin.clone();
        self.gateways[2].apply(&self.call, Input::Attached { user, device, link, fresh: false }).await;
        (self.devices[of], self.at[of]) = (origin, 2);
    }

    async fn end(self) {
        let caller = &self.gateways[self.at[0]];
        caller.ask(&self.call, &self.devices[0], 9, Action::End(EndRequest::Hangup)).await;
        assert_eq!(self.counted().await, 0);
        sleep(KEPT + EVERY * 2).await;
        for gateway in &self.gateways {
            assert!(gateway.node.calls.cache.live().is_empty(), "{:?}", gateway.node.cluster.node());
            gateway.node.stop.cancel();
        }
    }
}

/// For what is under way between the gateways.
async fn settle() {
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_devices_come_back_elsewhere_is_counted_once_and_forgotten_with_its_end() {
    for movers in [&[0][..], &[1], &[0, 1], &[1, 0]] {
        let mut scene = Scene::new().await;
        for &of in movers {
            scene.lose(of).await;
            assert_eq!(scene.counted().await, 1, "{of} of {movers:?} is away");
            scene.come_back(of).await;
            assert_eq!(scene.counted().await, 1, "{of} of {movers:?} is back");
        }
        scene.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_one_whose_old_connection_is_lost_after_that() {
    let mut scene = Scene::new().await;
    let left = scene.devices[0].clone();
    scene.come_back(0).await;
    scene.gateways[0].node.registry.remove(&left.user, &left.device, left.link.connection);
    assert_eq!(scene.counted().await, 1);
    scene.end().await;
}
