//! Who knocks at the clients' port: from which address, and from which page.

mod origins;
mod proxies;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use ringback_node::{
    Node,
    admission::{Address, Counted, OneOf},
};
use ringback_telemetry::NoRoom;

use crate::websocket::Pace;

pub use origins::{NotAnOrigin, Origins};
pub use proxies::{NotAHeader, ProxyHeader};

/// What the operator has said about visitors.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// The pages that may connect.
    pub origins: Origins,
    /// Whose word counts on where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// In which header they say it.
    pub proxy_header: ProxyHeader,
    /// Where nothing is limited by address.
    pub unlimited: Vec<IpNet>,
    /// Connections of one address that are no WebSockets (yet); 0: any number.
    pub half_open_per_address: usize,
    /// How fast they have to send.
    pub pace: Pace,
}

/// Knows all visitors.
#[derive(Debug)]
pub struct Visitors {
    manners: Manners,
    half_open: Arc<Counted>,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Who sends a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visitor {
    /// The address that limits count for, if any do.
    pub address: Option<Address>,
    /// How it has to send.
    pub pace: Pace,
}

impl Visitors {
    /// Those who have to behave like this.
    pub fn new(manners: Manners) -> Self {
        let half_open = Counted::new(manners.half_open_per_address);
        Self { manners, half_open }
    }

    /// The address of the other end itself, if limits count for it. Behind a proxy there are many visitors, so that it is the
    /// proxy's to bound connections of which nobody knows yet whose they are.
    pub fn stranger(&self, peer: SocketAddr) -> Option<Address> {
        let ip = peer.ip().to_canonical();
        self.limited(ip).filter(|_| !is_in(&self.manners.trusted_proxies, ip))
    }

    /// A connection that has not said anything yet. `None`: its address has as many of them as it may.
    pub fn knock(&self, from: Option<Address>) -> Option<Knock> {
        let Some(address) = from else { return Some(Knock::default()) };
        self.half_open.enter(address).map(|one| Knock { _one: Some(one) })
    }

    fn visitor(&self, peer: SocketAddr, headers: &HeaderMap) -> Visitor {
        let Manners { trusted_proxies, proxy_header, .. } = &self.manners;
        let trusts = |ip| is_in(trusted_proxies, ip);
        let address = self.limited(proxy_header.client(peer.ip().to_canonical(), headers, trusts));
        Visitor { address, pace: self.manners.pace }
    }

    /// What limits go by, where there are any.
    fn limited(&self, ip: IpAddr) -> Option<Address> {
        (!is_in(&self.manners.unlimited, ip)).then(|| Address::of(ip))
    }
}

/// A connection that is no WebSocket yet.
#[derive(Debug, Default)]
pub struct Knock {
    _one: Option<OneOf>,
}

fn is_in(networks: &[IpNet], ip: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&ip))
}

/// To whom the clients' port opens.
pub fn at_the_door(visitors: Arc<Visitors>, node: Arc<Node>) -> impl Fn(SocketAddr) -> Option<Knock> {
    move |peer| {
        let address = visitors.stranger(peer);
        let knock = match node.admission.knock(address) {
            true => visitors.knock(address).ok_or(NoRoom::HalfOpen),
            false => Err(NoRoom::AddressRate),
        };
        knock.map_err(|reason| node.metrics.turned_away.inc((reason,))).ok()
    }
}

/// Turns pages away that may not connect, and finds out where the others come from.
pub async fn receive(
    State((visitors, node)): State<(Arc<Visitors>, Arc<Node>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let origins = request.headers().get_all(header::ORIGIN);
    if !origins.iter().all(|origin| visitors.manners.origins.allow(origin.as_bytes())) {
        node.metrics.turned_away.inc((NoRoom::Origin,));
        return (StatusCode::FORBIDDEN, "pages from there may not connect\n").into_response();
    }
    let peer = request.extensions().get::<Peer>();
    let visitor = peer.map(|Peer(peer)| visitors.visitor(*peer, request.headers())).unwrap_or_default();
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitors(half_open_per_address: usize) -> Arc<Visitors> {
        Arc::new(Visitors::new(Manners {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:f::/48".parse().unwrap()],
            unlimited: vec!["10.0.0.0/8".parse().unwrap(), "192.168.0.0/16".parse().unwrap()],
            half_open_per_address,
            ..Manners::default()
        }))
    }

    fn peer(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 40_000)
    }

    #[test]
    fn connections_that_say_nothing_are_counted_by_address_and_given_back() {
        let visitors = visitors(2);
        let ours: Vec<_> = (0..3).map(|_| visitors.knock(visitors.stranger(peer("192.0.2.7")))).collect();
        assert_eq!(ours.iter().flatten().count(), 2);
        assert!(visitors.knock(visitors.stranger(peer("192.0.2.8"))).is_some());
        drop(ours);
        assert!(visitors.knock(visitors.stranger(peer("192.0.2.7"))).is_some());
        assert!(visitors.half_open.is_empty(), "nothing is kept of who is gone");
        for free in ["10.1.2.3", "::ffff:10.1.2.3", "192.168.7.7", "2001:db8:f::1"] {
            let many: Vec<_> = (0..9).filter_map(|_| visitors.knock(visitors.stranger(peer(free)))).collect();
            assert_eq!(many.len(), 9, "{free}");
        }
    }

    #[test]
    fn a_visitor_is_who_a_trusted_proxy_says_or_the_other_end() {
        let (visitors, mut headers) = (visitors(0), HeaderMap::new());
        headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7".parse().unwrap());
        let visitor = |ip| visitors.visitor(peer(ip), &headers).address;
        let address = |ip: &str| Some(Address::of(ip.parse().unwrap()));
        assert_eq!(visitor("10.1.2.3"), address("198.51.100.7"));
        assert_eq!(visitor("::ffff:10.1.2.3"), address("198.51.100.7"));
        assert_eq!(visitor("192.0.2.7"), address("192.0.2.7"), "its word does not count");
        assert_eq!(visitor("192.168.7.7"), None, "nothing is limited there");
    }
}
