//! A record that was handed out, with the means to say what became of it.

use crate::bus::ack::Ack;
use crate::bus::{Headers, Topic};

/// Attempts at a record after which it is set aside. They are counted under one assignment; a failure because
/// something is down is not counted.
pub const MAX_ATTEMPTS: u32 = 5;

/// A record that was handed out.
#[derive(Debug)]
pub struct Delivery {
    /// Where from.
    pub topic: Topic,
    /// The partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Which attempt it is under this assignment, from 1; see [`Delivery::spent`].
    pub attempt: u32,
    /// Why the last attempt was in vain, as far as its handler said.
    pub cause: Option<String>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its headers, as they came.
    pub headers: Headers,
    /// Its value; a missing one is empty.
    pub payload: Vec<u8>,
    /// How to say that it is finished, or not.
    pub ack: Ack,
}

impl Delivery {
    /// Why no further attempt is to be made at the record: it is for the dead letters, unread. `None` until
    /// [`MAX_ATTEMPTS`] were made.
    #[must_use]
    pub fn spent(&self) -> Option<String> {
        let cause = self.cause.as_deref().unwrap_or("its handling gave up without a reason");
        (self.attempt > MAX_ATTEMPTS).then(|| format!("{MAX_ATTEMPTS} attempts were in vain; at the last, {cause}"))
    }
}
