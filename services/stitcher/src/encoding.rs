//! Encoding: the strips of a stage, from their slots into the result, the next stage's rows or its numbers.
//!
//! Owns how far one product has come. It is advanced by whole strips, whenever some are complete, on
//! any thread; a strip whose slots are not all good is not begun. Holds one strip or a part of one,
//! never the picture. Knows no Kafka and no Redis.

mod buffer;
pub mod encoder;
mod error;
mod link;
mod output;
pub mod product;
pub mod strips;
mod sum;
pub mod turn;
mod watch;

use std::ops::Range;

use tessera::budget::Share;
use tessera::picture::Turn;
use tessera::picture::metadata::Kept;
use tessera::picture::raw::RawWriter;
use tessera::picture::rows::RowWriter;
use tessera::plan::{Makes, Stage};
use tessera::pyramid::{PyramidMaker, PyramidTap};

use buffer::StripBuffer;
pub use error::EncodeError;
use link::Link;
pub use output::Output;
use output::Tap;
use product::{Made, Product};
use sum::Sum;

use crate::spool::Slots;

/// A product on its way. Dropped before [`Encoding::finish`], nothing is left of it.
pub struct Encoding {
    stage: Stage,
    work: Work,
    next_strip: u32,
    /// What the budget promises for it.
    memory: Option<Share>,
    /// Made of the same rows, for those who look at the result.
    pyramid: Option<PyramidTap<Box<dyn Output>>>,
}

/// What becomes of strips.
enum Work {
    Write {
        rows: Box<dyn RowWriter>,
        output: Tap,
    },
    /// Maps, which are joined before they are written.
    Link {
        link: Box<Link>,
        rows: Box<dyn RowWriter>,
        output: Tap,
    },
    Merge(Sum),
}

impl Encoding {
    /// Begins a product of `stage` that is stored; `kept` is written with a result's pixels.
    ///
    /// # Errors
    /// If the format does not take the picture, or the output fails.
    pub fn begin(stage: &Stage, product: Product, kept: &Kept, output: Box<dyn Output>) -> Result<Self, EncodeError> {
        let output = Tap::new(output);
        let rows: Box<dyn RowWriter> = match product {
            Product::Result { format } => format.writer_with(output.clone(), stage.output, kept)?,
            Product::Rows => Box::new(RawWriter::new(output.clone(), stage.output)?),
        };
        let work = match stage.makes {
            Makes::Map => Work::Link { link: Box::new(Link::Waiting), rows, output },
            Makes::Pixels | Makes::Statistic | Makes::Result => Work::Write { rows, output },
        };
        Ok(Self { stage: stage.clone(), work, next_strip: 0, memory: None, pyramid: None })
    }

    /// Begins the numbers of a stage that measures.
    pub fn measuring(stage: &Stage) -> Self {
        let work = Work::Merge(Sum::default());
        Self { stage: stage.clone(), work, next_strip: 0, memory: None, pyramid: None }
    }

    /// Keeps `memory` as long as it lives.
    pub fn holding(self, memory: Option<Share>) -> Self {
        Self { memory, ..self }
    }

    /// Makes a pyramid on the way, which becomes visible with the product. One that fails leaves the product as it is.
    pub fn with_pyramid(self, most_bytes: u64, output: Box<dyn Output>) -> Self {
        let tap = PyramidTap::new(PyramidMaker::new(self.stage.output, Turn::None, most_bytes, output));
        let hung = |rows| Box::new(tap.writer(rows)) as Box<dyn RowWriter>;
        let work = match self.work {
            Work::Write { rows, output } => Work::Write { rows: hung(rows), output },
            Work::Link { link, rows, output } => Work::Link { link, rows: hung(rows), output },
            Work::Merge(sum) => Work::Merge(sum),
        };
        Self { work, pyramid: Some(tap), ..self }
    }

    /// The strip that comes next: the first once more, where all had to be seen before any is written.
    pub fn next_strip(&self) -> u32 {
        self.next_strip
    }

    /// Whether what was made so far depends on the tiles of `strip`.
    pub fn has_used(&self, strip: u32) -> bool {
        self.next_strip > strip || self.has_seen_all()
    }

    /// Whether all strips were seen once and go through again.
    pub fn has_seen_all(&self) -> bool {
        matches!(&self.work, Work::Link { link, .. } if link.is_settling())
    }

    /// Encodes `strips`, which begin with [`Encoding::next_strip`], putting them together in `buffer_bytes`,
    /// which have to be the same each time.
    ///
    /// # Errors
    /// [`EncodeError::BadSlot`] leaves the encoding where it can go on; after any other error it cannot.
    pub fn advance(&mut self, slots: &Slots, strips: Range<u32>, buffer_bytes: usize) -> Result<(), EncodeError> {
        if let Work::Link { link, .. } = &mut self.work {
            link.begin(&self.stage, slots)?;
        }
        let slots = slots.open().map_err(EncodeError::Spool)?;
        let mut buffer = StripBuffer::new(&self.stage, buffer_bytes);
        for strip in strips {
            match &mut self.work {
                Work::Write { rows, .. } => buffer.write_strip(&slots, strip, rows.as_mut())?,
                Work::Link { link, rows, .. } => buffer.link_strip(&slots, strip, link, rows.as_mut())?,
                Work::Merge(sum) => sum.add_strip(&self.stage, &slots, strip)?,
            }
            self.next_strip = strip + 1;
        }
        self.turn_back()
    }

    /// After the last strip, begins with the first again if that is needed.
    fn turn_back(&mut self) -> Result<(), EncodeError> {
        match &mut self.work {
            Work::Link { link, .. } if !link.is_settling() && self.next_strip == self.stage.turned_grid().rows() => {
                self.next_strip = 0;
                link.turn_back()
            }
            Work::Link { .. } | Work::Write { .. } | Work::Merge(_) => Ok(()),
        }
    }

    /// Whether all strips have become what they are to become.
    pub fn is_through(&self) -> bool {
        self.next_strip == self.stage.turned_grid().rows()
    }

    /// Completes the product, and makes it visible if it is stored.
    ///
    /// # Errors
    /// If strips are missing or the output fails.
    pub fn finish(self) -> Result<Made, EncodeError> {
        match self.work {
            Work::Write { rows, output } | Work::Link { rows, output, .. } => {
                rows.finish()?;
                // First, so that a result that can be had can be looked at.
                self.pyramid.iter().for_each(publish);
                Ok(Made::Stored(output.publish().map_err(EncodeError::Output)?))
            }
            Work::Merge(_) if self.next_strip < self.stage.turned_grid().rows() => {
                Err(EncodeError::Unsupported("strips are missing".to_owned()))
            }
            Work::Merge(sum) => sum.numbers(&self.stage).map(Made::Numbers),
        }
    }
}

fn publish(pyramid: &PyramidTap<Box<dyn Output>>) {
    if let Err(error) = pyramid.finish().and_then(Output::publish) {
        tracing::warn!(%error, "a result has no preview");
    }
}

impl std::fmt::Debug for Encoding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Encoding")
            .field("next_strip", &self.next_strip)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
