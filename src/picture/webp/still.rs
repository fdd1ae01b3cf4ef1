//! The first frame of an animated WebP, decoded as a still picture and put on its canvas.
//!
//! Owns that its pixels are the coded ones: the decoder of animations mixes every frame with what is below it, and rounds
//! also where there is nothing.

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};

use image_webp::WebPDecoder;

use super::chunks::Frame;
use super::error::describe;
use crate::picture::PictureInfo;
use crate::picture::whole::room;

/// What stands before the chunks of a still picture: the file's header, and the extended one with its flag of alpha.
const FILE_BYTES: usize = 12;
const EXTENDED_BYTES: usize = 18;
const ALPHA: u8 = 0x10;

/// Bytes of memory that are held beside the canvas and what the decoder holds: the frame's samples and its file.
pub(super) fn held(frame: Frame) -> u64 {
    frame.size.pixels() * 4 + frame.bytes
}

/// The canvas with the frame on it; all else is transparent, or black where there is no transparency.
pub(super) fn decode(mut input: impl BufRead + Seek, frame: Frame, info: PictureInfo) -> Result<Vec<u8>, String> {
    let file = still_file(&mut input, frame)?;
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(describe)?;
    if decoder.dimensions() != (frame.size.width, frame.size.height) {
        return Err("its parts do not agree about size".to_owned());
    }
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut samples = room(frame.size.pixels() * channels as u64)?;
    decoder.read_image(&mut samples).map_err(describe)?;
    let mut canvas = room(info.bytes())?;
    put(&mut canvas, info, &samples, channels, frame);
    Ok(canvas)
}

fn still_file(input: &mut (impl BufRead + Seek), frame: Frame) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let bytes = usize::try_from(frame.bytes).map_err(|_| "a frame larger than memory".to_owned())?;
    file.try_reserve_exact(FILE_BYTES + EXTENDED_BYTES + bytes).map_err(|error| error.to_string())?;
    file.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    input.seek(SeekFrom::Start(frame.at)).map_err(|error| error.to_string())?;
    let mut start = [0; 4];
    input.read_exact(&mut start).map_err(|error| error.to_string())?;
    if &start == b"ALPH" {
        let sides = [frame.size.width, frame.size.height].map(|side| (side - 1).to_le_bytes());
        file.extend_from_slice(&[&b"VP8X\x0a\0\0\0"[..], &[ALPHA, 0, 0, 0], &sides[0][..3], &sides[1][..3]].concat());
    }
    file.extend_from_slice(&start);
    let rest = frame.bytes.saturating_sub(start.len() as u64);
    input.by_ref().take(rest).read_to_end(&mut file).map_err(|error| error.to_string())?;
    let length = u32::try_from(file.len() - 8).map_err(|_| "a frame larger than a WebP".to_owned())?;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(file)
}

/// Puts the frame's pixels where they belong.
fn put(canvas: &mut [u8], info: PictureInfo, samples: &[u8], channels: usize, frame: Frame) {
    let (to, width) = (info.format.bytes_per_pixel(), frame.size.width as usize);
    let rows = canvas.chunks_exact_mut(info.row_bytes()).skip(frame.top as usize);
    for (row, from) in rows.zip(samples.chunks_exact((width * channels).max(1))) {
        let pixels = row.chunks_exact_mut(to).skip(frame.left as usize);
        for (pixel, from) in pixels.zip(from.chunks_exact(channels)) {
            pixel[..3].copy_from_slice(&from[..3]);
            if let Some(alpha) = pixel.get_mut(3) {
                *alpha = from.get(3).copied().unwrap_or(u8::MAX);
            }
        }
    }
}
