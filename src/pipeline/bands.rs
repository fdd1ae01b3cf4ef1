//! Running a chain band by band.
//!
//! Owns the reading of an input from its first row to its verified end. Holds one band with its halo.

use super::{RunError, TakeRow};
use crate::operation::{Chain, StepError, TileInput};
use crate::picture::rows::RowReader;
use crate::picture::{Pixels, Rect, Size};
use crate::tiling::{Band, BandReader, Grid};

/// Hands each band of the input with its halo to `take`, and where the band lies; then verifies the end.
fn each(
    reader: Box<dyn RowReader + '_>,
    halo: u32,
    band_rows: u32,
    mut take: impl FnMut(TileInput) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let picture = reader.info();
    let grid = Grid::new(picture.size, Size { width: picture.size.width, height: band_rows });
    let mut bands = BandReader::new(reader, band_rows, halo);
    while let Some((rect, band)) = bands.next_band()? {
        let margins = grid.margins(rect, halo);
        let pixels = pixels(band, Grid::with_margins(rect, margins))?;
        take(TileInput { pixels, rect, margins, picture })?;
    }
    Ok(bands.finish()?)
}

fn pixels(band: &Band, rect: Rect) -> Result<Pixels, StepError> {
    let misfit = || StepError::Tile(format!("the band at row {} does not hold its halo", rect.y));
    let bytes = band.cut(rect).ok_or_else(misfit)?;
    Pixels::from_bytes(band.info_of(rect.size()), bytes).map_err(|_| misfit())
}

/// Gives the rows of the result; `chain` must keep their order.
pub(super) fn rows(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    band_rows: u32,
    take: &mut TakeRow<'_>,
) -> Result<(), RunError> {
    blocks(reader, chain, band_rows, |_, pixels| {
        let row_bytes = pixels.info().row_bytes();
        let bytes = pixels.into_bytes();
        bytes.chunks_exact(row_bytes).try_for_each(&mut *take)
    })
}

/// Gives the result of each band, and where in the result it lies.
pub(super) fn blocks(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    band_rows: u32,
    mut take: impl FnMut(Rect, Pixels) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let turn = chain.turn();
    each(reader, chain.halo(), band_rows, |input| {
        let place = turn.rect(input.rect, input.picture.size);
        take(place, chain.run(input)?)
    })
}

/// Measures the last step of `chain` on the whole picture; gives the numbers.
pub(super) fn measure(reader: Box<dyn RowReader + '_>, chain: &Chain, band_rows: u32) -> Result<Vec<i64>, RunError> {
    let format = chain.result(reader.info())?.format;
    let unmeasured = || StepError::unmeasured("the picture");
    let statistic = chain.measured().and_then(|step| step.statistic()).ok_or_else(unmeasured)?;
    let mut total: Option<Vec<u64>> = None;
    each(reader, chain.halo(), band_rows, |input| {
        let partial = chain.measure(input)?;
        match &mut total {
            Some(total) => statistic.merge(total, &partial),
            None => total = Some(partial),
        }
        Ok(())
    })?;
    Ok(statistic.resolve(format, &total.ok_or_else(unmeasured)?))
}
