//! A watcher of a job that reads events one by one.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Map, Value};

use super::Site;

/// An event, or a comment.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub id: String,
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    pub status: u16,
    pub head: String,
    lines: BufReader<TcpStream>,
}

impl Stream {
    /// Asks by HTTP/1.0, whose answers have no framing of their own.
    pub fn open(site: &Site, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut socket = site.connect();
        let mut head = format!("GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: text/event-stream\r\n", site.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        socket.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "no whole head: {head}");
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        Self { status, head: head.to_lowercase(), lines }
    }

    /// Waits for the next block; `None`: the stream has ended.
    pub fn block(&mut self) -> Option<Event> {
        let (mut event, mut any) = (Event { kind: String::new(), id: String::new(), data: Value::Null }, false);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                assert!(!any, "the stream ended within an event");
                return None;
            }
            match line.trim_end().split_once(':') {
                Some(("event", kind)) => event.kind = kind.trim().to_owned(),
                Some(("id", id)) => event.id = id.trim().to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                Some(("", _)) => event.kind = "comment".to_owned(),
                Some(_) => {}
                None => return Some(event),
            }
            any = true;
        }
    }

    /// Waits for the next event, comments and settings left out.
    pub fn event(&mut self) -> Option<Event> {
        loop {
            let event = self.block()?;
            if !event.kind.is_empty() && event.kind != "comment" {
                return Some(event);
            }
        }
    }

    /// All events to the end.
    pub fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.event()).collect()
    }
}

/// Puts the events of a job together as a page does; `changes` add up.
pub fn merged<'a>(events: impl IntoIterator<Item = &'a Event>) -> Map<String, Value> {
    let mut job = Map::new();
    for event in events {
        if event.kind == "snapshot" {
            job = Map::new();
        }
        for (name, value) in event.data.as_object().expect("an object") {
            match (job.get_mut(name), value) {
                (_, Value::Null) => drop(job.insert(name.clone(), Value::Null)),
                (Some(Value::Array(all)), Value::Array(more)) if name == "changes" => all.extend(more.iter().cloned()),
                _ => drop(job.insert(name.clone(), value.clone())),
            }
        }
    }
    job
}
