//! Whether certificates are where they are said to be.

use super::super::{Settings, source::Problems};
use crate::tls::{Certificate, Files};

/// Both or none. What is in them may change while a gateway runs, and is looked at by who needs it.
pub(super) fn files(section: &str, certificate: &str, key: &str, problems: &mut Problems) -> Option<Files> {
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => None,
        (false, false) => Some(Files { certificate: certificate.into(), key: key.into() }),
        (missing, _) => {
            let (key, other) = if missing { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
            problems.add(&format!("{section}.{key}"), format_args!("is needed with {section}.{other}"));
            None
        }
    }
}

/// What is wrong with those that are there.
pub(in super::super) fn certificates(settings: &Settings) -> Problems {
    let mut problems = Problems::default();
    for (key, files) in [("server.tls_cert", &settings.tls), ("admin.tls_cert", &settings.admin_tls)] {
        if let Some(Err(error)) = files.as_ref().map(Certificate::load) {
            problems.add(key, error);
        }
    }
    problems
}
