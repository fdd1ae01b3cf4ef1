//! Times as texts.

/// Milliseconds since 1970 of an RFC 3339 time; `None` if it is none.
pub fn millis(time: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(time).ok().map(|time| time.timestamp_millis())
}

/// Whether `time` lies at least `age` back at `now_ms`; what is no time does not.
pub fn is_older(time: &str, age: std::time::Duration, now_ms: i64) -> bool {
    let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    millis(time).is_some_and(|at| now_ms.saturating_sub(at) >= age_ms)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ages_are_told() {
        let hour = Duration::from_secs(3600);
        assert!(is_older("1970-01-01T00:00:00Z", hour, 3_600_000));
        assert!(!is_older("1970-01-01T00:00:00.001Z", hour, 3_600_000));
        assert!(!is_older("yesterday", hour, i64::MAX));
    }
}
