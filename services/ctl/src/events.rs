//! A job's stream of events, as the running system sends it (server-sent events).
//!
//! Reads and puts together; what is shown and when it is tried again is decided elsewhere.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};

/// The longest line that is read: a whole job with its tiles is far shorter.
const LONGEST_LINE_BYTES: u64 = 8 << 20;

/// One event.
#[derive(Debug, PartialEq)]
pub struct Event {
    /// `snapshot`, `change`, `waiting` or `gone`.
    pub kind: String,
    /// What to resume with.
    pub id: Option<String>,
    /// What it says.
    pub data: Map<String, Value>,
}

/// An open stream.
pub struct EventStream<R> {
    lines: BufReader<R>,
}

impl<R: Read> EventStream<R> {
    /// Reads events from a body.
    pub fn new(body: R) -> Self {
        Self { lines: BufReader::new(body) }
    }

    /// Waits for the next event; `None`: the stream has ended.
    ///
    /// # Errors
    /// If the connection breaks, or what comes is no event.
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event { kind: String::new(), id: None, data: Map::new() };
        loop {
            let mut line = String::new();
            if (&mut self.lines).take(LONGEST_LINE_BYTES).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end_matches(['\r', '\n']);
            let (name, value) =
                line.split_once(':').map(|(name, value)| (name, value.trim_start())).unwrap_or((line, ""));
            match name {
                "event" => value.clone_into(&mut event.kind),
                "id" => event.id = Some(value.to_owned()),
                "data" => event.data = serde_json::from_str(value).map_err(io::Error::other)?,
                "" if line.is_empty() && !event.kind.is_empty() => return Ok(Some(event)),
                _ => {}
            }
        }
    }
}

/// A job, put together from its events.
#[derive(Debug, Default)]
pub struct Watched {
    /// The job as it is known.
    pub job: Value,
    /// What to resume with.
    pub last_id: Option<String>,
}

impl Watched {
    /// Takes an event in; whether it said anything of the job.
    pub fn take(&mut self, event: &Event) -> bool {
        if let Some(id) = &event.id {
            self.last_id = Some(id.clone());
        }
        match event.kind.as_str() {
            "snapshot" => self.job = Value::Object(event.data.clone()),
            "change" => {
                let Value::Object(job) = &mut self.job else { return false };
                job.extend(event.data.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_past_comments_and_put_together() {
        let text = "retry: 1000\n\n: alive\n\nevent: snapshot\nid: 1\ndata: {\"status\":\"queued\",\"reason\":null}\n\n\
                    event: waiting\ndata: {}\n\nevent: change\r\nid: 2\r\ndata: {\"status\":\"done\"}\r\n\r\n";
        let mut stream = EventStream::new(text.as_bytes());
        let mut watched = Watched::default();
        let mut kinds = Vec::new();
        while let Some(event) = stream.next_event().unwrap() {
            watched.take(&event);
            kinds.push(event.kind);
        }
        assert_eq!(kinds, ["snapshot", "waiting", "change"]);
        assert_eq!((watched.last_id.as_deref(), &watched.job["status"]), (Some("2"), &"done".into()));
        assert!(EventStream::new(&b"event: x\ndata: no json\n\n"[..]).next_event().is_err());
    }
}
