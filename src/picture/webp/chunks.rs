//! The chunks of a WebP, walked over before anything is decoded.
//!
//! Owns that the picture's own header agrees with the canvas: a decoder makes room by the former; and that only what
//! the header announces counts.
//! Source: Google's *WebP Container Specification*; RFC 9649.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Take};

use crate::picture::Size;
use crate::picture::header::MAX_FRAMES;
use crate::picture::icc::{MAX_ICC_BYTES, Profile};
use crate::picture::metadata::{MAX_EXIF_BYTES, MAX_XMP_BYTES, Metadata};

/// Chunks that are walked over at most.
const MAX_CHUNKS: u32 = 100_000;
/// Position, sides and flags of a frame before its own chunks.
const FRAME_BYTES: u64 = 16;
/// The word that some writers put before EXIF.
const EXIF_NAME_BYTES: usize = 6;

/// A frame of an animation: where it lies on the canvas, and its own chunks in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) size: Size,
    pub(super) at: u64,
    pub(super) bytes: u64,
}

/// What the chunks say.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub(super) canvas: Option<Size>,
    pub(super) has_alpha: bool,
    pub(super) frames: u32,
    pub(super) profile: Profile,
    /// Bytes of the lossy picture as it is coded, which the decoder holds.
    pub(super) coded: u64,
    pub(super) metadata: Metadata,
    /// The first frame of an animation.
    pub(super) first: Option<Frame>,
    is_animated: bool,
    has_alpha_chunk: bool,
    has_pixels: bool,
    has_profile: bool,
    /// The header's word on which parts beside the pixels count.
    flags: u8,
}

/// Walks over a file from its start.
pub(super) fn read(input: &mut (impl BufRead + Seek)) -> Result<Chunks, String> {
    let describe = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => "the WebP ends early".to_owned(),
        _ => error.to_string(),
    };
    let mut chunks = Chunks::default();
    walk(input, &mut chunks).map_err(describe)?;
    match (chunks.canvas, chunks.has_pixels) {
        (Some(size), true) if size.pixels() > 0 => {
            if chunks.counts(*b"ICCP") && !chunks.has_profile {
                chunks.metadata.remark("its header announces a colour profile that is not there");
            }
            Ok(chunks)
        }
        _ => Err("a WebP without a picture".to_owned()),
    }
}

fn walk(input: &mut (impl BufRead + Seek), chunks: &mut Chunks) -> io::Result<()> {
    let length = input.seek(SeekFrom::End(0))?;
    input.rewind()?;
    let [_, _, _, _, l0, l1, l2, l3, ..] = bytes::<12>(input)?;
    let end = 8 + u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    if end > length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        if at + 8 > end || chunks.frames >= MAX_FRAMES {
            return Ok(());
        }
        let (kind, size) = chunk(input)?;
        at += 8 + size.next_multiple_of(2);
        if at.min(at - (size & 1)) > end {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        take(kind, &mut input.by_ref().take(size), at - size.next_multiple_of(2), chunks)?;
        // Keeps the input's buffer, which a seek to a place throws away.
        let here = input.stream_position()?;
        input.seek_relative(at as i64 - here as i64)?;
    }
    Err(damaged("a WebP of too many chunks"))
}

/// Takes a chunk, whose data begins at `at` in the file.
fn take(kind: [u8; 4], data: &mut Take<impl Read>, at: u64, chunks: &mut Chunks) -> io::Result<()> {
    match &kind {
        b"VP8X" => {
            let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = bytes(data)?;
            chunks.flags = flags;
            chunks.has_alpha = flags & 0x10 != 0;
            chunks.is_animated = flags & 2 != 0;
            chunks.canvas = Some(Size { width: triple([w0, w1, w2]) + 1, height: triple([h0, h1, h2]) + 1 });
        }
        b"VP8 " | b"VP8L" if !chunks.is_animated => {
            // Of several the decoder reads one; whichever that is, there is room for the largest.
            chunks.coded = chunks.coded.max(lossy_bytes(kind, data.limit()));
            let (size, alpha) = picture(kind, data)?;
            if alpha {
                chunks.found_alpha();
            } else if chunks.has_alpha && &kind == b"VP8 " && !chunks.has_alpha_chunk {
                chunks.metadata.remark("its header announces a transparency that is not there");
                chunks.has_alpha = false;
            }
            chunks.agree(size)?;
            (chunks.frames, chunks.has_pixels) = (chunks.frames.max(1), true);
        }
        b"ALPH" if !chunks.is_animated && chunks.has_alpha => chunks.has_alpha_chunk = true,
        b"ALPH" if !chunks.is_animated => {
            chunks.metadata.remark("its header does not announce its transparency, which is not used");
        }
        b"ANMF" => {
            if !chunks.has_pixels {
                let bytes = data.limit();
                let (frame, coded) = first_frame(data, chunks.canvas)?;
                chunks.coded = chunks.coded.max(coded);
                // A frame whose sides were read is longer than what stands before its chunks.
                chunks.first = Some(Frame { at: at + FRAME_BYTES, bytes: bytes - FRAME_BYTES, ..frame });
                chunks.has_pixels = true;
            }
            chunks.frames += 1;
        }
        b"EXIF" | b"XMP " | b"ICCP" if !chunks.counts(kind) => {
            let name = match &kind {
                b"ICCP" => "colour profile",
                b"EXIF" => "EXIF",
                _ => "XMP",
            };
            chunks.metadata.remark(format!("its header does not announce its {name}, which is not used"));
        }
        b"EXIF" => {
            let mut block = Vec::new();
            data.take((EXIF_NAME_BYTES + MAX_EXIF_BYTES + 1) as u64).read_to_end(&mut block)?;
            chunks.metadata.take_exif(&block);
        }
        b"XMP " => {
            let mut packet = Vec::new();
            data.take(MAX_XMP_BYTES as u64 + 1).read_to_end(&mut packet)?;
            chunks.metadata.take_xmp(&packet);
        }
        b"ICCP" => {
            let mut icc = Vec::new();
            data.take(MAX_ICC_BYTES as u64 + 1).read_to_end(&mut icc)?;
            chunks.profile = Profile::new(icc);
            chunks.has_profile = true;
        }
        _ => {}
    }
    Ok(())
}

impl Chunks {
    /// Whether a part beside the pixels counts: other readers leave out what the header does not announce.
    fn counts(&self, kind: [u8; 4]) -> bool {
        let flag = match &kind {
            b"ICCP" => 0x20,
            b"EXIF" => 0x08,
            _ => 0x04,
        };
        self.flags & flag != 0
    }

    /// The coded picture itself has transparency, whatever the header says.
    fn found_alpha(&mut self) {
        // In a file without VP8X the picture's own header is the canvas.
        if self.canvas.is_some() && !self.has_alpha {
            self.metadata.remark("its header does not announce its transparency, which is used");
        }
        self.has_alpha = true;
    }

    fn agree(&mut self, size: Size) -> io::Result<()> {
        match *self.canvas.get_or_insert(size) {
            canvas if canvas == size => Ok(()),
            _ => Err(damaged("the parts of the WebP do not agree about its size")),
        }
    }
}

/// What of a coded picture's bytes the decoder holds: lossless ones are read as they are decoded.
fn lossy_bytes(kind: [u8; 4], size: u64) -> u64 {
    if &kind == b"VP8 " { size } else { 0 }
}

/// Checks the first frame of an animation: inside the canvas, and its picture of the frame's size. Gives it, but for its
/// place in the file, and its [`lossy_bytes`].
fn first_frame(data: &mut impl Read, canvas: Option<Size>) -> io::Result<(Frame, u64)> {
    let canvas = canvas.ok_or_else(|| damaged("an animated WebP without a canvas"))?;
    let [x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2, ..] = bytes::<{ FRAME_BYTES as usize }>(data)?;
    let (left, top) = (triple([x0, x1, x2]) * 2, triple([y0, y1, y2]) * 2);
    let frame = Size { width: triple([w0, w1, w2]) + 1, height: triple([h0, h1, h2]) + 1 };
    if left + frame.width > canvas.width || top + frame.height > canvas.height {
        return Err(damaged("a frame of the WebP lies outside of its canvas"));
    }
    let (mut kind, mut size) = chunk(data)?;
    if &kind == b"ALPH" {
        io::copy(&mut data.take(size.next_multiple_of(2)), &mut io::sink())?;
        (kind, size) = chunk(data)?;
    }
    match picture(kind, &mut data.take(size))? {
        (side, _) if side == frame => Ok((Frame { left, top, size: frame, at: 0, bytes: 0 }, lossy_bytes(kind, size))),
        _ => Err(damaged("the parts of the WebP do not agree about its size")),
    }
}

/// Sides and alpha as the header of the coded picture has them.
fn picture(kind: [u8; 4], data: &mut impl Read) -> io::Result<(Size, bool)> {
    match &kind {
        b"VP8 " => {
            let [_, _, _, s0, s1, s2, w0, w1, h0, h1] = bytes(data)?;
            if [s0, s1, s2] != [0x9d, 0x01, 0x2a] {
                return Err(damaged("a lossy WebP without its start code"));
            }
            let side = |pair: [u8; 2]| u32::from(u16::from_le_bytes(pair) & 0x3fff);
            Ok((Size { width: side([w0, w1]), height: side([h0, h1]) }, false))
        }
        b"VP8L" => {
            let [signature, b0, b1, b2, b3] = bytes(data)?;
            let bits = u32::from_le_bytes([b0, b1, b2, b3]);
            if signature != 0x2f || bits >> 29 != 0 {
                return Err(damaged("a lossless WebP without its signature"));
            }
            let size = Size { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
            Ok((size, (bits >> 28) & 1 != 0))
        }
        _ => Err(damaged("a frame of the WebP without a picture")),
    }
}

fn chunk(input: &mut impl Read) -> io::Result<([u8; 4], u64)> {
    let [k0, k1, k2, k3, l0, l1, l2, l3] = bytes(input)?;
    Ok(([k0, k1, k2, k3], u32::from_le_bytes([l0, l1, l2, l3]).into()))
}

fn bytes<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn triple([low, middle, high]: [u8; 3]) -> u32 {
    u32::from_le_bytes([low, middle, high, 0])
}

fn damaged(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}
