//! What a sender is told when a request is not answered: as problem details (RFC 9457) or as a page.
//!
//! Every problem says what is wrong and what to do. Causes inside the system go to the log, never out.

mod causes;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use tessera::telemetry::hosts::HostRefusal;

/// Why a request is not answered. The texts are for the sender.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Problem {
    /// A field, a parameter or the form is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// Posted by a page of another site.
    #[error("the request comes from a page of another site: {0}")]
    ForeignOrigin(String),
    /// Asked for by a name that is not ours.
    #[error(transparent)]
    Host(#[from] HostRefusal),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It is not there, or not yet.
    #[error("{0}")]
    Absent(String),
    /// Not with this method.
    #[error("this address does not take that method")]
    Method,
    /// The body came too slowly.
    #[error("{0}")]
    TooSlow(String),
    /// The job's status does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// It was there and is no longer kept.
    #[error("{0}")]
    Gone(String),
    /// The upload is over a limit.
    #[error("{0}")]
    TooLarge(String),
    /// Not a picture that is taken.
    #[error("{0}")]
    UnsupportedMedia(String),
    /// No such part of the file.
    #[error("the file has {0} bytes, the range asked for lies outside")]
    Range(u64),
    /// The picture's header, size or depth, or an idempotency key that was used for something else.
    #[error("{0}")]
    Unprocessable(String),
    /// Too many jobs wait.
    #[error("{0}")]
    TooMany(String),
    /// A dependency is down, or all upload places are taken.
    #[error("{0}")]
    Unavailable(String),
    /// What is kept is not what was stored.
    #[error("the file that is kept is damaged")]
    Damaged,
    /// Something that should not happen; the cause is in the log.
    #[error("the request could not be handled")]
    Internal,
    /// Any other status that the HTTP library answers by itself.
    #[error("the request could not be handled")]
    Other(StatusCode),
}

/// Problem details as they are sent.
#[derive(Debug, Serialize)]
pub struct Details {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The status.
    pub status: u16,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub remedy: &'static str,
}

impl Problem {
    /// Hides what went wrong inside from the sender and says it in the log.
    pub fn internal(doing: &str, cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "{doing} failed");
        Self::Internal
    }

    /// When to try again, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooMany(_) => Some(30),
            Self::Unavailable(_) => Some(5),
            _ => None,
        }
    }

    /// What the sender can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "correct the named field and send again; GET /api/v1/operations lists what there is",
            Self::ForeignOrigin(_) => "post from a page of this site, or allow the other with TESSERA_ALLOWED_ORIGINS",
            Self::Host(_) => {
                "open this site by an address of its own, such as http://localhost:5001; if you run it and want it to \
                 answer to this name, put the name into TESSERA_ALLOWED_HOSTS and start it again"
            }
            Self::NotFound(_) => "check the address; /jobs lists the jobs that are kept",
            Self::Absent(_) => "while the job runs, ask again; /api/v1/jobs/ID says how it stands",
            Self::Method => "use the method that the interface's description names",
            Self::TooSlow(_) => "send again over a faster connection",
            Self::Conflict(_) => "look at the job's status and ask again when it fits",
            Self::Gone(_) => "send the picture again",
            Self::TooLarge(_) => "send a smaller file, or raise the limit of that name",
            Self::UnsupportedMedia(_) => "send a picture of a format that is named as the form field image",
            Self::Range(_) => "ask for bytes within the file",
            Self::Unprocessable(_) => "send another picture or other operations, or raise the limit that is named",
            Self::TooMany(_) | Self::Unavailable(_) => "wait as long as Retry-After says and send again",
            Self::Damaged => "run the job again, or send the picture again",
            Self::Internal | Self::Other(_) => "try again; if it stays so, look at the log of the web service",
        }
    }

    /// What a page says above it, in plain words.
    pub fn heading(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "Something needs to be corrected",
            Self::ForeignOrigin(_) => "This came from another site",
            Self::Host(_) => "This is not the site you asked for",
            Self::NotFound(_) => "There is nothing here",
            Self::Absent(_) => "It is not there now",
            Self::Method => "This cannot be done here",
            Self::TooSlow(_) => "The upload came too slowly",
            Self::Conflict(_) => "That cannot be done with the job now",
            Self::Gone(_) => "It is no longer kept",
            Self::TooLarge(_) => "The upload is too large",
            Self::UnsupportedMedia(_) => "This is no picture that can be read",
            Self::Range(_) => "There is no such part of the file",
            Self::Unprocessable(_) => "This cannot be done with this picture",
            Self::TooMany(_) => "Too many jobs wait already",
            Self::Unavailable(_) => "Not possible right now",
            Self::Damaged | Self::Internal | Self::Other(_) => "Something went wrong here",
        }
    }

    /// The problem as it is sent.
    pub fn details(&self) -> Details {
        let status = self.status_code();
        let title = status.canonical_reason().unwrap_or("Error");
        let (detail, remedy) = (self.to_string(), self.remedy());
        Details { kind: "about:blank", title, status: status.as_u16(), detail, remedy }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::ForeignOrigin(_) => StatusCode::FORBIDDEN,
            Self::Host(refusal) => refusal.status(),
            Self::NotFound(_) | Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Range(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Damaged | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Other(status) => *status,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Self::Range(length) = self {
            response.insert_header((header::CONTENT_RANGE, format!("bytes */{length}")));
        }
        let body = serde_json::to_string(&self.details()).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera::operation::StepError;
    use tessera::plan::PlanError;
    use tessera::store::StoreError;

    #[test]
    fn a_problem_says_what_is_wrong_and_what_to_do() {
        let problem = Problem::Unavailable("the queue (Kafka) does not answer now".to_owned());
        let response = problem.error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "5");
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        let details = serde_json::to_value(problem.details()).unwrap();
        assert_eq!((&details["status"], &details["type"]), (&503.into(), &"about:blank".into()));
        assert!(details["detail"].as_str().unwrap().contains("Kafka"));
        assert!(details["remedy"].as_str().unwrap().contains("Retry-After"));
    }

    #[test]
    fn each_failure_of_the_store_is_told_as_what_it_is() {
        let name = || "0190/original".to_owned();
        let cases = [
            (StoreError::Full { name: name() }, 503, "no room"),
            (StoreError::Missing { name: name() }, 410, "no longer kept"),
            (StoreError::Damaged { name: name(), cause: "secret".to_owned() }, 500, "damaged"),
            (StoreError::Address { url: name(), cause: "secret".to_owned() }, 500, "could not be handled"),
        ];
        for (error, status, text) in cases {
            let problem = Problem::from(error);
            assert_eq!(problem.status_code(), status, "{problem}");
            let told = problem.to_string();
            assert!(told.contains(text) && !told.contains("0190") && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn grammar_is_400_and_a_picture_that_does_not_fit_is_422() {
        let grammar = Problem::from(StepError::Grammar("unknown operation \"blurr\"".to_owned()));
        assert_eq!(
            (grammar.status_code().as_u16(), grammar.to_string()),
            (400, "unknown operation \"blurr\"".to_owned())
        );
        let picture = PlanError::Step(StepError::Picture("equalize: needs an 8-bit picture, got 16-bit".to_owned()));
        assert_eq!(Problem::from(picture).status_code(), 422);
    }
}
