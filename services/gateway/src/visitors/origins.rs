//! Which pages may connect. A browser says from where a page is (RFC 6454); whoever is no browser need not say anything.

use std::str::FromStr;

/// The pages that may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

/// One origin, or all hosts below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// `https://`
    scheme: String,
    /// Whether it is what the host has to end with, with something before it.
    below: bool,
    /// `example.org:8443`, or `.example.org:8443`
    host: String,
}

/// A text that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} must be an origin, such as https://app.example.org, http://localhost:5173 or https://*.example.org"
)]
pub struct NotAnOrigin(String);

impl Origins {
    /// Those that one of these texts means; none: any page may connect.
    ///
    /// # Errors
    /// The first that means nothing.
    pub fn read(texts: &[String]) -> Result<Self, NotAnOrigin> {
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a page of this origin may connect.
    pub fn allow(&self, origin: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.is_met_by(origin))
    }
}

impl Pattern {
    fn is_met_by(&self, origin: &[u8]) -> bool {
        let Some(host) = origin.get(self.scheme.len()..) else { return false };
        if !origin.starts_with(self.scheme.as_bytes()) {
            return false;
        }
        match (self.below, host.strip_suffix(self.host.as_bytes())) {
            (false, Some(rest)) => rest.is_empty(),
            // What is a name: `evil.org/.example.org` is no host.
            (true, Some(rest)) => !rest.is_empty() && rest.iter().all(|byte| is_of_a_name(*byte)),
            (_, None) => false,
        }
    }
}

const fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
}

impl FromStr for Pattern {
    type Err = NotAnOrigin;

    /// Browsers write schemes and hosts in lower case, and leave out a port that goes without saying.
    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let wrong = || NotAnOrigin(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or_else(wrong)?;
        let default = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(wrong()),
        };
        let rest = rest.strip_suffix(default).unwrap_or(rest);
        let below = rest.starts_with("*.");
        let host = if below { &rest[1..] } else { rest };
        let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        };
        let is_ip = |name: &str| {
            name.strip_prefix('[')
                .and_then(|name| name.strip_suffix(']'))
                .is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok())
        };
        let is_name = name.bytes().all(is_of_a_name) && name.len() > usize::from(below);
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
        if !is_port || !(is_name || (!below && is_ip(name))) {
            return Err(wrong());
        }
        Ok(Self { scheme: format!("{scheme}://"), below, host: host.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(texts: &[&str]) -> Result<Origins, NotAnOrigin> {
        Origins::read(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_page_may_connect_if_its_origin_is_one_of_those() {
        let origins = origins(&[
            "https://app.example.org",
            "http://localhost:5173",
            "https://*.apps.example.org",
            "HTTPS://Shop.Example.org:443",
            "http://[::1]:8080",
        ])
        .unwrap();
        for yes in [
            "https://app.example.org",
            "http://localhost:5173",
            "https://a.apps.example.org",
            "https://a.b.apps.example.org",
            "https://shop.example.org",
            "http://[::1]:8080",
        ] {
            assert!(origins.allow(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "null",
            "https://",
            "app.example.org",
            "http://app.example.org",
            "https://app.example.org:8443",
            "https://app.example.org.evil.org",
            "https://evil-app.example.org",
            "https://x.app.example.org",
            "https://apps.example.org",
            "https://.apps.example.org.evil.org",
            "https://evilapps.example.org",
            "https://evil.org/.apps.example.org",
            "https://evil.org#.apps.example.org",
            "https://a.apps.example.org:8443",
            "http://localhost",
        ] {
            assert!(!origins.allow(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn any_page_may_where_none_is_named() {
        assert!(Origins::default().allow(b"https://anywhere.example"));
        assert!(Origins::default().allow(b"null"));
    }

    #[test]
    fn what_is_no_origin_is_told() {
        for wrong in [
            "*",
            "example.org",
            "ftp://example.org",
            "https://",
            "https://*",
            "https://*.",
            "https://*example.org",
            "https://a.*.example.org",
            "https://example.org/",
            "https://example.org/app",
            "https://example.org:x",
            "https://user@example.org",
            "https://[::g]",
        ] {
            assert_eq!(origins(&[wrong]), Err(NotAnOrigin(wrong.to_owned())));
        }
    }
}
