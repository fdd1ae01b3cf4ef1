//! The subcommands, one file each: their arguments, their help and what they print.

pub mod completions;
pub mod config;
pub mod dlq;
pub mod doctor;
pub mod ending;
pub mod get;
pub mod jobs;
pub mod operations;
pub mod purge;
pub mod run;
pub mod scrub;
pub mod submit;
pub mod topics;
pub mod workers;
