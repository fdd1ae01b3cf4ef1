//! The few files that pages load: built into the program, so that there is nothing to install.

use std::sync::LazyLock;

use actix_web::http::header::{self, ETag, EntityTag};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use crate::http::files::condition::is_known;
use crate::http::problem::Problem;

struct Static {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    etag: EntityTag,
}

static FILES: LazyLock<Vec<Static>> = LazyLock::new(|| {
    let file = |name, media_type, bytes: &'static [u8]| {
        let digest = Sha256::digest(bytes);
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Static { name, media_type, bytes, etag: EntityTag::new_strong(hex) }
    };
    vec![
        file("style.css", "text/css; charset=utf-8", include_bytes!("../../../static/style.css")),
        file("live.js", "text/javascript; charset=utf-8", include_bytes!("../../../static/live.js")),
        file("viewer.js", "text/javascript; charset=utf-8", include_bytes!("../../../static/viewer.js")),
        file("icon.svg", "image/svg+xml", include_bytes!("../../../static/icon.svg")),
    ]
});

/// `GET /static/{name}`.
pub async fn show(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, Problem> {
    let found = FILES.iter().find(|file| file.name == name.as_str());
    let file = found.ok_or_else(|| Problem::NotFound("there is no such file".to_owned()))?;
    let unchanged = is_known(&request, &file.etag);
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(ETag(file.etag.clone()));
    response.insert_header((header::CACHE_CONTROL, "public, no-cache"));
    if unchanged {
        return Ok(response.finish());
    }
    Ok(response.content_type(file.media_type).body(file.bytes))
}
