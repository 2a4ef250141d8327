//! Who may connect, and from where.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::super::source::{Problems, Raw};
use crate::{
    visitors::{Manners, Origins},
    websocket::Pace,
};

pub(super) fn manners(raw: &Raw, problems: &mut Problems) -> Manners {
    let (server, limits) = (&raw.server, &raw.limits);
    let origins = Origins::read(&server.allowed_origins);
    let proxy_header = server.proxy_header.parse();
    Manners {
        origins: origins.map_err(|error| problems.add("server.allowed_origins", error)).unwrap_or_default(),
        trusted_proxies: networks("server.trusted_proxies", &server.trusted_proxies, problems),
        proxy_header: proxy_header
            .map_err(|error| problems.add("server.proxy_header", error))
            .unwrap_or_default(),
        unlimited: networks("limits.unlimited_addresses", &limits.unlimited_addresses, problems),
        half_open_per_address: limits.half_open_per_address,
        pace: Pace {
            message: Duration::from_millis(raw.timeouts.message_ms),
            bytes_per_second: limits.bytes_per_second,
        },
    }
}

/// Networks, or single addresses.
fn networks(key: &str, texts: &[String], problems: &mut Problems) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in texts {
        match text
            .parse()
            .or_else(|error| text.parse().map(|address: IpAddr| address.into()).map_err(|_| error))
        {
            Ok(network) => networks.push(network),
            Err(_) => {
                problems.add(key, format_args!("{text:?} is no network, such as 10.2.0.0/16 or fd00::/8"))
            }
        }
    }
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_or_a_single_address() {
        let mut problems = Problems::default();
        let texts = ["10.2.0.0/16", "192.0.2.7", "fd00::/8", "10.2.0.0/33", "here"].map(str::to_owned);
        let networks = networks("server.trusted_proxies", &texts, &mut problems);
        assert_eq!(
            networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.2.0.0/16", "192.0.2.7/32", "fd00::/8"]
        );
        assert_eq!(problems.0.len(), 2, "{problems}");
    }
}
