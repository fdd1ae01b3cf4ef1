//! Results whose rows come out in another order: blocks are kept in a file until all are there.
//!
//! A band of the input becomes a block of the result, which is written as it is; a strip of the result is
//! then read from all the blocks that it crosses, each in one piece of some kilobytes.

use std::io::{self, SeekFrom};

use super::{Aside, MakeAside, Resources, RunError, TakeRow, bands};
use crate::operation::Chain;
use crate::picture::rows::RowReader;
use crate::picture::{PictureInfo, Rect};

/// Rows that are read back at once, at most in number and in bytes.
const STRIP_ROWS: u32 = 64;
const STRIP_BYTES: usize = 16 << 20;

/// Gives the rows of the result of a chain that does not keep their order.
pub(super) fn rows(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    resources: Resources,
    make_aside: &mut MakeAside<'_>,
    take: &mut TakeRow<'_>,
) -> Result<(), RunError> {
    let info = chain.result(reader.info())?;
    let file = make_aside().map_err(RunError::Aside)?;
    let mut kept = Kept { file, info, blocks: Vec::new(), end: 0 };
    bands::blocks(reader, chain, resources, |place, pixels| {
        kept.put(place, &pixels.into_bytes()).map_err(RunError::Aside)
    })?;
    kept.rows(take)
}

/// Blocks of a picture in a file.
struct Kept {
    file: Box<dyn Aside>,
    info: PictureInfo,
    blocks: Vec<(Rect, u64)>,
    end: u64,
}

impl Kept {
    fn put(&mut self, place: Rect, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.blocks.push((place, self.end));
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn rows(mut self, take: &mut TakeRow<'_>) -> Result<(), RunError> {
        let row_bytes = self.info.row_bytes();
        let height = self.info.size.height;
        let rows_at_once = u32::try_from(STRIP_BYTES / row_bytes.max(1)).unwrap_or(STRIP_ROWS).clamp(1, STRIP_ROWS);
        let mut strip = Vec::new();
        let mut piece = Vec::new();
        for top in (0..height).step_by(rows_at_once as usize) {
            let rows = rows_at_once.min(height - top);
            strip.resize(rows as usize * row_bytes, 0);
            self.gather(top, rows, &mut strip, &mut piece).map_err(RunError::Aside)?;
            strip.chunks_exact(row_bytes).try_for_each(&mut *take)?;
        }
        Ok(())
    }

    /// Reads `rows` rows from `top` on from the blocks that have a part of them.
    fn gather(&mut self, top: u32, rows: u32, strip: &mut [u8], piece: &mut Vec<u8>) -> io::Result<()> {
        let (pixel, row_bytes) = (self.info.format.bytes_per_pixel(), self.info.row_bytes());
        for (place, offset) in &self.blocks {
            let (first, end) = (top.max(place.y), (top + rows).min(place.bottom()));
            if first >= end {
                continue;
            }
            let width_bytes = place.width as usize * pixel;
            piece.resize((end - first) as usize * width_bytes, 0);
            self.file.seek(SeekFrom::Start(offset + u64::from(first - place.y) * width_bytes as u64))?;
            self.file.read_exact(piece)?;
            let left = place.x as usize * pixel;
            let lines = strip.chunks_exact_mut(row_bytes).skip((first - top) as usize);
            for (line, part) in lines.zip(piece.chunks_exact(width_bytes)) {
                line[left..left + width_bytes].copy_from_slice(part);
            }
        }
        Ok(())
    }
}
