//! Tessera's web service: pages, API and uploads in the role `http`, the cutting of pictures in the role
//! `splitter`.
//!
//! The two roles run as two processes of one program, so that a decoder's crash or memory cap never touches
//! the pages.

pub mod config;
pub mod error;
pub mod http;
pub mod splitter;

pub use config::{Config, Role};
pub use error::ServiceError;
