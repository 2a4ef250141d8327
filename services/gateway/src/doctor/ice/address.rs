//! Addresses of STUN and TURN servers (RFC 7064, RFC 7065).

/// Where a server is, and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) way: Way,
}

/// How messages go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Udp,
    Tcp,
    Tls,
    /// TLS over UDP.
    Dtls,
}

impl Address {
    /// `turn:host:3478?transport=tcp` and the like; `None` for what is none.
    pub(super) fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let secure = match scheme {
            "stun" | "turn" => false,
            "stuns" | "turns" => true,
            _ => return None,
        };
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let way = match (secure, query) {
            (false, None | Some("transport=udp")) => Way::Udp,
            (false, Some("transport=tcp")) => Way::Tcp,
            (true, None | Some("transport=tcp")) => Way::Tls,
            (true, Some("transport=udp")) => Way::Dtls,
            _ => return None,
        };
        let (host, port) = split(place)?;
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None if secure => 5_349,
            None => 3_478,
        };
        Some(Self { host: host.to_owned(), port, way })
    }
}

/// Host and port; an IPv6 address stands in brackets.
fn split(place: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else {
        place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
    };
    (!host.is_empty() && !host.contains(['/', '@'])).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_defaults() {
        let read = |url| Address::read(url).map(|address| (address.host, address.port, address.way));
        let some = |host: &str, port, way| Some((host.to_owned(), port, way));
        assert_eq!(read("stun:a.example"), some("a.example", 3_478, Way::Udp));
        assert_eq!(read("turn:a.example:80?transport=tcp"), some("a.example", 80, Way::Tcp));
        assert_eq!(read("turns:a.example"), some("a.example", 5_349, Way::Tls));
        assert_eq!(read("turns:a.example:443?transport=udp"), some("a.example", 443, Way::Dtls));
        assert_eq!(read("turn:[2001:db8::1]:3479"), some("2001:db8::1", 3_479, Way::Udp));
        assert_eq!(read("turn:[2001:db8::1]"), some("2001:db8::1", 3_478, Way::Udp));
    }

    #[test]
    fn what_is_no_address_is_none() {
        let wrong = [
            "turn://a.example:1",
            "turn:",
            "turn:a:0",
            "turn:a:x",
            "turn:[::1",
            "http:a",
            "turn:a?transport=sctp",
            "a",
        ];
        for url in wrong {
            assert_eq!(Address::read(url), None, "{url}");
        }
    }
}
