//! Pages: rendered here, usable without scripts, from templates with one base.
//!
//! Owns what a page shows and in which words. Escaping is the templates'; nothing here writes HTML.

mod answer;
pub mod error;
pub mod index;
pub mod job;
pub mod jobs;
pub mod mosaic;
pub mod shown;
pub mod statics;
pub mod tiles;
pub mod times;
pub mod words;
pub mod worker;
pub mod workers;

use actix_web::web::{self, ServiceConfig};

/// The addresses of the pages.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(web::resource("/").get(index::show).post(index::send))
        .service(web::resource("/jobs").get(jobs::show))
        .service(web::resource("/jobs/{id}").get(job::show))
        .service(web::resource("/jobs/{id}/tiles").get(tiles::show))
        .service(web::resource("/jobs/{id}/cancel").post(job::cancel))
        .service(web::resource("/jobs/{id}/retry").post(job::retry))
        .service(web::resource("/workers").get(workers::show))
        .service(web::resource("/workers/{id}").get(worker::show))
        .service(web::resource("/static/{name}").get(statics::show));
}
