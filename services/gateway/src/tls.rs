//! TLS on the gateway's own ports: certificates that change while it runs, and handshakes that come to an end.

mod certificate;
mod handshakes;
mod live;
mod probing;

use std::path::PathBuf;

pub use certificate::{Certificate, Unusable};
pub use handshakes::Tls;
pub use live::Live;
pub(crate) use probing::connect_unverified;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and those between it and an authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}
