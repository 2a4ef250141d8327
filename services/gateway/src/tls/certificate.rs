//! A certificate and its key, read from files.

use std::{
    fmt, fs, io,
    io::Read as _,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{
    self,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_cert::{certificate::Raw, der::Decode as _};

use super::Files;

/// No chain or key is longer, in bytes.
const LONGEST: u64 = 262_144;

/// One that can be used.
#[derive(Clone)]
pub struct Certificate {
    /// What rustls needs.
    pub(super) key: Arc<CertifiedKey>,
    /// When it is over, in seconds since 1970.
    pub not_after: u64,
}

/// The key is not shown.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(until {})", self.not_after)
    }
}

/// Why one can't be. No file is quoted: it may be a key.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A file can't be read.
    #[error("{0} can't be read: {1}")]
    File(String, io::Error),
    /// There is none in it.
    #[error("{0} holds no {1} in PEM")]
    Empty(String, &'static str),
    /// It is damaged.
    #[error("{0} is no certificate: {1}")]
    Broken(String, x509_cert::der::Error),
    /// The key is of another certificate, or of a kind that can't be used.
    #[error("the key can't be used with the certificate: {0}")]
    Key(rustls::Error),
    /// It is over.
    #[error("the certificate is over already")]
    Over,
}

/// What the files say, as they are now.
pub(super) struct Read {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// Reads and checks it.
    ///
    /// # Errors
    /// When a file can't be read, or the two don't go together.
    pub fn load(files: &Files) -> Result<Self, Unusable> {
        Read::of(files)?.certificate(files)
    }

    /// How many seconds it is still good for; less than none when it is over.
    pub fn seconds_left(&self) -> i64 {
        self.not_after.cast_signed().saturating_sub(now().cast_signed())
    }
}

impl Read {
    pub(super) fn of(files: &Files) -> Result<Self, Unusable> {
        let read =
            |path: &Path| read(path).map_err(|error| Unusable::File(path.display().to_string(), error));
        Ok(Self { chain: read(&files.certificate)?, key: read(&files.key)? })
    }

    /// What they are told apart by.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update((self.chain.len() as u64).to_be_bytes());
        hash.update(&self.chain);
        hash.update(&self.key);
        hash.finalize().into()
    }

    pub(super) fn certificate(&self, files: &Files) -> Result<Certificate, Unusable> {
        let name = files.certificate.display().to_string();
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| Unusable::Empty(name.clone(), "certificate"))?;
        let not_after = chain.first().map(|first| not_after(first)).transpose();
        let not_after = not_after.map_err(|error| Unusable::Broken(name, error))?.unwrap_or_default();
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| Unusable::Empty(files.key.display().to_string(), "private key"))?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(Unusable::Key)?;
        Ok(Certificate { key: Arc::new(key), not_after })
    }
}

/// By a profile that takes what others write that is not quite in order.
fn not_after(der: &[u8]) -> Result<u64, x509_cert::der::Error> {
    let certificate = x509_cert::certificate::CertificateInner::<Raw>::from_der(der)?;
    Ok(certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(bytes)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
