//! One picture of a bounded size out of a pyramid.

use std::io::{Read, Seek};

use super::encode::{TileKind, decode, encode};
use super::reader::{PyramidError, PyramidReader};
use super::shape::TILE;
use crate::picture::{PictureInfo, Size};

/// A whole level as one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub kind: TileKind,
    /// Its size.
    pub size: Size,
}

impl<R: Read + Seek> PyramidReader<R> {
    /// The finest level whose sides are at most `side` pixels, as one picture: a tile as it is, or some put together.
    ///
    /// # Cost
    /// Memory for the pixels of `side` by `side`, twice.
    ///
    /// # Errors
    /// As [`PyramidReader::tile`].
    pub fn preview(&mut self, side: u32) -> Result<Preview, PyramidError> {
        let missing = || PyramidError::Damaged("a level is missing".to_owned());
        let (shape, kind) = (self.shape(), self.kind());
        let level = shape.within(side);
        let (size, grid) = shape.level(level).zip(shape.grid(level)).ok_or_else(missing)?;
        if grid.pixels() == 1 {
            let (bytes, _) = self.tile(level, 0, 0)?.ok_or_else(missing)?;
            return Ok(Preview { bytes, kind, size });
        }
        let mut whole: Option<(PictureInfo, Vec<u8>)> = None;
        for (row, column) in (0..grid.height).flat_map(|row| (0..grid.width).map(move |column| (row, column))) {
            let (file, _) = self.tile(level, column, row)?.ok_or_else(missing)?;
            let (info, pixels) = decode(kind, file).map_err(|error| PyramidError::Damaged(error.to_string()))?;
            let (all, canvas) = whole.get_or_insert_with(|| {
                let all = PictureInfo { size, format: info.format };
                (all, vec![0; usize::try_from(all.bytes()).unwrap_or(0)])
            });
            if info.format != all.format || info.size != tile_size(size, column, row) {
                return Err(PyramidError::Damaged(format!("tile {column}, {row} of level {level} has another size")));
            }
            let (line, left) = (all.row_bytes(), (column * TILE) as usize * all.format.bytes_per_pixel());
            let rows = canvas.chunks_exact_mut(line).skip((row * TILE) as usize);
            for (out, pixels) in rows.zip(pixels.chunks_exact(info.row_bytes())) {
                out[left..left + pixels.len()].copy_from_slice(pixels);
            }
        }
        let (info, pixels) = whole.ok_or_else(missing)?;
        let bytes = encode(info, &pixels).map_err(|error| PyramidError::Damaged(error.to_string()))?;
        Ok(Preview { bytes, kind, size })
    }
}

fn tile_size(level: Size, column: u32, row: u32) -> Size {
    let side = |whole: u32, at: u32| whole.saturating_sub(at * TILE).min(TILE);
    Size { width: side(level.width, column), height: side(level.height, row) }
}
