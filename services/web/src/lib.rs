//! Tessera's web service: pages, API and uploads. Decodes no pixels: that is the splitter's, a process of
//! its own.

pub mod config;
pub mod error;
pub mod http;
pub mod proxies;

pub use config::Config;
pub use error::ServiceError;
