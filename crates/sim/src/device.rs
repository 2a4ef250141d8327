//! A device: a page of an application with a good client library, and the person in front of it.
//!
//! It is written against `docs/protocol.md` alone and shares no code with what it tests.

mod call;
mod connection;
mod events;
mod hello;
mod person;
mod replies;
mod requests;
mod talk;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ringback_wire::Format;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use crate::{
    dice::Dice,
    net::{Access, Item, Link},
    world::World,
};
use call::{Call, Numbers};
pub use call::{Phase, Role};
use connection::Stage;
use person::Todo;
use requests::{Pending, Sends};

/// How long a reply may take when nothing is wrong.
const OVERDUE: Duration = Duration::from_secs(2);

/// What the simulation tells a device to do, or does to it.
#[derive(Debug)]
pub enum Order {
    /// Its connection is reset.
    Cut,
    /// The page is loaded anew.
    Reload,
    /// It does not read until then.
    ReadNothing(Instant),
    /// Its person calls this user.
    Call(String),
    /// Its person places no more calls, and ends half of those there are.
    Settle,
    /// Its person answers whoever calls, and talks until told otherwise.
    Oblige,
    /// Its person ends everything.
    HangUp,
    /// It goes, without ending anything.
    Leave,
    /// It comes back.
    Return,
    /// What it knows.
    Inspect(oneshot::Sender<View>),
}

/// What a device knows.
#[derive(Clone, Debug)]
pub struct View {
    /// Which it is.
    pub name: String,
    /// Whether its `hello` was acknowledged on the connection it has.
    pub online: bool,
    /// Requests that have had no reply for a while.
    pub waiting: Vec<u64>,
    /// The calls it takes part in.
    pub calls: BTreeMap<String, CallView>,
}

/// What it knows of a call.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Its side.
    pub role: Role,
    /// How far the call is.
    pub phase: Phase,
    /// The user at the other end.
    pub peer: String,
    /// Whether the peer's device is said to be away.
    pub peer_away: bool,
    /// The peer's offer, where both its and this device's own look open.
    pub two_open: Option<String>,
}

/// Who a device is.
#[derive(Clone, Debug)]
pub struct Who {
    /// Its user.
    pub user: String,
    /// The device.
    pub device: String,
    /// How it encodes its frames.
    pub format: Format,
}

/// A device.
pub struct Device {
    world: Arc<World>,
    who: Who,
    name: String,
    dice: Dice,
    access: Arc<Access>,

    link: Option<Arc<Link>>,
    links: u64,
    stage: Stage,
    failures: u32,
    heard: Instant,
    ping: Option<(u64, Instant)>,
    reads_from: Option<Instant>,

    session: Option<String>,
    page: u32,
    next_id: u64,
    pending: VecDeque<Pending>,
    hold: Option<Instant>,
    sends: BTreeMap<u64, Sends>,
    seen: BTreeMap<String, u64>,
    /// Calls that have ended for it, and since when.
    over: BTreeMap<String, Instant>,
    numbers: BTreeMap<String, Numbers>,
    unreported: Vec<String>,
    report: Option<Instant>,

    calls: BTreeMap<String, Call>,
    todo: BTreeMap<(Instant, u64), Todo>,
    todos: u64,
    places_calls: bool,
    obliging: bool,
    negotiates: bool,
}

impl Device {
    /// A device that will connect soon.
    pub fn new(world: &Arc<World>, who: Who, access: Arc<Access>, dice: &Dice) -> Self {
        let name = format!("{}/{}", who.user, who.device);
        let mut dice = dice.of(&name);
        let first = Instant::now() + dice.ms(1_200, 4_000);
        let mut device = Self {
            world: Arc::clone(world),
            who,
            name,
            dice,
            access,
            link: None,
            links: 0,
            stage: Stage::Away(first),
            failures: 0,
            heard: first,
            ping: None,
            reads_from: None,
            session: None,
            page: 1,
            next_id: 1,
            pending: VecDeque::new(),
            hold: None,
            sends: BTreeMap::new(),
            seen: BTreeMap::new(),
            over: BTreeMap::new(),
            numbers: BTreeMap::new(),
            unreported: Vec::new(),
            report: None,
            calls: BTreeMap::new(),
            todo: BTreeMap::new(),
            todos: 0,
            places_calls: true,
            obliging: false,
            negotiates: true,
        };
        device.plan_a_call();
        device
    }

    /// Which device it is, and which load of its page.
    fn page(&self) -> String {
        format!("{}#{}", self.name, self.page)
    }

    /// Lives until nobody gives orders any more.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let link = self.link.clone();
            let reads = self.reads_from.is_none_or(|from| from <= Instant::now());
            let arrival = async {
                match &link {
                    Some(link) => link.receive().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                () = sleep_until(self.next_wake()) => self.on_time(),
                item = arrival, if reads => self.take(item),
            }
            self.flush();
        }
    }

    fn next_wake(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3_600);
        let maybe = [self.stage.until(), self.reads_from, self.next_beat(), self.hold, self.report];
        let todo = self.todo.first_key_value().map(|((at, _), _)| *at);
        maybe.into_iter().chain([todo]).flatten().fold(far, Instant::min)
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        if self.reads_from.is_some_and(|at| at <= now) {
            self.reads_from = None;
        }
        if self.hold.is_some_and(|at| at <= now) {
            self.hold = None;
        }
        if self.report.is_some_and(|at| at <= now) {
            self.report_seen();
        }
        self.keep_up(now);
        while let Some(((at, _), _)) = self.todo.first_key_value()
            && *at <= now
            && let Some((_, todo)) = self.todo.pop_first()
        {
            self.perform(todo);
        }
    }

    fn take(&mut self, item: Item) {
        self.heard = Instant::now();
        match item {
            Item::Frame(bytes) => {
                self.world.trace.frame(&self.name, "<", &bytes);
                self.world.tally.count(|figures| figures.frames += 1);
                self.read(&bytes);
            }
            Item::Ping(number) => {
                if let Some(link) = &self.link {
                    link.pong(number);
                }
            }
            Item::Close(code) => self.closed(code),
            Item::Pong(_) | Item::Gone => self.lost(),
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Cut => {
                if let Some(link) = &self.link {
                    link.reset();
                }
            }
            Order::Reload => self.reload(),
            Order::ReadNothing(until) => self.reads_from = Some(until),
            Order::Call(user) => self.call(&user),
            Order::Settle => self.settle(),
            Order::Oblige => self.obliging = true,
            Order::HangUp => self.hang_up_all(),
            Order::Leave => self.leave(),
            Order::Return => self.come_back(Duration::ZERO),
            Order::Inspect(answer) => {
                let _ = answer.send(self.view());
            }
        }
    }

    fn view(&self) -> View {
        let overdue = self.pending.iter().filter(|pending| pending.since.elapsed() > OVERDUE);
        let calls = self.calls.iter().map(|(id, call)| (id.clone(), call.view())).collect();
        View {
            name: self.name.clone(),
            online: matches!(self.stage, Stage::In),
            waiting: overdue.map(|pending| pending.id).collect(),
            calls,
        }
    }
}
