//! What an operator sees and sends: log lines, health pages, metrics and signals.
//!
//! Owns how services say that they are alive and ready, and how they are told to stop. Never logs
//! pixels, file names or secrets.

pub mod head;
pub mod health;
pub mod hosts;
pub mod logs;
pub mod metrics;
pub mod outages;
pub mod page;
pub mod panics;
pub mod parts;
pub mod shutdown;

pub use health::Health;
pub use hosts::AllowedHosts;
pub use metrics::Metrics;
pub use shutdown::Shutdown;
