//! ICC profiles: what a picture's numbers mean as colours, carried from the picture to the result.
//!
//! Owns when a profile is kept: it is whole, not larger than [`MAX_ICC_BYTES`], and made for the colours of
//! the result. Never converts a colour. Source: ICC.1:2022, the header.

use super::Layout;

/// The largest profile that is kept, in bytes; those of cameras and screens have a few thousand.
pub const MAX_ICC_BYTES: usize = 1 << 20;

/// What was found of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// There is none.
    #[default]
    None,
    /// A profile whose header is whole.
    Found(Vec<u8>),
    /// There is one that is not kept; the text says why.
    Dropped(String),
}

impl Profile {
    /// Looks at a profile's bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::None;
        }
        if bytes.len() > MAX_ICC_BYTES {
            return Self::too_large();
        }
        let length = bytes.first_chunk().map(|length| u32::from_be_bytes(*length) as usize);
        let signature = bytes.get(36..40);
        // Writers pad; what the header counts must be there.
        match (length, signature) {
            (Some(128..), Some(b"acsp")) if length <= Some(bytes.len()) => Self::Found(bytes),
            _ => Self::Dropped("its ICC profile is damaged and is not kept".to_owned()),
        }
    }

    /// A profile beyond [`MAX_ICC_BYTES`], whose bytes were not taken in.
    pub fn too_large() -> Self {
        Self::Dropped(format!("its ICC profile is larger than {MAX_ICC_BYTES} bytes and is not kept"))
    }

    /// The profile for a result of `layout`, or why it goes.
    ///
    /// # Errors
    /// What the sender should know: a profile for other colours says nothing about the result's.
    pub fn keep_for(&self, layout: Layout) -> Result<Option<&[u8]>, String> {
        match self {
            Self::None => Ok(None),
            Self::Dropped(why) => Err(why.clone()),
            Self::Found(bytes) => {
                let (model, name) = match layout.color_channels() {
                    1 => (b"GRAY", "gray"),
                    _ => (b"RGB ", "RGB"),
                };
                let of = bytes.get(16..20).unwrap_or_default();
                if of == model {
                    return Ok(Some(bytes));
                }
                let of: String = of.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_alphanumeric).collect();
                Err(format!("its ICC profile is for {of} colours and is not kept in a result of {name} colours"))
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A profile of `length` bytes with nothing but a header.
    pub(crate) fn profile(model: &[u8; 4], length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
        bytes[..4].copy_from_slice(&(length as u32).to_be_bytes());
        bytes[16..20].copy_from_slice(model);
        bytes[36..40].copy_from_slice(b"acsp");
        bytes
    }

    #[test]
    fn a_profile_is_kept_for_its_own_colours_only() {
        let rgb = Profile::new(profile(b"RGB ", 600));
        assert_eq!(rgb.keep_for(Layout::Rgba).unwrap().unwrap().len(), 600);
        assert!(rgb.keep_for(Layout::Gray).unwrap_err().contains("RGB colours"));
        let cmyk = Profile::new(profile(b"CMYK", 600));
        assert!(cmyk.keep_for(Layout::Rgb).unwrap_err().contains("CMYK"));
        let gray = Profile::new(profile(b"GRAY", 600));
        assert!(gray.keep_for(Layout::GrayAlpha).unwrap().is_some() && gray.keep_for(Layout::Rgb).is_err());
    }

    #[test]
    fn damaged_and_large_profiles_are_dropped_and_say_so() {
        let whole = profile(b"RGB ", 600);
        let said = |bytes: Vec<u8>| Profile::new(bytes).keep_for(Layout::Rgb).unwrap_err();
        assert!(said(whole[..599].to_vec()).contains("damaged"));
        assert!(said(b"junk".to_vec()).contains("damaged"));
        assert!(said(profile(b"RGB ", MAX_ICC_BYTES + 1)).contains("larger than 1048576"));
        assert_eq!(Profile::new(Vec::new()), Profile::None);
    }
}
