//! The `Content-Disposition` of a form's part: the field's name and the file's name.
//!
//! A file's name may be any bytes. It is kept as text for people and never becomes a path or a header.

/// Characters of a file's name that are kept.
const MAX_NAME_CHARS: usize = 255;

/// What a part's header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disposition {
    /// The field's name.
    pub name: String,
    /// The file's name, if the part has one.
    pub filename: Option<String>,
}

/// Reads the header of a part; `None` if it names no field.
pub fn read_disposition(header: &[u8]) -> Option<Disposition> {
    let lines = header.split(|byte| matches!(byte, b'\r' | b'\n'));
    let value = lines.filter_map(|line| header_value(line, b"content-disposition")).next()?;
    let (kind, mut rest) = split_at_byte(value, b';');
    if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return None;
    }
    let (mut name, mut plain, mut extended) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = split_at_byte(rest, b'=');
        let (value, after) = parameter_value(after);
        match key.trim_ascii().to_ascii_lowercase().as_slice() {
            b"name" => name = Some(value),
            b"filename" => plain = Some(value),
            b"filename*" => extended = percent_decoded(&value),
            _ => {}
        }
        rest = after;
    }
    Some(Disposition { name: shown(&name?), filename: extended.or(plain).map(|name| shown(&name)) })
}

fn header_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let (found, value) = line.split_at(at);
    found.trim_ascii().eq_ignore_ascii_case(name).then(|| &value[1..])
}

fn split_at_byte(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    let end = text.iter().position(|other| *other == byte);
    end.map_or((text, &[]), |end| (&text[..end], &text[end + 1..]))
}

/// A value, quoted or not, and what follows its `;`. In quotes only `\"` and `\\` are escapes: other
/// backslashes are what some systems put into their paths.
fn parameter_value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (value, rest) = split_at_byte(text, b';');
        return (value.trim_ascii().to_vec(), rest);
    };
    let mut value = Vec::new();
    let mut at = 0;
    while at < quoted.len() && quoted[at] != b'"' {
        let escaped = quoted[at] == b'\\' && matches!(quoted.get(at + 1), Some(b'"' | b'\\'));
        at += usize::from(escaped);
        value.push(quoted[at]);
        at += 1;
    }
    let rest = quoted.get(at + 1..).unwrap_or_default();
    (value, split_at_byte(rest, b';').1)
}

/// Reads `UTF-8''percent%20encoded` (RFC 5987).
fn percent_decoded(value: &[u8]) -> Option<Vec<u8>> {
    let (charset, rest) = split_at_byte(value, b'\'');
    if !charset.eq_ignore_ascii_case(b"utf-8") {
        return None;
    }
    let encoded = split_at_byte(rest, b'\'').1;
    let hex = |byte: &u8| (*byte as char).to_digit(16);
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(byte) = encoded.get(at) {
        let pair = (*byte == b'%').then(|| Some((hex(encoded.get(at + 1)?)?, hex(encoded.get(at + 2)?)?))).flatten();
        match pair {
            Some((high, low)) => decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?')),
            None => decoded.push(*byte),
        }
        at += if pair.is_some() { 3 } else { 1 };
    }
    Some(decoded)
}

/// A name as text: characters that control a terminal or reverse the text are made visible, long names cut.
fn shown(name: &[u8]) -> String {
    let is_hidden = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = String::from_utf8_lossy(name);
    text.chars().take(MAX_NAME_CHARS).map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filename(value: &[u8]) -> Option<String> {
        let header = [b"Content-Disposition: form-data; name=\"image\"; filename=", value].concat();
        let disposition = read_disposition(&header).unwrap();
        assert_eq!(disposition.name, "image");
        disposition.filename
    }

    #[test]
    fn hostile_names_are_kept_as_text() {
        let same: [&[u8]; 5] =
            [b"../../etc/passwd", b"%2e%2e%2f", b"-rf", b"<script>alert(1)</script>", "\u{1f600}.png".as_bytes()];
        for name in same {
            let quoted = [b"\"", name, b"\""].concat();
            assert_eq!(filename(&quoted).unwrap().as_bytes(), name);
        }
        assert_eq!(filename(br#""..\\..\\x""#).unwrap(), r"..\..\x");
        assert_eq!(filename(br#""C:\pictures\x.png""#).unwrap(), r"C:\pictures\x.png");
        assert_eq!(filename(br#""a\"b;c.png"; other=1"#).unwrap(), "a\"b;c.png");
        assert_eq!(filename(b"\"a\0b\x1b[2Jc\"").unwrap(), "a\u{fffd}b\u{fffd}[2Jc");
        assert_eq!(filename(b"\"caf\xe9.png\"").unwrap(), "caf\u{fffd}.png");
        assert_eq!(filename("\"gnp.\u{202e}exe\"".as_bytes()).unwrap(), "gnp.\u{fffd}exe");
        assert_eq!(filename(format!("\"{}\"", "x".repeat(300)).as_bytes()).unwrap().len(), 255);
    }

    #[test]
    fn a_line_break_in_a_name_ends_it_and_adds_no_header() {
        assert_eq!(filename(b"\"a\r\nX-Evil: 1\"").unwrap(), "a");
    }

    #[test]
    fn the_extended_name_comes_first() {
        let both = b"\"plain.png\"; filename*=UTF-8''na%C3%AFve%20%zz.png";
        assert_eq!(filename(both).unwrap(), "na\u{ef}ve %zz.png");
        assert_eq!(filename(b"plain.png; filename*=latin1''x").unwrap(), "plain.png");
    }

    #[test]
    fn a_part_needs_a_name() {
        for header in
            ["", "Content-Type: image/png", "Content-Disposition: form-data", "Content-Disposition: attachment; name=a"]
        {
            assert_eq!(read_disposition(header.as_bytes()), None, "{header}");
        }
        let field = read_disposition(b"content-disposition:form-data;name=op").unwrap();
        assert_eq!((field.name.as_str(), field.filename), ("op", None));
    }
}
