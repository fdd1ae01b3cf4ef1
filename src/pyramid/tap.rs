//! Hanging a pyramid onto rows that pass: in front of whoever reads them, or of whoever writes them.
//!
//! Owns that a pyramid never stands in the way of the picture: whatever fails in making it, a panic too, is kept until the
//! end, and the rows go on.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::maker::PyramidMaker;
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader, RowWriter, WriteError};

/// A pyramid that is made while rows pass. Clones share it.
pub struct PyramidTap<W>(Arc<Mutex<Making<W>>>);

enum Making<W> {
    Well(Box<PyramidMaker<W>>),
    Failed(io::Error),
    Over,
}

impl<W: Write + Send + 'static> PyramidTap<W> {
    /// Makes a pyramid of the first rows that pass.
    pub fn new(maker: PyramidMaker<W>) -> Self {
        Self(Arc::new(Mutex::new(Making::Well(Box::new(maker)))))
    }

    /// Takes whole rows.
    pub fn add(&self, rows: &[u8]) {
        let mut making = self.0.lock();
        let Making::Well(maker) = &mut *making else { return };
        let added = catch_unwind(AssertUnwindSafe(|| maker.add(rows)));
        if let Err(error) = added.unwrap_or_else(|_| Err(io::Error::other("making a pyramid panicked"))) {
            // What was written of it goes with the maker.
            *making = Making::Failed(error);
        }
    }

    /// Whether it still waits for rows.
    pub fn wants_rows(&self) -> bool {
        matches!(&*self.0.lock(), Making::Well(maker) if !maker.is_full())
    }

    /// Whether no row has come.
    pub fn is_new(&self) -> bool {
        matches!(&*self.0.lock(), Making::Well(maker) if maker.is_new())
    }

    /// Ends the pyramid, and gives its output to be made visible.
    ///
    /// # Errors
    /// What has failed on the way; that rows are missing.
    pub fn finish(&self) -> io::Result<W> {
        match std::mem::replace(&mut *self.0.lock(), Making::Over) {
            Making::Well(maker) => maker.finish(),
            Making::Failed(error) => Err(error),
            Making::Over => Err(io::Error::other("the pyramid was finished before")),
        }
    }

    /// The rows of `reader`, of which a pyramid is made.
    pub fn reader<R: RowReader>(&self, reader: R) -> Tapped<R, W> {
        Tapped { rows: reader, tap: self.clone() }
    }

    /// Rows for `writer`, of which a pyramid is made.
    pub fn writer(&self, writer: Box<dyn RowWriter>) -> Tapped<Box<dyn RowWriter>, W> {
        Tapped { rows: writer, tap: self.clone() }
    }
}

impl<W> Clone for PyramidTap<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W> std::fmt::Debug for PyramidTap<W> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PyramidTap").finish_non_exhaustive()
    }
}

/// A reader or writer of rows with a pyramid hanging onto it.
#[derive(Debug)]
pub struct Tapped<T, W> {
    rows: T,
    tap: PyramidTap<W>,
}

impl<R: RowReader, W: Write + Send + 'static> RowReader for Tapped<R, W> {
    fn info(&self) -> PictureInfo {
        self.rows.info()
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        self.rows.read_row(row)?;
        self.tap.add(row);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        self.rows.finish()
    }

    fn remarks(&self) -> &[String] {
        self.rows.remarks()
    }
}

impl<W: Write + Send + 'static> RowWriter for Tapped<Box<dyn RowWriter>, W> {
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
        self.tap.add(row);
        self.rows.write_row(row)
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        self.rows.finish()
    }
}
