//! The frame header of a JPEG (SOF): process, size, components.
//!
//! Owns which processes are read; what is not is refused by name. Source: ITU-T T.81, B.2.2.

use crate::picture::rows::ReadError;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

/// What a frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Size and pixels, as the rows will come.
    pub(super) info: PictureInfo,
    /// Several scans refine the picture.
    pub(super) progressive: bool,
    /// Components as they are stored: 1, 3, or 4 for CMYK.
    pub(super) components: u8,
    /// Blocks of 64 coefficients of all components.
    pub(super) blocks: u64,
}

/// Reads the frame header behind `marker`.
pub(super) fn parse(marker: u8, segment: &[u8]) -> Result<Frame, ReadError> {
    let unsupported =
        |what: &str| Err(ReadError::Header(format!("{what} is not supported; save it as a baseline JPEG")));
    match marker {
        0xC0..=0xC2 => {}
        0xC3 | 0xC5..=0xC7 => return unsupported("lossless or hierarchical JPEG"),
        _ => return unsupported("JPEG with arithmetic coding"),
    }
    let &[precision, h1, h0, w1, w0, components, ref table @ ..] = segment else {
        return Err(ReadError::Header("a frame header that is too short".to_owned()));
    };
    let size = Size { width: u16::from_be_bytes([w1, w0]).into(), height: u16::from_be_bytes([h1, h0]).into() };
    if precision != 8 {
        return unsupported(&format!("JPEG with {precision} bits a sample"));
    }
    if size.height == 0 {
        return unsupported("JPEG that tells its height only at the end (DNL)");
    }
    if size.width == 0 || table.len() < usize::from(components) * 3 {
        return Err(ReadError::Header("a frame header without width or components".to_owned()));
    }
    let layout = match components {
        1 => Layout::Gray,
        3 | 4 => Layout::Rgb,
        other => return unsupported(&format!("JPEG of {other} components")),
    };
    let blocks = blocks(size, &table[..usize::from(components) * 3])?;
    let info = PictureInfo { size, format: PixelFormat { layout, depth: Depth::Eight } };
    Ok(Frame { info, progressive: marker == 0xC2, components, blocks })
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
