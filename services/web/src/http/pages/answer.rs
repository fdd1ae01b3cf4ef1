//! Pages and forms as answers.

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;

use crate::http::problem::Problem;

/// A page as an answer.
pub(super) fn page(template: &impl Template) -> Result<HttpResponse, Problem> {
    let text = template.render().map_err(|error| Problem::internal("rendering a page", error))?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text))
}

/// Sends a browser on after a form.
pub(super) fn see_other(address: String) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}
