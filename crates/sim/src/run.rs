//! One seed, from the first node's start to the last check.

use std::{
    cell::RefCell,
    panic,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use ringback_wire::Format;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    chaos::{Chaos, Handle},
    device::{Device, Order, Phase, View, Who},
    dice::Dice,
    fault::Fault,
    fleet::Fleet,
    ledger::Ledger,
    mutant::Mutant,
    net::Access,
    oracle::Calls,
    plan::{Options, Plan},
    store::{Depot, Founding},
    tally::{Figures, Tally},
    trace::Trace,
    world::World,
};

/// How long everything has to come to rest: longer than any deadline of a call.
const REST: Duration = Duration::from_secs(135);
/// Orders that wait for a device.
const ORDERS: usize = 64;

/// What came of one seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which.
    pub seed: u64,
    /// What was as it never should be; the run ends with the first.
    pub violations: Vec<String>,
    /// How much there was of everything.
    pub figures: Figures,
    /// Stands for everything that happened.
    pub hash: u64,
    /// What the seed was made of.
    pub plan: String,
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Panics of a node's tasks end the task only: they are kept here, to be found.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            usual(info);
        }));
    });
}

/// Runs a seed on this thread.
pub fn run(seed: u64, options: &Options) -> Outcome {
    keep_panics();
    PANICS.take();
    let dice = Dice::new(seed);
    fastrand::seed(dice.of("nodes").between(0, u64::MAX));
    Mutant::release(options.mutant);
    let plan = Plan::draw(&options.menu, &dice);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| unreachable!("a runtime without I/O: {error}"));
    let outcome = runtime.block_on(async {
        let world = found(options, &plan, &dice);
        world.trace.note("seed", format_args!("{seed}: {plan}"));
        tokio::select! {
            biased;
            () = world.failed.cancelled() => {}
            () = play(&world, &plan, &dice) => {}
        }
        for panic in PANICS.take() {
            world.violated("panic", panic);
        }
        let mut figures = world.tally.figures();
        figures.virtual_ms = world.now();
        let (violations, hash) = (world.violations(), world.trace.hash());
        Outcome { seed, violations, figures, hash, plan: plan.to_string() }
    });
    drop(runtime);
    Mutant::release(None);
    outcome
}

fn found(options: &Options, plan: &Plan, dice: &Dice) -> Arc<World> {
    let (trace, tally) = (Arc::new(Trace::new(options.printed)), Arc::new(Tally::default()));
    let founding = Founding {
        partitions: plan.partitions,
        faults: plan.faults.clone(),
        dice: dice.of("store"),
        mutant: options.mutant,
    };
    let depot = Depot::new(founding, &trace, &tally);
    let wrong_ms = if plan.faults.has(Fault::Skew) { 7_200_000 } else { 50 };
    let fleet = Fleet::new(&depot, plan, wrong_ms, dice);
    Arc::new(World {
        trace,
        tally,
        depot,
        fleet,
        faults: plan.faults.clone(),
        waking_ms: plan.waking_ms,
        users: (0..plan.devices.len()).map(|n| format!("u{n}")).collect(),
        failed: CancellationToken::new(),
        ledger: Mutex::new(Ledger::default()),
        violations: Mutex::default(),
    })
}

fn bring_devices(world: &Arc<World>, plan: &Plan, dice: &Dice) -> Vec<Handle> {
    let mut handles = Vec::new();
    let mut formats = dice.of("formats");
    for (user, count) in world.users.iter().zip(&plan.devices) {
        for n in 0..*count {
            let format = if formats.chance(0.3) { Format::MsgPack } else { Format::Json };
            let who = Who { user: user.clone(), device: format!("d{n}"), format };
            let access = Arc::<Access>::default();
            let (orders, taken) = mpsc::channel(ORDERS);
            let device = Device::new(world, who, Arc::clone(&access), dice);
            tokio::spawn(device.run(taken));
            handles.push(Handle { user: user.clone(), orders, access });
        }
    }
    handles
}

async fn play(world: &Arc<World>, plan: &Plan, dice: &Dice) {
    for place in 0..plan.nodes {
        world.fleet.start(place);
    }
    let devices = bring_devices(world, plan, dice);
    let all = |order: fn() -> Order| devices.iter().for_each(|device| device.order(order()));

    let stop = CancellationToken::new();
    let chaos = Chaos::begin(world, &devices, &plan.faults, dice, &stop);
    sleep(plan.active).await;
    world.trace.note("sim", "no more faults");
    stop.cancel();
    world.depot.calm();
    for task in chaos {
        let _ = task.await;
    }
    all(|| Order::Settle);
    sleep(REST).await;
    world.check_all_there(&inspect(&devices).await, Calls::Settled).await;

    world.trace.note("sim", "everybody leaves");
    all(|| Order::Leave);
    sleep(Duration::from_secs(40)).await;
    world.check_all_gone().await;

    world.trace.note("sim", "everybody is back");
    all(|| Order::Oblige);
    all(|| Order::Return);
    sleep(Duration::from_secs(5)).await;
    world.check_all_there(&inspect(&devices).await, Calls::None).await;
    for round in rounds(world.users.len()) {
        probe(world, &devices, &round).await;
    }
}

/// Each user calls each other once, none two at once: (n rounds of a tournament).
fn rounds(users: usize) -> Vec<Vec<(usize, usize)>> {
    let even = users + users % 2;
    let mut seats: Vec<usize> = (0..even).collect();
    let mut rounds = Vec::new();
    for _ in 1..even {
        let pairs = (0..even / 2).map(|n| (seats[n], seats[even - 1 - n]));
        rounds.push(pairs.filter(|&(a, b)| a < users && b < users).collect());
        seats[1..].rotate_right(1);
    }
    rounds
}

/// Calls that nothing disturbs: each has to work.
async fn probe(world: &Arc<World>, devices: &[Handle], pairs: &[(usize, usize)]) {
    world.fleet.let_all_through();
    for &(caller, callee) in pairs {
        let device = devices.iter().find(|device| device.user == world.users[caller]);
        if let Some(device) = device {
            device.order(Order::Call(world.users[callee].clone()));
        }
    }
    sleep(Duration::from_secs(8)).await;
    let views = inspect(devices).await;
    for &(caller, callee) in pairs {
        let (caller, callee) = (&world.users[caller], &world.users[callee]);
        let talks = |view: &View| {
            view.name.split('/').next() == Some(caller)
                && view.calls.values().any(|call| call.peer == *callee && call.phase == Phase::Connected)
        };
        if !views.iter().any(talks) {
            world.violated("blocked", format_args!("{caller} can't talk to {callee} any more"));
        }
    }
    for device in devices {
        device.order(Order::HangUp);
    }
    sleep(Duration::from_secs(3)).await;
    world.check_all_there(&inspect(devices).await, Calls::None).await;
}

async fn inspect(devices: &[Handle]) -> Vec<View> {
    let mut views = Vec::new();
    for device in devices {
        let (answer, view) = oneshot::channel();
        device.order(Order::Inspect(answer));
        views.extend(view.await);
    }
    views
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_meets_everybody_once() {
        for users in 2..=6 {
            let mut met: Vec<(usize, usize)> = rounds(users).concat();
            met.iter_mut().for_each(|pair| *pair = (pair.0.min(pair.1), pair.0.max(pair.1)));
            met.sort_unstable();
            met.dedup();
            assert_eq!(met.len(), users * (users - 1) / 2);
        }
    }
}
