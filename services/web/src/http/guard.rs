//! What stands around every handler: security headers, the checks of `Host` and `Origin`, and problems as pages.
//!
//! Knows no job. A handler may set a stricter policy of its own; nothing here weakens it.

use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;
use tessera::telemetry::AllowedHosts;

use super::pages::error::ErrorPage;
use super::problem::Problem;
use super::services::Services;

/// What a page may load: only what we serve ourselves, and no script of its own.
const PAGE_POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Headers of every answer that does not have them.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers then send `Origin: null` with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Checks a request before its handler, and completes the answer after it.
///
/// # Errors
/// Only those of the handler's body, which end the connection.
pub async fn guard(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let allowed =
        request.app_data::<web::Data<Services>>().map(|services| services.config.http.allowed_origins.clone());
    let hosts = request.app_data::<web::Data<AllowedHosts>>().cloned();
    // Only what is needed of the request is kept: routing must hold the request alone.
    let wants_page = wants_page(request.path(), request.headers());
    let is_ours = hosts.map_or(Ok(()), |hosts| hosts.check(request.head()).map_err(Problem::from));
    let allowed = allowed.unwrap_or_default();
    let response = match is_ours.and_then(|()| check_origin(request.method(), request.headers(), &allowed)) {
        Err(problem) => request.into_response(HttpResponse::from_error(problem)),
        Ok(()) => next.call(request).await?,
    };
    let (request, response) = response.into_parts();
    Ok(ServiceResponse::new(request, completed(response, wants_page)))
}

/// Adds headers, and words where there are none.
fn completed(response: HttpResponse, wants_page: bool) -> HttpResponse {
    let mut response = match problem_of(&response) {
        Some(problem) => answer(&problem, response, wants_page),
        None => response,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// The problem that a response stands for: ours, or a status that the HTTP library answered without words.
fn problem_of(response: &HttpResponse) -> Option<Problem> {
    let error = response.error();
    if let Some(problem) = error.and_then(|error| error.as_error::<Problem>()) {
        return Some(problem.clone());
    }
    let status = response.status();
    let is_mute = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    if !(status.is_client_error() || status.is_server_error()) || !(is_mute || error.is_some()) {
        return None;
    }
    Some(match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::Method,
        StatusCode::BAD_REQUEST => {
            let text = error.map_or_else(|| "the request is damaged".to_owned(), ToString::to_string);
            Problem::BadRequest(text)
        }
        StatusCode::NOT_FOUND => Problem::NotFound("there is nothing at this address".to_owned()),
        status => Problem::Other(status),
    })
}

/// A page for browsers, problem details for all others; with the headers that the response had.
fn answer(problem: &Problem, before: HttpResponse, wants_page: bool) -> HttpResponse {
    let page = if wants_page { ErrorPage::new(problem).render().ok() } else { None };
    let mut answer = match page {
        Some(text) => HttpResponse::build(before.status()).content_type("text/html; charset=utf-8").body(text),
        None => problem.error_response(),
    };
    for name in [header::RETRY_AFTER, header::CONTENT_RANGE, header::ALLOW] {
        if let Some(value) = before.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !path.starts_with("/api/") && accepts.contains("text/html")
}

/// A page of another site must not post here. Without `Origin` there is no page: no cookie is in use that a
/// browser would add by itself.
fn check_origin(method: &Method, headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("(not text)"));
    let site = HeaderName::from_static("sec-fetch-site");
    match text(header::ORIGIN) {
        None if text(site) == Some("cross-site") => Err(Problem::ForeignOrigin("a browser says so".to_owned())),
        None => Ok(()),
        Some(origin) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            let is_ours = host.is_some() && host == text(header::HOST);
            if is_ours || allowed.iter().any(|other| other == origin) {
                return Ok(());
            }
            Err(Problem::ForeignOrigin(origin.chars().take(100).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(method: Method, origin: Option<&'static str>) -> Result<(), Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("tessera.example:5001"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        check_origin(&method, &headers, &["https://friend.example".to_owned()])
    }

    #[test]
    fn only_our_own_pages_and_programs_post() {
        let ours = [
            None,
            Some("http://tessera.example:5001"),
            Some("https://tessera.example:5001"),
            Some("https://friend.example"),
        ];
        for origin_text in ours {
            assert!(origin(Method::POST, origin_text).is_ok(), "{origin_text:?}");
        }
        let foreign =
            ["null", "", "https://evil.example", "http://tessera.example", "http://tessera.example:5001.evil.example"];
        for origin_text in foreign {
            assert!(origin(Method::POST, Some(origin_text)).is_err(), "{origin_text:?}");
            assert!(origin(Method::DELETE, Some(origin_text)).is_err(), "{origin_text:?}");
            assert!(origin(Method::GET, Some(origin_text)).is_ok(), "{origin_text:?}");
        }
    }

    #[test]
    fn pages_are_for_browsers_only() {
        let mut headers = HeaderMap::new();
        assert!(!wants_page("/jobs/x", &headers));
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(wants_page("/jobs/x", &headers) && !wants_page("/api/v1/jobs/x", &headers));
    }
}
