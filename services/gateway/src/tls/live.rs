//! The certificate of a port, which is another one as soon as its files are. Connections that are there go on with theirs.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ringback_telemetry::{Loading, Metrics, TlsPort};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_util::sync::CancellationToken;

use super::{
    Files,
    certificate::{Certificate, Read, Unusable},
};

/// How often the files are looked at. By what is in them: a Secret of Kubernetes is changed by another link.
const LOOK: Duration = Duration::from_secs(5);
/// How long they may take to be read: they may be on a file system that hangs.
const READING: Duration = Duration::from_secs(5);

/// A port's certificate.
pub struct Live {
    port: TlsPort,
    files: Files,
    current: RwLock<Certificate>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("port", &self.port).field("files", &self.files).finish_non_exhaustive()
    }
}

/// What a look at the files has come to.
type Look = Result<([u8; 32], Result<Certificate, Unusable>), Unusable>;

/// What is known of the files: only what changes is told.
#[derive(Default)]
struct Known {
    /// What the current one was made of.
    used: Option<[u8; 32]>,
    /// What could not be used, and whether that was told. `None` within it: the files could not even be read.
    bad: Option<(Option<[u8; 32]>, bool)>,
}

impl Live {
    /// The one that is in the files now. One that is over is taken: a gateway that does not start helps nobody.
    ///
    /// # Errors
    /// When there is none.
    pub fn load(port: TlsPort, files: Files, metrics: Arc<Metrics>) -> Result<Arc<Self>, Unusable> {
        let certificate = Certificate::load(&files)?;
        if certificate.seconds_left() < 0 {
            tracing::error!(?port, "the certificate is over: clients will not trust it");
        }
        let live = Self { port, files, current: RwLock::new(certificate), metrics };
        live.show();
        Ok(Arc::new(live))
    }

    /// Looks after the files until told to stop.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut known = Known::default();
        while stop.run_until_cancelled(sleep(LOOK)).await.is_some() {
            let files = self.files.clone();
            let look = spawn_blocking(move || -> Look {
                let read = Read::of(&files)?;
                Ok((read.digest(), read.certificate(&files)))
            });
            match timeout(READING, look).await {
                Ok(Ok(look)) => self.take(look, &mut known),
                Ok(Err(_)) | Err(_) => {
                    tracing::warn!(port = ?self.port, "the files of the certificate can't be read in time")
                }
            }
        }
    }

    fn take(&self, look: Look, known: &mut Known) {
        let (digest, result) = match look {
            Ok((digest, result)) => (Some(digest), result),
            Err(error) => (None, Err(error)),
        };
        if digest.is_some() && digest == known.used {
            known.bad = None;
            return;
        }
        let result =
            result.and_then(|new| if new.seconds_left() < 0 { Err(Unusable::Over) } else { Ok(new) });
        match result {
            Ok(new) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                let same = current.key.cert == new.key.cert;
                *current = new;
                drop(current);
                // The first look finds what was loaded at the start.
                if known.used.is_some() || !same {
                    tracing::info!(port = ?self.port, "a new certificate is in use");
                    self.metrics.tls_loads.inc((self.port, Loading::Loaded));
                }
                *known = Known { used: digest, bad: None };
                self.show();
            }
            Err(error) => {
                // Two files are not written at once: what is only half there is complete when it is looked at again.
                let told = match known.bad {
                    Some((bad, told)) if bad == digest => {
                        if !told {
                            tracing::error!(port = ?self.port, %error, "a new certificate can't be used: the old one stays");
                            self.metrics.tls_loads.inc((self.port, Loading::Failed));
                        }
                        true
                    }
                    _ => false,
                };
                known.bad = Some((digest, told));
            }
        }
    }

    fn show(&self) {
        let not_after = self.current.read().unwrap_or_else(PoisonError::into_inner).not_after;
        #[allow(clippy::cast_precision_loss, reason = "exact for as long as there are certificates")]
        self.metrics.tls_expires.set((self.port,), not_after as f64);
    }
}

impl ResolvesServerCert for Live {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}
