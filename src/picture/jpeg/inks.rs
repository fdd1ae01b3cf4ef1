//! Four inks as three colours.
//!
//! Owns the arithmetic: `(C·K + 127) / 255` for each channel, with 255 for no ink. No colour profile is
//! applied; the profile of such a picture is not kept.

use super::header::Inks;

/// Turns a row of CMYK samples into RGB.
pub(super) fn to_rgb(inks: Inks, row: &[u8], rgb: &mut [u8]) {
    let flip = match inks {
        Inks::Plain => 255,
        Inks::Inverted => 0,
    };
    for (pixel, rgb) in row.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
        let black = u32::from(pixel[3] ^ flip);
        for (sample, ink) in rgb.iter_mut().zip(pixel) {
            *sample = ((u32::from(ink ^ flip) * black + 127) / 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ink_is_white_and_black_ink_is_black_both_ways() {
        let plain = [0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 100, 50, 0, 128];
        let inverted = plain.map(|ink| 255 - ink);
        for (inks, row) in [(Inks::Plain, plain), (Inks::Inverted, inverted)] {
            let mut rgb = [9; 12];
            to_rgb(inks, &row, &mut rgb);
            assert_eq!(rgb, [255, 255, 255, 0, 255, 255, 0, 0, 0, 77, 102, 127]);
        }
    }
}
