//! Making a pyramid of rows.

use std::io::{self, Write};

use super::encode::{TileKind, encode};
use super::halve::narrow;
use super::index::{ENTRY_BYTES, End, Entry};
use super::shape::Shape;
use super::strip::{Level, Mirrored};
use crate::picture::pixels::PixelsError;
use crate::picture::{Depth, PictureInfo, PixelFormat, Pixels, Rect, Size, Turn};

/// Makes a picture's pyramid while its rows pass, from top to bottom, and writes it from front to back.
///
/// The picture may have to be turned to be upright; its rows come as they are, and the pyramid is that of the upright one.
///
/// # Cost
/// Memory as [`Shape::held_bytes`] says.
pub struct PyramidMaker<W> {
    info: PictureInfo,
    turn: Turn,
    shape: Shape,
    /// From the full size down to a pixel.
    levels: Vec<Level>,
    out: W,
    written: u64,
    entries: Vec<Entry>,
    /// Used again: an 8-bit row, halves on their way down, a tile.
    narrowed: Vec<u8>,
    halves: Vec<Vec<u8>>,
    tile: Vec<u8>,
}

impl<W: Write> PyramidMaker<W> {
    /// Begins the pyramid of a picture that is `info` as its rows come and is upright when it is turned by `turn`, holding
    /// at most `most_bytes` where that can be.
    pub fn new(info: PictureInfo, turn: Turn, most_bytes: u64, out: W) -> Self {
        let shape = Shape::of(info, turn, most_bytes);
        let (channels, mirrored) = (info.format.layout.channels(), mirrored(turn));
        let level = |number: u8| {
            let size = turn.inverse().size(shape.level(number).unwrap_or(Size { width: 1, height: 1 }));
            Level::new(size, channels, mirrored, number <= shape.top())
        };
        let levels: Vec<Level> = (0..=shape.full_level()).rev().map(level).collect();
        let halves = vec![Vec::new(); levels.len()];
        let entries = vec![Entry::default(); usize::try_from(shape.tiles()).unwrap_or(0)];
        let (narrowed, tile) = (Vec::new(), Vec::new());
        Self { info, turn, shape, levels, out, written: 0, entries, narrowed, halves, tile }
    }

    /// Takes whole rows, any number at once; what comes after the last is passed over.
    ///
    /// # Errors
    /// If a tile cannot be encoded or written; the pyramid is then of no use.
    pub fn add(&mut self, rows: &[u8]) -> io::Result<()> {
        for row in rows.chunks_exact(self.info.row_bytes().max(1)) {
            if self.is_full() {
                return Ok(());
            }
            if self.info.format.depth == Depth::Eight {
                self.add_to_level(0, row)?;
                continue;
            }
            let mut narrowed = std::mem::take(&mut self.narrowed);
            narrow(row, &mut narrowed);
            let added = self.add_to_level(0, &narrowed);
            self.narrowed = narrowed;
            added?;
        }
        Ok(())
    }

    /// Whether the last row has come.
    pub fn is_full(&self) -> bool {
        self.levels.first().is_none_or(Level::is_complete)
    }

    /// Whether no row has come.
    pub fn is_new(&self) -> bool {
        self.levels.first().is_none_or(Level::is_new)
    }

    fn add_to_level(&mut self, at: usize, row: &[u8]) -> io::Result<()> {
        let mut halved = std::mem::take(&mut self.halves[at]);
        let has_half = self.levels[at].add(row, &mut halved);
        let mut added = self.write_strip(at);
        if has_half && at + 1 < self.levels.len() {
            added = added.and_then(|()| self.add_to_level(at + 1, &halved));
        }
        self.halves[at] = halved;
        added
    }

    fn write_strip(&mut self, at: usize) -> io::Result<()> {
        let number = self.levels.len() - 1 - at;
        let Self { info, turn, shape, levels, out, written, entries, tile, .. } = self;
        levels[at].take_strip(tile, |(column, row), size, pixels| {
            let (column, row) = if turn.swaps_sides() { (row, column) } else { (column, row) };
            let bytes = upright(*turn, *info, size, pixels)?;
            let place = shape.entry(number as u8, column, row).and_then(|entry| usize::try_from(entry).ok());
            let entry = place.and_then(|place| entries.get_mut(place));
            let entry = entry.ok_or_else(|| io::Error::other("a tile has no place in its pyramid"))?;
            let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            *entry = Entry { offset: *written, bytes: length, crc32c: crc32c::crc32c(&bytes) };
            out.write_all(&bytes)?;
            *written += u64::from(length);
            Ok(())
        })
    }

    /// Writes the index, after the last row, and gives the output back.
    ///
    /// # Errors
    /// If rows are missing or the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.is_full() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "rows are missing"));
        }
        let mut index = Vec::with_capacity(self.entries.len() * ENTRY_BYTES);
        self.entries.iter().for_each(|entry| index.extend_from_slice(&entry.to_bytes()));
        self.out.write_all(&index)?;
        let kind = TileKind::of(self.info.format.layout);
        self.out.write_all(&End { shape: self.shape, kind, entries_at: self.written }.to_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The file of a tile whose pixels lie as the picture's rows do.
fn upright(turn: Turn, info: PictureInfo, size: Size, pixels: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let format = PixelFormat { layout: info.format.layout, depth: Depth::Eight };
    let info = PictureInfo { size: turn.size(size), format };
    if turn != Turn::None {
        let of = PictureInfo { size, format };
        let keep = Rect { x: 0, y: 0, width: size.width, height: size.height };
        let turned = Pixels::from_bytes(of, std::mem::take(pixels)).and_then(|pixels| turn.pixels(pixels, keep));
        *pixels = turned.map_err(|error: PixelsError| io::Error::other(error))?.into_bytes();
    }
    encode(info, pixels).map_err(io::Error::other)
}

/// How the axes of a picture lie that is upright when it is turned by `turn`.
fn mirrored(turn: Turn) -> Mirrored {
    let first = Rect { x: 0, y: 0, width: 1, height: 1 };
    let lands = turn.rect(first, Size { width: 2, height: 2 });
    let (x, y) = if turn.swaps_sides() { (lands.y, lands.x) } else { (lands.x, lands.y) };
    Mirrored { x: x == 1, y: y == 1 }
}

impl<W> std::fmt::Debug for PyramidMaker<W> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PyramidMaker").field("info", &self.info).field("shape", &self.shape).finish_non_exhaustive()
    }
}
