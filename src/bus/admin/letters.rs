//! Single dead letters: one whole record, sent once more or dropped.
//!
//! Owns what an operator does with them. Must never touch another kind of topic.

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{LIMIT, admin, options};
use super::peek::{read_range, reader};
use crate::bus::consumer::copy;
use crate::bus::dead_letter::WHY;
use crate::bus::producer::blocking;
use crate::bus::{BusError, Headers, RawRecord, Topic};
use crate::config::KafkaArgs;

const READING: &str = "reading a dead letter";
const DROPPING: &str = "dropping dead letters";
/// Dead letters have one partition.
const PARTITION: i32 = 0;

/// A whole dead letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The topic it lies in.
    pub topic: Topic,
    /// Its place there.
    pub offset: i64,
    /// When it was set aside, in milliseconds since 1970.
    pub at_ms: Option<i64>,
    /// Its key, as it came.
    pub key: Option<Vec<u8>>,
    /// Its headers: as they came, and why it was set aside.
    pub headers: Headers,
    /// Its value, as it came.
    pub payload: Vec<u8>,
}

impl Letter {
    /// The record as it came, to be sent to where it came from; `None` for what is no dead letter of ours.
    #[must_use]
    pub fn record(&self) -> Option<RawRecord> {
        let topic = Topic::ALL.into_iter().find(|topic| topic.dead_letters() == Some(self.topic))?;
        let came = self.headers.iter().filter(|(name, _)| !WHY.contains(name));
        Some(RawRecord {
            topic,
            key: self.key.clone(),
            partition: None,
            headers: Headers::new(came.map(|(name, value)| (name.to_owned(), value.to_vec())).collect()),
            payload: Bytes::copy_from_slice(&self.payload),
        })
    }
}

/// The dead letter of `topic` at `offset`; `None` if there is none.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is missing.
pub async fn read_letter(args: &KafkaArgs, topic: Topic, offset: i64) -> Result<Option<Letter>, BusError> {
    let (consumer, name) = (reader(args)?, topic.name(args));
    let wanted = name.clone();
    blocking(READING, &name, move || {
        let (begin, end) = consumer.fetch_watermarks(&wanted, PARTITION, LIMIT)?;
        let mut found = None;
        if (begin..end).contains(&offset) {
            read_range(&consumer, &wanted, PARTITION, offset..offset + 1, |message| {
                found = Some(Letter {
                    topic,
                    offset,
                    at_ms: message.timestamp().to_millis(),
                    key: message.key().map(<[u8]>::to_vec),
                    headers: copy::headers(message),
                    payload: message.payload().unwrap_or_default().to_vec(),
                });
            })?;
        }
        Ok(found)
    })
    .await
}

/// Drops the dead letters of `topic` up to and with the one at `through`; all if that is `None`. Gives the first
/// offset that is left.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is missing, and
/// [`BusError::Refused`] when `through` is beyond its end.
pub async fn drop_letters(args: &KafkaArgs, topic: Topic, through: Option<i64>) -> Result<i64, BusError> {
    let name = topic.name(args);
    let before = through.map_or(Offset::End, |through| Offset::Offset(through.saturating_add(1)));
    let mut places = TopicPartitionList::new();
    let placed = places.add_partition_offset(&name, PARTITION, before);
    placed.map_err(|error| BusError::of(DROPPING, &name, error))?;
    let answer = admin(args)?.delete_records(&places, &options()).await;
    let answer = answer.map_err(|error| BusError::of(DROPPING, &name, error))?;
    let element = answer.elements().into_iter().next();
    let left = element.map(|element| element.error().map(|()| element.offset()));
    match left {
        Some(Ok(Offset::Offset(left))) => Ok(left),
        Some(Err(error)) => Err(BusError::of(DROPPING, &name, error)),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_goes_back_as_it_came() {
        let headers = [("schema", "task/1.0"), ("error-class", "Poison"), ("origin-topic", "tasks"), ("attempts", "3")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let letter = Letter {
            topic: Topic::TasksDlq,
            offset: 7,
            at_ms: None,
            key: Some(vec![0xff]),
            headers: Headers::new(headers.to_vec()),
            payload: vec![1, 2],
        };
        let record = letter.record().unwrap();
        assert_eq!(
            (record.topic, record.key.as_deref(), record.payload.as_ref()),
            (Topic::Tasks, Some(&[0xff][..]), &[1, 2][..])
        );
        assert_eq!(record.headers.iter().collect::<Vec<_>>(), [("schema", &b"task/1.0"[..])]);
        assert!(Letter { topic: Topic::Tasks, ..letter }.record().is_none());
    }
}
