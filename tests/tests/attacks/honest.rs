//! Those who only want to talk.

use std::time::Duration;

use futures::future::join_all;
use ringback_tests::client::Client;
use ringback_tests::flow::{candidate, end, hang_up, quiet, set_up, trickle};
use ringback_tests::stage::Stage;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

/// Calls that go on while others are set up.
const LASTING: usize = 100;
/// Pairs that set calls up, one each in a turn, and how many all of them set up in a second.
const PAIRS: u32 = 40;
const A_SECOND: u32 = 32;

/// Users in calls, and users who make them.
pub(crate) struct Honest {
    lasting: Vec<(Client, Client, String)>,
    pairs: Vec<(Client, Client)>,
}

impl Honest {
    pub(crate) async fn come(stage: &Stage) -> Self {
        let pair = async |n: usize| {
            let codec = stage.cast.caller;
            let caller = stage.join(stage.seat(&format!("ann{n}"), "desk", n % 2, codec)).await;
            let callee = stage.join(stage.seat(&format!("ben{n}"), "phone", (n + n / 2) % 2, codec)).await;
            (caller, callee)
        };
        let mut pairs = Vec::new();
        for n in 0..LASTING + PAIRS as usize {
            pairs.push(pair(n).await);
        }
        let mut lasting = Vec::new();
        for (caller, callee) in pairs.drain(..LASTING) {
            let call = set_up(&caller, &callee).await;
            lasting.push((caller, callee, call));
        }
        Self { lasting, pairs }
    }

    /// Sets calls up at a steady pace, and says how long each took from when it was to begin. None of them may fail.
    pub(crate) async fn talk(&self) -> Vec<Duration> {
        let start = Instant::now();
        let talking = (0_u32..).zip(&self.pairs).map(async |(n, (caller, callee))| {
            let due = start + Duration::from_secs(n.into()) / A_SECOND;
            sleep_until(due).await;
            let call = set_up(caller, callee).await;
            let took = due.elapsed();
            end(caller, &[callee], &call, "hangup").await;
            took
        });
        join_all(talking).await
    }

    /// The calls that went on do so, and nobody has heard anything but their own.
    pub(crate) async fn unharmed(self) {
        for (n, (caller, callee, call)) in self.lasting.iter().enumerate() {
            trickle(caller, callee, call, &[candidate("late", n), Value::Null]).await;
            trickle(callee, caller, call, &[candidate("late", n)]).await;
            quiet(&[caller, callee]).await;
        }
        for (caller, callee, call) in self.lasting.iter().take(5) {
            hang_up(caller, callee, call).await;
        }
    }
}

/// Of a hundred calls, the time that so many took at most.
pub(crate) fn percentile(took: &mut [Duration], percent: usize) -> Duration {
    took.sort_unstable();
    took[(took.len() * percent / 100).min(took.len() - 1)]
}
