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
pub(super) fn headers(message: &BorrowedMessage<'_>) -> Headers {
    let mut list = ptr::null_mut();
    // SAFETY: the message outlives this function, and with it the list that it owns.
    if unsafe { native::rd_kafka_message_headers(message.ptr(), &mut list) } != OK || list.is_null() {
        return Headers::default();
    }
    // SAFETY: `list` is a valid list, see above.
    let count = unsafe { native::rd_kafka_header_cnt(list) };
    Headers::new((0..count).map_while(|index| header(list, index)).collect())
}

fn header(list: *const native::rd_kafka_headers_t, index: usize) -> Option<(String, Vec<u8>)> {
    let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
    // SAFETY: `list` is valid and all three results point to variables of ours.
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
