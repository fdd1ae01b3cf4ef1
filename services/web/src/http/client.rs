//! Who asks: the address by which clients are told apart.
//!
//! A forwarded address is believed only where the operator has named the proxy that says it. Stores nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::proxies::{Proxies, masked};

/// Bits of an IPv6 address that one customer usually has for its own.
const SHARED_BITS: u8 = 64;

/// A client, as far as its address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// The client of a request that came from `peer`.
    pub fn of(peer: Option<SocketAddr>, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let mut address = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        let lines = headers.get_all(HeaderName::from_static("x-forwarded-for"));
        let said: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).collect();
        // Each proxy adds at the end; what stands before the first that is not trusted may be invented.
        for text in said.iter().rev() {
            if !proxies.contains(address) {
                break;
            }
            let Some(forwarded) = read_address(text.trim()) else { break };
            address = forwarded;
        }
        Self(masked(address, if address.is_ipv6() { SHARED_BITS } else { 32 }))
    }
}

/// With or without a port, as proxies write it.
fn read_address(text: &str) -> Option<IpAddr> {
    let plain = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    plain.or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&'static str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(line));
        }
        let proxies: Vec<String> = proxies.iter().map(ToString::to_string).collect();
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        Client::of(Some(peer), &headers, &Proxies::new(&proxies)).0.to_string()
    }

    #[test]
    fn a_forwarded_address_is_believed_of_named_proxies_only() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["192.0.2.2"]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["192.0.2.1"]), "198.51.100.7");
        assert_eq!(client("10.1.2.3", &["1.1.1.1, 198.51.100.7", "10.9.9.9:80"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(client("10.1.2.3", &["1.1.1.1, unknown"], &["10.0.0.0/8"]), "10.1.2.3");
        assert_eq!(client("::ffff:10.1.2.3", &["[2001:db8:1:2:3::4]:80"], &["10.0.0.0/8"]), "2001:db8:1:2::");
        assert_eq!(client("10.1.2.3", &[], &["0.0.0.0/0"]), "10.1.2.3");
    }
}
