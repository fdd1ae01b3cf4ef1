//! Handing a record to the client without copying its value.
//!
//! Owns the unsafe calls of the producer: rdkafka's own `send` always copies the value, which for a
//! tile costs CPU and doubles its memory while it waits. Must never free a value before its report.

use std::ffi::CString;
use std::ptr;

use rdkafka::bindings as native;
use rdkafka::bindings::rd_kafka_vtype_t as tag;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::IntoOpaque;

use super::context::{Context, Pending};
use crate::bus::Headers;

/// Lets the client choose by the key.
const ANY_PARTITION: i32 = -1;

/// A record without its value.
pub(super) struct Envelope<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) headers: &'a Headers,
}

/// Puts a record into the client's queue. On success its report will come to
/// [`Context`](super::context::Context), which then owns `pending`.
pub(super) fn enqueue(
    client: &BaseProducer<Context>,
    envelope: &Envelope<'_>,
    pending: Box<Pending>,
) -> Result<(), KafkaError> {
    let topic = CString::new(envelope.topic)?;
    let headers = NativeHeaders::new(envelope.headers);
    let (value, value_len) = (pending.payload().as_ptr(), pending.payload().len());
    let (key, key_len) = envelope.key.map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
    let opaque = pending.into_ptr();
    // SAFETY: all pointers are valid for the call. With no flag set the client copies topic and key
    // and reads the value in place until the delivery report; `Pending`, which owns the value, is
    // freed by that report only. Headers belong to the client if the call succeeds, else to us.
    let error = unsafe {
        native::rd_kafka_producev(
            client.client().native_ptr(),
            tag::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            tag::RD_KAFKA_VTYPE_PARTITION,
            envelope.partition.unwrap_or(ANY_PARTITION),
            tag::RD_KAFKA_VTYPE_MSGFLAGS,
            0_i32,
            tag::RD_KAFKA_VTYPE_VALUE,
            value,
            value_len,
            tag::RD_KAFKA_VTYPE_KEY,
            key,
            key_len,
            tag::RD_KAFKA_VTYPE_OPAQUE,
            opaque,
            tag::RD_KAFKA_VTYPE_HEADERS,
            headers.0,
            tag::RD_KAFKA_VTYPE_END,
        )
    };
    if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        std::mem::forget(headers);
        return Ok(());
    }
    // SAFETY: the client refused the record, so the pointer made above is still ours alone.
    drop(unsafe { Box::<Pending>::from_ptr(opaque) });
    Err(KafkaError::MessageProduction(error.into()))
}

/// Headers in the client's own form, until it takes them.
struct NativeHeaders(*mut native::rd_kafka_headers_t);

impl NativeHeaders {
    fn new(headers: &Headers) -> Self {
        // SAFETY: names and values are passed with their lengths and copied.
        unsafe {
            let list = native::rd_kafka_headers_new(headers.iter().count());
            for (name, value) in headers.iter() {
                let (name_len, value_len) = (name.len().cast_signed(), value.len().cast_signed());
                native::rd_kafka_header_add(list, name.as_ptr().cast(), name_len, value.as_ptr().cast(), value_len);
            }
            Self(list)
        }
    }
}

impl Drop for NativeHeaders {
    fn drop(&mut self) {
        // SAFETY: dropped only when the client did not take them.
        unsafe { native::rd_kafka_headers_destroy(self.0) }
    }
}
