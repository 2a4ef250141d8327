//! Three devices of two users, what they say and what the store answers: frames go through sessions, the rules and the
//! encodings of the store, as they do in a gateway, and what a device is told keeps to its promises.
//!
//! The input is a script, read by `arbitrary`. What a device says may be damaged on its way, as may what reaches it.

mod delivery;
mod device;
mod presence;
mod words;
mod world;

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use ringback_wire::ClientFrame;
use world::World;

/// So many steps at most: what is there to be found is found within fewer.
const STEPS: usize = 100;

/// Takes a script.
pub fn check(data: &[u8]) {
    let _passed = play(data);
}

/// Takes a script, and says what came to pass: states of calls, and what an entry of a mailbox was to a device.
pub fn play(data: &[u8]) -> BTreeSet<&'static str> {
    let mut input = Unstructured::new(data);
    let mut world = World::new();
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        world.take(step);
    }
    world.finish()
}

/// One thing that happens.
#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// A device says something.
    Say { who: u8, what: Ask, how: How },
    /// A device says something else than frames.
    Babble { who: u8, bytes: &'a [u8] },
    /// The policy and the look-up have their answer; with the devices that are found, one bit for each, and perhaps a limit of
    /// time, in seconds.
    Admit { call: u8, found: u8, limit: Option<u16> },
    /// The policy says no, and why.
    Deny { call: u8, why: bool },
    /// What was published reaches a device, or does not.
    Hear { who: u8, fate: Fate },
    /// A device connects anew.
    Return { who: u8, fresh: bool },
    /// A connection is gone.
    Drop { who: u8 },
    /// Time passes.
    Wait { seconds: u8 },
    /// An operator ends a call.
    Terminate { call: u8 },
}

/// What a device asks for.
#[derive(Arbitrary, Debug)]
enum Ask {
    Ping,
    Seen { seq: u8, missed: Option<u16> },
    Init { whom: u8, video: bool, metadata: Option<Text> },
    Ringing,
    Accept,
    Reject { busy: bool },
    End { failed: bool },
    Offer,
    Answer { offer: Option<u8> },
    Ice { candidates: u8, last: bool },
    Connected,
    Report { stats: Text },
}

/// Some JSON.
#[derive(Arbitrary, Debug)]
enum Text {
    Null,
    Number(f64),
    Name(u32),
    Deep(u8),
}

/// How it comes to be said.
#[derive(Arbitrary, Debug)]
struct How {
    /// Of which call; one that does not exist, now and then.
    call: u8,
    /// How much greater the request's number is than the one before; 0: it is sent again.
    step: u8,
    /// What is seen of the call.
    seen: Option<u8>,
    /// The store's first answer is an older document than it has.
    stale: bool,
    /// A byte of the frame that is another.
    damage: Option<(u16, u8)>,
}

/// What becomes of the next message to a device.
#[derive(Arbitrary, Debug)]
enum Fate {
    /// It arrives.
    Arrives,
    /// It does not.
    Lost,
    /// It arrives, and comes once more later.
    Twice,
    /// It comes after the ones behind it.
    Late,
    /// A byte of it is another.
    Damaged(u16, u8),
}

impl Text {
    fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Number(number) => serde_json::to_string(number).unwrap_or_default(),
            Self::Name(name) => format!("{{\"{name:x}\":[true,\"\\u00e4\"]}}"),
            Self::Deep(depth) => {
                let depth = usize::from(depth % 60);
                format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
            }
        }
    }
}

/// A frame, for a failure's message.
fn short(frame: &ClientFrame) -> String {
    format!("{frame:?}").chars().take(200).collect()
}
