//! Results that are linked over the whole picture: their maps wait in a file, are joined, and settled there.

use std::io::{BufReader, Read, SeekFrom};

use super::rows::rows;
use super::{Aside, MakeAside, Resources, RunError};
use crate::linking::Linker;
use crate::operation::Chain;
use crate::picture::PictureInfo;
use crate::picture::rows::{ReadError, RowReader};

/// Rows that are joined and settled at once.
const STRIP_ROWS: usize = 64;
/// Read from the file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Rows in a file, which can be read again and again.
pub(super) struct Rows {
    file: Box<dyn Aside>,
    info: PictureInfo,
}

/// Runs a chain whose last step links, and keeps the rows of its result.
pub(super) fn link(
    reader: Box<dyn RowReader + '_>,
    chain: &Chain,
    resources: Resources,
    make_aside: &mut MakeAside<'_>,
) -> Result<Rows, RunError> {
    let info = chain.result(reader.info())?;
    let mut file = make_aside().map_err(RunError::Aside)?;
    let notes = make_aside().map_err(RunError::Aside)?;
    let mut linker = Linker::new(info.size.width, info.format.layout.channels(), notes);
    let mut strip = Vec::new();
    let strip_bytes = info.row_bytes().saturating_mul(STRIP_ROWS);
    let mut join = |strip: &mut Vec<u8>| {
        file.write_all(strip).map_err(RunError::Aside)?;
        linker.add(strip)?;
        strip.clear();
        Ok(())
    };
    rows(reader, chain, resources, make_aside, &mut |row| {
        strip.extend_from_slice(row);
        if strip.len() >= strip_bytes { join(&mut strip) } else { Ok(()) }
    })?;
    if !strip.is_empty() {
        join(&mut strip)?;
    }
    settle(linker, &mut file, info, strip_bytes)?;
    Ok(Rows { file, info })
}

/// Turns the maps in the file into rows of the result, in the strips that were joined.
fn settle(
    linker: Linker<Box<dyn Aside>>,
    file: &mut Box<dyn Aside>,
    info: PictureInfo,
    strip_bytes: usize,
) -> Result<(), RunError> {
    let mut settler = linker.finish()?;
    let mut strip = Vec::new();
    let mut at = 0;
    while at < info.bytes() {
        let length = usize::try_from(info.bytes() - at).unwrap_or(usize::MAX).min(strip_bytes);
        strip.resize(length, 0);
        file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut strip)).map_err(RunError::Aside)?;
        settler.settle(&mut strip)?;
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&strip)).map_err(RunError::Aside)?;
        at += length as u64;
    }
    Ok(())
}

impl Rows {
    pub(super) fn open(&mut self) -> Result<Box<dyn RowReader + '_>, RunError> {
        self.file.rewind().map_err(RunError::Aside)?;
        let file = BufReader::with_capacity(BUFFER_BYTES, &mut self.file);
        Ok(Box::new(Again { file, info: self.info, row: 0 }))
    }
}

/// The rows of a file, once more.
struct Again<'a> {
    file: BufReader<&'a mut Box<dyn Aside>>,
    info: PictureInfo,
    row: u32,
}

impl RowReader for Again<'_> {
    fn info(&self) -> PictureInfo {
        self.info
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        let (at, rows) = (self.row, self.info.size.height);
        let failed = |error: std::io::Error| ReadError::Row { row: at, rows, cause: error.to_string() };
        self.file.read_exact(row).map_err(failed)?;
        self.row += 1;
        Ok(())
    }

    /// The file was written here: there is nothing behind its rows.
    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}
