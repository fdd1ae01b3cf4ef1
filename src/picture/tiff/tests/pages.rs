//! Reduced copies, pictures behind pages, raw files of cameras, and how a page is turned.

use super::*;

/// The tag, its type, and its values.
type Field = (u16, u16, Vec<u64>);

/// A file of pages and then of pictures behind the first, each of gray pixels of one value.
fn pages(pages: &[(u8, u64, Vec<Field>)], behind: &[(u8, u64, Vec<Field>)]) -> Vec<u8> {
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    let mut places = Vec::new();
    for (value, side, more) in behind {
        places.push(page(&mut file, *value, *side, more).0 as u64);
    }
    for (number, (value, side, more)) in pages.iter().enumerate() {
        let mut more = more.clone();
        if number == 0 && !places.is_empty() {
            more.push((330, LONG, places.clone()));
        }
        let (at, next) = page(&mut file, *value, *side, &more);
        file[link..link + 4].copy_from_slice(&(at as u32).to_le_bytes());
        link = next;
    }
    file
}

/// Adds a page; gives where it begins and where the link to the next is.
fn page(file: &mut Vec<u8>, value: u8, side: u64, more: &[Field]) -> (usize, usize) {
    let pixels_at = file.len() as u64;
    file.extend(vec![value; (side * side) as usize]);
    file.resize(file.len().next_multiple_of(2), 0);
    let mut fields = with(basic(side, side, 8, 1), &[]);
    fields.extend([(273, LONG, vec![pixels_at]), (279, LONG, vec![side * side])]);
    fields.retain(|field| !more.iter().any(|(tag, ..)| *tag == field.0));
    fields.extend_from_slice(more);
    fields.sort_by_key(|field| field.0);
    let at = file.len();
    let link = at + 2 + fields.len() * 12;
    let mut rest = Vec::new();
    file.extend((fields.len() as u16).to_le_bytes());
    for (tag, kind, values) in fields {
        let width = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            _ => 4,
        };
        let mut bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()[..width].to_vec()).collect();
        if bytes.len() > 4 {
            let there = (link + 4 + rest.len()) as u32;
            rest.append(&mut bytes);
            bytes = there.to_le_bytes().to_vec();
        }
        bytes.resize(4, 0);
        file.extend(
            [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &(values.len() as u32).to_le_bytes(), &bytes].concat(),
        );
    }
    file.extend([0; 4]);
    file.extend(rest);
    (at, link)
}

fn reduced() -> Field {
    (254, LONG, vec![1])
}

fn notices(file: &[u8]) -> Vec<String> {
    read_header(Cursor::new(file)).unwrap().notices(Channels::Gray)
}

#[test]
fn a_reduced_copy_is_not_the_picture() {
    for mark in [reduced(), (255, SHORT, vec![2]), (254, LONG, vec![5])] {
        let file = pages(&[(9, 2, vec![mark.clone()]), (7, 4, Vec::new())], &[]);
        assert_eq!(decode(&file).unwrap().1, [7; 16]);
        assert_eq!(notices(&file), ["its first page is a reduced copy of its picture: the result is page 2"]);
        let alone = pages(&[(9, 2, vec![mark.clone()])], &[]);
        assert_eq!(decode(&alone).unwrap().1, [9; 4]);
        assert!(notices(&alone)[0].contains("reduced copy"));
        let behind = pages(&[(9, 2, vec![mark])], &[(7, 4, Vec::new())]);
        assert!(decode(&behind).unwrap_err().to_string().contains("reduced copy"));
    }
    let usual = pages(&[(7, 4, Vec::new()), (9, 2, vec![reduced()])], &[(8, 3, vec![reduced()])]);
    assert_eq!(decode(&usual).unwrap().1, [7; 16]);
    assert_eq!(notices(&usual), ["pages: the result is the first of 2 pages"]);
    let larger = pages(&[(7, 2, Vec::new())], &[(9, 4, Vec::new())]);
    assert!(notices(&larger)[0].contains("larger picture"));
}

#[test]
fn a_sample_of_which_the_file_does_not_say_what_it_is_is_alpha_with_a_notice() {
    for (said, is_open) in [(0, true), (1, false), (2, false)] {
        let fields = with(basic(1, 1, 8, 1), &[(277, &[2]), (338, &[said])]);
        let file = strips(false, &fields, &[&[100, 255]]);
        let (info, _) = decode(&file).unwrap();
        assert_eq!(info.format.layout, Channels::GrayAlpha);
        assert_eq!(notices(&file).iter().any(|notice| notice.contains("taken for alpha")), is_open, "{said}");
    }
}

#[test]
fn raw_files_of_cameras_are_refused_by_name() {
    let letters = |text: &str| (271, 2, text.bytes().chain([0]).map(u64::from).collect::<Vec<u64>>());
    let sensor = || (262, SHORT, vec![32_803]);
    let said = |file: Vec<u8>| decode(&file).unwrap_err().to_string();
    for (maker, name) in [
        ("NIKON CORPORATION", "NEF"),
        ("SONY", "ARW"),
        ("PENTAX Corporation", "PEF"),
        ("SAMSUNG", "SRW"),
        ("nobody", "the data of a sensor"),
    ] {
        let text = said(pages(&[(9, 2, vec![reduced(), letters(maker)])], &[(7, 4, vec![sensor()])]));
        assert!(text.contains("camera's raw file") && text.contains(name), "{text}");
        let text = said(pages(&[(9, 2, vec![letters(maker)]), (7, 4, vec![sensor()])], &[]));
        assert!(text.contains("camera's raw file"), "{text}");
        let text = said(pages(&[(9, 2, vec![letters(maker), sensor()])], &[]));
        assert!(text.contains(name), "{text}");
        let text = said(pages(&[(9, 2, vec![letters(maker)])], &[(7, 4, vec![(259, SHORT, vec![34_713])])]));
        assert!(text.contains("camera's raw file"), "{text}");
    }
    let dng = pages(&[(9, 2, vec![(50_706, 1, vec![1, 4, 0, 0])])], &[]);
    assert!(said(dng).contains("DNG"));
    let linear = pages(&[(9, 2, vec![reduced()])], &[(7, 4, vec![(262, SHORT, vec![34_892])])]);
    assert!(said(linear).contains("camera's raw file"));
    let mut canon = pages(&[(9, 2, Vec::new())], &[]);
    canon[8..12].copy_from_slice(b"CR\x02\0");
    assert!(said(canon).contains("CR2"));
}

#[test]
fn any_whole_number_is_an_orientation_and_others_are_said() {
    let header = |kind: u16, values: Vec<u64>| {
        let file = pages(&[(7, 2, vec![(274, kind, values)])], &[]);
        let header = read_header(Cursor::new(&file)).unwrap();
        (header.orientation, header.notices(Channels::Gray))
    };
    for kind in [1, 3, 4, 6, 8, 9] {
        assert_eq!(header(kind, vec![6]), (Turn::Rotate90, Vec::new()), "type {kind}");
    }
    for (kind, values) in [(3, vec![9]), (4, vec![65_542]), (3, vec![6, 6]), (2, vec![6]), (11, vec![6])] {
        let (turn, notices) = header(kind, values);
        assert!(turn == Turn::None && notices[0].contains("orientation is not understood"), "{notices:?}");
    }
    let xmp: Vec<u64> = b"<a tiff:Orientation=\"8\"/>".iter().map(|byte| u64::from(*byte)).collect();
    let file = pages(&[(7, 2, vec![(700, 1, xmp)])], &[]);
    assert_eq!(read_header(Cursor::new(&file)).unwrap().orientation, Turn::Rotate270);
}

#[test]
fn what_it_says_of_its_colours_is_said_to_be_lost() {
    let file = pages(&[(7, 2, vec![(318, 5, vec![8]), (319, 5, vec![8])])], &[]);
    let (_, notices) = read_header(Cursor::new(&file)).unwrap().colors.keep_for(Format::Tiff);
    assert!(notices[0].contains("white point, primaries"), "{notices:?}");
}
