//! Fetching the result of a job to where it is wanted.

use std::io;

use crate::CtlError;
use crate::api::Api;
use crate::output;
use crate::target::Target;

/// Streams the result of job `id` to `target`; gives its bytes.
///
/// # Errors
/// If there is no result, the system is away, or the file cannot be written.
pub fn fetch(api: &Api, id: &str, mut target: Target) -> Result<u64, CtlError> {
    let mut answer = api.open(&format!("/jobs/{id}/result"))?;
    let expected = answer.body().content_length();
    let mut file = target.open()?;
    let place = target.place().to_owned();
    let mut body = answer.body_mut().as_reader();
    let count = io::copy(&mut body, &mut file).map_err(CtlError::file("writing the result to", &place))?;
    if expected.is_some_and(|expected| expected != count) {
        return Err(CtlError::Failed(format!("fetching the result: it broke off after {}", output::bytes(count))));
    }
    target.finish()?;
    Ok(count)
}
