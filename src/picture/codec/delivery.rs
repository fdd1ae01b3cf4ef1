//! How a result is delivered: its format, what goes with its pixels, and what the sender should know.
//!
//! Owns the policy, the same for the running system and for one process: colour profiles are kept where they
//! fit the result, all other metadata is dropped, of several frames the first is read.

use super::{Header, ResultFormat, Wanted};
use crate::picture::PictureInfo;

/// What becomes of a picture's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its format.
    pub format: ResultFormat,
    /// The profile that is written with it.
    pub icc: Option<Vec<u8>>,
    /// What it does not have of the picture, for the sender to read.
    pub notices: Vec<String>,
}

impl Delivery {
    /// Decides for a picture with `header` whose result is `output`.
    ///
    /// # Errors
    /// If the format has no such picture or setting: what is in the way, and what to choose instead.
    pub fn of(header: &Header, wanted: Wanted, output: PictureInfo, max_decode_bytes: u64) -> Result<Self, String> {
        let (format, choice) = wanted.resolve(header)?;
        format.check(output, max_decode_bytes)?;
        let layout = output.format.layout;
        let mut notices = header.notices(layout);
        notices.extend(choice);
        let icc = header.profile.keep_for(layout).ok().flatten().map(<[u8]>::to_vec);
        Ok(Self { format, icc, notices })
    }
}
