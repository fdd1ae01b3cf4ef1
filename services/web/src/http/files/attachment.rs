//! The name under which a browser stores a file: `Content-Disposition` (RFC 6266).
//!
//! The sender's name for the picture may be any text; what comes out is always one header line that names
//! no folder.

use std::fmt::Write;

/// Characters of a name that are kept.
const MAX_CHARS: usize = 120;

/// A header that offers a file as `STEM-suffix.ext`, with the stem of the sender's name.
pub fn attachment(filename: &str, suffix: &str, ext: &str) -> String {
    let stem = stem(filename);
    let name = format!("{stem}{suffix}.{ext}");
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut header = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        header.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            let kept = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            // Writing to a text cannot fail.
            let _ = if kept { write!(header, "{}", char::from(byte)) } else { write!(header, "%{byte:02X}") };
        }
    }
    header
}

/// The last part of a name, without folders and ending; never empty, never beginning with a dot or dash.
fn stem(filename: &str) -> String {
    let last = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let kept: String = stem.chars().map(|c| if is_kept(c) { c } else { '_' }).take(MAX_CHARS).collect();
    let kept = kept.trim_start_matches(['.', '-', ' ', '~']).trim_end();
    if kept.is_empty() { "picture".to_owned() } else { kept.to_owned() }
}

fn is_kept(c: char) -> bool {
    !c.is_control() && !"\"'<>:|?*%&;$`\u{fffd}".contains(c)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " -._()+,=@[]{}!#^~".contains(c)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_stem_of_the_sender_s_name_is_kept() {
        assert_eq!(attachment("holiday.jpeg", "", "png"), "attachment; filename=\"holiday.png\"");
        assert_eq!(attachment("a.b.png", "-original", "png"), "attachment; filename=\"a.b-original.png\"");
        let unicode = attachment("na\u{ef}ve \u{1f600}.png", "", "png");
        assert!(unicode.contains("filename=\"na_ve _.png\""), "{unicode}");
        assert!(unicode.contains("filename*=UTF-8''na%C3%AFve%20%F0%9F%98%80.png"), "{unicode}");
    }

    #[test]
    fn hostile_names_make_one_harmless_line() {
        let names = [
            "../../etc/passwd",
            r"..\..\windows\system32",
            "a\r\nX-Evil: 1",
            "\"; filename=evil.exe; x=\"",
            "<script>alert(1)</script>",
            "%2e%2e%2f",
            "-rf",
            ".bashrc",
            "",
            "a\0b",
            "....//",
            &"x".repeat(10_000),
        ];
        for name in names {
            let header = attachment(name, "", "png");
            assert!(HeaderValue::from_str(&header).is_ok(), "{name:?}");
            assert!(header.len() < 1200 && header.is_ascii(), "{name:?}");
            let offered = header.split('"').nth(1).unwrap();
            assert!(!offered.contains(['/', '\\', '<', '%', '\r', '\n']), "{name:?}: {offered}");
            assert!(!offered.starts_with(['.', '-']) && offered.ends_with(".png"), "{name:?}: {offered}");
            assert_eq!(header.matches('"').count(), 2, "{name:?}");
        }
        assert_eq!(attachment("../../etc/passwd", "", "png"), "attachment; filename=\"passwd.png\"");
    }
}
