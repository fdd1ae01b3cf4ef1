//! Files made by hand, field by field.

use super::{LONG, SHORT};

/// A TIFF made by hand: the pieces first, then the directory. Offsets and lengths of the pieces are added
/// as `tables`.
pub(super) fn handmade(
    big_endian: bool,
    fields: &[(u16, u16, &[u64])],
    tables: (u16, u16),
    pieces: &[&[u8]],
) -> Vec<u8> {
    let offsets: Vec<u64> =
        pieces.iter().scan(8, |at, piece| Some(std::mem::replace(at, *at + piece.len() as u64))).collect();
    let lengths: Vec<u64> = pieces.iter().map(|piece| piece.len() as u64).collect();
    let mut fields = fields.to_vec();
    fields.extend([(tables.0, LONG, &offsets[..]), (tables.1, LONG, &lengths[..])]);
    fields.sort_by_key(|field| field.0);
    let put = |value: u64, width: usize| {
        let bytes = if big_endian { value.to_be_bytes()[8 - width..].to_vec() } else { value.to_le_bytes().to_vec() };
        bytes[..width].to_vec()
    };
    let directory_at = 8 + pieces.concat().len() as u64;
    let mut file = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    file.extend(put(directory_at, 4));
    file.extend(pieces.concat());
    file.extend(put(fields.len() as u64, 2));
    let mut behind = Vec::new();
    for (tag, kind, values) in &fields {
        let width = if *kind == SHORT { 2 } else { 4 };
        let mut bytes: Vec<u8> = values.iter().flat_map(|value| put(*value, width)).collect();
        if bytes.len() > 4 {
            let at = directory_at + 2 + fields.len() as u64 * 12 + 4 + behind.len() as u64;
            behind.append(&mut bytes);
            bytes = put(at, 4);
        }
        bytes.resize(4, 0);
        file.extend([put((*tag).into(), 2), put((*kind).into(), 2), put(values.len() as u64, 4), bytes].concat());
    }
    file.extend(put(0, 4));
    [file, behind].concat()
}

pub(super) fn basic(width: u64, height: u64, bits: u64, photometric: u64) -> Vec<(u16, u16, Vec<u64>)> {
    vec![(256, LONG, vec![width]), (257, LONG, vec![height]), (258, SHORT, vec![bits]), (262, SHORT, vec![photometric])]
}

pub(super) fn strips(big_endian: bool, fields: &[(u16, u16, Vec<u64>)], pieces: &[&[u8]]) -> Vec<u8> {
    let fields: Vec<_> = fields.iter().map(|(tag, kind, values)| (*tag, *kind, &values[..])).collect();
    handmade(big_endian, &fields, (273, 279), pieces)
}

pub(super) fn with(mut fields: Vec<(u16, u16, Vec<u64>)>, more: &[(u16, &[u64])]) -> Vec<(u16, u16, Vec<u64>)> {
    fields.extend(more.iter().map(|(tag, values)| (*tag, SHORT, values.to_vec())));
    fields
}
