//! How a result is delivered: its format, what goes with its pixels, and what the sender should know.
//!
//! Owns the policy, the same for the running system and for one process: colour profiles, and what else tells
//! what the colours are, are kept where they fit the result, all other metadata only if it is asked for, of several frames the first is read.

use super::{Header, ResultFormat, Wanted};
use crate::picture::PictureInfo;
use crate::picture::metadata::{Kept, MetadataPolicy};

/// What becomes of a picture's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its format.
    pub format: ResultFormat,
    /// What is written with it.
    pub kept: Kept,
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
        let mut kept = Kept::NONE;
        kept.icc = header.profile.keep_for(layout).ok().flatten().map(<[u8]>::to_vec);
        let (colors, lost) = header.colors.keep_for(format.format());
        kept.colors = colors;
        notices.extend(lost);
        if wanted.metadata == MetadataPolicy::Keep {
            notices.extend(header.metadata.keep(header.format, format.format(), &mut kept));
        }
        Ok(Self { format, kept, notices })
    }
}
