//! The rows that a stage is cut from: the picture as it was sent, or the rows of an earlier stage.
//!
//! Tells a picture that is damaged from a store that cannot be read: the one fails the job, the other
//! is waited for.

mod proof;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::job::{JobId, Manifest};
use crate::picture::codec::{self, MAX_DECODE_BYTES};
use crate::picture::raw::RawRows;
use crate::picture::sniff::Format;
use crate::picture::{ReadError, RowReader};
use crate::store::{Damage, Object, Store, StoreError};
use parking_lot::Mutex;

pub use proof::Proof;

/// Read from the file at once.
const BUFFER_BYTES: usize = 256 << 10;

const DECODER_PANICKED: &str =
    "reading the picture: its decoder panicked; the picture is probably damaged, please report it";

/// Why a stage's input cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The store cannot be read now.
    #[error("reading the picture")]
    Store(#[source] StoreError),
    /// The system has no further file to give.
    #[error("reading the picture: {0}")]
    Io(String),
    /// The input will never be there.
    #[error("{0}")]
    Gone(String),
    /// Rows of an earlier stage are not there: that stage has to be run again.
    #[error("{0}")]
    NoRows(String),
}

/// What the sender of a picture reads that is no longer what was sent.
pub fn damaged(damage: &Damage) -> String {
    format!("the picture was damaged in the store after it was sent ({damage}): send the picture again")
}

/// A stage's input, opened but not read.
#[derive(Debug)]
pub struct Input {
    file: File,
    kind: Kind,
    fault: Fault,
    /// Of pictures; rows carry checksums of their own, and manifests of earlier versions no digest.
    proof: Option<Proof>,
    max_decode_bytes: u64,
    whole_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Picture(Format),
    Raw,
}

/// What the store said when it could not be read; empty while it could.
#[derive(Clone, Debug, Default)]
pub struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    /// What the store said.
    pub fn text(&self) -> Option<String> {
        self.0.lock().clone()
    }

    /// Keeps what the store says now.
    pub fn note(&self, error: &io::Error) {
        *self.0.lock() = Some(error.to_string());
    }
}

impl Input {
    /// Opens the input of `stage`; `rows` names it for stages that do not read the picture itself.
    ///
    /// # Errors
    /// If the store cannot be read now, or has no such object.
    pub async fn open(store: &Store, manifest: &Manifest, stage: u32, rows: Option<&str>) -> Result<Self, InputError> {
        let (object, kind) = locate(manifest, stage, rows)?;
        match store.open_local(&object).await {
            Ok(local) => {
                let digest = manifest.digest.filter(|_| matches!(kind, Kind::Picture(_)));
                let (has, had) = (local.bytes(), manifest.bytes_in);
                if digest.is_some() && has != had {
                    return Err(InputError::Gone(damaged(&Damage::Length { has, had })));
                }
                let (mut file, fault) = (local.into_file(), Fault::default());
                let proof = digest.map(|digest| Proof::of(&file, digest)).transpose();
                let proof = proof.map_err(|error| InputError::Io(error.to_string()))?;
                // Read beside the runtime; whatever is wrong with the header, the cutter will say.
                let look = move || (whole_bytes(&mut file, kind).unwrap_or(0), file);
                let looked = tokio::task::spawn_blocking(look).await;
                let (whole_bytes, file) = looked.map_err(|_| InputError::Gone(DECODER_PANICKED.to_owned()))?;
                Ok(Self { file, kind, fault, proof, max_decode_bytes: MAX_DECODE_BYTES, whole_bytes })
            }
            Err(StoreError::Missing { name }) if matches!(kind, Kind::Raw) => {
                Err(InputError::NoRows(format!("reading stage {stage}: {name} is missing from the store")))
            }
            Err(StoreError::Missing { name }) => Err(InputError::Gone(format!(
                "reading the picture: {name} is missing from the store; send the picture again"
            ))),
            Err(error) => Err(InputError::Store(error)),
        }
    }

    /// Bounds the memory of a picture that must be decoded whole.
    pub fn within(self, max_decode_bytes: u64) -> Self {
        Self { max_decode_bytes, ..self }
    }

    /// Memory that decoding holds beside a few rows: 0 unless the picture must be decoded whole.
    pub fn whole_bytes(&self) -> u64 {
        self.whole_bytes
    }

    /// What the store says while the rows are read.
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// What proves that the picture which is read is the one that was sent; `None` for rows.
    pub fn proof(&self) -> Option<Proof> {
        self.proof.clone()
    }

    /// Whether these are rows of an earlier stage.
    pub fn is_rows(&self) -> bool {
        matches!(self.kind, Kind::Raw)
    }

    /// Reads the header.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn into_rows(self) -> Result<Box<dyn RowReader>, ReadError> {
        let watched = Watched { file: self.file, at: 0, fault: self.fault, proof: self.proof };
        let file = BufReader::with_capacity(BUFFER_BYTES, watched);
        match self.kind {
            Kind::Picture(format) => codec::open(format, file, self.max_decode_bytes),
            Kind::Raw => Ok(Box::new(RawRows::open(file)?)),
        }
    }
}

/// What [`Input::whole_bytes`] says, by the picture's header.
fn whole_bytes(file: &mut File, kind: Kind) -> Result<u64, ReadError> {
    let Kind::Picture(format) = kind else { return Ok(0) };
    let bytes =
        codec::whole_bytes(format, BufReader::with_capacity(BUFFER_BYTES, &*file)).map(Option::unwrap_or_default);
    file.rewind().map_err(|error| ReadError::Header(error.to_string()))?;
    bytes
}

fn locate(manifest: &Manifest, stage: u32, rows: Option<&str>) -> Result<(Object, Kind), InputError> {
    let job: JobId = manifest.job;
    if manifest.plan.source(stage).is_none() {
        let name = manifest.original_format.as_str();
        return match Format::from_extension(name) {
            Some(format) => Ok((Object::Original(job), Kind::Picture(format))),
            None => Err(InputError::Gone(format!("reading the picture: {name} is not a format that is read here"))),
        };
    }
    let object = rows.and_then(|rows| rows.parse().ok());
    match object {
        Some(object @ Object::Rows { .. }) if object.job() == job => Ok((object, Kind::Raw)),
        _ => Err(InputError::NoRows(format!("reading stage {stage}: its rows are not known"))),
    }
}

struct Watched {
    file: File,
    at: u64,
    fault: Fault,
    proof: Option<Proof>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.file.read(buffer);
        match &outcome {
            Ok(count) => {
                if let (Some(proof), Some(bytes)) = (&self.proof, buffer.get(..*count)) {
                    proof.saw(self.at, bytes);
                }
                self.at += *count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.fault.note(error),
        }
        outcome
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A seek to before the start is the picture's doing, not the store's.
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
