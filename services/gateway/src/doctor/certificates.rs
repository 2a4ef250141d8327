//! The certificates of the gateway's own ports: whether clients will trust them tomorrow.

use super::Finding;
use crate::{settings::Settings, tls::Certificate};

const DAY: i64 = 86_400;
/// With less left, whatever replaces it has been late already.
const SOON: i64 = 14 * DAY;

pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let ports = [("server.tls_cert", &settings.tls), ("admin.tls_cert", &settings.admin_tls)];
    let set = ports.into_iter().filter_map(|(key, files)| Some((key, files.as_ref()?)));
    set.map(|(key, files)| match Certificate::load(files) {
        Ok(certificate) => judge(key, certificate.seconds_left()),
        Err(error) => Finding::failure(key, error.to_string()),
    })
    .collect()
}

fn judge(key: &str, seconds_left: i64) -> Finding {
    let days = seconds_left / DAY;
    if seconds_left < 0 {
        return Finding::failure(key, "is over")
            .hint("put a new one in its place: it is taken without a restart");
    }
    let text = format!("is good for {days} days");
    if seconds_left < SOON {
        return Finding::warning(key, text).hint("put a new one in its place: it is taken without a restart");
    }
    Finding::ok(key, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn what_is_over_soon_is_told_before_it_is() {
        for (left, level) in [(90 * DAY, Level::Ok), (13 * DAY, Level::Warning), (-1, Level::Failure)] {
            assert_eq!(judge("server.tls_cert", left).level, level, "{left}");
        }
    }
}
