//! The rows that a stage is cut from: the picture as it was sent, or the rows of an earlier stage.
//!
//! Tells a picture that is damaged from a store that cannot be read: the one fails the job, the other
//! is waited for.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use parking_lot::Mutex;
use tessera::job::{JobId, Manifest};
use tessera::picture::codec::{self, MAX_DECODE_BYTES};
use tessera::picture::raw::RawRows;
use tessera::picture::sniff::Format;
use tessera::picture::{ReadError, RowReader};
use tessera::store::{Object, Store, StoreError};

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
    /// The input will never be there.
    #[error("{0}")]
    Gone(String),
}

/// A stage's input, opened but not read.
#[derive(Debug)]
pub struct Input {
    file: File,
    kind: Kind,
    fault: Fault,
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
                let (mut file, fault) = (local.into_file(), Fault::default());
                // Read beside the runtime; whatever is wrong with the header, the cutter will say.
                let look = move || (whole_bytes(&mut file, kind).unwrap_or(0), file);
                let looked = tokio::task::spawn_blocking(look).await;
                let (whole_bytes, file) = looked.map_err(|_| InputError::Gone(DECODER_PANICKED.to_owned()))?;
                Ok(Self { file, kind, fault, max_decode_bytes: MAX_DECODE_BYTES, whole_bytes })
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

    /// Reads the header.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn into_rows(self) -> Result<Box<dyn RowReader>, ReadError> {
        let file = BufReader::with_capacity(BUFFER_BYTES, Watched { file: self.file, fault: self.fault });
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
        _ => Err(InputError::Gone(format!("reading stage {stage}: its rows are not known; retry the job"))),
    }
}

struct Watched {
    file: File,
    fault: Fault,
}

impl Watched {
    fn watch<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome
            && error.kind() != io::ErrorKind::Interrupted
        {
            *self.fault.0.lock() = Some(error.to_string());
        }
        outcome
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.file.read(buffer);
        self.watch(outcome)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A seek to before the start is the picture's doing, not the store's.
        self.file.seek(to)
    }
}
