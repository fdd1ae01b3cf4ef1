//! Reading JPEG scanline by scanline.

use std::fmt;
use std::io::{BufRead, Read, Seek, SeekFrom};

use mozjpeg::ColorSpace;
use mozjpeg::decompress::{DecompressBuilder, DecompressStarted};

use super::entropy;
use super::errors::{guarded, manager, watched};
use super::header::{JpegHeader, read_info};
use super::inks::to_rgb;
use crate::picture::rows::{ReadError, RowReader};
use crate::picture::{Layout, PictureInfo};

/// Scans of a JPEG that are read at most; encoders of progressive pictures write about ten.
const MAX_SCANS: usize = 100;

/// The rows of a JPEG, top to bottom.
pub struct JpegRows<R> {
    decoder: Option<Decoder<R>>,
    info: PictureInfo,
    /// A row of four inks.
    inks: Option<Vec<u8>>,
    next_row: u32,
    /// Bytes were left over, at which one has to look again.
    has_surplus: bool,
    remarks: Vec<String>,
}

/// The C library's state.
struct Decoder<R>(DecompressStarted<R>);

// SAFETY: the library's state is reached through this value only, and it has no ties to a thread; the
// raw pointers inside it point to memory that it owns.
unsafe impl<R: Send> Send for Decoder<R> {}

impl<R: BufRead + Seek> JpegRows<R> {
    /// Reads the headers. `max_whole_bytes` bounds the memory of a picture of several scans.
    ///
    /// # Errors
    /// [`ReadError::Header`] as [`read_info`], and for pictures of several scans that need more memory than
    /// that or have more than 100 of them.
    pub fn open(mut input: R, max_whole_bytes: u64) -> Result<Self, ReadError> {
        let header = read_info(&mut input)?;
        let info = header.info;
        check_scans(&header, &mut input, max_whole_bytes)?;
        input.seek(SeekFrom::Start(0)).map_err(|error| ReadError::Header(error.to_string()))?;
        let colors = match (header.has_inks, info.format.layout) {
            (true, _) => ColorSpace::JCS_CMYK,
            (false, Layout::Gray) => ColorSpace::JCS_GRAYSCALE,
            (false, _) => ColorSpace::JCS_RGB,
        };
        // What is left over between the headers was found above.
        let headers = guarded(|| DecompressBuilder::new().with_err(manager()).from_reader(input));
        let headers = headers.map_err(ReadError::Header)?;
        let (started, has_surplus) = watched(|| headers.to_colorspace(colors)).map_err(ReadError::Header)?;
        let size = info.size;
        if (started.width(), started.height()) != (size.width as usize, size.height as usize) {
            return Err(ReadError::Header("two frame headers that do not agree".to_owned()));
        }
        let inks = header.has_inks.then(|| vec![0; size.width as usize * 4]);
        Ok(Self { decoder: Some(Decoder(started)), info, inks, next_row: 0, has_surplus, remarks: Vec::new() })
    }

    /// Makes sure that what was left over changed no pixel.
    fn look_again(&mut self, mut input: R) -> Result<(), String> {
        input.rewind().map_err(|error| error.to_string())?;
        entropy::check(&mut input)?;
        self.remarks.push("it has data that belongs to nothing beside its pixels; it was skipped".to_owned());
        Ok(())
    }

    fn row_error(&self, cause: impl Into<String>) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.info.size.height, cause: cause.into() }
    }
}

fn check_scans(header: &JpegHeader, input: &mut impl BufRead, max: u64) -> Result<(), ReadError> {
    header.clone().into_header().check_memory(max)?;
    if header.many_scans {
        let scans = 1 + count_scans(input).map_err(|error| ReadError::Header(error.to_string()))?;
        if scans > MAX_SCANS {
            return Err(ReadError::Header(format!(
                "a JPEG of more than {MAX_SCANS} scans; save it as a baseline JPEG"
            )));
        }
    }
    Ok(())
}

/// Counts start-of-scan markers from here on, up to one more than is allowed.
fn count_scans(input: &mut impl BufRead) -> std::io::Result<usize> {
    let mut scans = 0;
    let mut after_ff = false;
    for byte in input.bytes() {
        let byte = byte?;
        if after_ff && byte == 0xDA {
            scans += 1;
            if scans > MAX_SCANS {
                break;
            }
        }
        after_ff = byte == 0xFF;
    }
    Ok(scans)
}

impl<R: BufRead + Seek + Send> RowReader for JpegRows<R> {
    fn info(&self) -> PictureInfo {
        self.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.next_row >= self.info.size.height || row.len() != self.info.row_bytes() {
            return Err(self.row_error("there is no such row"));
        }
        let Some(mut decoder) = self.decoder.take() else {
            return Err(self.row_error("an earlier row was damaged"));
        };
        let stored = self.inks.as_mut().map_or(&mut *row, Vec::as_mut_slice);
        let read = watched(|| decoder.0.read_scanlines_into(stored).map(|_| ()));
        let ((), has_surplus) = read.map_err(|cause| self.row_error(cause))?;
        self.has_surplus |= has_surplus;
        if let Some(stored) = &self.inks {
            to_rgb(stored, row);
        }
        self.decoder = Some(decoder);
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        let rows = self.info.size.height;
        let end = |cause: String| ReadError::End { rows, cause };
        if self.next_row < rows {
            return Err(end(format!("only {} rows were read", self.next_row)));
        }
        let decoder = self.decoder.take().ok_or_else(|| end("it was read before".to_owned()))?;
        let (input, has_surplus) = watched(|| decoder.0.finish_into_inner()).map_err(end)?;
        if self.has_surplus || has_surplus {
            self.look_again(input).map_err(end)?;
        }
        Ok(())
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

impl<R> fmt::Debug for JpegRows<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JpegRows").field("info", &self.info).field("next_row", &self.next_row).finish()
    }
}
