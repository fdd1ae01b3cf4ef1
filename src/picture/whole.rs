//! Pictures that can only be decoded whole, given by rows.
//!
//! Owns that nothing is decoded before the first row is asked for, so that a caller that opens a picture can
//! first ask for the memory ([`super::codec::Header::whole_bytes`]), and that a decoder that panics is a
//! picture that cannot be read.

use std::fmt;
use std::io::{BufRead, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::PictureInfo;
use super::header::Header;
use super::rows::{ReadError, RowReader};
use super::sniff::Format;

/// Decodes a picture: gives the bytes of all rows.
pub(super) type Decode = Box<dyn FnOnce() -> Result<Vec<u8>, String> + Send>;

/// The rows of a picture that is decoded whole.
pub(super) struct WholeRows {
    info: PictureInfo,
    format: Format,
    decode: Option<Decode>,
    bytes: Vec<u8>,
    next_row: u32,
}

impl WholeRows {
    /// Will decode a picture of `info` when its first row is asked for.
    pub(super) fn new(format: Format, info: PictureInfo, decode: Decode) -> Self {
        Self { info, format, decode: Some(decode), bytes: Vec::new(), next_row: 0 }
    }

    fn error(&self, cause: String) -> ReadError {
        ReadError::Whole { format: self.format.name(), cause }
    }

    fn decode(&mut self, decode: Decode) -> Result<(), ReadError> {
        let outcome = catch_unwind(AssertUnwindSafe(decode));
        let outcome = outcome.unwrap_or_else(|_| Err("the decoder does not know what to do with it".to_owned()));
        let bytes = outcome.map_err(|cause| self.error(cause))?;
        if bytes.len() as u64 != self.info.bytes() {
            return Err(self.error("it is not as large as its header says".to_owned()));
        }
        self.bytes = bytes;
        Ok(())
    }
}

/// Opens a picture that is decoded when its first row is asked for.
///
/// # Errors
/// Those of `read_header`, and if it needs more memory than `max_decode_bytes`.
pub(super) fn open<R: BufRead + Seek + Send + 'static>(
    mut input: R,
    max_decode_bytes: u64,
    read_header: impl Fn(&mut R) -> Result<Header, ReadError>,
    decode: fn(R, PictureInfo) -> Result<Vec<u8>, String>,
) -> Result<Box<dyn RowReader>, ReadError> {
    let header = read_header(&mut input)?;
    header.check_memory(max_decode_bytes)?;
    input.rewind().map_err(|error| ReadError::Header(error.to_string()))?;
    let info = header.info;
    Ok(Box::new(WholeRows::new(header.format, info, Box::new(move || decode(input, info)))))
}

impl RowReader for WholeRows {
    fn info(&self) -> PictureInfo {
        self.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if let Some(decode) = self.decode.take() {
            self.decode(decode)?;
        }
        let start = self.next_row as usize * self.info.row_bytes();
        let stored = self.bytes.get(start..).and_then(|rest| rest.get(..self.info.row_bytes()));
        match stored {
            Some(stored) if stored.len() == row.len() => row.copy_from_slice(stored),
            _ => {
                let cause = "there is no such row".to_owned();
                return Err(ReadError::Row { row: self.next_row, rows: self.info.size.height, cause });
            }
        }
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.next_row < self.info.size.height {
            let cause = "the rows were not read to the end".to_owned();
            return Err(ReadError::Row { row: self.next_row, rows: self.info.size.height, cause });
        }
        self.bytes = Vec::new();
        Ok(())
    }
}

impl fmt::Debug for WholeRows {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("WholeRows").field("info", &self.info).field("next_row", &self.next_row).finish()
    }
}

/// Room for all samples of a picture, zeroed.
///
/// # Errors
/// If the machine has not so much memory.
pub(super) fn room(bytes: u64) -> Result<Vec<u8>, String> {
    let mut room = Vec::new();
    let bytes = usize::try_from(bytes).map_err(|_| format!("{bytes} bytes are beyond this machine"))?;
    room.try_reserve_exact(bytes).map_err(|_| format!("no memory for {bytes} bytes"))?;
    room.resize(bytes, 0);
    Ok(room)
}
