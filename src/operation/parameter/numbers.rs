//! Numbers as a sender writes them: digits, and no form that another reader would take otherwise.

/// `-?[0-9]{1,9}`.
pub(super) fn plain_integer(text: &str) -> Option<i64> {
    is_digits(text.strip_prefix('-').unwrap_or(text), 9).then(|| text.parse().ok())?
}

/// `[0-9]{1,6}(\.[0-9]{1,6})?`.
pub(super) fn plain_decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    (is_digits(whole, 6) && is_digits(fraction, 6)).then(|| text.parse().ok())?
}

fn is_digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_sign_exponent_or_blank_too_many() {
        for text in ["0", "-1", "000000007", "-999999999"] {
            assert!(plain_integer(text).is_some(), "{text}");
        }
        for text in ["", "-", "+1", "--1", "1e3", " 1", "1 ", "0000000001", "1.0", "٣", "0x1"] {
            assert!(plain_integer(text).is_none(), "{text}");
        }
        for text in ["0", "1.5", "000001.000001", "999999.999999"] {
            assert!(plain_decimal(text).is_some(), "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "nan", "inf", "1.5.5", "1.0000000", "1000000", "1,5"] {
            assert!(plain_decimal(text).is_none(), "{text}");
        }
    }
}
