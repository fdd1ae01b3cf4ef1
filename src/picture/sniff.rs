//! Which format a file has, by its first bytes; names and declared types are never trusted.

/// Formats told apart; all of them are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    WebP,
    /// TIFF and BigTIFF.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// Quite OK Image.
    Qoi,
}

/// First bytes that suffice for [`sniff`], and to name a format that is not one of these.
pub const SNIFF_BYTES: usize = 1024;

impl Format {
    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Qoi => "QOI",
        }
    }

    /// The usual end of a file's name, without dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Tiff => "tif",
            Self::Bmp => "bmp",
            Self::Qoi => "qoi",
        }
    }

    /// The media type for HTTP.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Qoi => "image/qoi",
        }
    }
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Png, Self::Jpeg, Self::WebP, Self::Tiff, Self::Gif, Self::Bmp, Self::Qoi];

    /// The format with that extension.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.extension() == extension)
    }
}

/// The format of a file that begins with `start` ([`SNIFF_BYTES`] suffice); `None` if it is not one of ours.
pub fn sniff(start: &[u8]) -> Option<Format> {
    let magics: [(&[u8], Format); 10] = [
        (b"\x89PNG\r\n\x1a\n", Format::Png),
        (b"\xff\xd8\xff", Format::Jpeg),
        (b"GIF87a", Format::Gif),
        (b"GIF89a", Format::Gif),
        (b"II*\0", Format::Tiff),
        (b"MM\0*", Format::Tiff),
        (b"II+\0", Format::Tiff),
        (b"MM\0+", Format::Tiff),
        (b"BM", Format::Bmp),
        (b"qoif", Format::Qoi),
    ];
    if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
        return Some(Format::WebP);
    }
    magics.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, format)| format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some(Format::Png));
        assert_eq!(sniff(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some(Format::Jpeg));
        assert_eq!(sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Format::WebP));
        assert_eq!(sniff(b"MM\0*\0\0\0\x08"), Some(Format::Tiff));
        for other in [&b""[..], b"\x89PNG", b"RIFF\x10\0\0\0WAVE", b"<svg xmlns", b"%PDF-1.7", b"\x7fELF", b"text"] {
            assert_eq!(sniff(other), None, "{other:?}");
        }
    }
}
