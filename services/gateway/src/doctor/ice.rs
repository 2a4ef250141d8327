//! STUN and TURN servers: whether they answer, and let clients in with the credentials that clients get.

use ringback_node::ice::IceServers;
use tokio::time::timeout;

use super::{
    PATIENCE,
    report::Report,
    turn,
    wire::{Place, Transport},
};

/// Ports unless a URL names one (RFC 7064 section 3.2, RFC 7065 section 3.2).
const PORT: u16 = 3_478;
const TLS_PORT: u16 = 5_349;

pub(super) async fn examine(servers: &IceServers, report: &mut Report) {
    for url in &servers.stun {
        let Some(place) = place(url) else {
            report.failure(url, "is no address", "stun:host:port");
            continue;
        };
        match timeout(PATIENCE, turn::bind(&place)).await {
            Ok(Ok(mapped)) => report.ok(url, format!("answers; from there we are {mapped}")),
            Ok(Err(error)) => report.failure(url, error.to_string(), "is the name right, and the port open?"),
            Err(_) => report.failure(url, "does not answer", "is the port open, for UDP?"),
        }
    }
    let Some(configured) = &servers.turn else {
        report.warning(
            "TURN",
            "no servers are named: clients that can't reach each other directly have no call",
            "set turn.urls and turn.secret",
        );
        return;
    };
    for url in &configured.urls {
        let Some(place) = place(url) else {
            report.failure(url, "is no address", "turn:host:port?transport=tcp");
            continue;
        };
        match timeout(PATIENCE, turn::allocate(&place, &configured.secret)).await {
            Ok(Ok(relayed)) => report.ok(url, format!("relays for clients, from {relayed}")),
            Ok(Err(error)) => report.failure(url, error.to_string(), error.hint()),
            Err(_) => report.failure(url, "does not answer", "is the port open, for this transport?"),
        }
    }
}

/// `turn:host:port?transport=tcp`, `stuns:host`, …
fn place(url: &str) -> Option<Place> {
    let (scheme, rest) = url.split_once(':')?;
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let secure = match scheme {
        "stun" | "turn" => false,
        "stuns" | "turns" => true,
        _ => return None,
    };
    let transport = match (secure, query) {
        (true, "" | "transport=tcp") => Transport::Tls,
        (false, "" | "transport=udp") => Transport::Udp,
        (false, "transport=tcp") => Transport::Tcp,
        _ => return None,
    };
    // A colon within brackets is part of an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, if secure { TLS_PORT } else { PORT }),
    };
    (!host.is_empty()).then(|| Place { host: host.to_owned(), port, transport })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_do() {
        let read = |url| place(url).map(|Place { host, port, transport }| (host, port, transport));
        let is = |host: &str, port, transport| Some((host.to_owned(), port, transport));
        assert_eq!(read("turn:t.example.org"), is("t.example.org", 3_478, Transport::Udp));
        assert_eq!(read("turn:t:99?transport=tcp"), is("t", 99, Transport::Tcp));
        assert_eq!(read("turns:t?transport=tcp"), is("t", 5_349, Transport::Tls));
        assert_eq!(read("stun:[2001:db8::1]"), is("[2001:db8::1]", 3_478, Transport::Udp));
        assert_eq!(read("stun:[2001:db8::1]:99"), is("[2001:db8::1]", 99, Transport::Udp));
        assert_eq!(read("turn:"), None);
        assert_eq!(read("turn:t:port"), None);
        assert_eq!(read("turns:t?transport=udp"), None, "DTLS");
    }
}
