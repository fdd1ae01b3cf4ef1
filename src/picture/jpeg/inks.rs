//! Four inks as three colours.
//!
//! Owns the arithmetic: `(C·K + 127) / 255` for each channel, with 255 for no ink: so Adobe's programs store it, and so
//! other readers take it, whether Adobe's segment is there or not. No colour profile is applied; the profile of such a
//! picture is not kept.

/// Turns a row of CMYK samples into RGB.
pub(super) fn to_rgb(row: &[u8], rgb: &mut [u8]) {
    for (pixel, rgb) in row.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
        let black = u32::from(pixel[3]);
        for (sample, ink) in rgb.iter_mut().zip(pixel) {
            *sample = ((u32::from(*ink) * black + 127) / 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ink_is_white_and_black_ink_is_black() {
        let row = [255, 255, 255, 255, 0, 255, 255, 255, 255, 255, 255, 0, 155, 205, 255, 127];
        let mut rgb = [9; 12];
        to_rgb(&row, &mut rgb);
        assert_eq!(rgb, [255, 255, 255, 0, 255, 255, 0, 0, 0, 77, 102, 127]);
    }
}
