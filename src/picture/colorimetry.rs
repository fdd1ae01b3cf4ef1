//! What a picture's numbers mean as colours where no ICC profile says it: gamma, primaries and codes of a PNG.
//!
//! Owns which of them go with a result, as a profile does, and what is said where its format has no place for them.
//! Never converts a colour. Source: *Portable Network Graphics*, third edition, 11.3.2.

use super::sniff::Format;

/// The chunks of a PNG that say what its colours are, and their lengths in bytes.
const CHUNKS: [(&[u8; 4], usize); 6] =
    [(b"cICP", 4), (b"mDCV", 24), (b"cLLI", 8), (b"sRGB", 1), (b"gAMA", 4), (b"cHRM", 32)];
/// 1 / 2.2 in hundred thousandths, as sRGB has it; writers round it both ways.
const SRGB_GAMMA: std::ops::RangeInclusive<u32> = 45_454..=45_456;
/// White, red, green and blue of sRGB, x and y, in hundred thousandths.
const SRGB_PRIMARIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];

/// What is known of a picture's colours besides a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colorimetry {
    /// Chunks of a PNG, each with its type before its data.
    chunks: Vec<Vec<u8>>,
    /// What is there and is never kept: texts for the sender.
    lost: Vec<String>,
}

impl Colorimetry {
    /// Whether a chunk of a PNG is one of these.
    pub(super) fn has(kind: [u8; 4]) -> bool {
        CHUNKS.iter().any(|(known, _)| **known == kind)
    }

    /// Takes a chunk of a PNG; of several of a kind the first counts.
    pub(super) fn take(&mut self, kind: [u8; 4], data: &[u8]) {
        let is_whole = CHUNKS.iter().any(|(known, length)| **known == kind && *length == data.len());
        let is_first = !self.chunks.iter().any(|chunk| chunk.starts_with(&kind));
        let says_nothing = &kind == b"gAMA" && data == [0; 4];
        if !is_whole || says_nothing {
            let name: String = kind.into_iter().map(char::from).collect();
            self.lose(format!("its colour information ({name}) is damaged and is not kept"));
        } else if is_first {
            self.chunks.push([&kind[..], data].concat());
        }
    }

    /// Takes note of what is never kept: a text for the sender.
    pub(super) fn lose(&mut self, what: String) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    /// The chunks for a result of the format `to`, and what the sender should know.
    pub fn keep_for(&self, to: Format) -> (Vec<Vec<u8>>, Vec<String>) {
        let mut notices = self.lost.clone();
        if to == Format::Png {
            return (self.chunks.clone(), notices);
        }
        if !self.chunks.is_empty() && !self.is_srgb() {
            let names: Vec<String> = self.chunks.iter().map(|chunk| name(chunk)).collect();
            notices.push(format!(
                "its colour information ({}) has no place in a {} and is not kept: its colours may look different",
                names.join(", "),
                to.name()
            ));
        }
        (Vec::new(), notices)
    }

    /// Whether the chunks say what is taken for granted of a picture without any.
    fn is_srgb(&self) -> bool {
        let numbers = |data: &[u8]| data.chunks_exact(4).map(number).collect::<Vec<u32>>();
        self.chunks.iter().all(|chunk| match chunk.split_first_chunk::<4>() {
            Some((b"sRGB", _)) => true,
            Some((b"gAMA", data)) => numbers(data).iter().all(|gamma| SRGB_GAMMA.contains(gamma)),
            Some((b"cHRM", data)) => numbers(data) == SRGB_PRIMARIES,
            _ => false,
        })
    }
}

fn name(chunk: &[u8]) -> String {
    chunk.iter().take(4).map(|byte| char::from(*byte)).collect()
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colors(chunks: &[(&[u8; 4], &[u8])]) -> Colorimetry {
        let mut colors = Colorimetry::default();
        chunks.iter().for_each(|(kind, data)| colors.take(**kind, data));
        colors
    }

    #[test]
    fn a_png_keeps_them_and_other_formats_say_so() {
        let linear = colors(&[(b"gAMA", &100_000u32.to_be_bytes()), (b"cICP", &[12, 13, 0, 1])]);
        let (kept, notices) = linear.keep_for(Format::Png);
        assert_eq!((kept.len(), notices.len()), (2, 0));
        assert_eq!(kept[1], b"cICP\x0c\x0d\0\x01");
        for format in [Format::Jpeg, Format::WebP, Format::Tiff] {
            let (kept, notices) = linear.keep_for(format);
            assert!(kept.is_empty() && notices.len() == 1 && notices[0].contains("gAMA, cICP"), "{notices:?}");
        }
    }

    #[test]
    fn what_is_said_of_srgb_is_lost_by_no_format() {
        let primaries: Vec<u8> = SRGB_PRIMARIES.iter().flat_map(|number| number.to_be_bytes()).collect();
        let usual = colors(&[(b"gAMA", &45_455u32.to_be_bytes()), (b"cHRM", &primaries), (b"sRGB", &[0])]);
        assert_eq!(usual.keep_for(Format::Jpeg), (Vec::new(), Vec::new()));
        let mut other = primaries;
        other[3] ^= 1;
        assert_eq!(colors(&[(b"cHRM", &other)]).keep_for(Format::Jpeg).1.len(), 1);
    }

    #[test]
    fn damaged_ones_go_and_say_so() {
        for (kind, data) in [(b"gAMA", &[0; 4][..]), (b"gAMA", &[1; 3]), (b"cICP", &[])] {
            let (kept, notices) = colors(&[(kind, data)]).keep_for(Format::Png);
            assert!(kept.is_empty() && notices[0].contains("damaged"), "{notices:?}");
        }
        let twice = colors(&[(b"sRGB", &[1]), (b"sRGB", &[2])]);
        assert_eq!(twice.keep_for(Format::Png).0, [b"sRGB\x01"]);
    }
}
