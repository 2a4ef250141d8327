//! What is said to the server: a binding (RFC 8489), and a relay asked for as clients ask for one (RFC 8656 section 7), which
//! is given back at once.

use std::{fmt, net::IpAddr};

use ringback_auth::TurnCredentials;
use stun_types::{
    attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username, XorMappedAddress},
    message::{
        BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass,
        MessageIntegrityCredentials, MessageType, MessageWriteVec, Method, StunWriteError, TransactionId,
    },
    prelude::*,
};

use super::link::{Broken, Link};

const ALLOCATE: Method = Method::new(3);
const REFRESH: Method = Method::new(4);
const LIFETIME: AttributeType = AttributeType::new(0x000d);
const XOR_RELAYED_ADDRESS: AttributeType = AttributeType::new(0x0016);
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
/// UDP, as the header of IP says it, and three bytes for nothing.
const UDP: [u8; 4] = [17, 0, 0, 0];
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

/// Why there is no relay.
#[derive(Debug)]
pub(super) enum NoRelay {
    /// There is no answer.
    Broken(Broken),
    /// The credentials are not taken. The realm is the server's.
    Unauthorized { realm: String },
    /// The server asks for credentials, and does not say for which realm.
    NoRealm,
    /// It refuses for another reason.
    Refused { code: u16, reason: String },
    /// It answers what it never should.
    Strange(&'static str),
}

impl fmt::Display for NoRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(broken) => broken.fmt(f),
            Self::Unauthorized { realm } => {
                write!(f, "credentials made with turn.secret are refused (401, realm {realm:?})")
            }
            Self::NoRealm => f.write_str("asks for credentials without a realm"),
            Self::Refused { code, reason } => write!(f, "no relay: {code} {reason}"),
            Self::Strange(what) => f.write_str(what),
        }
    }
}

impl From<Broken> for NoRelay {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<StunWriteError> for NoRelay {
    fn from(_: StunWriteError) -> Self {
        Self::Strange("what it wants to hear can't be said")
    }
}

/// A relay that was given.
#[derive(Debug)]
pub(super) struct Relay {
    /// Where peers would send to.
    pub(super) address: Option<IpAddr>,
    /// Whether it was given without credentials.
    pub(super) open: bool,
}

/// Asks under which address the server sees us.
pub(super) async fn bind(link: &mut Link) -> Result<IpAddr, NoRelay> {
    let (request, id) = Request::new(BINDING).finish()?;
    let answer = link.ask(&request, id).await?;
    let answer = read(&answer)?;
    if let Some(refusal) = refusal(&answer) {
        return Err(refusal);
    }
    let mapped = answer.attribute::<XorMappedAddress>().ok();
    mapped.map(|mapped| mapped.addr(id).ip()).ok_or(NoRelay::Strange("its answer names no address"))
}

/// Asks for a relay, and gives it back.
pub(super) async fn allocate(link: &mut Link, credentials: &TurnCredentials) -> Result<Relay, NoRelay> {
    let mut proof: Option<Proof> = None;
    // Without credentials, with them, and once more if the nonce was just then replaced.
    for _ in 0..3 {
        let mut request = Request::new(ALLOCATE);
        request.add(&RawAttribute::new(REQUESTED_TRANSPORT, &UDP))?;
        let (request, id) = request.proved_by(proof.as_ref())?.finish()?;
        let answer = link.ask(&request, id).await?;
        let answer = read(&answer)?;
        let Some(refusal) = refusal(&answer) else {
            give_back(link, proof.as_ref()).await;
            return Ok(Relay { address: relayed(&answer, id), open: proof.is_none() });
        };
        match refusal {
            NoRelay::Refused { code: UNAUTHORIZED, .. } if proof.is_some() => {
                let realm = proof.map(|proof| proof.realm).unwrap_or_default();
                return Err(NoRelay::Unauthorized { realm });
            }
            NoRelay::Refused { code: UNAUTHORIZED | STALE_NONCE, .. } => {
                proof = Some(Proof::of(&answer, credentials)?);
            }
            other => return Err(other),
        }
    }
    Err(NoRelay::Strange("it takes none of its own nonces"))
}

/// Whoever does not answer now forgets the relay in ten minutes.
async fn give_back(link: &mut Link, proof: Option<&Proof>) {
    let give = async {
        let mut request = Request::new(REFRESH);
        request.add(&RawAttribute::new(LIFETIME, &[0; 4]))?;
        let (request, id) = request.proved_by(proof)?.finish()?;
        link.ask(&request, id).await?;
        Ok::<(), NoRelay>(())
    };
    let _ = give.await;
}

/// What proves that we are let in.
struct Proof {
    username: String,
    realm: String,
    nonce: String,
    key: MessageIntegrityCredentials,
}

impl Proof {
    /// As the server has asked for it.
    fn of(answer: &Message<'_>, credentials: &TurnCredentials) -> Result<Self, NoRelay> {
        let realm = answer.attribute::<Realm>().map_err(|_| NoRelay::NoRealm)?.realm().to_owned();
        let nonce = answer.attribute::<Nonce>().map_err(|_| NoRelay::Strange("it gives no nonce"))?;
        let TurnCredentials { username, credential } = credentials.clone();
        let key = LongTermKeyCredentials::new(username.clone(), credential, realm.clone()).into();
        Ok(Self { username, realm, nonce: nonce.nonce().to_owned(), key })
    }
}

struct Request {
    id: TransactionId,
    message: MessageWriteVec,
}

impl Request {
    fn new(method: Method) -> Self {
        let id = TransactionId::generate();
        let kind = MessageType::from_class_method(MessageClass::Request, method);
        Self { id, message: Message::builder(kind, id, MessageWriteVec::new()) }
    }

    fn add(&mut self, attribute: &dyn AttributeWrite) -> Result<(), StunWriteError> {
        self.message.add_attribute(attribute)
    }

    fn proved_by(mut self, proof: Option<&Proof>) -> Result<Self, StunWriteError> {
        if let Some(Proof { username, realm, nonce, key }) = proof {
            self.add(&Username::new(username)?)?;
            self.add(&Realm::new(realm)?)?;
            self.add(&Nonce::new(nonce)?)?;
            self.message.add_message_integrity(key, IntegrityAlgorithm::Sha1)?;
        }
        Ok(self)
    }

    fn finish(mut self) -> Result<(Vec<u8>, TransactionId), StunWriteError> {
        self.message.add_fingerprint()?;
        Ok((self.message.finish(), self.id))
    }
}

fn read(bytes: &[u8]) -> Result<Message<'_>, NoRelay> {
    Message::from_bytes(bytes).map_err(|_| NoRelay::Broken(Broken::NotStun))
}

fn refusal(answer: &Message<'_>) -> Option<NoRelay> {
    if answer.has_class(MessageClass::Success) {
        return None;
    }
    Some(match answer.attribute::<ErrorCode>() {
        Ok(error) => NoRelay::Refused { code: error.code(), reason: error.reason().to_owned() },
        Err(_) => NoRelay::Strange("refuses without a reason"),
    })
}

/// The relay's address is written as a mapped one is.
fn relayed(answer: &Message<'_>, id: TransactionId) -> Option<IpAddr> {
    let raw = answer.raw_attribute(XOR_RELAYED_ADDRESS)?;
    let mapped = RawAttribute::new(XorMappedAddress::TYPE, &raw.value);
    Some(XorMappedAddress::from_raw(mapped).ok()?.addr(id).ip())
}
