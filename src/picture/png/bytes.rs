//! The order of a sample's bytes: PNG stores the high one of 16 bits first, rows here the low one.

/// Turns one order into the other; both ways are the same swap.
pub(super) fn swap_bytes(row: &mut [u8]) {
    row.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
}
