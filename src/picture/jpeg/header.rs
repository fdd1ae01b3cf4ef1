//! The headers of a JPEG, read marker by marker: what it is, before the C library is given it.
//!
//! Sources: ITU-T T.81 annex B (markers and segments).

use std::io::{self, BufRead, ErrorKind, Read};

use crate::picture::rows::ReadError;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// Bytes of headers that are looked through at most before the frame must have begun.
const MAX_HEADER_BYTES: u64 = 32 << 20;

/// What a JPEG's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JpegHeader {
    /// Size and pixels.
    pub info: PictureInfo,
    /// Several scans refine the picture: all coefficients are held in memory.
    pub progressive: bool,
    /// Blocks of 64 coefficients of all components.
    blocks: u64,
}

impl JpegHeader {
    /// Bytes of memory that decoding holds beyond a few rows: 0 for baseline, 2 a coefficient otherwise.
    pub fn whole_bytes(&self) -> u64 {
        if self.progressive { self.blocks * 128 } else { 0 }
    }

    /// Whether decoding keeps to `max_decode_bytes`.
    ///
    /// # Errors
    /// [`ReadError::Header`] that names both numbers.
    pub fn check_memory(&self, max_decode_bytes: u64) -> Result<(), ReadError> {
        let needed = self.whole_bytes();
        if needed <= max_decode_bytes {
            return Ok(());
        }
        Err(ReadError::Header(format!(
            "progressive JPEG that needs {needed} bytes of memory, max_decode_bytes is {max_decode_bytes}; save it as a baseline JPEG"
        )))
    }
}

/// Reads up to the frame header.
///
/// # Errors
/// [`ReadError::Header`] if it is damaged, or for processes that are not read: it names them.
pub fn read_info(input: impl BufRead) -> Result<JpegHeader, ReadError> {
    let mut input = input.take(MAX_HEADER_BYTES);
    let damaged = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => ReadError::Header("the JPEG ends within its headers".to_owned()),
        _ => ReadError::Header(error.to_string()),
    };
    if next_bytes::<2>(&mut input).map_err(damaged)? != [0xFF, 0xD8] {
        return Err(ReadError::Header("no JPEG start marker".to_owned()));
    }
    loop {
        let marker = next_marker(&mut input).map_err(damaged)?;
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            continue;
        }
        if marker == 0xD9 || marker == 0xDA {
            return Err(ReadError::Header("the JPEG has no frame header before its data".to_owned()));
        }
        let length = u16::from_be_bytes(next_bytes(&mut input).map_err(damaged)?);
        let rest =
            length.checked_sub(2).ok_or_else(|| ReadError::Header("a segment shorter than its length".into()))?;
        if (0xC0..=0xCF).contains(&marker) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let mut segment = vec![0; usize::from(rest)];
            input.read_exact(&mut segment).map_err(damaged)?;
            return frame(marker, &segment);
        }
        let skipped = io::copy(&mut input.by_ref().take(u64::from(rest)), &mut io::sink()).map_err(damaged)?;
        if skipped < u64::from(rest) {
            return Err(damaged(ErrorKind::UnexpectedEof.into()));
        }
    }
}

fn next_bytes<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The code of the next marker; what lies before it is skipped, as libjpeg does.
fn next_marker(input: &mut impl Read) -> io::Result<u8> {
    loop {
        while next_bytes::<1>(input)?[0] != 0xFF {}
        let mut code = 0xFF;
        while code == 0xFF {
            [code] = next_bytes(input)?;
        }
        if code != 0 {
            return Ok(code);
        }
    }
}

/// Reads a frame header (SOF): precision, height, width, components with their sampling factors.
fn frame(marker: u8, segment: &[u8]) -> Result<JpegHeader, ReadError> {
    let unsupported =
        |what: &str| Err(ReadError::Header(format!("{what} is not supported; save it as a baseline JPEG")));
    match marker {
        0xC0..=0xC2 => {}
        0xC3 | 0xC5..=0xC7 => return unsupported("lossless or hierarchical JPEG"),
        _ => return unsupported("JPEG with arithmetic coding"),
    }
    let &[precision, h1, h0, w1, w0, count, ref components @ ..] = segment else {
        return Err(ReadError::Header("a frame header that is too short".to_owned()));
    };
    let size = Size { width: u16::from_be_bytes([w1, w0]).into(), height: u16::from_be_bytes([h1, h0]).into() };
    if precision != 8 {
        return unsupported(&format!("JPEG with {precision} bits a sample"));
    }
    if size.height == 0 {
        return unsupported("JPEG that tells its height only at the end (DNL)");
    }
    if size.width == 0 || components.len() < usize::from(count) * 3 {
        return Err(ReadError::Header("a frame header without width or components".to_owned()));
    }
    let layout = match count {
        1 => Layout::Gray,
        3 => Layout::Rgb,
        4 => return unsupported("JPEG in CMYK colours"),
        other => return unsupported(&format!("JPEG of {other} components")),
    };
    let blocks = blocks(size, &components[..usize::from(count) * 3])?;
    let info = PictureInfo { size, format: PixelFormat { layout, depth: Depth::Eight } };
    Ok(JpegHeader { info, progressive: marker == 0xC2, blocks })
}

fn blocks(size: Size, components: &[u8]) -> Result<u64, ReadError> {
    let factors: Vec<(u32, u32)> =
        components.chunks_exact(3).map(|part| (u32::from(part[1] >> 4), u32::from(part[1] & 15))).collect();
    if !factors.iter().all(|(h, v)| (1..=4).contains(h) && (1..=4).contains(v)) {
        return Err(ReadError::Header("sampling factors beyond 1 to 4".to_owned()));
    }
    let across = factors.iter().map(|(h, _)| *h).max().unwrap_or(1);
    let down = factors.iter().map(|(_, v)| *v).max().unwrap_or(1);
    let (columns, rows) = (size.width.div_ceil(8 * across), size.height.div_ceil(8 * down));
    let per_unit: u32 = factors.iter().map(|(h, v)| h * v).sum();
    Ok(u64::from(columns) * u64::from(rows) * u64::from(per_unit))
}
