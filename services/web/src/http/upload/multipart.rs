//! Takes `multipart/form-data` apart as its bytes arrive.
//!
//! Holds no more than one chunk and one part's header. Never trusts a length that is claimed, and takes any
//! bytes as a file's name: names are data here, and the body of a part is handed on as it comes.

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;

use super::disposition::{Disposition, read_disposition};
use crate::http::problem::Problem;

/// The longest header of a part, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The longest boundary, in bytes (RFC 2046).
const MAX_BOUNDARY_BYTES: usize = 70;

/// Why a body is not `multipart/form-data`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum MultipartError {
    /// The request's content type is another, or has no boundary.
    #[error("the request's content type is not multipart/form-data with a boundary")]
    ContentType,
    /// What follows a boundary, or a part's header, is damaged.
    #[error("the form is damaged: {0}")]
    Damaged(&'static str),
    /// The body ended within a part.
    #[error("the form ended early")]
    Incomplete,
}

/// What comes next in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Part(Disposition),
    /// Bytes of the part.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The form is complete.
    End,
    /// Nothing until more bytes are pushed.
    NeedsMore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    Boundary,
    Header,
    Body,
    Done,
}

/// Reads a form of which more and more bytes are known.
#[derive(Debug)]
pub struct Parser {
    delimiter: Finder<'static>,
    buffer: BytesMut,
    state: State,
}

impl Parser {
    /// A parser for a body with this content type.
    ///
    /// # Errors
    /// [`MultipartError::ContentType`] if that is not `multipart/form-data` with a boundary.
    pub fn new(content_type: &str) -> Result<Self, MultipartError> {
        let boundary = boundary(content_type).ok_or(MultipartError::ContentType)?;
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        // The first delimiter has no line before it; this one lets it be found like all others.
        Ok(Self { delimiter, buffer: BytesMut::from(&b"\r\n"[..]), state: State::Preamble })
    }

    /// Adds bytes of the body. All events of earlier ones should have been taken.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.state != State::Done {
            self.buffer.extend_from_slice(chunk);
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// If the bytes are no form.
    pub fn next_event(&mut self) -> Result<Event, MultipartError> {
        loop {
            let event = match self.state {
                State::Preamble => self.preamble(),
                State::Boundary => self.after_boundary()?,
                State::Header => self.header()?,
                State::Body => Some(self.body()),
                State::Done => Some(Event::End),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// [`MultipartError::Incomplete`] if the form had not.
    pub fn finish(&self) -> Result<(), MultipartError> {
        if self.state == State::Done { Ok(()) } else { Err(MultipartError::Incomplete) }
    }

    /// Skips what comes before the first boundary.
    fn preamble(&mut self) -> Option<Event> {
        match self.delimiter.find(&self.buffer) {
            Some(at) => {
                let _ = self.buffer.split_to(at + self.delimiter.needle().len());
                self.state = State::Boundary;
                None
            }
            None => {
                let keep = self.possible_delimiter();
                let _ = self.buffer.split_to(keep);
                Some(Event::NeedsMore)
            }
        }
    }

    /// `--` ends the form, a line break begins a part; blanks before it are allowed.
    fn after_boundary(&mut self) -> Result<Option<Event>, MultipartError> {
        let blanks = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if blanks > MAX_BOUNDARY_BYTES {
            return Err(MultipartError::Damaged("blanks after a boundary"));
        }
        let Some(two) = self.buffer.get(blanks..blanks + 2) else { return Ok(Some(Event::NeedsMore)) };
        self.state = match two {
            b"--" => State::Done,
            b"\r\n" => State::Header,
            _ => return Err(MultipartError::Damaged("a boundary that is not followed by a line break")),
        };
        // The line break stays: an empty header is then a line break followed by another.
        let _ = self.buffer.split_to(blanks);
        Ok(None)
    }

    fn header(&mut self) -> Result<Option<Event>, MultipartError> {
        let end = memchr::memmem::find(&self.buffer, b"\r\n\r\n");
        match end {
            Some(end) if end <= MAX_HEADER_BYTES => {
                let header = self.buffer.split_to(end + 4);
                let disposition = read_disposition(&header);
                self.state = State::Body;
                let part = disposition.ok_or(MultipartError::Damaged("a part without a name"))?;
                Ok(Some(Event::Part(part)))
            }
            None if self.buffer.len() <= MAX_HEADER_BYTES => Ok(Some(Event::NeedsMore)),
            _ => Err(MultipartError::Damaged("a part's header is too long")),
        }
    }

    fn body(&mut self) -> Event {
        match self.delimiter.find(&self.buffer) {
            Some(0) => {
                let _ = self.buffer.split_to(self.delimiter.needle().len());
                self.state = State::Boundary;
                Event::PartEnd
            }
            Some(at) => Event::Data(self.buffer.split_to(at).freeze()),
            None => match self.possible_delimiter() {
                0 => Event::NeedsMore,
                safe => Event::Data(self.buffer.split_to(safe).freeze()),
            },
        }
    }

    /// Where the last bytes begin that more bytes could make a delimiter of; the length if there are none.
    fn possible_delimiter(&self) -> usize {
        let needle = self.delimiter.needle();
        let length = self.buffer.len();
        let first = length.saturating_sub(needle.len() - 1);
        (first..length).find(|&at| needle.starts_with(&self.buffer[at..])).unwrap_or(length)
    }
}

/// The boundary in `multipart/form-data; boundary=…`, quoted or not.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
    })?;
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (printable && (1..=MAX_BOUNDARY_BYTES).contains(&value.len())).then_some(value)
}

impl From<MultipartError> for Problem {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::ContentType => Self::UnsupportedMedia(error.to_string()),
            error => Self::BadRequest(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
