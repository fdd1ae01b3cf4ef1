//! What goes with a result, as it stands in a manifest: in base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::picture::metadata::Kept;

/// What is written beside a result's pixels, in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    icc: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exif: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xmp: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    texts: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    colors: Vec<String>,
}

impl From<&Kept> for KeptText {
    fn from(kept: &Kept) -> Self {
        let text = |bytes: &Vec<u8>| BASE64_STANDARD.encode(bytes);
        let [icc, exif, xmp] = [&kept.icc, &kept.exif, &kept.xmp].map(|part| part.as_ref().map(text));
        let [texts, colors] = [&kept.texts, &kept.colors].map(|parts| parts.iter().map(text).collect());
        Self { icc, exif, xmp, texts, colors }
    }
}

impl KeptText {
    /// The bytes; nothing if they cannot be read.
    pub fn decode(&self) -> Kept {
        let bytes = |text: &String| BASE64_STANDARD.decode(text).ok();
        let [icc, exif, xmp] = [&self.icc, &self.exif, &self.xmp].map(|part| part.as_ref().and_then(bytes));
        let [texts, colors] = [&self.texts, &self.colors].map(|parts| parts.iter().filter_map(bytes).collect());
        Kept { icc, exif, xmp, texts, colors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_nothing_takes_no_room() {
        let kept = Kept {
            icc: Some(vec![1, 2]),
            exif: Some(vec![0xff; 5]),
            xmp: Some(b"<x/>".to_vec()),
            texts: vec![b"tEXta\0b".to_vec(), Vec::new()],
            colors: vec![b"gAMA\0\0\0\x01".to_vec()],
        };
        let json = serde_json::to_string(&KeptText::from(&kept)).unwrap();
        assert_eq!(serde_json::from_str::<KeptText>(&json).unwrap().decode(), kept);
        assert_eq!(serde_json::to_string(&KeptText::from(&Kept::NONE)).unwrap(), "{}");
        let damaged: KeptText = serde_json::from_str("{\"icc\":\"no base64!\",\"later\":1}").unwrap();
        assert_eq!(damaged.decode(), Kept::NONE);
    }
}
