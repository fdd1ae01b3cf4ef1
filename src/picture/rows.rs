//! Pictures as streams of rows: the traits that all formats are read and written through.

use super::PictureInfo;

/// Why a picture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The header is damaged, or asks for something that is not supported; the text names it.
    #[error("reading the header: {0}")]
    Header(String),
    /// The data of a picture that is decoded whole ends or is damaged.
    #[error("decoding the {format}: {cause}")]
    Whole {
        /// The format's name.
        format: &'static str,
        /// What was wrong.
        cause: String,
    },
    /// The data ends or is damaged within the rows.
    #[error("reading row {row} of {rows}: {cause}")]
    Row {
        /// The row that could not be read, from 0.
        row: u32,
        /// Rows of the picture.
        rows: u32,
        /// What was wrong.
        cause: String,
    },
    /// All rows came, but the end of the input is missing or damaged.
    #[error("reading the end, after row {rows} of {rows}: {cause}")]
    End {
        /// Rows of the picture.
        rows: u32,
        /// What was wrong.
        cause: String,
    },
}

/// Why a picture cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The format does not take such a picture.
    #[error("writing the picture: {0}")]
    Unsupported(String),
    /// The output could not take the bytes.
    #[error("writing the picture")]
    Output(#[from] std::io::Error),
}

/// Gives a picture's rows from top to bottom.
pub trait RowReader: Send {
    /// The picture's size and pixel format.
    fn info(&self) -> PictureInfo;

    /// Reads the next row into `row`, of exactly `info().row_bytes()` bytes; 16-bit samples low byte first.
    ///
    /// # Errors
    /// If the data ends or is damaged; the error names the row.
    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError>;

    /// Verifies the end of the input, after the last row.
    ///
    /// # Errors
    /// If it is missing or a checksum does not agree.
    fn finish(&mut self) -> Result<(), ReadError>;

    /// What the sender should know of the picture and what only reading it to its end has shown; asked for after
    /// [`RowReader::finish`].
    fn remarks(&self) -> &[String] {
        &[]
    }
}

impl<R: RowReader + ?Sized> RowReader for Box<R> {
    fn info(&self) -> PictureInfo {
        (**self).info()
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        (**self).read_row(row)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        (**self).finish()
    }

    fn remarks(&self) -> &[String] {
        (**self).remarks()
    }
}

impl<R: RowReader + ?Sized> RowReader for &mut R {
    fn info(&self) -> PictureInfo {
        (**self).info()
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        (**self).read_row(row)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        (**self).finish()
    }

    fn remarks(&self) -> &[String] {
        (**self).remarks()
    }
}

/// Takes a picture's rows from top to bottom.
pub trait RowWriter: Send {
    /// Writes the next row, as [`RowReader::read_row`] gives it.
    ///
    /// # Errors
    /// If the output fails.
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError>;

    /// Completes the file, after the last row, and flushes the output.
    ///
    /// # Errors
    /// If rows are missing or the output fails.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}
