//! Pictures that tests make themselves, the same on every machine.

use std::io::Cursor;

use anyhow::Result;

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
    let mut samples = vec![0; reader.output_buffer_size().ok_or_else(|| anyhow::anyhow!("too large a picture"))?];
    let frame = reader.next_frame(&mut samples)?;
    reader.finish()?;
    samples.truncate(frame.buffer_size());
    Ok((frame.width, frame.height, frame.color_type, samples))
}
