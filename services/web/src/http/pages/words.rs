//! Numbers and times as people read them.

use tessera::job::{JobId, JobStatus};
use tessera::time::millis;

/// Bytes in the unit that fits.
pub fn bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64;
    let mut unit = "bytes";
    for next in units {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{amount:.1} {unit}") }
}

/// Seconds as `850 ms`, `4.2 s`, `3 min 20 s` or `2 h 5 min`.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    match ms / 1000 {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A time as it is stored, to the second; what is not a time stays as it is.
pub fn time(text: &str) -> String {
    let Some(utc) = millis(text).map(tessera::time::text) else {
        return text.to_owned();
    };
    let to_the_second = utc.split_once('.').map_or(utc.as_str(), |(time, _)| time);
    format!("{} UTC", to_the_second.replace('T', " "))
}

/// The sign before a status: the word is never told by colour alone.
pub fn sign(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Accepting | JobStatus::Queued => "\u{25f7}",
        JobStatus::Processing | JobStatus::Finishing => "\u{25b6}",
        JobStatus::Done => "\u{2713}",
        JobStatus::Failed => "\u{2715}",
        JobStatus::Cancelled => "\u{2298}",
        JobStatus::Expired => "\u{29d6}",
    }
}

/// The end of a job's id, in which ids of one day differ.
pub fn short_id(job: JobId) -> String {
    let id = job.to_string();
    id.chars().skip(id.chars().count().saturating_sub(8)).collect()
}

/// A file's name for a page, or a word where there is none.
pub fn name(filename: &str) -> &str {
    if filename.trim().is_empty() { "(no name)" } else { filename }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_the_unit_that_fits() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(16 << 30), "16.0 GiB");
        assert_eq!(duration(850), "850 ms");
        assert_eq!(duration(4250), "4.2 s");
        assert_eq!(duration(200_000), "3 min 20 s");
        assert_eq!(duration(7_500_000), "2 h 5 min");
        assert_eq!(duration(-5), "0 ms");
    }

    #[test]
    fn times_are_read_or_left_alone() {
        assert_eq!(time("2026-11-21T10:18:23.456Z"), "2026-11-21 10:18:23 UTC");
        assert_eq!(time("soon"), "soon");
    }
}
