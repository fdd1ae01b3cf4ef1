//! Pictures to look at: pyramids in the Deep Zoom format, and previews.

use actix_web::http::header::{self, ETag, EntityTag};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tessera::pyramid::TILE;

use crate::http::files::FILE_POLICY;
use crate::http::files::condition::is_known;
use crate::http::jobs::find::job;
use crate::http::jobs::pyramid::{MOST_SIDE, Of, Opened, open};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// The side of a preview unless asked otherwise.
const USUAL_SIDE: u32 = 512;
/// What never changes at its address.
const FOR_GOOD: &str = "private, max-age=31536000, immutable";
/// What may be another picture later.
const FOR_NOW: &str = "private, no-cache";

/// `GET /api/v1/jobs/{id}/pyramid/{of}.dzi`.
pub async fn description(
    services: Data<Services>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, of) = path.into_inner();
    let of: Of = of.parse()?;
    let opened = open(&services, &job(&services, &id).await?, of).await?;
    let (size, format) = (opened.reader.shape().size(), opened.reader.kind().extension());
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" \
         Format=\"{format}\" Overlap=\"0\" TileSize=\"{TILE}\"><Size Width=\"{}\" Height=\"{}\"/></Image>\n",
        size.width, size.height
    );
    let etag = EntityTag::new_strong(opened.version);
    Ok(match is_known(&request, &etag) {
        true => with_headers(HttpResponse::NotModified(), etag, FOR_GOOD).finish(),
        false => with_headers(HttpResponse::Ok(), etag, FOR_GOOD).content_type("application/xml").body(text),
    })
}

/// `GET /api/v1/jobs/{id}/pyramid/{of}/{level}/{column}_{row}.{jpg|png}`; viewers put `_files` behind the name.
pub async fn tile(
    services: Data<Services>,
    request: HttpRequest,
    path: Path<(String, String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, of, level, name) = path.into_inner();
    let of: Of = of.strip_suffix("_files").unwrap_or(&of).parse()?;
    let wrong = || Problem::NotFound("a tile's address ends in LEVEL/COLUMN_ROW.jpg, all numbers".to_owned());
    let (place, ext) = name.split_once('.').ok_or_else(wrong)?;
    let (column, row) = place.split_once('_').ok_or_else(wrong)?;
    let level: u8 = number(&level).and_then(|level| level.try_into().ok()).ok_or_else(wrong)?;
    let (column, row) = number(column).zip(number(row)).ok_or_else(wrong)?;

    let opened = open(&services, &job(&services, &id).await?, of).await?;
    let kind = opened.reader.kind();
    if ext != kind.extension() {
        return Err(Problem::NotFound(format!("the tiles of this picture end in .{}", kind.extension())));
    }
    check_place(&opened, level, column, row)?;
    let (bytes, crc32c) = opened.tile(level, column, row).await?.ok_or_else(wrong)?;
    let etag = EntityTag::new_strong(format!("{crc32c:08x}-{:x}", bytes.len()));
    Ok(match is_known(&request, &etag) {
        true => with_headers(HttpResponse::NotModified(), etag, FOR_GOOD).finish(),
        false => with_headers(HttpResponse::Ok(), etag, FOR_GOOD).content_type(kind.media_type()).body(bytes),
    })
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn check_place(opened: &Opened, level: u8, column: u32, row: u32) -> Result<(), Problem> {
    let shape = opened.reader.shape();
    let full = shape.full_level();
    let grid = shape.grid(level).ok_or_else(|| Problem::NotFound(format!("the levels are 0 to {full}")))?;
    if column >= grid.width || row >= grid.height {
        let text = format!("level {level} has {} columns and {} rows of tiles, from 0", grid.width, grid.height);
        return Err(Problem::NotFound(text));
    }
    if level > shape.top() {
        let top = shape.top();
        return Err(Problem::Absent(format!("level {level} of {full} is not kept, the finest that is kept is {top}")));
    }
    Ok(())
}

/// Which preview.
#[derive(Debug, Deserialize)]
pub struct PreviewQuery {
    max: Option<String>,
    of: Option<String>,
}

/// `GET /api/v1/jobs/{id}/preview`.
pub async fn preview(
    services: Data<Services>,
    request: HttpRequest,
    id: Path<String>,
    query: Query<PreviewQuery>,
) -> Result<HttpResponse, Problem> {
    let side = match &query.max {
        None => USUAL_SIDE,
        Some(text) => number(text).filter(|side| (1..=MOST_SIDE).contains(side)).ok_or_else(|| {
            let text: String = text.chars().take(80).collect();
            Problem::BadRequest(format!("max must be an integer from 1 to {MOST_SIDE}, got {text:?}"))
        })?,
    };
    let of = query.of.as_deref().map(|of| {
        let wrong = |_| Problem::BadRequest("of must be original or result".to_owned());
        of.parse::<Of>().map_err(wrong)
    });
    let (of, view) = (of.transpose()?, job(&services, &id).await?);
    // What is not named changes with the job.
    let cache = if of.is_some() { FOR_GOOD } else { FOR_NOW };
    let opened = match open(&services, &view, of.unwrap_or_else(|| Of::shown(&view))).await {
        Err(Problem::Absent(_)) if of.is_none() => open(&services, &view, Of::Original).await?,
        opened => opened?,
    };
    let etag = EntityTag::new_strong(format!("{}-{}", opened.version, opened.reader.shape().within(side)));
    if is_known(&request, &etag) {
        return Ok(with_headers(HttpResponse::NotModified(), etag, cache).finish());
    }
    let preview = opened.preview(side).await?;
    let mut response = with_headers(HttpResponse::Ok(), etag, cache);
    Ok(response.content_type(preview.kind.media_type()).body(preview.bytes))
}

fn with_headers(
    mut response: actix_web::HttpResponseBuilder,
    etag: EntityTag,
    cache: &'static str,
) -> actix_web::HttpResponseBuilder {
    response.insert_header(ETag(etag));
    response.insert_header((header::CACHE_CONTROL, cache));
    response.insert_header((header::CONTENT_SECURITY_POLICY, FILE_POLICY));
    response
}
