//! Which part of a file a request asks for (RFC 9110, *Range*).
//!
//! Pure: takes a header's text and a length. One range is served; several are answered with the whole file. actix-web's
//! own reader will not do: it takes signs in numbers, cannot read one beyond 64 bits, and does not tell a range that runs
//! backwards, which is to be ignored, from one that lies outside.

/// What to send of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// From `first` to `last`, both included.
    Range {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
    /// Nothing: the range lies outside.
    Unsatisfiable,
}

/// Reads `Range` for a file of `length` bytes; what is no single byte range is as if it were not there.
pub fn part(range: Option<&str>, length: u64) -> Part {
    let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Part::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return Part::Whole };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(first) || !is_number(last) {
        return Part::Whole;
    }
    // A number too large for 64 bits lies beyond any file.
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Part::Whole,
        (true, false) => match number(last).min(length) {
            0 => Part::Unsatisfiable,
            count => Part::Range { first: length - count, last: length - 1 },
        },
        (false, _) if !last.is_empty() && number(last) < number(first) => Part::Whole,
        (false, _) if number(first) >= length => Part::Unsatisfiable,
        (false, true) => Part::Range { first: number(first), last: length - 1 },
        (false, false) => Part::Range { first: number(first), last: number(last).min(length - 1) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let range = |first, last| Part::Range { first, last };
        let cases = [
            (None, Part::Whole),
            (Some("bytes=0-0"), range(0, 0)),
            (Some("bytes=0-"), range(0, 99)),
            (Some("bytes=90-1000"), range(90, 99)),
            (Some("bytes=-10"), range(90, 99)),
            (Some("bytes=-1000"), range(0, 99)),
            (Some("bytes=99-99"), range(99, 99)),
            (Some("bytes=100-"), Part::Unsatisfiable),
            (Some("bytes=99999999999999999999-"), Part::Unsatisfiable),
            (Some("bytes=5-99999999999999999999"), range(5, 99)),
            (Some("bytes=-0"), Part::Unsatisfiable),
            (Some("bytes=5-4"), Part::Whole),
            (Some("bytes=0-1,5-6"), Part::Whole),
            (Some("bytes=-"), Part::Whole),
            (Some("bytes=a-b"), Part::Whole),
            (Some("bytes=+1-2"), Part::Whole),
            (Some("items=0-1"), Part::Whole),
        ];
        for (text, expected) in cases {
            assert_eq!(part(text, 100), expected, "{text:?}");
        }
        assert_eq!(part(Some("bytes=0-0"), 0), Part::Unsatisfiable);
        assert_eq!(part(Some("bytes=-1"), 0), Part::Unsatisfiable);
    }
}
