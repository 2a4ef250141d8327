//! The fixed parts the key space is cut into.

use std::{fmt, num::NonZeroU16};

use ringback_call::{CallId, RequestId, SessionId, UserId};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

/// One part of the key space. What is in one partition can change in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u16);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// How many partitions there are. Chosen once: another count finds other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partitions(NonZeroU16);

/// Two users, whoever calls whom. There is at most one live call between them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair(String);

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pair~{:08x}", xxh3_64(self.0.as_bytes()) as u32)
    }
}

impl Pair {
    /// The same for (a, b) and (b, a), and for no other two users: the first name's length is part of it.
    pub fn of(a: &UserId, b: &UserId) -> Self {
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        Self([&first.as_str().len().to_string(), ":", first.as_str(), second.as_str()].concat())
    }

    /// As a part of a key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The namespace of call ids (a random UUID; only that it never changes matters).
const CALL_IDS: Uuid = Uuid::from_u128(0x6e1f_2f0c_9b1d_4c0e_a1c5_53f0_8a2b_77d4);

impl Partitions {
    /// The default count.
    pub const DEFAULT: Self = Self(NonZeroU16::new(64).unwrap());

    /// This many; `None` for zero.
    pub fn new(count: u16) -> Option<Self> {
        NonZeroU16::new(count).map(Self)
    }

    /// The count.
    pub const fn count(self) -> u16 {
        self.0.get()
    }

    /// Each of them.
    pub fn all(self) -> impl Iterator<Item = Partition> {
        (0..self.count()).map(Partition)
    }

    fn of_bytes(self, bytes: &[u8]) -> Partition {
        Partition((xxh3_64(bytes) % u64::from(self.count())) as u16)
    }

    /// Where a user's record is.
    pub fn of_user(self, user: &UserId) -> Partition {
        self.of_bytes(user.as_str().as_bytes())
    }

    /// Where the calls of two users are.
    pub fn of_pair(self, pair: &Pair) -> Partition {
        self.of_bytes(pair.0.as_bytes())
    }

    /// Where a call is: its id says so. `None` for an id we never gave out.
    pub fn of_call(self, call: &CallId) -> Option<Partition> {
        let (partition, _) = call.as_str().strip_prefix('p')?.split_once('-')?;
        let number: u16 = partition.parse().ok()?;
        (number < self.count()).then_some(Partition(number))
    }

    /// The id of the call that a request makes. The same request makes the same id, so a `call:init` sent again
    /// finds its own call; nobody who does not know the session can guess it.
    pub fn call_id(self, pair: &Pair, session: &SessionId, request: RequestId) -> CallId {
        let partition = self.of_pair(pair);
        let name = format!("{} {} {}", session.as_str(), request.0, pair.0);
        let unique = Uuid::new_v5(&CALL_IDS, name.as_bytes()).simple().to_string();
        match CallId::new(format!("{partition}-{unique}")) {
            Ok(id) => id,
            Err(_) => unreachable!("a partition and a hexadecimal number make a valid id"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[test]
    fn a_pair_has_no_order_and_no_double() {
        assert_eq!(Pair::of(&user("a"), &user("b")), Pair::of(&user("b"), &user("a")));
        assert_ne!(Pair::of(&user("ab"), &user("c")), Pair::of(&user("a"), &user("bc")));
        assert_ne!(Pair::of(&user("1:a"), &user("b")), Pair::of(&user("a"), &user("1:b")));
    }

    #[test]
    fn a_call_id_names_its_partition_and_repeats_for_its_request() {
        let parts = Partitions::DEFAULT;
        let pair = Pair::of(&user("alice"), &user("bob"));
        let session = SessionId::new("s-1").unwrap();
        let id = parts.call_id(&pair, &session, RequestId(7));
        assert_eq!(parts.of_call(&id), Some(parts.of_pair(&pair)));
        assert_eq!(id, parts.call_id(&pair, &session, RequestId(7)));
        assert_ne!(id, parts.call_id(&pair, &session, RequestId(8)));
        assert_ne!(id, parts.call_id(&pair, &SessionId::new("s-2").unwrap(), RequestId(7)));
    }

    #[test]
    fn a_foreign_id_is_in_no_partition() {
        for text in ["x", "p", "p1", "p64-x", "p-1-x", "q1-x", "p70000-x"] {
            assert_eq!(Partitions::DEFAULT.of_call(&CallId::new(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn partitions_never_move() {
        // Written down once: a change of the hash would lose every key of a running cluster.
        let parts = Partitions::DEFAULT;
        let found: Vec<u16> = ["alice", "bob", "carol"].map(|name| parts.of_user(&user(name)).0).to_vec();
        assert_eq!(found, [48, 37, 36]);
    }

    #[test]
    fn users_spread_evenly() {
        let parts = Partitions::DEFAULT;
        let mut counts = [0u32; 64];
        for n in 0..64_000 {
            counts[usize::from(parts.of_user(&user(&format!("user-{n}"))).0)] += 1;
        }
        assert!(counts.iter().all(|&n| (800..1200).contains(&n)), "{counts:?}");
    }
}
