//! Who asks: the address by which clients are told apart.
//!
//! A forwarded address is believed only where the operator has named the proxy that says it. Stores nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName};

/// Bits of an IPv6 address that one customer usually has for its own.
const SHARED_BITS: u8 = 64;

/// A client, as far as its address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

/// Proxies whose word is taken about whom they forward.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

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

impl Proxies {
    /// Proxies given as addresses, or networks like `10.0.0.0/8`; what is neither is left out.
    pub fn new(texts: &[String]) -> Self {
        Self(texts.iter().filter_map(|text| Network::parse(text.trim())).collect())
    }

    /// Whether `text` is an address or a network.
    pub fn is_one(text: &str) -> bool {
        Network::parse(text.trim()).is_some()
    }

    fn contains(&self, address: IpAddr) -> bool {
        let holds = |network: &Network| {
            network.address.is_ipv4() == address.is_ipv4() && masked(address, network.bits) == network.address
        };
        self.0.iter().any(holds)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
        Some(Self { address: masked(address, bits), bits })
    }
}

/// With or without a port, as proxies write it.
fn read_address(text: &str) -> Option<IpAddr> {
    let plain = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    plain.or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
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

    #[test]
    fn what_is_no_network_is_none() {
        for text in ["10.0.0.0/33", "::/129", "x", "10.0.0.0/", "10.0.0.0/-1", ""] {
            assert!(!Proxies::is_one(text), "{text}");
        }
        for text in ["10.0.0.0/8", "::1", " fd00::/8 ", "127.0.0.1"] {
            assert!(Proxies::is_one(text), "{text}");
        }
    }
}
