//! Pictures that tests make themselves, the same on every machine.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use tessera::picture::codec::ResultFormat;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// Samples of a photo-like RGB picture: smooth light, edges and grain.
pub fn rgb(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut samples = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let edge = if (x / 37 + y / 53 + seed).is_multiple_of(5) { 70 } else { 0 };
            let light = (x * 160 / width.max(1) + y * 60 / height.max(1) + edge) % 240;
            samples.extend([0, 25, 50].map(|tint| (light + tint * (x & 63) / 64 + (state & 15)).min(255) as u8));
        }
    }
    samples
}

/// A PNG of [`rgb`].
pub fn rgb_png(width: u32, height: u32, seed: u32) -> Result<Vec<u8>> {
    png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &rgb(width, height, seed))
}

/// A PNG of given samples.
pub fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(bytes)
}

/// Size and samples of a PNG.
pub fn decode(bytes: &[u8]) -> Result<(u32, u32, png::ColorType, Vec<u8>)> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info()?;
    let mut samples = vec![0; reader.output_buffer_size().ok_or_else(|| anyhow!("too large a picture"))?];
    let frame = reader.next_frame(&mut samples)?;
    reader.finish()?;
    samples.truncate(frame.buffer_size());
    Ok((frame.width, frame.height, frame.color_type, samples))
}

/// A large RGB picture that is made and written row by row: light, tints, edges and a little grain.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    pub width: u32,
    pub height: u32,
    pub seed: u32,
}

impl Painter {
    /// The picture's file.
    pub fn paint(self, format: ResultFormat) -> Result<Vec<u8>> {
        let pixels = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width: self.width, height: self.height }, format: pixels };
        let paper = Paper::default();
        let mut writer = format.writer(paper.clone(), info)?;
        let mut row = vec![0; info.row_bytes()];
        for y in 0..self.height {
            self.row(y, &mut row);
            writer.write_row(&row)?;
        }
        writer.finish()?;
        paper.take()
    }

    fn row(self, y: u32, row: &mut [u8]) {
        let mut state = (y + 1).wrapping_mul(2_654_435_761) ^ self.seed;
        for (pixel, x) in row.chunks_exact_mut(3).zip(0u32..) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let edge = if (x / 61 + y / 83).is_multiple_of(3) { 60 } else { 0 };
            let light = 40 + (x / 23 + y / 17) % 110 + edge + (state >> 30);
            pixel.copy_from_slice(&[light, light + x / 97 % 20, light + y / 71 % 30].map(|sample| sample as u8));
        }
    }
}

/// A file in memory.
#[derive(Clone, Default)]
pub struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    /// What was written.
    pub fn take(&self) -> Result<Vec<u8>> {
        Ok(std::mem::take(&mut *self.0.lock().map_err(|_| anyhow!("poisoned"))?))
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
