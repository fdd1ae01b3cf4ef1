//! x

pub mod splitter;
