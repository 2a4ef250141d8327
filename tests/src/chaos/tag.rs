//! The number each message of a call carries in its text, so that the receiver knows which one it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// Who calls.
    Caller,
    /// Who is called.
    Callee,
}

impl Side {
    /// The two.
    pub const BOTH: [Self; 2] = [Self::Caller, Self::Callee];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// What is numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// An offer or an answer.
    Description,
    /// A candidate.
    Candidate,
}

/// One message's name within its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// Who sent it.
    pub side: Side,
    /// What it is.
    pub part: Part,
    /// Counts what this side sent of this part.
    pub number: u32,
    /// The negotiation it belongs to.
    pub round: u32,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Caller => "caller",
            Side::Callee => "callee",
        };
        let part = match self.part {
            Part::Description => "sdp",
            Part::Candidate => "ice",
        };
        write!(f, "{side}.{part}.{}.{}", self.number, self.round)
    }
}

impl FromStr for Tag {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let fields: Vec<&str> = text.trim().split('.').collect();
        let [side, part, number, round] = fields[..] else { return Err(()) };
        Ok(Self {
            side: match side {
                "caller" => Side::Caller,
                "callee" => Side::Callee,
                _ => return Err(()),
            },
            part: match part {
                "sdp" => Part::Description,
                "ice" => Part::Candidate,
                _ => return Err(()),
            },
            number: number.parse().map_err(drop)?,
            round: round.parse().map_err(drop)?,
        })
    }
}

/// The tags in a request or an event, in order.
pub fn tags(frame: &Value) -> Vec<Tag> {
    if let Some(sdp) = frame["sdp"].as_str() {
        let name = sdp.lines().find_map(|line| line.strip_prefix("s="));
        return name.and_then(|name| name.parse().ok()).into_iter().collect();
    }
    let candidates = frame["candidates"].as_array().into_iter().flatten();
    candidates.filter_map(|candidate| candidate["usernameFragment"].as_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tag_is_found_where_it_was_put() {
        let tag = Tag { side: Side::Callee, part: Part::Candidate, number: 12, round: 3 };
        assert_eq!(tag.to_string().parse(), Ok(tag));
        assert_eq!(tags(&json!({"candidates": [{"usernameFragment": tag.to_string()}, null]})), [tag]);
        let sdp = Tag { part: Part::Description, ..tag };
        assert_eq!(tags(&json!({"sdp": format!("v=0\r\ns={sdp}\r\n")})), [sdp]);
        assert_eq!(tags(&json!({"candidates": [{"usernameFragment": "f00"}]})), []);
    }
}
