//! Proxies that the operator trusts: addresses and networks.
//!
//! Reads settings only. What a proxy says is read elsewhere.

use std::net::IpAddr;

/// Proxies whose word is taken about whom they forward.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
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

    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
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

/// The first `bits` of an address; the others are 0.
pub fn masked(address: IpAddr, bits: u8) -> IpAddr {
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
    use super::*;

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
