//! The addresses: API, the calls of the system that is mirrored, pages and static files.
//!
//! Handlers read a request, ask and describe the answer. What a job is and when it may
//! change is decided by the scripts in Redis.

pub mod jobs;
pub mod mirrored;
pub mod pyramid;
pub mod system;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

use super::events;
use super::pages;
use super::problem::Problem;

/// All addresses but the health pages.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
        web::scope("/api/v1")
            .service(web::resource("/jobs").get(jobs::list).post(jobs::post))
            .service(web::resource("/jobs/{id}").get(jobs::get).delete(jobs::delete))
            .service(web::resource("/jobs/{id}/tiles").get(jobs::tiles))
            .service(web::resource("/jobs/{id}/events").get(events::show))
            .service(web::resource("/jobs/{id}/result").get(jobs::result).head(jobs::result))
            .service(web::resource("/jobs/{id}/original").get(jobs::original).head(jobs::original))
            .service(web::resource("/jobs/{id}/preview").get(pyramid::preview))
            .service(web::resource("/jobs/{id}/pyramid/{of}.dzi").get(pyramid::description))
            .service(web::resource("/jobs/{id}/pyramid/{of}/{level}/{tile}").get(pyramid::tile))
            .service(web::resource("/jobs/{id}/cancel").post(jobs::cancel))
            .service(web::resource("/jobs/{id}/retry").post(jobs::retry))
            .service(web::resource("/operations").get(system::operations))
            .service(web::resource("/workers").get(system::workers))
            .service(web::resource("/workers/{id}").get(system::worker))
            .service(web::resource("/stats").get(system::stats)),
    );
    config
        .service(web::resource("/upload").post(mirrored::upload))
        .service(web::resource("/status/{id}").get(mirrored::status))
        .service(web::resource("/final/{name}").get(mirrored::result).head(mirrored::result));
    pages::configure(config);
    config.default_service(web::to(nothing));
}

async fn nothing() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound("there is nothing at this address".to_owned()))
}
