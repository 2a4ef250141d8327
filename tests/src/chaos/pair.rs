//! Two users who call each other again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::bell::{Bell, Order};
use super::diary::Diary;
use super::line::Line;
use super::phone::{Phone, Setups};
use super::plan::{Mix, Plan};
use crate::codec::Codec;
use crate::dice::Dice;

/// Longer than any call lasts, stuck or not.
const LONGEST_CALL: Duration = Duration::from_secs(180);

/// A user's devices.
struct User {
    name: String,
    devices: Vec<(String, Arc<Bell>)>,
}

impl User {
    fn first(&self) -> &Bell {
        &self.devices[0].1
    }

    fn names(&self) -> Vec<String> {
        self.devices.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// A running pair.
pub struct Pair {
    /// What its devices write down.
    pub diaries: Vec<Arc<Diary>>,
    /// Its devices' bells.
    pub bells: Vec<Arc<Bell>>,
    /// When its calls were connected.
    pub setups: Arc<Setups>,
    phones: Vec<JoinHandle<()>>,
    director: JoinHandle<()>,
}

/// What all pairs of a run share.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The gateways' ports.
    pub doors: Arc<Vec<u16>>,
    /// When the run began.
    pub start: Instant,
    /// What calls are like.
    pub mix: Mix,
    /// How long a call may ring.
    pub ringing: Duration,
    /// Whether calls go on until they are told to wind up.
    pub lasting: bool,
    /// Set when no more calls are to be begun.
    pub enough: Arc<AtomicBool>,
}

impl Pair {
    /// Starts the `n`th pair.
    pub fn start(n: usize, setting: &Setting, dice: &mut Dice) -> Self {
        let mut pair = Self {
            diaries: Vec::new(),
            bells: Vec::new(),
            setups: Arc::default(),
            phones: Vec::new(),
            director: tokio::spawn(async {}),
        };
        let alice = pair.user(&format!("alice{n}"), &["desk"], setting, dice);
        // Every third bob has two devices that ring.
        let devices: &[&str] = if n.is_multiple_of(3) { &["phone", "tablet"] } else { &["phone"] };
        let bob = pair.user(&format!("bob{n}"), devices, setting, dice);
        pair.director = tokio::spawn(direct(alice, bob, setting.clone(), Dice::new(dice.roll())));
        pair
    }

    fn user(&mut self, name: &str, devices: &[&str], setting: &Setting, dice: &mut Dice) -> User {
        let mut user = User { name: name.to_owned(), devices: Vec::new() };
        for device in devices {
            let bell = Bell::new();
            let diary = Diary::new(name, device, setting.start);
            let codec = *dice.pick(&[Codec::Json, Codec::MessagePack]);
            let line = Line::new(
                Arc::clone(&diary),
                Arc::clone(&bell),
                codec,
                Arc::clone(&setting.doors),
                Dice::new(dice.roll()),
            );
            let dice = Dice::new(dice.roll());
            let phone = Phone::new(line, Arc::clone(&bell), dice, Arc::clone(&self.setups), setting.ringing);
            self.phones.push(tokio::spawn(phone.live()));
            self.diaries.push(diary);
            self.bells.push(Arc::clone(&bell));
            user.devices.push(((*device).to_owned(), bell));
        }
        user
    }

    /// Waits until no more calls are begun and the last one is over; `false` if it is not by `limit`.
    pub async fn comes_to_rest(&mut self, limit: Instant) -> bool {
        tokio::time::timeout_at(limit, &mut self.director).await.is_ok()
    }

    /// Sends its devices away, and waits until they have gone.
    pub async fn end(self) {
        self.director.abort();
        self.bells.iter().for_each(|bell| bell.stop());
        for phone in self.phones {
            let abort = phone.abort_handle();
            // One that is busy with a call that never ends does not hear its bell.
            if tokio::time::timeout(Duration::from_secs(3), phone).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// One call after another, by turns.
async fn direct(alice: User, bob: User, setting: Setting, mut dice: Dice) {
    while !setting.enough.load(Ordering::Relaxed) {
        let (from, to) = if dice.below(2) == 0 { (&alice, &bob) } else { (&bob, &alice) };
        let mut plan = Plan::draw(&mut dice, &setting.mix, &to.names());
        if setting.lasting {
            plan = plan.lasting();
        }
        if plan.crossing {
            // Whichever call is first, the other's device takes it if it rings before that one has called.
            plan.devices.push(from.names()[0].clone());
            to.first().order(Order { to: from.name.clone(), plan: plan.clone() });
        }
        from.first().order(Order { to: to.name.clone(), plan });
        for (_, bell) in alice.devices.iter().chain(&bob.devices) {
            if !bell.is_idle(LONGEST_CALL).await {
                return;
            }
        }
        // People breathe between two calls; and the load stays bounded.
        sleep(Duration::from_millis(20 + dice.below(150) as u64)).await;
    }
}
