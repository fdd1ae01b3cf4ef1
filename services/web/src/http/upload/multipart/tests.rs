use super::*;

const TYPE: &str = "multipart/form-data; boundary=XX";

/// All parts of a body that comes in chunks of `chunk` bytes.
fn read(body: &[u8], chunk: usize) -> Result<Vec<(Disposition, Vec<u8>)>, MultipartError> {
    let mut parser = Parser::new(TYPE)?;
    let mut parts = Vec::new();
    let mut chunks = body.chunks(chunk);
    loop {
        match parser.next_event()? {
            Event::Part(disposition) => parts.push((disposition, Vec::new())),
            Event::Data(bytes) => {
                assert!(!bytes.is_empty());
                parts.last_mut().unwrap().1.extend_from_slice(&bytes);
            }
            Event::PartEnd => {}
            Event::End => return parser.finish().map(|()| parts),
            Event::NeedsMore => match chunks.next() {
                Some(chunk) => parser.push(chunk),
                None => return parser.finish().map(|()| parts),
            },
        }
    }
}

fn part(name: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    [head.as_bytes(), body, b"\r\n"].concat()
}

#[test]
fn parts_come_back_for_any_chunk_size() {
    let bodies: [&[u8]; 6] = [b"", b"text", b"\r\n", b"\r\n--X", b"\r\n--XY\r\n--X\r\r\n", &[0x0d; 300]];
    let mut form = b"preamble\r\n".to_vec();
    bodies.iter().for_each(|body| form.extend(part("field", body)));
    form.extend(b"--XX--\r\nepilogue");
    for chunk in 1..form.len() {
        let parts = read(&form, chunk).unwrap();
        let found: Vec<&[u8]> = parts.iter().map(|(_, body)| body.as_slice()).collect();
        assert_eq!(found, bodies, "chunks of {chunk}");
    }
}

#[test]
fn a_form_cut_anywhere_is_incomplete() {
    let form = [part("a", b"1"), part("b", b"2\r\n--X"), b"--XX--".to_vec()].concat();
    for length in 0..form.len() {
        assert_eq!(read(&form[..length], 7), Err(MultipartError::Incomplete), "{length} bytes");
    }
    assert_eq!(read(&form, 7).unwrap().len(), 2);
}

#[test]
fn a_large_body_is_handed_on_and_not_kept() {
    let mut parser = Parser::new(TYPE).unwrap();
    parser.push(&part("image", b"")[..part("image", b"").len() - 2]);
    assert!(matches!(parser.next_event(), Ok(Event::Part(_))));
    for _ in 0..1000 {
        parser.push(&[b'\r'; 4096]);
        while parser.next_event().unwrap() != Event::NeedsMore {}
        assert!(parser.buffer.len() < 8);
    }
}

#[test]
fn what_is_no_form_is_refused() {
    for kind in
        ["", "image/png", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a"]
    {
        assert_eq!(Parser::new(kind).unwrap_err(), MultipartError::ContentType, "{kind}");
    }
    assert!(Parser::new(&format!("multipart/form-data; boundary={}", "x".repeat(71))).is_err());
    assert!(Parser::new("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"").is_ok());
    assert!(matches!(read(b"--XX?\r\n\r\n", 4), Err(MultipartError::Damaged(_))));
    assert!(matches!(read(b"--XX\r\nContent-Type: a/b\r\n\r\nx", 4), Err(MultipartError::Damaged(_))));
    let long = [b"--XX\r\n".to_vec(), vec![b'a'; 20_000]].concat();
    assert!(matches!(read(&long, 1000), Err(MultipartError::Damaged(_))));
}
