//! Counting every request, between the server and the handlers.

use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;

use super::services::Services;

/// Counts a request and its answer.
///
/// # Errors
/// Those of the handler's body.
pub async fn count(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let counts = request.app_data::<web::Data<Services>>().map(|services| services.counts.clone());
    let begun = Instant::now();
    let response = next.call(request).await?;
    if let Some(counts) = counts {
        counts.answered(response.status(), begun.elapsed());
    }
    Ok(response)
}
