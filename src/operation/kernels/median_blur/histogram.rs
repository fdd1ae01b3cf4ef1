//! Medians of large squares by counting, in constant time a sample.
//!
//! Each column keeps the histogram of its part of the square; going right adds a column and takes one away.
//! Histograms have 16 coarse bins, which are always true, and 256 fine ones, of which only the 16 that
//! hold the median are brought up to date.
//!
//! # Source
//! S. Perreault and P. Hébert, "Median filtering in constant time", 2007.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod square;

use crate::operation::Cpu;
use crate::operation::engine::frame::Frame;
use square::{Bins, all_channels};

/// The medians of the squares of a frame's radius.
pub(super) fn medians(cpu: Cpu, frame: &Frame<'_, u8>) -> Vec<u8> {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked.
            unsafe { avx2::medians(frame) }
        }
        _ => all_channels::<Bins>(frame),
    }
}
