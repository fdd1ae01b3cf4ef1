//! A whole job in one process: rows in, a chain, rows out.
//!
//! The reference for the bytes and the speed of everything distributed. Holds one band of rows with its
//! halo, never the picture; what has to wait for later rows is kept aside in files that the caller gives.
//! Knows no file system, tiles in transit or services.

mod aside;
mod bands;

use std::io::{self, Read, Seek, Write};

use crate::operation::{Chain, Step, StepError};
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader, RowWriter, WriteError};

/// Rows of a band that [`run`] works well with: enough to share a halo, few enough for the cache.
pub const BAND_ROWS: u32 = 64;

/// Opens the input; asked once more for each time that the whole picture has to be read.
pub type Open<'a> = dyn FnMut() -> Result<Box<dyn RowReader>, ReadError> + 'a;

/// A file for what has to wait, with nothing in it.
pub trait Aside: Read + Write + Seek + Send {}

impl<T: Read + Write + Seek + Send> Aside for T {}

/// Makes files for what has to wait; each is gone when it is dropped.
pub type MakeAside<'a> = dyn FnMut() -> io::Result<Box<dyn Aside>> + 'a;

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
    /// A file for what has to wait failed.
    #[error("keeping rows aside until the whole picture is read")]
    Aside(#[source] io::Error),
}

/// What comes out of `chain` for a picture of `input`: what the writer must be made for.
///
/// # Errors
/// If a step does not take the picture.
pub fn output_info(chain: &Chain, input: PictureInfo) -> Result<PictureInfo, StepError> {
    Ok(PictureInfo { size: chain.turn().size(input.size), format: chain.output(input.format)? })
}

/// Runs `chain` on the picture that `open` opens and writes the result to `writer`, made for [`output_info`].
///
/// The picture is read once, and once more for each step that needs numbers of all of it. The writer is
/// finished only after the end of the input was verified.
///
/// # Cost
/// Memory for about `band_rows + 2 * halo` rows in and as many out. Files of the size of the result where
/// rows do not come out in the order in which they go in.
///
/// # Errors
/// If the input is damaged, a step does not take the picture, or the output or a file fails; the output is
/// then not a whole picture.
pub fn run(
    open: &mut Open<'_>,
    chain: &Chain,
    mut writer: Box<dyn RowWriter>,
    make_aside: &mut MakeAside<'_>,
    band_rows: u32,
) -> Result<(), RunError> {
    let mut steps: Vec<Step> = Vec::with_capacity(chain.steps().len());
    for step in chain.steps() {
        steps.push(step.clone());
        let head = Chain::new(steps.clone());
        if head.measured().is_some() {
            let numbers = bands::measure(open()?, &head, band_rows)?;
            steps.pop();
            steps.push(step.with_numbers(&numbers)?);
        }
    }
    let chain = Chain::new(steps);
    let mut take = |row: &[u8]| writer.write_row(row);
    if chain.turn().keeps_row_order() {
        bands::rows(open()?, &chain, band_rows, &mut take)?;
    } else {
        aside::rows(open()?, &chain, band_rows, make_aside, &mut take)?;
    }
    Ok(writer.finish()?)
}

/// Takes the rows of a result, from top to bottom.
type TakeRow<'a> = dyn FnMut(&[u8]) -> Result<(), WriteError> + 'a;

#[cfg(test)]
mod tests;
