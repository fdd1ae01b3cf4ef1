//! The body of an upload: form fields and one picture, streamed, its length known beforehand.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use tessera::job::Token;

use crate::CtlError;
use crate::progress::{Progress, percent};

/// A `multipart/form-data` body. The picture comes last, so that a service knows all fields before it.
pub struct Upload {
    boundary: String,
    length: u64,
    head: Cursor<Vec<u8>>,
    picture: io::Take<File>,
    tail: Cursor<Vec<u8>>,
    sent: u64,
    progress: Progress,
}

impl Upload {
    /// Opens the picture.
    ///
    /// # Errors
    /// If it is no readable file.
    pub fn open(path: &Path, fields: &[(&str, String)], progress: Progress) -> Result<Self, CtlError> {
        let file = File::open(path).map_err(CtlError::file("opening", path))?;
        let facts = file.metadata().map_err(CtlError::file("reading the size of", path))?;
        if !facts.is_file() {
            return Err(CtlError::Usage(format!("{} is not a file", path.display())));
        }
        let boundary = format!("tessera{}{}", Token::random(), Token::random());
        let mut head = String::new();
        for (name, value) in fields {
            head += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        let name = quoted_name(path);
        head += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{name}\"\r\n");
        head += "Content-Type: application/octet-stream\r\n\r\n";
        let tail = format!("\r\n--{boundary}--\r\n");
        let length = head.len() as u64 + facts.len() + tail.len() as u64;
        Ok(Self {
            boundary,
            length,
            head: Cursor::new(head.into_bytes()),
            picture: file.take(facts.len()),
            tail: Cursor::new(tail.into_bytes()),
            sent: 0,
            progress,
        })
    }

    /// The value of `Content-Type`.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The value of `Content-Length`.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.head.read(buffer)?;
        if count == 0 && self.picture.limit() > 0 {
            count = self.picture.read(buffer)?;
            if count == 0 && !buffer.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the picture became shorter while it was sent",
                ));
            }
        }
        if count == 0 {
            count = self.tail.read(buffer)?;
        }
        self.sent += count as u64;
        let (sent, length) = (self.sent, self.length);
        self.progress.show(|| format!("sending: {} %", percent(sent, length)));
        Ok(count)
    }
}

/// The file's name for a quoted header value, escaped as browsers do.
fn quoted_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_as_long_as_it_says_and_holds_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\"b\r\n.png");
        std::fs::write(&path, b"pixels").unwrap();
        let mut upload = Upload::open(&path, &[("op", "grayscale".to_owned())], Progress::silent()).unwrap();
        let mut body = Vec::new();
        upload.read_to_end(&mut body).unwrap();
        assert_eq!(body.len() as u64, upload.length());
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains("name=\"op\"\r\n\r\ngrayscale\r\n"));
        assert!(text.contains("filename=\"a%22b%0D%0A.png\""));
        assert!(text.contains("\r\n\r\npixels\r\n--tessera"));
    }

    #[test]
    fn a_folder_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Upload::open(folder.path(), &[], Progress::silent()), Err(CtlError::Usage(_))));
    }
}
