//! What kernels are made of: areas and frames of pixels, borders, the ways over samples, vector lanes.
//!
//! Owns how pixels are gone through, for both depths and each processor. Knows no operation by name.

pub(crate) mod area;
pub(crate) mod blend;
pub(crate) mod border;
pub(crate) mod cpu;
pub(crate) mod filter;
pub(crate) mod frame;
pub(crate) mod histogram;
pub(crate) mod lanes;
pub(crate) mod mirror;
pub(crate) mod neighbours;
pub(crate) mod point;
pub(crate) mod sample;
pub(crate) mod strips;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod vectors;
pub(crate) mod weighed;
