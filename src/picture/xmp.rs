//! XMP, of which two things are looked at: the orientation, and whether there is a thumbnail.
//!
//! Owns what is changed in a packet that goes with a result. Parses no XML: the two names are looked for as they are
//! written everywhere. Source: Adobe, *XMP Specification Part 2*, the namespaces `tiff` and `xmp`.

const ORIENTATION: &[u8] = b"tiff:Orientation";
/// Fewer bytes are no packet; a TIFF would also have them in its directory, where longer ones have their place.
const SHORTEST: usize = 9;
const THUMBNAILS: &[u8] = b"xmp:Thumbnails";

/// A packet that is true of the result, as long as it was.
///
/// # Errors
/// Why it is not kept, for the sender to read.
pub(super) fn for_result(packet: &[u8]) -> Result<Vec<u8>, &'static str> {
    if packet.len() < SHORTEST || std::str::from_utf8(packet).is_err() || !packet.contains(&b'<') {
        return Err("its XMP is damaged and is not kept");
    }
    if packet.windows(THUMBNAILS.len()).any(|window| window == THUMBNAILS) {
        return Err("its XMP has a thumbnail of the original and is not kept");
    }
    let mut packet = packet.to_owned();
    let named = packet.windows(ORIENTATION.len()).enumerate().filter(|(_, window)| *window == ORIENTATION);
    let ends: Vec<usize> = named.map(|(at, _)| at + ORIENTATION.len()).collect();
    for end in ends {
        // As an attribute, ="6", or as an element, >6<.
        let value = packet.iter().skip(end).position(|byte| !b" \t\r\n=\"'>".contains(byte));
        if let Some(digit) = value.and_then(|after| packet.get_mut(end + after)).filter(|digit| digit.is_ascii_digit())
        {
            *digit = b'1';
        }
    }
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_becomes_upright_wherever_it_stands() {
        for (text, expected) in [
            ("<a tiff:Orientation=\"6\" b=\"6\"/>", "<a tiff:Orientation=\"1\" b=\"6\"/>"),
            ("<tiff:Orientation>8</tiff:Orientation>", "<tiff:Orientation>1</tiff:Orientation>"),
            ("<a tiff:Orientation = '3'/>", "<a tiff:Orientation = '1'/>"),
            ("<a tiff:OrientationX='3'/> tiff:Orientation", "<a tiff:OrientationX='3'/> tiff:Orientation"),
        ] {
            assert_eq!(for_result(text.as_bytes()).unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn thumbnails_and_what_is_no_text_go() {
        assert!(for_result(b"<a><xmp:Thumbnails/></a>").unwrap_err().contains("thumbnail"));
        assert!(for_result(b"<and so on \xff>").unwrap_err().contains("damaged"));
        assert!(for_result(b"many words").unwrap_err().contains("damaged"));
        assert!(for_result(b"<a></a>").unwrap_err().contains("damaged"));
    }
}
