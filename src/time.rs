//! The clock, and times as they are written everywhere: RFC 3339, UTC, with milliseconds.
//!
//! Owns reading and writing such texts. Measures nothing: how long something took is told by `Instant`.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// The time.
pub fn now() -> String {
    text(now_ms())
}

/// The time in milliseconds since 1970.
pub fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// A time in milliseconds since 1970 as a text; 1970 if it is beyond all years that can be written.
pub fn text(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Milliseconds since 1970 of a text; `None` if it is not a time.
pub fn millis(time: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(time).ok().map(|time| time.timestamp_millis())
}

/// Milliseconds from one time to another.
pub fn between(from: &str, to: &str) -> Option<i64> {
    Some(millis(to)?.saturating_sub(millis(from)?))
}

/// Whether `time` lies at least `age` back at `now_ms`; what is not a time does not.
pub fn is_older(time: &str, age: Duration, now_ms: i64) -> bool {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    millis(time).is_some_and(|at| now_ms.saturating_sub(at) >= age_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told() {
        let hour = Duration::from_secs(3600);
        assert!(is_older("1970-01-01T00:00:00Z", hour, 3_600_000));
        assert!(!is_older("1970-01-01T00:00:00.001Z", hour, 3_600_000));
        assert!(!is_older("yesterday", hour, i64::MAX));
    }

    #[test]
    fn times_read_back_and_the_distance_between_two_is_known() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(i64::MAX), text(0));
        assert_eq!(millis(&text(1_795_000_000_123)), Some(1_795_000_000_123));
        assert!((0..60_000).contains(&(now_ms() - millis(&now()).unwrap())));
        assert_eq!(between("2026-11-21T10:18:23.456Z", "2026-11-21T11:18:24.000+01:00"), Some(544));
        assert_eq!(between("", "2026-11-21T10:18:24.000Z"), None);
    }
}
