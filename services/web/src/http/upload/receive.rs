//! Streams an upload into the store: what comes is looked at as it comes, and nothing is left of a failure.
//!
//! Memory is a chunk and a part of the store's writer, whatever the picture's size. Decides on the first
//! bytes whether it is a picture, by content alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Payload;
use bytes::Bytes;
use tessera::job::{Digest, JobId};
use tessera::picture::codec::{is_decided, refusal};
use tessera::picture::sniff::{Format, sniff};
use tessera::store::{Object, ObjectWriter, Store, Written};

use super::disposition::Disposition;
use super::field::Field;
use super::form::JobForm;
use super::incoming::Incoming;
use super::multipart::{Event, Parser};
use super::pace::UploadPace;
use crate::http::admission::{FORM_BYTES, too_large};
use crate::http::places::Holder;
use crate::http::problem::Problem;

/// How an upload is taken.
#[derive(Debug)]
pub struct Terms {
    /// The most bytes of the picture.
    pub max_upload_bytes: u64,
    /// How slowly it may come.
    pub pace: UploadPace,
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
    Text(Field),
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
    let Terms { max_upload_bytes, pace, sender, ignore_fields } = terms;
    let (incoming, form) = (Incoming::new(body, pace, sender), JobForm::default());
    let mut upload =
        Upload { store, incoming, max_upload_bytes, ignore_fields, job, form, part: Part::None, picture: None };
    if let Err(problem) = upload.take_all(&mut parser).await {
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
    incoming: Incoming<'a>,
    max_upload_bytes: u64,
    ignore_fields: bool,
    job: JobId,
    form: JobForm,
    part: Part,
    picture: Option<Box<Picture>>,
}

impl Upload<'_> {
    async fn take_all(&mut self, parser: &mut Parser) -> Result<(), Problem> {
        loop {
            match parser.next_event()? {
                Event::Part(disposition) => self.begin(disposition)?,
                Event::Data(bytes) => self.add(bytes).await?,
                Event::PartEnd => self.end().await?,
                Event::End => {
                    self.check_form()?;
                    return self.skip_rest().await;
                }
                Event::NeedsMore => match self.next_chunk().await? {
                    Some(chunk) => parser.push(&chunk),
                    None => return Ok(parser.finish()?),
                },
            }
        }
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        self.check_frame()?;
        self.incoming.next_chunk().await
    }

    /// Reads what a sender may add after the form, so that the connection can be used again.
    async fn skip_rest(&mut self) -> Result<(), Problem> {
        while self.next_chunk().await?.is_some() {}
        Ok(())
    }

    /// Tells all that is wrong with the fields that have come.
    fn check_form(&self) -> Result<(), Problem> {
        if self.ignore_fields { Ok(()) } else { self.form.check() }
    }

    /// Whatever is sent beside the picture is bounded too: a body without an end must not be read without one. All
    /// that came before has been taken apart.
    fn check_frame(&self) -> Result<(), Problem> {
        let picture = match &self.part {
            Part::Picture(picture) => Some(picture),
            _ => self.picture.as_ref(),
        };
        let beside = self.incoming.came() - picture.map_or(0, |picture| picture.writer.bytes());
        if beside <= FORM_BYTES {
            return Ok(());
        }
        let text = format!(
            "the form has more than {FORM_BYTES} bytes beside the picture: send the picture as the field image"
        );
        Err(Problem::TooLarge(text))
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
            _ => Part::Text(Field::new(name, filename.is_some())),
        };
        Ok(())
    }

    async fn add(&mut self, more: Bytes) -> Result<(), Problem> {
        match &mut self.part {
            Part::None => {}
            Part::Text(field) => field.add(&more, self.ignore_fields)?,
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
        let most = self.max_upload_bytes;
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
            Part::Text(field) if !self.ignore_fields => self.form.take(field.name(), field.text()?)?,
            Part::Text(field) => drop(field.text()?),
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

/// The format of a picture that is taken, by its first bytes.
fn recognized(start: &[u8]) -> Result<Format, Problem> {
    match sniff(start) {
        Some(format) => Ok(format),
        None => Err(Problem::UnsupportedMedia(refusal(start))),
    }
}

fn no_picture() -> Problem {
    Problem::BadRequest("no picture was sent: send one as the form field image".to_owned())
}

#[cfg(test)]
mod tests;
