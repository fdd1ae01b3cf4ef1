//! The pictures on a page: where they come from, and how large they are, so that nothing moves when they come.
//!
//! Small results are shown as they are, to the last bit; all others by a preview.

use tessera::job::JobStatus;
use tessera::picture::Size;
use tessera::pyramid::Shape;
use tessera::state::JobView;

use crate::http::jobs::pyramid::{Of, Opened, find};
use crate::http::services::Services;

/// The longest side of a picture on a job's page, beside what its viewer loads.
const SIDE: u32 = 1024;
/// Results of at most so many pixels and bytes are shown as they are.
const EXACT_PIXELS: u64 = 4 << 20;
const EXACT_BYTES: u64 = 8 << 20;
/// The longest side of a picture in a list.
const THUMB: u32 = 96;
/// What is loaded for it: for screens of twice as many pixels.
const THUMB_LOADED: u32 = 192;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its address.
    pub address: String,
    /// Its width on the page in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// What a job's page shows.
#[derive(Debug, Default)]
pub struct Shown {
    /// The picture as it was sent.
    pub before: Option<Image>,
    /// The result.
    pub after: Option<Image>,
    /// What the viewer is told of the original's pyramid; empty if there is none.
    pub original: String,
    /// And of the result's.
    pub result: String,
    /// The picture is not there yet, and will be: room for it is kept.
    pub room: Option<Size>,
}

impl Shown {
    /// What there is of a job.
    pub async fn of(services: &Services, view: &JobView) -> Self {
        if view.status == JobStatus::Expired {
            return Self::default();
        }
        let original = find(services, view, Of::Original).await;
        let result = match view.status {
            JobStatus::Done => find(services, view, Of::Result).await,
            _ => None,
        };
        let told = |opened: &Option<Opened>| opened.as_ref().map(told).unwrap_or_default();
        let of_pyramid = |opened: &Option<Opened>| opened.as_ref().map(|opened| preview(view, opened));
        let before = of_pyramid(&original);
        let after = exact(view).or_else(|| of_pyramid(&result));
        let waits = matches!(view.status, JobStatus::Accepting | JobStatus::Queued | JobStatus::Processing);
        let room =
            (waits && before.is_none()).then_some(Size { width: view.original_width, height: view.original_height });
        Self { before, after, original: told(&original), result: told(&result), room }
    }
}

/// The result as it is, if it is small and browsers show its format.
fn exact(view: &JobView) -> Option<Image> {
    let (width, height) = (view.result_width, view.result_height);
    let is_small = u64::from(width) * u64::from(height) <= EXACT_PIXELS && view.bytes_out <= EXACT_BYTES;
    let is_shown = view.status == JobStatus::Done && is_small && view.format != "tif";
    is_shown.then(|| Image { address: format!("/api/v1/jobs/{}/result", view.job), width, height })
}

fn preview(view: &JobView, opened: &Opened) -> Image {
    let shape = opened.reader.shape();
    let size = shape.level(shape.within(SIDE)).unwrap_or(shape.size());
    let address = format!("/api/v1/jobs/{}/preview?max={SIDE}&of={}", view.job, opened.of.as_str());
    Image { address, width: size.width, height: size.height }
}

/// Width, height, finest level that is kept, level of the full size, ending of tiles.
fn told(opened: &Opened) -> String {
    let (shape, ext) = (opened.reader.shape(), opened.reader.kind().extension());
    let Size { width, height } = shape.size();
    format!("{width} {height} {} {} {ext}", shape.top(), shape.full_level())
}

/// A job's picture in a list, if there is one.
pub async fn thumb(services: &Services, view: &JobView) -> Option<Image> {
    let shape: Shape = find(services, view, Of::shown(view)).await?.reader.shape();
    let Size { width, height } = shape.size();
    let side = |side: u32| {
        let scaled = u64::from(side) * u64::from(THUMB) / u64::from(width.max(height).max(THUMB));
        u32::try_from(scaled).unwrap_or(THUMB).max(1)
    };
    let of = Of::shown(view).as_str();
    let address = format!("/api/v1/jobs/{}/preview?max={THUMB_LOADED}&of={of}", view.job);
    Some(Image { address, width: side(width), height: side(height) })
}
