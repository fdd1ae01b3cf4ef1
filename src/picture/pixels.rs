//! A block of pixels in memory: what a kernel takes and gives.

use super::{Depth, PictureInfo, PixelFormat, Size};

/// Samples of one depth, row by row, channels interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Samples {
    /// 8-bit samples.
    Eight(Vec<u8>),
    /// 16-bit samples.
    Sixteen(Vec<u16>),
}

/// A picture or a part of one: rows × columns × channels samples.
///
/// # Invariants
/// The number of samples is exactly `width * height * channels`; neither side is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    info: PictureInfo,
    samples: Samples,
}

/// Why bytes are not the pixels they are said to be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PixelsError {
    /// The number of samples does not agree with the size.
    #[error("taking {width}x{height} pixels of {bytes_per_pixel} bytes from {actual} bytes")]
    Length {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes of a pixel.
        bytes_per_pixel: usize,
        /// What was given.
        actual: usize,
    },
    /// The depth of the samples is not that of the format.
    #[error("taking samples of another depth than the format's")]
    Depth,
}

impl Pixels {
    /// Wraps samples.
    ///
    /// # Errors
    /// If their number or depth does not agree with `info`, or a side is 0.
    pub fn new(info: PictureInfo, samples: Samples) -> Result<Self, PixelsError> {
        let actual = match &samples {
            Samples::Eight(samples) => samples.len(),
            Samples::Sixteen(samples) => samples.len() * 2,
        };
        match (&samples, info.format.depth) {
            (Samples::Eight(_), Depth::Eight) | (Samples::Sixteen(_), Depth::Sixteen) => {}
            _ => return Err(PixelsError::Depth),
        }
        Self::check_length(&info, actual)?;
        Ok(Self { info, samples })
    }

    /// Takes raw bytes as they are in a row or a record (16 bit: low byte first). 8-bit bytes are moved, not copied.
    ///
    /// # Errors
    /// If the number of bytes does not agree with `info`, or a side is 0.
    pub fn from_bytes(info: PictureInfo, bytes: Vec<u8>) -> Result<Self, PixelsError> {
        Self::check_length(&info, bytes.len())?;
        let samples = match info.format.depth {
            Depth::Eight => Samples::Eight(bytes),
            Depth::Sixteen => {
                Samples::Sixteen(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
            }
        };
        Ok(Self { info, samples })
    }

    fn check_length(info: &PictureInfo, actual: usize) -> Result<(), PixelsError> {
        if info.bytes() == actual as u64 && info.size.pixels() > 0 {
            return Ok(());
        }
        Err(PixelsError::Length {
            width: info.size.width,
            height: info.size.height,
            bytes_per_pixel: info.format.bytes_per_pixel(),
            actual,
        })
    }

    /// The raw bytes, as [`Pixels::from_bytes`] takes them.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.samples {
            Samples::Eight(bytes) => bytes,
            Samples::Sixteen(samples) => {
                let mut bytes = vec![0; samples.len() * 2];
                let pairs = bytes.chunks_exact_mut(2).zip(samples);
                pairs.for_each(|(pair, sample)| pair.copy_from_slice(&sample.to_le_bytes()));
                bytes
            }
        }
    }

    /// Size and format.
    pub fn info(&self) -> PictureInfo {
        self.info
    }

    /// The size.
    pub fn size(&self) -> Size {
        self.info.size
    }

    /// The format.
    pub fn format(&self) -> PixelFormat {
        self.info.format
    }

    /// The samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The samples, to be changed in place.
    pub fn samples_mut(&mut self) -> SamplesMut<'_> {
        match &mut self.samples {
            Samples::Eight(samples) => SamplesMut::Eight(samples),
            Samples::Sixteen(samples) => SamplesMut::Sixteen(samples),
        }
    }

    /// Takes the samples out.
    pub fn into_samples(self) -> Samples {
        self.samples
    }
}

/// Samples that can be changed but not added to.
#[derive(Debug)]
pub enum SamplesMut<'a> {
    /// 8-bit samples.
    Eight(&'a mut [u8]),
    /// 16-bit samples.
    Sixteen(&'a mut [u16]),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    #[test]
    fn bytes_come_back_and_wrong_lengths_are_refused() {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Sixteen };
        let info = PictureInfo { size: Size { width: 2, height: 3 }, format };
        let bytes: Vec<u8> = (0..36).collect();
        assert_eq!(Pixels::from_bytes(info, bytes.clone()).unwrap().into_bytes(), bytes);
        assert!(Pixels::from_bytes(info, bytes[1..].to_vec()).is_err());
        let empty = PictureInfo { size: Size { width: 0, height: 3 }, format };
        assert!(Pixels::from_bytes(empty, Vec::new()).is_err());
    }
}
