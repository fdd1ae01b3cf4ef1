//! What is asked of a job and done with it, for pages and the interface alike: find, cancel, retry, delete, its tiles and files.
//!
//! Owns what is allowed when and the words of a refusal. What a job is and when it may change is decided by the scripts in
//! Redis; addresses, JSON and HTML are those of the routes and pages.

pub mod cancel;
mod change;
pub mod delete;
pub mod files;
pub mod find;
pub mod json;
pub mod pyramid;
pub mod retry;
pub mod tiles;
