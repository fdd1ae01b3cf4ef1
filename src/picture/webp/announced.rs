//! A WebP whose header announces what the decoder is to find: the transparency that the picture has, and nothing beside it.
//!
//! Owns a few bits: the decoder leaves out a transparency that is there and not announced, and refuses a file without the
//! profile, EXIF or XMP that is announced. All other bytes are the file's.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Bytes up to the flags of the extended header, and the flags.
const HEAD_BYTES: usize = 21;
const EXTENDED: std::ops::Range<usize> = 12..16;
const ALPHA: u8 = 0x10;
const BESIDE_THE_PICTURE: u8 = 0x20 | 0x08 | 0x04;

/// A file from its start, with other flags if it has an extended header.
#[derive(Debug)]
pub(super) struct Announced<R> {
    inner: R,
    head: [u8; HEAD_BYTES],
    at: u64,
}

impl<R: BufRead + Seek> Announced<R> {
    /// Reads the start of `inner`, which must be at its beginning, of a picture with or without transparency.
    pub(super) fn new(mut inner: R, has_alpha: bool) -> io::Result<Self> {
        let mut head = [0; HEAD_BYTES];
        inner.read_exact(&mut head)?;
        if head[EXTENDED] == *b"VP8X" {
            let flags = head[HEAD_BYTES - 1] & !(BESIDE_THE_PICTURE | ALPHA);
            head[HEAD_BYTES - 1] = if has_alpha { flags | ALPHA } else { flags };
        }
        Ok(Self { inner, head, at: 0 })
    }

    /// What is left of the start.
    fn rest(&self) -> &[u8] {
        usize::try_from(self.at).ok().and_then(|at| self.head.get(at..)).unwrap_or_default()
    }
}

impl<R: BufRead + Seek> Read for Announced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead + Seek> BufRead for Announced<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() { self.inner.fill_buf() } else { Ok(self.rest()) }
    }

    fn consume(&mut self, count: usize) {
        if self.rest().is_empty() {
            self.inner.consume(count);
        }
        self.at += count as u64;
    }
}

impl<R: BufRead + Seek> Seek for Announced<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Current(by) => {
                SeekFrom::Start(self.at.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?)
            }
            other => other,
        };
        let at = self.inner.seek(to)?;
        // The inner reader stands behind the start as long as that is read from here.
        if at < HEAD_BYTES as u64 {
            self.inner.seek(SeekFrom::Start(HEAD_BYTES as u64))?;
        }
        self.at = at;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn every_byte_but_the_flags_is_the_file_s_in_whatever_order_it_is_read() {
        let mut file: Vec<u8> = (0..100).collect();
        file[EXTENDED].copy_from_slice(b"VP8X");
        file[20] = 0x2e;
        let mut right = file.clone();
        right[20] = ALPHA | 2;
        let mut announced = Announced::new(Cursor::new(&file), true).unwrap();
        for (to, count) in
            [(SeekFrom::Start(0), 100), (SeekFrom::Start(18), 10), (SeekFrom::Current(-9), 5), (SeekFrom::End(-3), 3)]
        {
            let at = announced.seek(to).unwrap() as usize;
            let mut read = vec![0; count];
            announced.read_exact(&mut read).unwrap();
            assert_eq!(read, right[at..at + count], "{to:?}");
            assert_eq!(announced.stream_position().unwrap() as usize, at + count);
        }
        file[12] = b'x';
        let mut plain = Vec::new();
        Announced::new(Cursor::new(&file), true).unwrap().read_to_end(&mut plain).unwrap();
        assert_eq!(plain, file);
    }
}
