//! Whether the picture that is read is the one that was sent.
//!
//! Owns the digest of a file while it is read: decoders read nearly all of it in order, so that hardly a byte is
//! read twice for it. Knows no pictures.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::job::{Digest, Digester};
use parking_lot::Mutex;

/// Read from the file at once.
const PIECE_BYTES: usize = 256 << 10;

/// The proof of one file. Clones share it.
#[derive(Clone, Debug)]
pub struct Proof {
    file: Arc<File>,
    expected: Digest,
    made: Arc<Mutex<Made>>,
}

/// How far a digest has come.
#[derive(Debug, Default)]
struct Made {
    digester: Digester,
    bytes: u64,
}

impl Proof {
    /// Nothing of `file` is proved yet; its digest should be `expected`.
    ///
    /// # Errors
    /// If the system has no further file to give.
    pub fn of(file: &File, expected: Digest) -> io::Result<Self> {
        Ok(Self { file: Arc::new(file.try_clone()?), expected, made: Arc::default() })
    }

    /// The reader has read `bytes` that begin at `at`. What was seen before is not seen again.
    pub fn saw(&self, at: u64, bytes: &[u8]) {
        let mut made = self.made.lock();
        let new = made.bytes.checked_sub(at).and_then(|seen| bytes.get(usize::try_from(seen).ok()?..));
        if let Some(new) = new {
            made.digester.add(new);
            made.bytes += new.len() as u64;
        }
    }

    /// Whether what the reader has seen, and the rest of the file, are what was sent; `None` if `go_on`, which is
    /// asked again and again, does not want to know any longer.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn agrees(&self, go_on: impl FnMut() -> bool) -> io::Result<Option<bool>> {
        let mut made = self.made.lock();
        let Made { digester, bytes } = std::mem::take(&mut *made);
        self.compare(digester, bytes, go_on)
    }

    /// As [`Proof::agrees`], of the file as it is now, whatever the reader has seen.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn is_whole(&self, go_on: impl FnMut() -> bool) -> io::Result<Option<bool>> {
        self.compare(Digester::default(), 0, go_on)
    }

    fn compare(
        &self,
        mut digester: Digester,
        mut at: u64,
        mut go_on: impl FnMut() -> bool,
    ) -> io::Result<Option<bool>> {
        let mut piece = vec![0; PIECE_BYTES];
        while go_on() {
            match self.file.read_at(&mut piece, at) {
                Ok(0) => return Ok(Some(digester.finish() == self.expected)),
                Ok(count) => {
                    digester.add(&piece[..count]);
                    at += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn proof(bytes: &[u8], of: &[u8]) -> Proof {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Proof::of(&file, Digest::of(of)).unwrap()
    }

    #[test]
    fn what_was_read_counts_in_whatever_order_it_was_read() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
        let orders: [&[(usize, usize)]; 5] = [
            &[],
            &[(0, 1_000_000)],
            &[(0, 8), (999_000, 1_000_000), (8, 700), (600, 5000)],
            &[(500, 600), (0, 100)],
            &[(0, 100), (50, 80), (200, 300), (100, 200), (100, 999_999)],
        ];
        for order in orders {
            let proof = proof(&bytes, &bytes);
            order.iter().for_each(|(from, to)| proof.saw(*from as u64, &bytes[*from..*to]));
            assert_eq!(proof.agrees(|| true).unwrap(), Some(true), "{order:?}");
        }
    }

    #[test]
    fn a_wrong_byte_is_found_in_the_file_and_in_what_was_read_of_it() {
        let bytes = vec![7; 600_000];
        let mut other = bytes.clone();
        other[599_999] ^= 1;
        let damaged = proof(&other, &bytes);
        assert_eq!(damaged.agrees(|| true).unwrap(), Some(false));
        let short = proof(&bytes[..599_999], &bytes);
        short.saw(0, &bytes[..1000]);
        assert_eq!(short.agrees(|| true).unwrap(), Some(false));
        let misread = proof(&bytes, &bytes);
        misread.saw(0, &other);
        assert_eq!(misread.agrees(|| true).unwrap(), Some(false));
        assert_eq!(misread.is_whole(|| true).unwrap(), Some(true));
        assert_eq!(misread.is_whole(|| false).unwrap(), None);
    }
}
