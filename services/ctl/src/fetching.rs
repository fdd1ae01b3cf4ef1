//! Fetching the result of a job to where it is wanted.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use tessera::job::{Digest, Digester};

use crate::api::Api;
use crate::target::Target;
use crate::{CtlError, output, result_name};

/// Read from the connection at once.
const PIECE_BYTES: usize = 64 << 10;

/// Streams the result of job `id` to `target`; gives its bytes.
///
/// # Errors
/// If there is no result, or one of another format than the file's name says, the system is away, the file cannot be
/// written, or what came is not what the system says it
/// sent; no file is left then.
pub fn fetch(api: &Api, id: &str, mut target: Target) -> Result<u64, CtlError> {
    let mut answer = api.open(&format!("/jobs/{id}/result"))?;
    let expected = answer.length();
    let media_type = answer.header("content-type").unwrap_or_default();
    result_name::check_fetched(target.place(), !target.is_stream(), media_type)?;
    let digest = answer.header("repr-digest").and_then(Digest::from_header);
    let mut file = target.open()?;
    let place = target.place().to_owned();
    let (count, made) = copy(&mut answer, &mut file, &place)?;
    if expected.is_some_and(|expected| expected != count) {
        return Err(CtlError::Failed(format!("fetching the result: it broke off after {}", output::bytes(count))));
    }
    if digest.is_some_and(|digest| digest != made) {
        let text = "fetching the result: what came is not what was sent (its SHA-256 differs); fetch it again";
        return Err(CtlError::Failed(text.to_owned()));
    }
    target.finish()?;
    Ok(count)
}

/// Copies a body to a file; gives its length and digest.
fn copy(body: &mut dyn Read, file: &mut File, place: &Path) -> Result<(u64, Digest), CtlError> {
    let (mut made, mut count, mut piece) = (Digester::default(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = body.read(&mut piece).map_err(|error| {
            CtlError::Failed(format!("fetching the result: it broke off after {} ({error})", output::bytes(count)))
        })?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok((count, made.finish()));
        };
        made.add(bytes);
        count += bytes.len() as u64;
        file.write_all(bytes).map_err(CtlError::file("writing the result to", place))?;
    }
}
