//! Looks at a stored picture's header and compares it with every limit.
//!
//! Reads no pixels. A header that claims more than is allowed costs nothing but its own bytes.

use std::io::BufReader;

use actix_web::web;
use tessera::config::LimitArgs;
use tessera::job::JobId;
use tessera::picture::PictureInfo;
use tessera::picture::codec::{Header, read_header};
use tessera::picture::rows::ReadError;
use tessera::picture::sniff::Format;
use tessera::store::{Object, Store};

use crate::http::problem::Problem;

/// What the header of a stored original says, if it is within the limits.
///
/// # Errors
/// [`Problem::Unprocessable`] that names the damage or the limit.
pub async fn inspect(store: &Store, job: JobId, format: Format, limits: &LimitArgs) -> Result<Header, Problem> {
    let file = store.open_local(&Object::Original(job)).await?;
    let most = limits.max_decode_bytes;
    let header = web::block(move || read_header(format, BufReader::new(file.into_file()), most)).await;
    // A decoder that panics has been shown something that it does not take for a picture.
    let header = header.map_err(|_| Problem::Unprocessable("reading the header: it is damaged".to_owned()))?;
    let header = header.map_err(|error: ReadError| Problem::Unprocessable(error.to_string()))?;
    within_limits(header.info, limits)?;
    Ok(header)
}

fn within_limits(info: PictureInfo, limits: &LimitArgs) -> Result<(), Problem> {
    let size = info.size;
    let over = |what: String| Err(Problem::Unprocessable(what));
    if size.width.max(size.height) > limits.max_side_px {
        return over(format!(
            "the picture is {}x{} pixels, max_side_px is {}",
            size.width, size.height, limits.max_side_px
        ));
    }
    if size.pixels() > limits.max_pixels {
        return over(format!("the picture has {} pixels, max_pixels is {}", size.pixels(), limits.max_pixels));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tessera::picture::{Depth, Layout, PixelFormat, Size};

    use super::*;

    #[test]
    fn every_limit_is_named() {
        let info = |width, height| {
            let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
            PictureInfo { size: Size { width, height }, format }
        };
        let limits = LimitArgs { max_side_px: 1000, max_pixels: 10_000, ..LimitArgs::default() };
        assert!(within_limits(info(100, 100), &limits).is_ok());
        let cases = [(info(1001, 1), "max_side_px"), (info(101, 100), "max_pixels")];
        for (info, text) in cases {
            let problem = within_limits(info, &limits).unwrap_err();
            assert!(matches!(&problem, Problem::Unprocessable(found) if found.contains(text)), "{problem}");
        }
    }
}
