//! Looks at a stored picture's header and compares it with every limit.
//!
//! Reads no pixels. A header that claims more than is allowed costs nothing but its own bytes.

use std::io::BufReader;

use actix_web::web;
use tessera::config::LimitArgs;
use tessera::job::JobId;
use tessera::picture::PictureInfo;
use tessera::picture::png::{PngHeader, read_info};
use tessera::picture::rows::ReadError;
use tessera::store::{Object, Store};

use crate::http::problem::Problem;

/// What the header of a stored original says, if it is within the limits.
///
/// # Errors
/// [`Problem::Unprocessable`] that names the damage or the limit.
pub async fn inspect(store: &Store, job: JobId, limits: &LimitArgs) -> Result<PictureInfo, Problem> {
    let file = store.open_local(&Object::Original(job)).await?;
    let header = web::block(move || read_info(BufReader::new(file.into_file()))).await;
    // A decoder that panics has been shown something that it does not take for a picture.
    let header = header.map_err(|_| Problem::Unprocessable("reading the header: it is damaged".to_owned()))?;
    let header = header.map_err(|error: ReadError| Problem::Unprocessable(error.to_string()))?;
    within_limits(&header, limits)
}

fn within_limits(header: &PngHeader, limits: &LimitArgs) -> Result<PictureInfo, Problem> {
    let size = header.info.size;
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
    if header.interlaced {
        return over("interlaced PNG (Adam7) is not supported; save the picture without interlacing".to_owned());
    }
    Ok(header.info)
}

#[cfg(test)]
mod tests {
    use tessera::picture::{Depth, Layout, PixelFormat, Size};

    use super::*;

    #[test]
    fn every_limit_is_named() {
        let header = |width, height, interlaced| {
            let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
            let info = PictureInfo { size: Size { width, height }, format };
            PngHeader { info, interlaced, animated: false }
        };
        let limits = LimitArgs { max_side_px: 1000, max_pixels: 10_000, ..LimitArgs::default() };
        assert!(within_limits(&header(100, 100, false), &limits).is_ok());
        let cases = [
            (header(1001, 1, false), "max_side_px"),
            (header(101, 100, false), "max_pixels"),
            (header(1, 1, true), "Adam7"),
        ];
        for (header, text) in cases {
            let problem = within_limits(&header, &limits).unwrap_err();
            assert!(matches!(&problem, Problem::Unprocessable(found) if found.contains(text)), "{problem}");
        }
    }
}
