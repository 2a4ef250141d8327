//! Who a token names and what it grants; and what a user is let into a TURN server with. Pure: the time is given, keys are
//! given, nothing is fetched.

mod error;
mod grants;
mod identity;
mod keys;
mod turn;
mod verifier;

pub use error::TokenError;
pub use grants::{Grants, Scope};
pub use identity::Identity;
pub use keys::{JwkSetError, KeySet, NotAKey, SECRET_BYTES};
pub use turn::{TurnCredentials, TurnSecret};
pub use verifier::{Accepts, LEEWAY_S, Verifier};
