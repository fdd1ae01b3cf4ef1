//! The weights of a square kernel, as a parameter gives them.

use std::fmt;

use super::numbers::plain_integer;

/// 3 x 3 or 5 x 5 weights, row by row.
///
/// # Invariants
/// The side is 3 or 5; each weight is at most [`Weights::LARGEST`] in size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    side: usize,
    values: [i16; 25],
}

impl Weights {
    /// The largest weight, of either sign.
    pub const LARGEST: i64 = 1024;

    /// Reads 9 or 25 integers separated by `/`; `None` of any other text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut values = [0; 25];
        let mut count = 0;
        for part in text.split('/') {
            let value = plain_integer(part).filter(|value| value.abs() <= Self::LARGEST)?;
            *values.get_mut(count)? = i16::try_from(value).ok()?;
            count += 1;
        }
        let side = [3, 5].into_iter().find(|side| side * side == count)?;
        Some(Self { side, values })
    }

    /// Weights in a row: 3 or 5.
    pub fn side(&self) -> usize {
        self.side
    }

    /// All weights, row by row.
    pub fn values(&self) -> &[i16] {
        &self.values[..self.side * self.side]
    }
}

impl fmt::Display for Weights {
    /// Writes them so that they read back.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.values().iter().enumerate() {
            write!(out, "{}{value}", if index == 0 { "" } else { "/" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_or_twenty_five_weights_read_back_and_nothing_else_does() {
        let nine = "0/-1/0/-1/5/-1/0/-1/0";
        let many = ["1024"; 25].join("/");
        for (text, side) in [(nine, 3), (&many, 5)] {
            let weights = Weights::read(text).unwrap();
            assert_eq!((weights.side(), weights.to_string().as_str()), (side, text));
        }
        let long = ["1"; 26].join("/");
        for text in ["", "1", "1/2/3/4", &long, "1/2/3/4/5/6/7/8/1025", "1/2/3/4/5/6/7/8/", "1/2/3/4/5/6/7/8/x"] {
            assert!(Weights::read(text).is_none(), "{text}");
        }
    }
}
