//! Copying a record out of the client's memory.
//!
//! Owns the one copy of a value between broker and handler. Must never panic on what a peer wrote:
//! rdkafka's own reader of headers does when a name is not UTF-8.

use std::ffi::CStr;
use std::ptr;

use rdkafka::bindings as native;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;

use crate::bus::Headers;

/// The headers of a record. A name that is not UTF-8 is kept as well as text can.
pub(in crate::bus) fn headers(message: &BorrowedMessage<'_>) -> Headers {
    let mut list = ptr::null_mut();
    // SAFETY: the message outlives this function, and with it the list that it owns.
    if unsafe { native::rd_kafka_message_headers(message.ptr(), &mut list) } != OK || list.is_null() {
        return Headers::default();
    }
    // SAFETY: `list` is a valid list, see above.
    unsafe { read(list) }
}

/// # Safety
/// `list` must be a valid list.
unsafe fn read(list: *const native::rd_kafka_headers_t) -> Headers {
    // SAFETY: the caller's promise.
    let count = unsafe { native::rd_kafka_header_cnt(list) };
    // SAFETY: the caller's promise.
    Headers::new((0..count).map_while(|index| unsafe { header(list, index) }).collect())
}

/// # Safety
/// `list` must be a valid list.
unsafe fn header(list: *const native::rd_kafka_headers_t, index: usize) -> Option<(String, Vec<u8>)> {
    let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
    // SAFETY: `list` is valid by the caller's promise and all three results go to variables of ours.
    if unsafe { native::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut len) } != OK {
        return None;
    }
    // SAFETY: the client ends names with a zero byte.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    if value.is_null() {
        return Some((name, Vec::new()));
    }
    // SAFETY: a value that is not null has `len` bytes.
    let value = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), len) };
    Some((name, value.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_any_bytes_are_read() {
        let came: [(&[u8], Option<&[u8]>); 4] =
            [(b"task", Some(b"{}")), (&[0xff, 0xfe], Some(&[0x80])), (b"none", None), (b"", Some(b""))];
        // SAFETY: the pointers come with their lengths; the list is valid until it is destroyed.
        let read = unsafe {
            let list = native::rd_kafka_headers_new(4);
            for (name, value) in came {
                let (value, len) =
                    value.map_or((ptr::null(), -1), |value| (value.as_ptr().cast(), value.len() as isize));
                native::rd_kafka_header_add(list, name.as_ptr().cast(), name.len() as isize, value, len);
            }
            let read = read(list);
            native::rd_kafka_headers_destroy(list);
            read
        };
        let expected = [("task", &b"{}"[..]), ("\u{fffd}\u{fffd}", &[0x80]), ("none", &[]), ("", &[])];
        assert_eq!(read.iter().collect::<Vec<_>>(), expected);
        assert_eq!(read.get("\u{fffd}\u{fffd}"), None, "not text");
    }
}
