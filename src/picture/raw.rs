//! Rows between two stages: a small header, then each row's samples as they are, with a checksum behind it.
//!
//! Owns that format, and that no row is given out that is not the one that was written: a tile is cut and sent long
//! before the last row is read. Rows of another version do not read; their maker makes them again.

use std::io::{ErrorKind, Read, Write};

use super::rows::{ReadError, RowReader, RowWriter, WriteError};
use super::{Depth, Layout, PictureInfo, PixelFormat, Size};

const MAGIC: &[u8; 8] = b"TESSROWS";
const VERSION: u8 = 2;
const HEADER_BYTES: usize = 20;
/// Behind each row: the CRC-32C of the file up to there, its checksums left out.
const CHECKSUM_BYTES: usize = 4;

fn header_bytes(info: PictureInfo) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8] = VERSION;
    header[9] = info.format.layout.channels() as u8;
    header[10] = info.format.depth.bits();
    header[12..16].copy_from_slice(&info.size.width.to_le_bytes());
    header[16..].copy_from_slice(&info.size.height.to_le_bytes());
    header
}

fn parse_header(header: &[u8; HEADER_BYTES]) -> Result<PictureInfo, String> {
    let [.., w0, w1, w2, w3, h0, h1, h2, h3] = *header;
    if &header[..8] != MAGIC || header[8] != VERSION {
        return Err(format!("no rows of version {VERSION}"));
    }
    let layout = Layout::from_channels(usize::from(header[9])).ok_or(format!("{} channels", header[9]))?;
    let format = PixelFormat { layout, depth: Depth::try_from(header[10])? };
    let size = Size { width: u32::from_le_bytes([w0, w1, w2, w3]), height: u32::from_le_bytes([h0, h1, h2, h3]) };
    if size.pixels() == 0 {
        return Err("a side of 0 pixels".to_owned());
    }
    Ok(PictureInfo { size, format })
}

/// Reads rows that [`RawWriter`] wrote.
#[derive(Debug)]
pub struct RawRows<R> {
    input: R,
    info: PictureInfo,
    next_row: u32,
    crc: u32,
}

impl<R: Read> RawRows<R> {
    /// Reads the header; `input` should be buffered.
    ///
    /// # Errors
    /// [`ReadError::Header`] if it is not such a header.
    pub fn open(mut input: R) -> Result<Self, ReadError> {
        let mut header = [0; HEADER_BYTES];
        input.read_exact(&mut header).map_err(|error| ReadError::Header(describe(&error)))?;
        let info = parse_header(&header).map_err(ReadError::Header)?;
        Ok(Self { input, info, next_row: 0, crc: crc32c::crc32c(&header) })
    }

    fn row_error(&self, cause: String) -> ReadError {
        ReadError::Row { row: self.next_row, rows: self.info.size.height, cause }
    }
}

impl<R: Read + Send> RowReader for RawRows<R> {
    fn info(&self) -> PictureInfo {
        self.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.next_row >= self.info.size.height || row.len() != self.info.row_bytes() {
            return Err(self.row_error(format!("there is no such row of {} bytes", row.len())));
        }
        self.input.read_exact(row).map_err(|error| self.row_error(describe(&error)))?;
        let mut stored = [0; CHECKSUM_BYTES];
        self.input.read_exact(&mut stored).map_err(|error| self.row_error(describe(&error)))?;
        self.crc = crc32c::crc32c_append(self.crc, row);
        if u32::from_le_bytes(stored) != self.crc {
            return Err(self.row_error("the checksum does not agree".to_owned()));
        }
        self.next_row += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        if self.next_row < self.info.size.height {
            return Err(self.row_error("the rows were not read to the end".to_owned()));
        }
        Ok(())
    }
}

fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "the file ends early".to_owned(),
        _ => error.to_string(),
    }
}

/// Writes rows for [`RawRows`].
#[derive(Debug)]
pub struct RawWriter<W> {
    out: W,
    info: PictureInfo,
    rows_left: u32,
    crc: u32,
}

impl<W: Write> RawWriter<W> {
    /// Writes the header; `out` should be buffered.
    ///
    /// # Errors
    /// If the output fails.
    pub fn new(mut out: W, info: PictureInfo) -> Result<Self, WriteError> {
        let header = header_bytes(info);
        out.write_all(&header)?;
        Ok(Self { out, info, rows_left: info.size.height, crc: crc32c::crc32c(&header) })
    }
}

impl<W: Write + Send> RowWriter for RawWriter<W> {
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
        if self.rows_left == 0 || row.len() != self.info.row_bytes() {
            return Err(misfit(format!("a row of {} bytes with {} rows left", row.len(), self.rows_left)));
        }
        self.crc = crc32c::crc32c_append(self.crc, row);
        self.out.write_all(row)?;
        self.out.write_all(&self.crc.to_le_bytes())?;
        self.rows_left -= 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        if self.rows_left > 0 {
            return Err(misfit(format!("{} rows are missing", self.rows_left)));
        }
        Ok(self.out.flush()?)
    }
}

fn misfit(text: String) -> WriteError {
    WriteError::Output(std::io::Error::new(ErrorKind::InvalidInput, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> PictureInfo {
        let format = PixelFormat { layout: Layout::GrayAlpha, depth: Depth::Sixteen };
        PictureInfo { size: Size { width: 5, height: 3 }, format }
    }

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Box::new(RawWriter::new(&mut bytes, info()).unwrap());
        (0..3u8).for_each(|y| writer.write_row(&[y; 20]).unwrap());
        writer.finish().unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(), ReadError> {
        let mut rows = RawRows::open(bytes)?;
        let mut row = vec![0; rows.info().row_bytes().min(1 << 16)];
        for y in 0..rows.info().size.height {
            rows.read_row(&mut row)?;
            assert!(row.iter().all(|byte| *byte == y as u8), "row {y} is not the one that was written");
        }
        rows.finish()
    }

    #[test]
    fn rows_come_back_and_none_is_given_out_that_is_damaged() {
        let bytes = written();
        assert_eq!(RawRows::open(&bytes[..]).unwrap().info(), info());
        read(&bytes).unwrap();
        for at in 0..bytes.len() {
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert!(read(&flipped).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn missing_rows_are_an_error() {
        let mut writer = Box::new(RawWriter::new(Vec::new(), info()).unwrap());
        writer.write_row(&[0; 20]).unwrap();
        assert!(writer.write_row(&[0; 19]).is_err());
        assert!(writer.finish().is_err());
    }
}
