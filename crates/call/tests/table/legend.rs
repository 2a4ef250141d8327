//! What the words of the table mean: the reply, where the call stands then (`=`: where it stood), and who is told
//! what, in order. `{me}` is the sender's device, `{peer}` the bound device of the other side, `{role}` the sender's
//! side, `{state}` the state's name on the wire.

use std::collections::HashMap;

use ringback_call::{Call, Side};

use super::{Device, Found};
use crate::common::words;

const LEGEND: &str = "
-         | nothing                    | =               |
ok        | done                       | =               |
.         | no_such_call               | =               |
!         | invalid_state {state}      | =               |
else      | answered_elsewhere         | =               |
glare     | glare                      | =               |
=cancelled| already cancelled          | =               |
=hangup   | already hangup             | =               |
=else     | already answered_elsewhere | =               |
cross     | merged                     | crossing        |
ring      | done                       | ringing         | bob-phone and bob-tablet: incoming from alice-phone
admit     | done                       | awaited         | alice-phone: accepted by bob-phone; bob-phone: accepted by bob-phone
denied    | done                       | ended denied    | alice-phone: ended denied
denied-x  | done                       | ended denied    | alice-phone: ended denied; bob-phone: ended denied
offline   | done                       | ended offline   | alice-phone: ended offline
busy      | done                       | ended busy      | alice-phone: ended busy
alert     | done                       | ringing         | alice-phone: ringing
accept    | done                       | awaited         | bob but {me}: ended answered_elsewhere by {me}; alice-phone: accepted by {me}; {me}: accepted by {me}
merge     | merged                     | awaited         | bob but {me}: ended answered_elsewhere by {me}; alice-phone: accepted by {me}; {me}: accepted by {me}
reject    | done                       | ended rejected  | alice-phone: ended rejected by {me}; bob: ended rejected by {me}
cancel    | done                       | ended cancelled | alice-phone: ended cancelled by {me}
cancel-x  | done                       | ended cancelled | alice-phone: ended cancelled by {me}; bob-phone: ended cancelled by {me}
cancel-r  | done                       | ended cancelled | alice-phone: ended cancelled by {me}; bob: ended cancelled by {me}
hangup    | done                       | ended hangup    | alice-phone: ended hangup by {me}; bob-phone: ended hangup by {me}
offer-a   | done                       | caller-offers   | {peer}: offer x; {peer}: ice a0
offers    | done                       | {role}-offers   | {peer}: offer x
reoffers  | done                       | =               | {peer}: offer x
answer-a  | done                       | stable          | {peer}: answer x; {peer}: ice a9
answer-b  | done                       | stable          | {peer}: answer x; {peer}: ice b0
forward   | done                       | =               | {peer}: ice x
connect   | done                       | connected       | alice-phone: connected; bob-phone: connected
away      | done                       | =, {role} away  |
gone      | done                       | =, {role} away  | {peer}: peer reconnecting
place     | done, place                | =               |
no-answer | done                       | ended no_answer | alice-phone: ended no_answer; bob: ended no_answer
timeout   | done                       | ended setup_timeout | alice-phone: ended setup_timeout; bob-phone: ended setup_timeout
stop      | done                       | ended ended_by_server | alice-phone: ended ended_by_server
stop-x    | done                       | ended ended_by_server | alice-phone: ended ended_by_server; bob-phone: ended ended_by_server
stop-r    | done                       | ended ended_by_server | alice-phone: ended ended_by_server; bob: ended ended_by_server
stop-b    | done                       | ended ended_by_server | alice-phone: ended ended_by_server; bob-phone: ended ended_by_server
";

/// A reply, a state, and what is told.
pub(crate) type Legend = HashMap<&'static str, [&'static str; 3]>;

pub(crate) fn read() -> Legend {
    let lines = LEGEND.lines().filter(|line| !line.is_empty());
    let mut legend = Legend::new();
    for line in lines {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let &[word, reply, stands, told] = parts.as_slice() else { panic!("no meaning: {line}") };
        assert!(legend.insert(word, [reply, stands, told]).is_none(), "twice: {line}");
    }
    legend
}

pub(crate) fn expected(legend: &Legend, cell: &str, sender: Device, call: &Call) -> Found {
    let Some([reply, stands, told]) = legend.get(cell) else { panic!("no meaning of {cell}") };
    let side = call.side_of(&sender.user()).unwrap_or(Side::Caller);
    let peer = call.endpoint(side.other()).map(|peer| peer.device.as_str().to_owned()).unwrap_or_default();
    let fill = |text: &str| {
        text.replace("{me}", sender.name)
            .replace("{peer}", &peer)
            .replace("{role}", side.as_str())
            .replace("{state}", call.state_name().as_str())
    };
    let stands = match stands.strip_prefix('=') {
        Some(more) => words::stands(call) + &fill(more),
        None => fill(stands),
    };
    let told = told.split("; ").filter(|entry| !entry.is_empty()).map(fill).collect();
    (fill(reply), stands, told)
}
