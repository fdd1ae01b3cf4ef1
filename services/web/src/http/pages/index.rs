//! The first page: a form that sends a picture and says what to do with it.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use tessera::operation::{Definition, registry};
use tessera::picture::codec::READ_FORMATS;
use tessera::picture::sniff::Format;

use super::answer::{page, see_other};
use super::words;
use crate::http::jobs::json::NO_WORKER;
use crate::http::problem::Problem;
use crate::http::services::Services;
use crate::http::upload::{Default, upload};

/// Operations that can be chosen in rows; more fit into the free text.
const ROWS: usize = 4;

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage {
    operations: Vec<Offered>,
    rows: Vec<usize>,
    /// What a browser offers to choose from; the content decides.
    accepted: String,
    formats: &'static str,
    max_bytes: String,
    max_pixels: u64,
    max_operations: usize,
    notice: Option<&'static str>,
}

/// An operation in the list to choose from.
struct Offered {
    name: &'static str,
    help: &'static str,
    parameters: Vec<Hint>,
}

/// What a parameter takes.
struct Hint {
    name: &'static str,
    expected: String,
    default: String,
    help: &'static str,
}

impl From<&Definition> for Offered {
    fn from(definition: &Definition) -> Self {
        let hint = |parameter: &tessera::operation::Parameter| Hint {
            name: parameter.name,
            expected: parameter.expected(),
            default: parameter.default.to_string(),
            help: parameter.help,
        };
        Self {
            name: definition.name,
            help: definition.help,
            parameters: definition.parameters.iter().map(hint).collect(),
        }
    }
}

/// `GET /`.
pub async fn show(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let limits = &services.config.limits;
    page(&IndexPage {
        operations: registry().iter().map(Offered::from).collect(),
        rows: (1..=ROWS.min(limits.max_operations)).collect(),
        accepted: Format::ALL.map(Format::media_type).join(","),
        formats: READ_FORMATS,
        max_bytes: words::bytes(limits.max_upload_bytes),
        max_pixels: limits.max_pixels / 1_000_000,
        max_operations: limits.max_operations,
        notice: (!services.admission.has_workers()).then_some(NO_WORKER),
    })
}

/// `POST /`: the form.
pub async fn send(services: Data<Services>, request: HttpRequest, body: Payload) -> Result<HttpResponse, Problem> {
    let accepted = upload(&services, &request, body, Default::Refuse).await?;
    Ok(see_other(format!("/jobs/{}", accepted.job)))
}
