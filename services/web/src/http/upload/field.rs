//! A field beside the picture while it comes: short text, and no picture under another name.

use tessera::picture::sniff::{SNIFF_BYTES, sniff};

use crate::http::problem::Problem;

/// The longest text field, in bytes.
const MAX_FIELD_BYTES: usize = 64 * 1024;

/// What has come of a field.
pub struct Field {
    name: String,
    value: Vec<u8>,
    is_file: bool,
}

impl Field {
    /// A field of that name, of which nothing has come yet; `is_file` if it has a name of a file.
    pub fn new(name: String, is_file: bool) -> Self {
        Self { name, value: Vec::new(), is_file }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes more of it. A file that is a picture is refused, unless all fields are ignored.
    ///
    /// # Errors
    /// A [`Problem`] if it is a picture, or too long.
    pub fn add(&mut self, more: &[u8], is_ignored: bool) -> Result<(), Problem> {
        let Self { name, value, is_file } = self;
        if *is_file && !is_ignored && value.len() < SNIFF_BYTES {
            let start: Vec<u8> = value.iter().chain(more).copied().take(SNIFF_BYTES).collect();
            refuse_picture(name, &start)?;
        }
        if value.len() + more.len() > MAX_FIELD_BYTES {
            return Err(Problem::BadRequest(format!("the field {name:?} is longer than {MAX_FIELD_BYTES} bytes")));
        }
        value.extend_from_slice(more);
        Ok(())
    }

    /// The whole of it.
    ///
    /// # Errors
    /// A [`Problem`] if it is no text.
    pub fn text(&self) -> Result<&str, Problem> {
        let text = std::str::from_utf8(&self.value);
        text.map_err(|_| Problem::BadRequest(format!("the field {:?} is not UTF-8 text", self.name)))
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
