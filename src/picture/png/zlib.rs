//! Inflating a chunk's data, up to a limit.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// What zlib's data says, `most` bytes and one more, and whether it is whole.
pub(super) fn inflate(data: &[u8], most: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let read = ZlibDecoder::new(data).take(most as u64 + 1).read_to_end(&mut bytes);
    (bytes, read.is_ok())
}
