//! The faults that happen at a moment and last a while. Those of a single call or message are the store's: see
//! [`crate::store`].

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    device::Order,
    dice::Dice,
    fault::{Fault, Faults},
    net::Access,
    store::{Failover, Kept},
    world::World,
};

/// A device, from outside.
#[derive(Clone)]
pub struct Handle {
    /// Whose it is.
    pub user: String,
    /// Takes orders.
    pub orders: mpsc::Sender<Order>,
    /// Its way to the network.
    pub access: Arc<Access>,
}

impl Handle {
    /// Tells it to do something.
    pub fn order(&self, order: Order) {
        // A device that is so far behind has enough to do.
        let _ = self.orders.try_send(order);
    }
}

/// Makes faults until it is told to stop; then undoes what lasts.
pub struct Chaos {
    world: Arc<World>,
    devices: Vec<Handle>,
    stop: CancellationToken,
    /// The store fails over, is away and comes back in turn, not all at once.
    store: tokio::sync::Mutex<()>,
}

impl Chaos {
    /// Begins.
    pub fn begin(
        world: &Arc<World>,
        devices: &[Handle],
        faults: &Faults,
        dice: &Dice,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        let chaos = Arc::new(Self {
            world: Arc::clone(world),
            devices: devices.to_vec(),
            stop: stop.clone(),
            store: tokio::sync::Mutex::default(),
        });
        let mut tasks = vec![tokio::spawn(Arc::clone(&chaos).appointments(dice.of("appointments")))];
        for &fault in Fault::ALL {
            if let (true, Some(every)) = (faults.has(fault), interval(fault)) {
                let every = every.div_f64(faults.strength(fault).max(0.05));
                tasks.push(tokio::spawn(Arc::clone(&chaos).keep_making(fault, every, dice.of(fault.name()))));
            }
        }
        tasks
    }

    async fn keep_making(self: Arc<Self>, fault: Fault, every: Duration, mut dice: Dice) {
        loop {
            self.pause(dice.wait(every)).await;
            if self.stop.is_cancelled() {
                return;
            }
            self.make(fault, &mut dice).await;
        }
    }

    /// Sleeps, but not longer than there are faults.
    async fn pause(&self, time: Duration) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = sleep(time) => {}
        }
    }

    /// Two users who call each other at the same time.
    async fn appointments(self: Arc<Self>, mut dice: Dice) {
        loop {
            self.pause(dice.wait(Duration::from_secs(30)) + Duration::from_secs(4)).await;
            if self.stop.is_cancelled() {
                return;
            }
            let (one, other) = (dice.pick(&self.devices), dice.pick(&self.devices));
            if one.user != other.user {
                one.order(Order::Call(other.user.clone()));
                let apart = dice.ms(0, 120);
                self.pause(apart).await;
                other.order(Order::Call(one.user.clone()));
            }
        }
    }

    async fn make(&self, fault: Fault, dice: &mut Dice) {
        let World { fleet, depot, tally, .. } = &*self.world;
        let place = dice.below(fleet.len());
        let device = dice.pick(&self.devices).clone();
        tally.fault(fault);
        match fault {
            Fault::Kill => {
                fleet.kill(place);
                self.pause(dice.ms(200, 12_000)).await;
                fleet.start(place);
            }
            Fault::Deploy => {
                fleet.drain(place).await;
                self.pause(dice.ms(100, 2_000)).await;
                fleet.start(place);
            }
            Fault::BusCut => {
                let Some(line) = fleet.line(place) else { return };
                let partitions = dice.some(&depot.partitions(), 0.6);
                line.deafen(&partitions);
                self.pause(dice.ms(50, 6_000)).await;
                line.hear_again(&partitions);
            }
            Fault::StoreCut => {
                let Some(line) = fleet.line(place) else { return };
                line.cut_off(true);
                let short = dice.chance(0.6);
                self.pause(if short { dice.ms(100, 3_000) } else { dice.ms(3_000, 25_000) }).await;
                line.cut_off(false);
            }
            Fault::StoreAway => {
                let _turn = self.store.lock().await;
                let all = depot.partitions();
                let partitions = if dice.chance(0.6) { all } else { dice.some(&all, 0.5) };
                let short = dice.chance(0.6);
                depot.set_away(&partitions, true);
                self.pause(if short { dice.ms(100, 3_000) } else { dice.ms(3_000, 30_000) }).await;
                depot.set_away(&partitions, false);
            }
            Fault::Failover | Fault::Losses | Fault::Wipe => {
                let _turn = self.store.lock().await;
                let behind = if dice.chance(0.7) { dice.ms(1, 300) } else { dice.ms(300, 1_900) };
                let kept = match fault {
                    Fault::Failover => Kept::Acknowledged(behind),
                    Fault::Losses => Kept::AllBut(behind),
                    _ => Kept::Nothing,
                };
                let all = depot.partitions();
                let partitions = if fault == Fault::Wipe { all } else { dice.some(&all, 0.6) };
                depot.fail_over(&Failover { partitions, kept, away: dice.ms(100, 5_000) }).await;
                // Whoever has lost something gets the time to put it right before more is lost.
                self.pause(Duration::from_secs(10)).await;
            }
            Fault::Skew => {
                let ahead = dice.chance(0.5);
                let ms = i64::try_from(dice.between(0, 3_000)).unwrap_or_default();
                depot.clock.set_skew(if ahead { ms } else { -ms });
            }
            Fault::Cut => device.order(Order::Cut),
            Fault::Reload => device.order(Order::Reload),
            Fault::SlowReader => {
                device.order(Order::ReadNothing(Instant::now() + dice.ms(500, 30_000)));
            }
            Fault::Hole => {
                let short = dice.chance(0.6);
                device.access.swallow(true);
                self.pause(if short { dice.ms(200, 8_000) } else { dice.ms(8_000, 70_000) }).await;
                device.access.swallow(false);
            }
            Fault::BusDrop
            | Fault::BusDelay
            | Fault::BusDouble
            | Fault::StoreSlow
            | Fault::StoreFails
            | Fault::StoreUnknown => {}
        }
    }
}

/// How often a fault of full strength happens; `None` for those of single calls and messages.
const fn interval(fault: Fault) -> Option<Duration> {
    let seconds = match fault {
        Fault::Kill | Fault::StoreCut => 15,
        Fault::Deploy => 30,
        Fault::BusCut => 6,
        Fault::StoreAway => 25,
        Fault::Failover | Fault::Losses => 15,
        Fault::Wipe => 40,
        Fault::Skew => 10,
        Fault::Cut => 2,
        Fault::Hole => 10,
        Fault::SlowReader => 8,
        Fault::Reload => 8,
        Fault::BusDrop
        | Fault::BusDelay
        | Fault::BusDouble
        | Fault::StoreSlow
        | Fault::StoreFails
        | Fault::StoreUnknown => return None,
    };
    Some(Duration::from_secs(seconds))
}
