//! Whether the STUN and TURN servers that clients are told of do for them what they are there for.

mod address;
mod link;
mod turn;

use std::net::IpAddr;

use futures::future::join_all;
use ringback_auth::TurnCredentials;
use ringback_call::{Timestamp, UserId};
use ringback_node::ice::IceServers;
use tokio::time::timeout;

use self::{
    address::{Address, Way},
    link::{Broken, Link},
    turn::{NoRelay, Relay},
};
use super::{Finding, LIMIT};

const NETWORK: &str = "whether it runs, and whether its port is open from here, for UDP and TCP each";

pub(super) async fn look(ice: &IceServers, now: Timestamp) -> Vec<Finding> {
    let mut findings = join_all(ice.stun.iter().map(|url| stun(url))).await;
    if findings.is_empty() {
        findings.push(Finding::note("stun", "no server is set (ice.urls)"));
    }
    let (Some(servers), Ok(user)) = (&ice.turn, UserId::new("doctor")) else {
        let text = "no server is set (turn.urls): clients behind strict firewalls get no media";
        findings.push(Finding::note("turn", text));
        return findings;
    };
    let credentials = servers.secret.credentials(&user, now);
    findings.extend(join_all(servers.urls.iter().map(|url| turn(url, &credentials))).await);
    findings
}

async fn stun(url: &str) -> Finding {
    match open(url).await {
        Err(finding) => finding,
        Ok(mut link) => match timeout(LIMIT, turn::bind(&mut link)).await {
            Ok(Ok(seen)) => Finding::ok(url, format!("answers, and sees this machine as {seen}")),
            Ok(Err(error)) => failure(url, &error),
            Err(_) => silent(url),
        },
    }
}

async fn turn(url: &str, credentials: &TurnCredentials) -> Finding {
    match open(url).await {
        Err(finding) => finding,
        Ok(mut link) => match timeout(LIMIT, turn::allocate(&mut link, credentials)).await {
            Ok(Ok(relay)) => judge(url, link.peer.ip(), &relay),
            Ok(Err(error)) => failure(url, &error),
            Err(_) => silent(url),
        },
    }
}

async fn open(url: &str) -> Result<Link, Finding> {
    let Some(address) = Address::read(url) else {
        let hint = "such as turn:turn.example.org:3478 or turns:turn.example.org:5349?transport=tcp";
        return Err(Finding::failure(url, "is no address of such a server").hint(hint));
    };
    if address.way == Way::Dtls {
        return Err(Finding::note(url, "is not tried: DTLS is not spoken here"));
    }
    match timeout(LIMIT, Link::open(&address)).await {
        Ok(Ok(link)) => Ok(link),
        Ok(Err(broken)) => Err(failure(url, &NoRelay::Broken(broken))),
        Err(_) => Err(Finding::failure(url, "no connection in time").hint(NETWORK)),
    }
}

fn silent(url: &str) -> Finding {
    Finding::failure(url, "no answer in time").hint(NETWORK)
}

fn failure(url: &str, error: &NoRelay) -> Finding {
    let hint = match error {
        NoRelay::Broken(Broken::Name(_)) => "the name has to be known here, and to clients",
        NoRelay::Broken(Broken::Closed(_)) => NETWORK,
        NoRelay::Broken(Broken::Tls(_)) => {
            "its certificate has to be for this name, and from an authority that is known here (SSL_CERT_FILE)"
        }
        NoRelay::Broken(Broken::NotStun) => "another program has this port",
        NoRelay::Unauthorized { .. } => {
            "turn.secret has to be what the server shares (coturn: use-auth-secret and static-auth-secret), and its clock right"
        }
        NoRelay::NoRealm => "coturn: set realm",
        NoRelay::Refused { code: 486, .. } => {
            "a quota of the server is used up (coturn: user-quota, total-quota)"
        }
        NoRelay::Refused { code: 508, .. } => "its ports for relays are used up (coturn: min-port, max-port)",
        NoRelay::Refused { .. } | NoRelay::Strange(_) => "see the server's log",
    };
    Finding::failure(url, error.to_string()).hint(hint)
}

fn judge(url: &str, server: IpAddr, relay: &Relay) -> Finding {
    let Some(address) = relay.address else {
        return Finding::failure(url, "gives a relay without an address").hint("see the server's log");
    };
    if relay.open {
        return Finding::warning(url, "gives relays to anybody, without credentials")
            .hint("coturn: use-auth-secret and static-auth-secret, or anybody's traffic goes through it");
    }
    let text = format!("gives relays at {address}");
    if is_private(address) && !is_private(server) {
        return Finding::warning(url, format!("{text}, which is not reached from elsewhere"))
            .hint("the server is behind NAT: it has to be told its public address (coturn: external-ip)");
    }
    Finding::ok(url, text)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_unspecified() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests;
