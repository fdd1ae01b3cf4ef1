//! The trace of an upload: one id in every record and every log line about its job.
//!
//! Owns the form in which it travels, the header `traceparent` of the W3C's Trace Context. A text that has
//! another form counts as missing: a trace is for people who look for something, nothing depends on it.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::bad_id::BadId;

/// The sampled bit: what begins here is looked at.
const SAMPLED: u8 = 1;

/// Which trace something belongs to, and which step of it came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    step: u64,
    flags: u8,
}

impl TraceContext {
    /// The name of the header, in HTTP and in records.
    pub const HEADER: &'static str = "traceparent";

    /// A new trace.
    pub fn random() -> Self {
        Self { trace: Uuid::new_v4().as_u128(), step: random_step(), flags: SAMPLED }
    }

    /// The next step of the same trace.
    pub fn child(&self) -> Self {
        Self { step: random_step(), ..*self }
    }

    /// The trace's id: 32 hexadecimal digits, the same in every log line.
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

fn random_step() -> u64 {
    // The high half of a random UUID is never zero: it holds the version.
    Uuid::new_v4().as_u64_pair().0
}

impl fmt::Display for TraceContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace, self.step, self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = BadId;

    /// Source: W3C Trace Context, section 3.2; of a later version the parts that all versions have are read.
    fn from_str(text: &str) -> Result<Self, BadId> {
        parse(text).ok_or_else(|| BadId::new(text))
    }
}

fn parse(text: &str) -> Option<TraceContext> {
    let mut parts = text.split('-');
    let [version, trace, step, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    if !(is_hex(version, 2) && is_hex(trace, 32) && is_hex(step, 16) && is_hex(flags, 2)) {
        return None;
    }
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let context = TraceContext {
        trace: u128::from_str_radix(trace, 16).ok()?,
        step: u64::from_str_radix(step, 16).ok()?,
        flags: u8::from_str_radix(flags, 16).ok()? & SAMPLED,
    };
    (context.trace != 0 && context.step != 0).then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_reads_back_and_refuses_all_else() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace: TraceContext = text.parse().unwrap();
        assert_eq!((trace.to_string().as_str(), trace.id().as_str()), (text, "0af7651916cd43dd8448eb211c80319c"));
        for random in [TraceContext::random(), trace.child()] {
            assert_eq!(random.to_string().parse::<TraceContext>().unwrap(), random);
        }
        assert_eq!(trace.child().id(), trace.id());
        assert_ne!(trace.child(), trace);
        let later = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what the future brings";
        assert_eq!(later.parse::<TraceContext>().unwrap(), trace);
        for bad in [
            "",
            "00",
            &text[..54],
            &text.to_uppercase(),
            &text.replace("00-", "ff-"),
            &format!("{text}-more"),
            &text.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &text.replace("b7ad6b7169203331", &"0".repeat(16)),
            &text.replace("0af7", "+0af"),
            "00-é",
        ] {
            assert!(bad.parse::<TraceContext>().is_err(), "{bad}");
        }
    }
}
