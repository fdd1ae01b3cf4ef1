//! Whether a PNG's transparency can be what it is taken for.
//!
//! Owns the rules of the standard (11.3.1.1): who breaks one of them is read in one way by one program and in another by
//! the next, and by our decoder as if there were no transparency at all; and the one rule that our decoder leaves out.

use png::{ColorType, Info};

/// What the chunks before the transparency say that it must be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transparency {
    color: u8,
    palette: u32,
    has_pixels: bool,
    is_there: bool,
}

impl Transparency {
    /// Takes the data of the header.
    pub(super) fn header(&mut self, data: &[u8]) {
        self.color = data.get(9).copied().unwrap_or_default();
    }

    /// Takes a chunk of another kind.
    pub(super) fn passes(&mut self, kind: [u8; 4], length: u32) {
        match &kind {
            b"PLTE" => self.palette = length / 3,
            b"IDAT" => self.has_pixels = true,
            _ => {}
        }
    }

    /// Takes the chunk.
    ///
    /// # Errors
    /// What is wrong with it, to go on from its name.
    pub(super) fn chunk(&mut self, length: u32) -> Result<(), &'static str> {
        let is_second = std::mem::replace(&mut self.is_there, true);
        match self.color {
            // They have alpha with each pixel, and nothing else counts.
            4 | 6 => Ok(()),
            _ if is_second => Err("is there twice"),
            _ if self.has_pixels => Err("stands behind the pixels"),
            3 if self.palette == 0 => Err("stands before the palette"),
            3 if length > self.palette => Err("has more entries than the palette"),
            3 if length == 0 => Err("is empty"),
            0 if length != 2 => Err("has another length than one gray"),
            2 if length != 6 => Err("has another length than one colour"),
            _ => Ok(()),
        }
    }
}

/// The transparent gray of a picture of less than 8 bits whose file names one of more bits.
///
/// By the standard the other bits must be masked before the value is used; our decoder compares them too, and then finds no
/// such gray.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaskedGray(Option<u8>);

impl MaskedGray {
    /// What is to be made transparent beside what the decoder does.
    pub(super) fn of(info: &Info<'_>) -> Self {
        let bits = info.bit_depth as u8;
        let value = info.trns.as_deref().and_then(|values| values.first().copied());
        let Some(value) = value.filter(|_| info.color_type == ColorType::Grayscale && bits < 8) else {
            return Self(None);
        };
        let top = (1 << bits) - 1;
        Self((value > top).then(|| (value & top) * (255 / top)))
    }

    /// Takes the alpha from the pixels of that gray, of gray and alpha.
    pub(super) fn apply(self, samples: &mut [u8]) {
        let Some(gray) = self.0 else { return };
        for pixel in samples.as_chunks_mut::<2>().0.iter_mut().filter(|pixel| pixel[0] == gray) {
            pixel[1] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transparency of a length behind a header of a colour type and these chunks.
    fn take(color: u8, before: &[(&[u8; 4], u32)], length: u32) -> Result<(), &'static str> {
        let mut found = Transparency::default();
        found.header(&[0, 0, 0, 9, 0, 0, 0, 9, 8, color, 0, 0, 0]);
        before.iter().for_each(|(kind, length)| found.passes(**kind, *length));
        found.chunk(length)
    }

    #[test]
    fn what_the_standard_allows_is_taken_and_all_else_is_refused() {
        let palette: (&[u8; 4], u32) = (b"PLTE", 48);
        for (color, before, length) in
            [(0, &[][..], 2), (2, &[], 6), (2, &[palette], 6), (3, &[palette], 1), (3, &[palette], 16)]
        {
            assert_eq!(take(color, before, length), Ok(()), "{color} {length}");
        }
        assert_eq!(take(6, &[], 6), Ok(()), "it is of no use beside alpha");
        for (color, before, length) in [
            (0, &[][..], 0),
            (0, &[], 6),
            (2, &[], 2),
            (2, &[], 8),
            (3, &[], 3),
            (3, &[palette], 17),
            (3, &[palette], 0),
            (2, &[(b"IDAT", 9)], 6),
        ] {
            assert!(take(color, before, length).is_err(), "{color} {length}");
        }
        let mut twice = Transparency::default();
        twice.header(&[0, 0, 0, 9, 0, 0, 0, 9, 8, 2]);
        assert!(twice.chunk(6).is_ok() && twice.chunk(6).is_err());
    }
}
