//! Dead letters: a record as it came, with the headers that say why it was set aside.
//!
//! Owns those headers. Must never send, nor drop anything of the record.

use bytes::Bytes;

use super::{Delivery, Headers, MAX_ATTEMPTS, RawRecord};
use crate::config::KafkaArgs;

/// The longest error text that is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 2000;

/// The headers that say why, which a record does not keep when it is sent once more.
pub(super) const WHY: [&str; 7] =
    ["error-class", "error-message", "origin-topic", "origin-partition", "origin-offset", "attempts", "failed-at"];

/// The dead letter for a record; `None` for topics that have none (heartbeats are counted and
/// dropped). Send it, and acknowledge the record only when that succeeded.
#[must_use]
pub fn dead_letter(delivery: &Delivery, error_class: &str, error_message: &str, args: &KafkaArgs) -> Option<RawRecord> {
    let topic = delivery.topic.dead_letters()?;
    let why = [
        ("error-class", error_class.to_owned()),
        ("error-message", error_message.chars().take(MAX_MESSAGE_CHARS).collect()),
        ("origin-topic", delivery.topic.name(args)),
        ("origin-partition", delivery.partition.to_string()),
        ("origin-offset", delivery.offset.to_string()),
        // Finding them spent is not one more.
        ("attempts", delivery.attempt.min(MAX_ATTEMPTS).to_string()),
        ("failed-at", crate::time::now()),
    ];
    let came = delivery.headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec()));
    let why = why.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes()));
    Some(RawRecord {
        topic,
        key: delivery.key.clone(),
        partition: None,
        headers: Headers::new(came.chain(why).collect()),
        payload: Bytes::copy_from_slice(&delivery.payload),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Ack, Topic};

    fn delivery(topic: Topic) -> Delivery {
        let (sender, _) = std::sync::mpsc::channel();
        Delivery {
            topic,
            partition: 3,
            offset: 99,
            attempt: 2,
            cause: None,
            key: Some(vec![0xff, 0]),
            headers: Headers::new(vec![("task".to_owned(), vec![0xfe])]),
            payload: vec![1, 2, 3],
            ack: Ack::new(sender, 3, 1, 99, 3),
        }
    }

    #[test]
    fn a_dead_letter_is_the_record_as_it_came_and_says_why() {
        let args = KafkaArgs::new("localhost:9092", "p.");
        let letter = dead_letter(&delivery(Topic::Tasks), "Poison", &"x".repeat(5000), &args).unwrap();
        assert_eq!((letter.topic, letter.payload.as_ref()), (Topic::TasksDlq, &[1_u8, 2, 3][..]));
        assert_eq!(letter.key.as_deref(), Some(&[0xff_u8, 0][..]));
        assert_eq!(letter.headers.iter().next(), Some(("task", &[0xfe_u8][..])));
        assert_eq!(letter.headers.get("error-class"), Some("Poison"));
        assert_eq!(letter.headers.get("error-message").map(str::len), Some(MAX_MESSAGE_CHARS));
        assert_eq!(letter.headers.get("origin-topic"), Some("p.tasks"));
        assert_eq!(letter.headers.get("origin-partition"), Some("3"));
        assert_eq!(letter.headers.get("origin-offset"), Some("99"));
        assert_eq!(letter.headers.get("attempts"), Some("2"));
        let at = letter.headers.get("failed-at").unwrap();
        assert!(crate::time::millis(at).is_some() && at.ends_with('Z'));
    }

    #[test]
    fn a_record_is_spent_after_five_attempts_and_its_dead_letter_says_how_many_and_why() {
        let args = KafkaArgs::new("localhost:9092", "");
        let cause = || Some("its key is wrong".to_owned());
        assert_eq!(Delivery { attempt: 5, cause: cause(), ..delivery(Topic::Jobs) }.spent(), None);
        let spent = Delivery { attempt: 6, cause: cause(), ..delivery(Topic::Jobs) };
        let why = spent.spent().unwrap();
        assert_eq!(why, "5 attempts were in vain; at the last, its key is wrong");
        let letter = dead_letter(&spent, "spent", &why, &args).unwrap();
        assert_eq!(letter.headers.get("attempts"), Some("5"));
        assert_eq!(letter.headers.get("error-message"), Some(why.as_str()));
    }

    #[test]
    fn heartbeats_have_no_dead_letters() {
        let args = KafkaArgs::new("localhost:9092", "");
        assert!(dead_letter(&delivery(Topic::Heartbeats), "Poison", "", &args).is_none());
    }
}
