//! What a call is to be like. The plan travels in the call's metadata, so that the callee plays its part.

use serde::{Deserialize, Serialize};

use super::tag::Side;
use crate::dice::Dice;

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Course {
    /// Answered, and talked.
    Talk,
    /// Refused.
    Reject,
    /// Refused as busy.
    Busy,
    /// Given up by the caller while it rings.
    Cancel,
    /// Never answered.
    Ignore,
}

/// One call's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// How it goes.
    pub course: Course,
    /// Which of the callee's devices accept (or refuse).
    pub devices: Vec<String>,
    /// How often candidates go to and fro once it is connected.
    pub rounds: u32,
    /// Which side keeps it going, and ends it.
    pub talker: Side,
    /// Whether the talker has the other side hang up.
    pub asks_to_hang_up: bool,
    /// Whether the callee calls at the same time.
    pub crossing: bool,
}

/// How often each thing happens, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mix {
    /// Refused.
    pub reject: usize,
    /// Cancelled.
    pub cancel: usize,
    /// Never answered.
    pub ignore: usize,
    /// Both call at once.
    pub crossing: usize,
}

impl Plan {
    /// A plan for a call to a user with these devices.
    pub fn draw(dice: &mut Dice, mix: &Mix, devices: &[String]) -> Self {
        let percent = dice.below(100);
        let (reject, cancel, ignore) =
            (mix.reject, mix.reject + mix.cancel, mix.reject + mix.cancel + mix.ignore);
        let course = match percent {
            p if p < reject && p % 2 == 0 => Course::Reject,
            p if p < reject => Course::Busy,
            p if p < cancel => Course::Cancel,
            p if p < ignore => Course::Ignore,
            _ => Course::Talk,
        };
        let crossing = course == Course::Talk && dice.below(100) < mix.crossing;
        // Who is crossed calls from the first device; then no other may be quicker.
        let devices = if crossing { vec![devices[0].clone()] } else { some(dice, devices) };
        Self {
            course,
            devices,
            rounds: 2 + dice.below(5) as u32,
            talker: *dice.pick(&Side::BOTH),
            asks_to_hang_up: dice.below(4) == 0,
            crossing,
        }
    }

    /// The same call, which goes on until somebody says that it is enough.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { rounds: u32::MAX, ..self }
    }

    /// Whether this device of the callee is to accept or refuse.
    pub fn is_for(&self, device: &str) -> bool {
        self.devices.iter().any(|each| each == device)
    }
}

/// One of them, or all at once.
fn some(dice: &mut Dice, devices: &[String]) -> Vec<String> {
    if dice.below(3) == 0 { devices.to_vec() } else { vec![dice.pick(devices).clone()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plans_and_all_kinds_of_them() {
        let mix = Mix { reject: 20, cancel: 20, ignore: 20, crossing: 30 };
        let devices = ["phone".to_owned(), "tablet".to_owned()];
        let plans = |seed| {
            let mut dice = Dice::new(seed);
            (0..200).map(|_| Plan::draw(&mut dice, &mix, &devices)).collect::<Vec<_>>()
        };
        assert_eq!(plans(1), plans(1));
        assert_ne!(plans(1), plans(2));
        for course in [Course::Talk, Course::Reject, Course::Busy, Course::Cancel, Course::Ignore] {
            assert!(plans(1).iter().any(|plan| plan.course == course), "{course:?}");
        }
        assert!(plans(1).iter().any(|plan| plan.crossing));
    }
}
