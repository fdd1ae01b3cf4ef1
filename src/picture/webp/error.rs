//! What the decoder says of a damaged picture, in words for people.

use image_webp::DecodingError;

/// What is wrong.
pub(super) fn describe(error: DecodingError) -> String {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the data of the picture ends early".to_owned()
        }
        // What follows a colon is bytes and numbers for programmers.
        other => other.to_string().split(':').next().unwrap_or_default().to_lowercase(),
    }
}
