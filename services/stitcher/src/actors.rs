//! The actors of a stitcher: thin shells around plain types.

pub mod job_assembler;
pub mod result_feed;
