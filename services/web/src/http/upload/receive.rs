//! Streams an upload into the store: what comes is looked at as it comes, and nothing is left of a failure.
//!
//! Memory is a chunk and a part of the store's writer, whatever the picture's size. Decides on the first
//! bytes whether it is a picture, by content alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::StreamExt;
use tessera::job::{Digest, JobId};
use tessera::picture::codec::{is_decided, refusal};
use tessera::picture::sniff::{Format, SNIFF_BYTES, sniff};
use tessera::store::{Object, ObjectWriter, Store, Written};

use super::disposition::Disposition;
use super::form::JobForm;
use super::multipart::{Event, MultipartError, Parser};
use super::pace::{Pace, TooSlow};
use crate::http::admission::{FORM_BYTES, too_large};
use crate::http::places::Holder;
use crate::http::problem::Problem;

/// The longest text field, in bytes.
const MAX_FIELD_BYTES: usize = 64 * 1024;

/// How an upload is taken.
#[derive(Debug)]
pub struct Terms {
    /// The most bytes of the picture.
    pub max_upload_bytes: u64,
    /// How slowly it may come.
    pub pace: Pace,
    /// Who sends it, and may be told to give way; `None`: no one else wants to.
    pub sender: Option<Arc<Holder>>,
    /// Whether fields beside the picture are ignored.
    pub ignore_fields: bool,
}

/// An upload that is whole and in the store.
#[derive(Debug)]
pub struct Received {
    /// The job it will be.
    pub job: JobId,
    /// The sender's name for it.
    pub filename: String,
    /// Its format by content.
    pub format: Format,
    /// Its bytes.
    pub bytes: u64,
    /// The other fields.
    pub form: JobForm,
    /// SHA-256 of the picture.
    pub digest: Option<Digest>,
    /// How long it took to come.
    pub took: Duration,
}

/// The picture while it comes.
struct Picture {
    writer: ObjectWriter,
    filename: String,
    format: Format,
}

/// What the bytes of the present part are.
enum Part {
    None,
    Text {
        name: String,
        value: Vec<u8>,
        is_file: bool,
    },
    /// A picture of which too few bytes are known to say what it is.
    Start {
        filename: String,
        bytes: Vec<u8>,
    },
    Picture(Box<Picture>),
}

/// Takes a whole form.
///
/// # Errors
/// A [`Problem`] that names what is wrong; nothing is left in the store then.
///
/// # Cancel safety
/// Dropped half way, nothing is left in the store either.
pub async fn receive(store: &Store, content_type: &str, body: &mut Payload, terms: Terms) -> Result<Received, Problem> {
    let began = Instant::now();
    let mut parser = Parser::new(content_type)?;
    let job = JobId::random();
    let mut upload = Upload { store, terms, job, form: JobForm::default(), part: Part::None, picture: None, came: 0 };
    if let Err(problem) = upload.take_all(&mut parser, body).await {
        upload.abort().await;
        return Err(problem);
    }
    let picture = upload.picture.ok_or_else(no_picture)?;
    let Picture { writer, filename, format } = *picture;
    let Written { bytes, digest } = writer.finish().await?;
    Ok(Received { job, filename, format, bytes, form: upload.form, digest, took: began.elapsed() })
}

struct Upload<'a> {
    store: &'a Store,
    terms: Terms,
    job: JobId,
    form: JobForm,
    part: Part,
    picture: Option<Box<Picture>>,
    /// Bytes of the body, whatever they were.
    came: u64,
}

impl Upload<'_> {
    async fn take_all(&mut self, parser: &mut Parser, body: &mut Payload) -> Result<(), Problem> {
        loop {
            match parser.next_event()? {
                Event::Part(disposition) => self.begin(disposition)?,
                Event::Data(bytes) => self.add(bytes).await?,
                Event::PartEnd => self.end().await?,
                Event::End => {
                    self.check_form()?;
                    return self.skip_rest(body).await;
                }
                Event::NeedsMore => match self.next_chunk(body).await? {
                    Some(chunk) => parser.push(&chunk),
                    None => return Ok(parser.finish()?),
                },
            }
        }
    }

    async fn next_chunk(&mut self, body: &mut Payload) -> Result<Option<Bytes>, Problem> {
        self.check_frame()?;
        let asked = Instant::now();
        if let Some(sender) = &self.terms.sender {
            sender.wait(asked);
        }
        let patience = self.terms.pace.patience(asked);
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(patience, body.next()) => chunk,
            () = gives_way(self.terms.sender.as_deref()) => return Err(gave_way()),
        };
        let now = Instant::now();
        let Some(chunk) = chunk.map_err(|_| self.terms.pace.idled(now))? else { return Ok(None) };
        let chunk = chunk.map_err(|error| Problem::BadRequest(format!("the upload ended early: {error}")))?;
        if let Some(sender) = &self.terms.sender {
            sender.moved(now, chunk.len());
        }
        self.terms.pace.arrived(asked, now, chunk.len())?;
        self.came += chunk.len() as u64;
        Ok(Some(chunk))
    }

    /// Tells all that is wrong with the fields that have come.
    fn check_form(&self) -> Result<(), Problem> {
        if self.terms.ignore_fields { Ok(()) } else { self.form.check() }
    }

    /// Whatever is sent beside the picture is bounded too: a body without an end must not be read without one. All
    /// that came before has been taken apart.
    fn check_frame(&self) -> Result<(), Problem> {
        let picture = match &self.part {
            Part::Picture(picture) => Some(picture),
            _ => self.picture.as_ref(),
        };
        let beside = self.came - picture.map_or(0, |picture| picture.writer.bytes());
        if beside <= FORM_BYTES {
            return Ok(());
        }
        let text = format!(
            "the form has more than {FORM_BYTES} bytes beside the picture: send the picture as the field image"
        );
        Err(Problem::TooLarge(text))
    }

    /// Reads what a sender may add after the form, so that the connection can be used again.
    async fn skip_rest(&mut self, body: &mut Payload) -> Result<(), Problem> {
        while self.next_chunk(body).await?.is_some() {}
        Ok(())
    }

    fn begin(&mut self, disposition: Disposition) -> Result<(), Problem> {
        let Disposition { name, filename } = disposition;
        self.part = match (name.as_str(), self.picture.is_some()) {
            ("image", false) => {
                // What is wrong is told before the picture is sent, as far as it came before it.
                self.check_form()?;
                Part::Start { filename: filename.unwrap_or_default(), bytes: Vec::new() }
            }
            ("image", true) => return Err(Problem::BadRequest("image is given twice: send one picture".to_owned())),
            _ => Part::Text { name, value: Vec::new(), is_file: filename.is_some() },
        };
        Ok(())
    }

    async fn add(&mut self, more: Bytes) -> Result<(), Problem> {
        match &mut self.part {
            Part::None => {}
            Part::Text { name, value, is_file } => {
                if *is_file && !self.terms.ignore_fields && value.len() < SNIFF_BYTES {
                    let start: Vec<u8> = value.iter().chain(more.iter()).copied().take(SNIFF_BYTES).collect();
                    refuse_picture(name, &start)?;
                }
                if value.len() + more.len() > MAX_FIELD_BYTES {
                    return Err(Problem::BadRequest(format!(
                        "the field {name:?} is longer than {MAX_FIELD_BYTES} bytes"
                    )));
                }
                value.extend_from_slice(&more);
            }
            Part::Start { filename, bytes } => {
                bytes.extend_from_slice(&more);
                if is_decided(bytes) {
                    let (filename, bytes) = (std::mem::take(filename), std::mem::take(bytes));
                    self.begin_picture(filename, bytes.into()).await?;
                }
            }
            Part::Picture(_) => self.add_to_picture(more).await?,
        }
        Ok(())
    }

    async fn begin_picture(&mut self, filename: String, start: Bytes) -> Result<(), Problem> {
        let format = recognized(&start)?;
        let writer = self.store.writer(&Object::Original(self.job)).await?;
        self.part = Part::Picture(Box::new(Picture { writer, filename, format }));
        self.add_to_picture(start).await
    }

    async fn add_to_picture(&mut self, bytes: Bytes) -> Result<(), Problem> {
        let Part::Picture(picture) = &mut self.part else { return Ok(()) };
        let most = self.terms.max_upload_bytes;
        if picture.writer.bytes() + bytes.len() as u64 > most {
            return Err(too_large(most));
        }
        Ok(picture.writer.write(bytes).await?)
    }

    async fn end(&mut self) -> Result<(), Problem> {
        if let Part::Start { filename, bytes } = &mut self.part {
            if filename.is_empty() && bytes.is_empty() {
                return Err(no_picture());
            }
            let (filename, bytes) = (std::mem::take(filename), std::mem::take(bytes));
            self.begin_picture(filename, bytes.into()).await?;
        }
        match std::mem::replace(&mut self.part, Part::None) {
            Part::Text { name, value, .. } => {
                let value = std::str::from_utf8(&value);
                let value = value.map_err(|_| Problem::BadRequest(format!("the field {name:?} is not UTF-8 text")))?;
                if !self.terms.ignore_fields {
                    self.form.take(&name, value)?;
                }
            }
            Part::Picture(picture) => self.picture = Some(picture),
            Part::None | Part::Start { .. } => {}
        }
        Ok(())
    }

    async fn abort(self) {
        let unfinished = match self.part {
            Part::Picture(picture) => Some(picture),
            _ => None,
        };
        for picture in [unfinished, self.picture].into_iter().flatten() {
            picture.writer.abort().await;
        }
    }
}

async fn gives_way(sender: Option<&Holder>) {
    match sender {
        Some(sender) => sender.told().await,
        None => std::future::pending().await,
    }
}

fn gave_way() -> Problem {
    Problem::Unavailable(
        "others wait to send, and this upload came most slowly: it had to give its place away".to_owned(),
    )
}

/// The format of a picture that is taken, by its first bytes.
fn recognized(start: &[u8]) -> Result<Format, Problem> {
    match sniff(start) {
        Some(format) => Ok(format),
        None => Err(Problem::UnsupportedMedia(refusal(start))),
    }
}

/// A picture in a field of another name was meant to be the picture.
fn refuse_picture(field: &str, start: &[u8]) -> Result<(), Problem> {
    match sniff(start) {
        None => Ok(()),
        Some(_) => {
            let field: String = field.chars().take(100).collect();
            Err(Problem::BadRequest(format!("the picture came as the field {field:?}: send it as the field image")))
        }
    }
}

fn no_picture() -> Problem {
    Problem::BadRequest("no picture was sent: send one as the form field image".to_owned())
}

impl From<MultipartError> for Problem {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::ContentType => Self::UnsupportedMedia(error.to_string()),
            error => Self::BadRequest(error.to_string()),
        }
    }
}

impl From<TooSlow> for Problem {
    fn from(error: TooSlow) -> Self {
        Self::TooSlow(error.to_string())
    }
}

#[cfg(test)]
mod tests;
