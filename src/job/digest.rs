//! The SHA-256 of an object's bytes: what tells a damaged file from a whole one.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::bad_id::BadId;

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// As the header `Repr-Digest` (RFC 9530) has it.
    pub fn header(&self) -> String {
        format!("sha-256=:{}:", BASE64_STANDARD.encode(self.0))
    }

    /// Reads the header `Repr-Digest`, which may name digests of other kinds, too; `None` if it has none of this kind.
    pub fn from_header(header: &str) -> Option<Self> {
        let ours = |part: &str| {
            let (kind, value) = part.trim().split_once('=')?;
            let value = value.split(';').next()?.trim().strip_prefix(':')?.strip_suffix(':')?;
            let bytes = BASE64_STANDARD.decode(value).ok().filter(|_| kind.eq_ignore_ascii_case("sha-256"))?;
            bytes.try_into().ok().map(Self)
        };
        header.split(',').find_map(ours)
    }
}

/// A digest in the making.
#[derive(Clone, Debug, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes that were added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for Digest {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::new(text);
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_and_is_written_as_the_header_wants_it() {
        let digest = Digest::of(b"abc");
        assert!(digest.to_string().starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert_eq!(digest.header(), "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:");
        for header in
            [digest.header(), format!("sha-512=:AAAA:, {}", digest.header()), format!("{};x=1", digest.header())]
        {
            assert_eq!(Digest::from_header(&header), Some(digest), "{header}");
        }
        for none in ["", "sha-256=:AAAA:", "sha-256", "sha-512=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"] {
            assert_eq!(Digest::from_header(none), None, "{none}");
        }
        let mut made = Digester::default();
        made.add(b"a");
        made.add(b"bc");
        assert_eq!(made.finish(), digest);
        for bad in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
