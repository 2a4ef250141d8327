//! Where a request comes from that has come by way of proxies: each adds, on the right, whom it got the request from. Only what
//! a trusted one has added counts; what is left of it anybody may have written.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::http::{HeaderMap, HeaderName, header};

/// The header in which the proxies say it. A proxy adds to one of them and passes the other on as it came, so it has to be known
/// which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For: client, proxy`
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy` (RFC 7239)
    Forwarded,
}

/// A text that names none of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"x-forwarded-for\" or \"forwarded\"")]
pub struct NotAHeader;

impl FromStr for ProxyHeader {
    type Err = NotAHeader;

    fn from_str(text: &str) -> Result<Self, NotAHeader> {
        match text {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(NotAHeader),
        }
    }
}

impl ProxyHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => header::FORWARDED,
        }
    }

    /// The right-most address that is no trusted proxy's. Where that can't be read, the last proxy that can be: it is known
    /// to be there at least.
    pub(super) fn client(self, peer: IpAddr, headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all(self.name());
        let lines: Vec<&str> = lines.iter().map(|line| line.to_str().unwrap_or_default()).collect();
        let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        while trusts(client)
            && let Some(hop) = hops.next()
            && let Some(ip) = self.address(hop.trim())
        {
            client = ip.to_canonical();
        }
        client
    }

    fn address(self, hop: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => read_address(hop),
            Self::Forwarded => {
                let mut pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
                let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
                read_address(node.trim_matches('"'))
            }
        }
    }
}

/// With or without a port, with or without brackets.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), HeaderValue::from_str(line).unwrap());
        }
        let trusts = |ip: IpAddr| matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 10);
        header.client(peer.parse().unwrap(), &headers, trusts).to_string()
    }

    #[test]
    fn the_right_most_that_is_not_trusted_is_the_client() {
        let of = |peer, lines: &[&str]| client(ProxyHeader::XForwardedFor, peer, lines);
        assert_eq!(of("192.0.2.7", &["203.0.113.9"]), "192.0.2.7", "anybody can write that");
        assert_eq!(of("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(of("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(
            of("10.0.0.1", &["203.0.113.9", "198.51.100.7 ,10.0.0.2"]),
            "198.51.100.7",
            "in two lines"
        );
        assert_eq!(of("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(of("10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(of("10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3", "from within");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"]), "10.0.0.2", "no further than that");
        assert_eq!(of("10.0.0.1", &["203.0.113.9,"]), "10.0.0.1");
    }

    #[test]
    fn forwarded_says_the_same_in_more_words() {
        let of = |lines: &[&str]| client(ProxyHeader::Forwarded, "10.0.0.1", lines);
        assert_eq!(of(&["for=203.0.113.9, For=198.51.100.7;proto=https;by=10.0.0.2"]), "198.51.100.7");
        assert_eq!(of(&["proto=https;for=\"[2001:db8::1]:4711\""]), "2001:db8::1");
        assert_eq!(of(&["for=\"198.51.100.7:4711\", for=10.0.0.2"]), "198.51.100.7");
        assert_eq!(of(&["for=_hidden"]), "10.0.0.1");
        assert_eq!(of(&["for=unknown"]), "10.0.0.1");
        assert_eq!(of(&["proto=https"]), "10.0.0.1");
    }

    #[test]
    fn the_other_header_does_not_count() {
        let mut headers = HeaderMap::new();
        headers.insert(header::FORWARDED, HeaderValue::from_static("for=203.0.113.9"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
        let of =
            |header: ProxyHeader| header.client(IpAddr::from([10, 0, 0, 1]), &headers, |_| true).to_string();
        assert_eq!(of(ProxyHeader::XForwardedFor), "198.51.100.7");
        assert_eq!(of(ProxyHeader::Forwarded), "203.0.113.9");
    }
}
