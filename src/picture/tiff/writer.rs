//! Writing TIFF in strips, without compression: all places are known beforehand, so that the directory
//! stands at the start and nothing is held or sought.
//!
//! Owns the choice of BigTIFF: exactly where 32-bit offsets do not suffice.

use std::io::{self, Write};

use crate::picture::PictureInfo;
use crate::picture::metadata::Kept;
use crate::picture::rows::{RowWriter, WriteError};

/// Bytes of a strip, unless a row is longer.
const STRIP_BYTES: u64 = 256 << 10;

/// Writes a TIFF, low byte first.
#[derive(Debug)]
pub struct TiffWriter<W> {
    out: W,
    info: PictureInfo,
    rows_left: u32,
}

impl<W: Write> TiffWriter<W> {
    /// Writes the directory of a picture of `info` with its colour profile and XMP; `out` should be buffered.
    ///
    /// # Errors
    /// If the output fails.
    pub fn new(mut out: W, info: PictureInfo, kept: &Kept) -> Result<Self, WriteError> {
        let [icc, xmp] = [&kept.icc, &kept.xmp].map(|part| part.as_deref().unwrap_or_default());
        let head = Head::new(info, icc.len() as u64, xmp.len() as u64);
        head.write(&mut out, &[icc, xmp].concat())?;
        Ok(Self { out, info, rows_left: info.size.height })
    }
}

impl<W: Write + Send> RowWriter for TiffWriter<W> {
    fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
        if self.rows_left == 0 || row.len() != self.info.row_bytes() {
            return Err(misfit(format!("a row of {} bytes with {} rows left", row.len(), self.rows_left)));
        }
        self.out.write_all(row)?;
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
    WriteError::Output(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// All places in the file.
struct Head {
    info: PictureInfo,
    big: bool,
    rows_per_strip: u32,
    strips: u64,
    icc_bytes: u64,
    xmp_bytes: u64,
}

impl Head {
    fn new(info: PictureInfo, icc_bytes: u64, xmp_bytes: u64) -> Self {
        let rows = (STRIP_BYTES / info.row_bytes() as u64).clamp(1, u64::from(info.size.height)) as u32;
        let strips = u64::from(info.size.height.div_ceil(rows));
        let small = Self { info, big: false, rows_per_strip: rows, strips, icc_bytes, xmp_bytes };
        let end = small.pixels_at() + info.bytes();
        Self { big: end > u64::from(u32::MAX), ..small }
    }

    /// Tag, type, number of values, value or place of the values.
    fn entries(&self) -> Vec<(u16, u16, u64, u64)> {
        const SHORT: u16 = 3;
        let long = if self.big { 16 } else { 4 };
        let format = self.info.format;
        let channels = format.layout.channels() as u64;
        let photometric = if format.layout.color_channels() == 1 { 1 } else { 2 };
        let bits = u64::from(format.depth.bits());
        let in_entry = if self.big { 4 } else { 2 };
        // Up to four 16-bit numbers that stand in the entry itself, the first lowest.
        let bits_value = if channels <= in_entry {
            (0..channels).fold(0, |value, at| value | bits << (16 * at))
        } else {
            self.bits_at()
        };
        let single = |at: u64, value: u64| if self.strips == 1 { value } else { at };
        let mut entries = vec![
            (256, 4, 1, self.info.size.width.into()),
            (257, 4, 1, self.info.size.height.into()),
            (258, SHORT, channels, bits_value),
            (259, SHORT, 1, 1),
            (262, SHORT, 1, photometric),
            (273, long, self.strips, single(self.offsets_at(), self.pixels_at())),
            (277, SHORT, 1, channels),
            (278, 4, 1, self.rows_per_strip.into()),
            (279, long, self.strips, single(self.lengths_at(), self.info.bytes())),
            (284, SHORT, 1, 1),
        ];
        if format.layout.has_alpha() {
            entries.push((338, SHORT, 1, 2));
        }
        if self.xmp_bytes > 0 {
            entries.push((700, 1, self.xmp_bytes, self.xmp_at()));
        }
        if self.icc_bytes > 0 {
            entries.push((34_675, 7, self.icc_bytes, self.icc_at()));
        }
        entries
    }

    fn offset_bytes(&self) -> u64 {
        if self.big { 8 } else { 4 }
    }

    /// Behind the file's start and the directory.
    fn bits_at(&self) -> u64 {
        let more = [self.info.format.layout.has_alpha(), self.icc_bytes > 0, self.xmp_bytes > 0];
        let entries = 10 + more.map(u64::from).iter().sum::<u64>();
        if self.big { 16 + 8 + entries * 20 + 8 } else { 8 + 2 + entries * 12 + 4 }
    }

    fn offsets_at(&self) -> u64 {
        self.bits_at() + 8
    }

    fn lengths_at(&self) -> u64 {
        self.offsets_at() + self.strips * self.offset_bytes()
    }

    fn icc_at(&self) -> u64 {
        self.lengths_at() + self.strips * self.offset_bytes()
    }

    fn xmp_at(&self) -> u64 {
        self.icc_at() + self.icc_bytes
    }

    fn pixels_at(&self) -> u64 {
        (self.xmp_at() + self.xmp_bytes).next_multiple_of(16)
    }

    fn strip_bytes(&self, strip: u64) -> u64 {
        let rows = u64::from(self.rows_per_strip);
        let rows = rows.min(u64::from(self.info.size.height) - strip * rows);
        rows * self.info.row_bytes() as u64
    }

    fn write(&self, out: &mut impl Write, kept: &[u8]) -> io::Result<()> {
        let entries = self.entries();
        let mut head = Vec::new();
        if self.big {
            head.extend_from_slice(b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0");
            head.extend_from_slice(&(entries.len() as u64).to_le_bytes());
        } else {
            head.extend_from_slice(b"II*\0\x08\0\0\0");
            head.extend_from_slice(&(entries.len() as u16).to_le_bytes());
        }
        for (tag, kind, count, value) in entries {
            head.extend_from_slice(&tag.to_le_bytes());
            head.extend_from_slice(&kind.to_le_bytes());
            self.put(&mut head, count);
            self.put(&mut head, value);
        }
        self.put(&mut head, 0);
        let bits = u16::from(self.info.format.depth.bits()).to_le_bytes();
        (0..4).for_each(|_| head.extend_from_slice(&bits));
        let strip = u64::from(self.rows_per_strip) * self.info.row_bytes() as u64;
        (0..self.strips).for_each(|index| self.put(&mut head, self.pixels_at() + index * strip));
        (0..self.strips).for_each(|index| self.put(&mut head, self.strip_bytes(index)));
        head.extend_from_slice(kept);
        head.resize(self.pixels_at() as usize, 0);
        out.write_all(&head)
    }

    fn put(&self, head: &mut Vec<u8>, number: u64) {
        head.extend_from_slice(&number.to_le_bytes()[..self.offset_bytes() as usize]);
    }
}
