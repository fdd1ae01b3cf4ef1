//! How a dead letter is shown: its value for people, all of it as JSON.

use serde_json::{Value, json};
use tessera::bus::admin::{Letter, Peeked};
use tessera::bus::{Headers, Topic};

/// Bytes of a value that are shown.
const SHOWN_BYTES: usize = 256;

/// The beginning of a value: as text if it is one, else in hexadecimal.
pub(super) fn shown(value: &[u8]) -> String {
    let start = &value[..value.len().min(SHOWN_BYTES)];
    let text = match std::str::from_utf8(start) {
        Ok(text) if text.chars().all(|letter| !letter.is_control() || letter == '\n') => text.to_owned(),
        _ => start
            .chunks(32)
            .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
            .collect(),
    };
    let rest = value.len() - start.len();
    let more = if rest > 0 { format!("… {rest} bytes more: see --output\n") } else { String::new() };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{more}")
}

fn headers_json(headers: &Headers) -> serde_json::Map<String, Value> {
    headers.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned().into())).collect()
}

pub(super) fn peeked_json(topic: Topic, letter: &Peeked) -> Value {
    json!({
        "topic": topic.base_name(),
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key.as_deref().map(String::from_utf8_lossy),
        "payload_bytes": letter.payload_bytes,
        "headers": headers_json(&letter.headers),
    })
}

pub(super) fn letter_json(letter: &Letter) -> Value {
    json!({
        "topic": letter.topic.base_name(),
        "partition": 0,
        "offset": letter.offset,
        "key": letter.key.as_deref().map(String::from_utf8_lossy),
        "payload_bytes": letter.payload.len(),
        "payload": std::str::from_utf8(&letter.payload).ok(),
        "headers": headers_json(&letter.headers),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_text_or_in_hexadecimal() {
        assert_eq!(shown(b"{\"command\":1}"), "{\"command\":1}\n");
        assert_eq!(shown(&[0, 255]), "00ff\n");
        assert_eq!(shown(b""), "");
        assert!(shown(&[b'a'; 300]).ends_with("44 bytes more: see --output\n"));
        assert!(!shown(b"\x1b[2J").contains('\u{1b}'));
    }
}
