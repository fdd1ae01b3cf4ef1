//! Running a chain band by band.
//!
//! Owns the reading of an input from its first row to its verified end. Holds the bands in flight, each with its halo.

use super::{Resources, RunError, TakeRow, line};
use crate::operation::{Chain, StepError, TileInput};
use crate::picture::rows::RowReader;
use crate::picture::{Pixels, Rect, Size};
use crate::tiling::{Band, BandReader, Grid};

/// Makes something of each band of the input with its halo and hands that to `take`, in order; verifies the end.
fn each<T: Send>(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    resources: Resources,
    work: impl Fn(TileInput) -> Result<T, RunError> + Sync,
    mut take: impl FnMut(T) -> Result<(), RunError> + Send,
) -> Result<(), RunError> {
    let (picture, halo) = (reader.info(), chain.halo());
    let room = resources.room(chain, picture);
    let grid = Grid::new(picture.size, Size { width: picture.size.width, height: room.band_rows });
    let mut bands = BandReader::new(reader, room.band_rows, halo);
    let mut read = || {
        let Some((rect, band)) = bands.next_band()? else { return Ok(None) };
        let margins = grid.margins(rect, halo);
        let pixels = pixels(band, Grid::with_margins(rect, margins))?;
        if rect.bottom() >= picture.size.height {
            // Before its last rows are written: no writer is to have all of a picture that is damaged at its end.
            bands.finish()?;
        }
        Ok(Some(TileInput { pixels, rect, margins, picture }))
    };
    line::run(&mut read, &work, &mut take, resources.threads.min(grid.rows() as usize), room.bands)
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
    resources: Resources,
    take: &mut TakeRow<'_>,
) -> Result<(), RunError> {
    blocks(reader, chain, resources, |_, pixels| {
        let row_bytes = pixels.info().row_bytes();
        let bytes = pixels.into_bytes();
        bytes.chunks_exact(row_bytes).try_for_each(&mut *take)
    })
}

/// Gives the result of each band, and where in the result it lies.
pub(super) fn blocks(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    resources: Resources,
    mut take: impl FnMut(Rect, Pixels) -> Result<(), RunError> + Send,
) -> Result<(), RunError> {
    let turn = chain.turn();
    let work = |input: TileInput| {
        let place = turn.rect(input.rect, input.picture.size);
        Ok((place, chain.run(input)?))
    };
    each(reader, chain, resources, work, |(place, pixels)| take(place, pixels))
}

/// Measures the last step of `chain` on the whole picture; gives the numbers.
pub(super) fn measure(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    resources: Resources,
) -> Result<Vec<i64>, RunError> {
    let format = chain.result(reader.info())?.format;
    let unmeasured = || StepError::unmeasured("the picture");
    let statistic = chain.measured().and_then(|step| step.statistic()).ok_or_else(unmeasured)?;
    let mut total: Option<Vec<u64>> = None;
    let work = |input| Ok(chain.measure(input)?);
    each(reader, chain, resources, work, |partial| {
        match &mut total {
            Some(total) => statistic.merge(total, &partial),
            None => total = Some(partial),
        }
        Ok(())
    })?;
    Ok(statistic.resolve(format, &total.ok_or_else(unmeasured)?))
}
