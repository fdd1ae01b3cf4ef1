//! XMP, of which two things are looked at: the orientation, and whether there is a thumbnail.
//!
//! Owns what is changed in a packet that goes with a result. Parses no XML: names are looked for as they are written
//! everywhere. Source: Adobe, *XMP Specification Part 2*, the namespaces `tiff` and `xmp`.

use super::Turn;
use super::orientation::Orientation;

const USUAL_PREFIX: &[u8] = b"tiff";
/// What a prefix for the names of TIFF stands for.
const NAMESPACE: &[u8] = b"http://ns.adobe.com/tiff/1.0/";
const NAME: &[u8] = b":Orientation";
const NOT_UNDERSTOOD: &str = "its XMP has an orientation that is not understood: it is not applied";
/// Fewer bytes are no packet; a TIFF would also have them in its directory, where longer ones have their place.
const SHORTEST: usize = 9;
const THUMBNAILS: &[u8] = b"xmp:Thumbnails";

/// What a packet, or the start of one, says of the picture's orientation.
pub(super) fn orientation(packet: &[u8]) -> Orientation {
    let mut found = Orientation::Unsaid;
    for value in values(packet) {
        let said = turn_at(packet, value).map_or(Orientation::Unclear(NOT_UNDERSTOOD), Orientation::Is);
        if found != Orientation::Unsaid && found != said {
            return Orientation::Unclear(NOT_UNDERSTOOD);
        }
        found = said;
    }
    found
}

/// A packet that is true of the result, as long as it was; `upright` if the orientation was applied.
///
/// # Errors
/// Why it is not kept, for the sender to read.
pub(super) fn for_result(packet: &[u8], upright: bool) -> Result<Vec<u8>, &'static str> {
    if packet.len() < SHORTEST || std::str::from_utf8(packet).is_err() || !packet.contains(&b'<') {
        return Err("its XMP is damaged and is not kept");
    }
    if packet.windows(THUMBNAILS.len()).any(|window| window == THUMBNAILS) {
        return Err("its XMP has a thumbnail of the original and is not kept");
    }
    let mut kept = packet.to_owned();
    let values = if upright { values(packet) } else { Vec::new() };
    for digit in values.into_iter().filter(|at| turn_at(packet, *at).is_some()) {
        kept.get_mut(digit).into_iter().for_each(|digit| *digit = b'1');
    }
    Ok(kept)
}

/// Where the values of orientations begin: of attributes, `="6"`, and of elements, `>6<`.
fn values(packet: &[u8]) -> Vec<usize> {
    let named = packet.windows(NAME.len()).enumerate().filter(|(at, window)| {
        let is_name = |byte: &&u8| !b" \t\r\n<\"'".contains(byte);
        let prefix = packet[..*at].iter().rev().take(80).take_while(is_name).count();
        *window == NAME && is_prefix(packet, &packet[at - prefix..*at])
    });
    let ends = named.map(|(at, _)| at + NAME.len());
    let value = |end: usize| {
        let rest = packet.get(end..)?;
        rest.first().filter(|byte| b" \t\r\n=>".contains(byte))?;
        let value = end + rest.iter().position(|byte| !b" \t\r\n=\"'>".contains(byte))?;
        // A name and no value: in words, or before an element in it.
        rest.get(..value - end)?.iter().find(|byte| b"=>".contains(byte))?;
        (packet.get(value) != Some(&b'<')).then_some(value)
    };
    ends.filter_map(value).collect()
}

/// Whether a prefix stands for the names of TIFF: the usual one, or one that is declared. The end of an element, which has
/// a `/` before it, has none.
fn is_prefix(packet: &[u8], prefix: &[u8]) -> bool {
    let declared = || {
        let places = packet.windows(NAMESPACE.len()).enumerate().filter(|(_, window)| *window == NAMESPACE);
        places.map(|(at, _)| &packet[..at]).any(|before| {
            let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'"));
            let before = before.and_then(|before| before.strip_suffix(b"="));
            let before = before.and_then(|before| before.strip_suffix(prefix));
            before.is_some_and(|before| before.ends_with(b"xmlns:"))
        })
    };
    prefix == USUAL_PREFIX || (!prefix.is_empty() && declared())
}

/// The turn that the single digit at a place stands for.
fn turn_at(packet: &[u8], at: usize) -> Option<Turn> {
    let digit = packet.get(at).filter(|digit| digit.is_ascii_digit())?;
    let ends = packet.get(at + 1).is_none_or(|next| b" \t\r\n\"'<".contains(next));
    Turn::from_exif(u16::from(digit - b'0')).filter(|_| ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_becomes_upright_wherever_it_stands() {
        for (text, expected) in [
            ("<a tiff:Orientation=\"6\" b=\"6\"/>", "<a tiff:Orientation=\"1\" b=\"6\"/>"),
            ("<tiff:Orientation>6</tiff:Orientation> 5", "<tiff:Orientation>1</tiff:Orientation> 5"),
            ("<a tiff:Orientation = '6'/>", "<a tiff:Orientation = '1'/>"),
            (
                "<a xmlns:t='http://ns.adobe.com/tiff/1.0/' t:Orientation='6'/>",
                "<a xmlns:t='http://ns.adobe.com/tiff/1.0/' t:Orientation='1'/>",
            ),
        ] {
            assert_eq!(orientation(text.as_bytes()), Orientation::Is(Turn::Rotate90), "{text}");
            assert_eq!(for_result(text.as_bytes(), true).unwrap(), expected.as_bytes());
            assert_eq!(for_result(text.as_bytes(), false).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_orientation_says_nothing() {
        for text in
            ["<a tiff:OrientationX='3'/> tiff:Orientation", "<a x:Orientation='3'/>", "<tiff:Orientation/> 3", "<>"]
        {
            assert_eq!(orientation(text.as_bytes()), Orientation::Unsaid, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_neither_applied_nor_overwritten() {
        for text in [
            "<a tiff:Orientation='9'/>",
            "<a tiff:Orientation='0'/>",
            "<a tiff:Orientation='66'/>",
            "<a tiff:Orientation='left'/>",
            "<a tiff:Orientation=\"6\"/><tiff:Orientation>8</tiff:Orientation>",
        ] {
            assert_eq!(orientation(text.as_bytes()), Orientation::Unclear(NOT_UNDERSTOOD), "{text}");
            assert_eq!(for_result(text.as_bytes(), false).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn thumbnails_and_what_is_no_text_go() {
        let said = |text: &[u8]| for_result(text, true).unwrap_err();
        assert!(said(b"<a><xmp:Thumbnails/></a>").contains("thumbnail"));
        assert!(said(b"<and so on \xff>").contains("damaged"));
        assert!(said(b"many words").contains("damaged"));
        assert!(said(b"<a></a>").contains("damaged"));
    }
}
