//! A whole job in one process: rows in, a chain, rows out.
//!
//! The reference for the bytes and the speed of everything distributed. Holds one band of rows with its
//! halo, never the picture; knows no files, tiles in transit or services.

use crate::operation::{Chain, Margins, StepError, TileInput};
use crate::picture::rows::{ReadError, RowReader, RowWriter, WriteError};
use crate::picture::{PictureInfo, Pixels, Rect, Size};
use crate::tiling::{Band, BandReader, Grid};

/// Rows of a band that [`run_rows`] works well with: enough to share a halo, few enough for the cache.
pub const BAND_ROWS: u32 = 64;

/// Why a picture could not be processed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The input is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The chain does not fit the picture.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The output failed.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What comes out of `chain` for a picture of `input`: what the writer must be made for.
///
/// # Errors
/// If a step does not take the picture.
pub fn output_info(chain: &Chain, input: PictureInfo) -> Result<PictureInfo, StepError> {
    Ok(PictureInfo { format: chain.output(input.format)?, ..input })
}

/// Runs `chain` on every row of `reader` and writes the result to `writer`, made for [`output_info`].
///
/// The writer is finished only after the end of the input was verified.
///
/// # Cost
/// Memory for about `band_rows + 2 * halo` rows in and as many out.
///
/// # Errors
/// If the input is damaged, a step does not take the picture, or the output fails; the output is then
/// not a whole picture.
pub fn run_rows(
    reader: &mut dyn RowReader,
    chain: &Chain,
    mut writer: Box<dyn RowWriter>,
    band_rows: u32,
) -> Result<(), RunError> {
    let picture = reader.info();
    let output = output_info(chain, picture)?;
    let grid = Grid::new(picture.size, Size { width: picture.size.width, height: band_rows });
    let mut bands = BandReader::new(reader, band_rows, chain.halo());
    while let Some((rect, band)) = bands.next_band()? {
        let margins = grid.margins(rect, chain.halo());
        let pixels = run_band(chain, picture, band, rect, margins)?;
        let bytes = pixels.into_bytes();
        bytes.chunks_exact(output.row_bytes()).try_for_each(|row| writer.write_row(row))?;
    }
    bands.finish()?;
    Ok(writer.finish()?)
}

fn run_band(
    chain: &Chain,
    picture: PictureInfo,
    band: &Band,
    rect: Rect,
    margins: Margins,
) -> Result<Pixels, StepError> {
    let input = Grid::with_margins(rect, margins);
    let misfit = || StepError::Tile(format!("the band at row {} does not hold its halo", rect.y));
    let bytes = band.cut(input).ok_or_else(misfit)?;
    let pixels = Pixels::from_bytes(PictureInfo { size: input.size(), ..picture }, bytes).map_err(|_| misfit())?;
    chain.run(TileInput { pixels, rect, margins, picture })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::picture::png::{PngRows, PngWriter};
    use crate::picture::raw::{RawRows, RawWriter};
    use crate::picture::{Depth, Layout, PixelFormat};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn picture() -> (PictureInfo, Vec<u8>) {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width: 61, height: 150 }, format };
        let bytes = (0..info.bytes()).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 12) as u8).collect();
        (info, bytes)
    }

    fn png(info: PictureInfo, bytes: &[u8]) -> Vec<u8> {
        let paper = Paper::default();
        let mut writer = Box::new(PngWriter::new(paper.clone(), info).unwrap());
        bytes.chunks_exact(info.row_bytes()).for_each(|row| writer.write_row(row).unwrap());
        writer.finish().unwrap();
        std::mem::take(&mut *paper.0.lock())
    }

    #[test]
    fn any_band_height_gives_what_the_whole_gives() {
        let (info, bytes) = picture();
        let file = png(info, &bytes);
        let chain =
            Chain::parse(&["gaussian_blur:ksize=21", "grayscale", "gaussian_blur:ksize=5", "invert"], 9).unwrap();
        let rect = Rect { x: 0, y: 0, width: info.size.width, height: info.size.height };
        let pixels = Pixels::from_bytes(info, bytes).unwrap();
        let expected = chain.run(TileInput { pixels, rect, margins: Margins::default(), picture: info }).unwrap();
        let expected = expected.into_bytes();
        for band_rows in [1, 7, 64, 149, 150, 1000] {
            let paper = Paper::default();
            let writer = RawWriter::new(paper.clone(), output_info(&chain, info).unwrap()).unwrap();
            let mut reader = PngRows::open(Cursor::new(&file)).unwrap();
            run_rows(&mut reader, &chain, Box::new(writer), band_rows).unwrap();
            let raw = std::mem::take(&mut *paper.0.lock());
            let mut rows = RawRows::open(&raw[..]).unwrap();
            for expected in expected.chunks_exact(61) {
                let mut row = [0; 61];
                rows.read_row(&mut row).unwrap();
                assert_eq!(row, expected, "bands of {band_rows} rows");
            }
            rows.finish().unwrap();
        }
    }

    #[test]
    fn a_cut_input_never_becomes_a_whole_output() {
        let (info, bytes) = picture();
        let file = png(info, &bytes);
        let chain = Chain::parse(&["grayscale"], 1).unwrap();
        for end in [file.len() / 2, file.len() - 13, file.len() - 12, file.len() - 1] {
            let paper = Paper::default();
            let writer = RawWriter::new(paper.clone(), output_info(&chain, info).unwrap()).unwrap();
            let mut reader = PngRows::open(Cursor::new(&file[..end])).unwrap();
            let error = run_rows(&mut reader, &chain, Box::new(writer), 16).unwrap_err();
            assert!(matches!(error, RunError::Read(_)), "{error}");
            let raw = std::mem::take(&mut *paper.0.lock());
            let mut rows = RawRows::open(&raw[..]).unwrap();
            let whole =
                (0..info.size.height).try_for_each(|_| rows.read_row(&mut [0; 61])).and_then(|()| rows.finish());
            assert!(whole.is_err());
        }
    }
}
