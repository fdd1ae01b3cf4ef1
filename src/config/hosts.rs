//! Names and addresses of sites, as they stand in settings and in `Host`.
//!
//! Only reads them; who may be asked by which is decided elsewhere.

use std::net::{IpAddr, Ipv6Addr};

/// The longest name in DNS.
const MAX_NAME_BYTES: usize = 253;

/// What is said in `Host`, or stands in a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, if one is said.
    pub port: Option<u16>,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address, in its plain form.
    Address(IpAddr),
    /// A name in lower case.
    Name(String),
}

impl HostPort {
    /// Reads `NAME`, `NAME:PORT`, `1.2.3.4`, `[::1]:PORT`; case and a dot at the end make no difference.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = if port.is_empty() { None } else { read_port(port.strip_prefix(':')?)? };
            return Some(Self { host: Host::Address(IpAddr::V6(address).to_canonical()), port });
        }
        let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
        let port = port.map_or(Some(None), read_port)?;
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_name = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            && !name.split('.').any(str::is_empty);
        if !is_name {
            return None;
        }
        let host = name.parse().map_or(Host::Name(name), |address| Host::Address(IpAddr::V4(address)));
        Some(Self { host, port })
    }
}

/// A port, or none where nothing stands after the colon; `None` if it is no port.
#[expect(clippy::option_option, reason = "nothing was said, or what was said cannot be used")]
fn read_port(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten().map(Some)
}
