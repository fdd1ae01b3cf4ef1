//! A whole job in one process: rows in, a chain, rows out.
//!
//! The reference for the bytes and the speed of everything distributed. Holds the bands of rows in
//! flight with their halos, never the picture; what has to wait for later rows is kept aside in files that the caller gives.
//! Knows no file system, tiles in transit or services.

mod aside;
mod bands;
mod line;
mod linked;
mod resources;
mod rows;
mod whole;

use std::io::{self, Read, Seek, Write};

use crate::linking::LinkError;
use crate::operation::{Chain, Kind, Step, StepError};
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader, RowWriter, WriteError};

pub use resources::Resources;
use rows::rows;
pub use whole::WholeBudget;

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
    /// Pieces of the picture could not be joined.
    #[error(transparent)]
    Link(#[from] LinkError),
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
/// The picture is read once, and once more for each step that needs numbers of all of it; after a step that
/// links, its rows are kept aside and read instead. The writer is finished only after the end of the input was
/// verified.
///
/// # Cost
/// Memory for the bands in flight, as `resources` says; the bytes do not depend on it. Files of the size of the result where
/// rows do not come out in the order in which they go in, or are linked.
///
/// # Errors
/// If the input is damaged, a step does not take the picture, or the output or a file fails; the output is
/// then not a whole picture.
pub fn run(
    open: &mut Open<'_>,
    chain: &Chain,
    mut writer: Box<dyn RowWriter>,
    make_aside: &mut MakeAside<'_>,
    resources: Resources,
) -> Result<(), RunError> {
    let mut input = Input::Picture(open);
    let mut steps: Vec<Step> = Vec::with_capacity(chain.steps().len());
    for step in chain.steps() {
        steps.push(step.clone());
        let head = Chain::new(steps.clone());
        if head.measured().is_some() {
            let numbers = bands::measure(input.open()?, &head, resources)?;
            steps.pop();
            steps.push(step.with_numbers(&numbers)?);
        } else if step.definition().kind == Kind::GlobalLinking {
            let rows = linked::link(input.open()?, &head, resources, make_aside)?;
            input = Input::Aside(rows);
            steps.clear();
        }
    }
    rows(input.open()?, &Chain::new(steps), resources, make_aside, &mut |row| Ok(writer.write_row(row)?))?;
    Ok(writer.finish()?)
}

/// Takes the rows of a result, from top to bottom.
type TakeRow<'a> = dyn FnMut(&[u8]) -> Result<(), RunError> + Send + 'a;

/// What is read: the picture, or the rows that were kept aside last.
enum Input<'i, 'o> {
    Picture(&'i mut Open<'o>),
    Aside(linked::Rows),
}

impl Input<'_, '_> {
    fn open(&mut self) -> Result<Box<dyn RowReader + '_>, RunError> {
        match self {
            Self::Picture(open) => Ok(open()?),
            Self::Aside(rows) => rows.open(),
        }
    }
}

#[cfg(test)]
mod tests;
