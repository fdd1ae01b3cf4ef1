use std::io::Cursor;

use super::*;
use crate::picture::testing::read;

/// A canvas with a global palette of two colours: black and (9, 8, 7).
fn canvas(width: u16, height: u16) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend_from_slice(&width.to_le_bytes());
    file.extend_from_slice(&height.to_le_bytes());
    file.extend_from_slice(&[0x80, 0, 0, 0, 0, 0, 9, 8, 7]);
    file
}

/// An image block; `data` is its LZW data with 2-bit codes.
fn image(left: u16, top: u16, width: u16, height: u16, data: &[u8]) -> Vec<u8> {
    let mut block = vec![0x2c];
    [left, top, width, height].iter().for_each(|number| block.extend_from_slice(&number.to_le_bytes()));
    block.extend_from_slice(&[0, 2, data.len() as u8]);
    [&block[..], data, &[0]].concat()
}

/// Clear, index 1, end: codes of 3 bits.
const ONE_PIXEL: [u8; 2] = [0b0100_1100, 0b0000_0001];
/// Clear, index 1 twice, end.
const TWO_PIXELS: [u8; 2] = [0b0100_1100, 0b0000_1010];

fn decode(file: &[u8]) -> Result<(Layout, Vec<u8>), ReadError> {
    read(Format::Gif, file).map(|(info, bytes)| (info.format.layout, bytes))
}

#[test]
fn what_a_frame_does_not_cover_is_transparent() {
    let file = [canvas(2, 2), image(1, 1, 1, 1, &ONE_PIXEL), vec![0x3b]].concat();
    let (layout, bytes) = decode(&file).unwrap();
    assert_eq!((layout, bytes), (Layout::Rgba, [[0; 12].to_vec(), vec![9, 8, 7, 255]].concat()));
    let outside = [canvas(1, 1), image(2, 1, 1, 1, &ONE_PIXEL), vec![0x3b]].concat();
    let (info, bytes) = read(Format::Gif, &outside).unwrap();
    assert_eq!((info.size.width, info.size.height), (3, 2), "the canvas grows");
    assert_eq!(bytes, [[0; 20].to_vec(), vec![9, 8, 7, 255]].concat());
    let nothing = [canvas(0, 0), image(0, 0, 1, 1, &ONE_PIXEL), vec![0x3b]].concat();
    assert_eq!(decode(&nothing).unwrap(), (Layout::Rgb, vec![9, 8, 7]));
    let exact = [canvas(1, 1), image(0, 0, 1, 1, &ONE_PIXEL), vec![0x3b]].concat();
    assert_eq!(decode(&exact).unwrap(), (Layout::Rgb, vec![9, 8, 7]));
}

#[test]
fn a_large_canvas_in_35_bytes_is_refused() {
    let file = [canvas(65_535, 65_535), image(0, 0, 65_535, 65_535, &[0x04]), vec![0x3b]].concat();
    assert!(file.len() < 40);
    let error = read_header(Cursor::new(&file)).unwrap().check_memory(512 << 20).unwrap_err().to_string();
    assert!(error.contains("max_decode_bytes is 536870912"), "{error}");
}

#[test]
fn ten_thousand_frames_are_counted_and_no_more() {
    let frame = image(0, 0, 1, 1, &ONE_PIXEL);
    let many = |count: usize| [canvas(1, 1), frame.repeat(count), vec![0x3b]].concat();
    assert_eq!(read_header(Cursor::new(many(9_999))).unwrap().frames, 9_999);
    let header = read_header(Cursor::new(many(20_000))).unwrap();
    assert_eq!(header.notices(Layout::Rgb), ["animated: the result is the first of 10000 or more frames"]);
    assert_eq!(decode(&many(3)).unwrap().1, [9, 8, 7]);
}

#[test]
fn how_frames_are_disposed_of_and_their_delays_change_nothing_of_the_first() {
    for disposal in 0..8u8 {
        for delay in [[0, 0], [10, 0], [255, 255]] {
            let control = [&[0x21, 0xf9, 4, disposal << 2][..], &delay, &[0, 0]].concat();
            let frame = [control, image(0, 0, 1, 1, &ONE_PIXEL)].concat();
            let other = image(0, 0, 1, 1, &[0b0100_0100, 0b0000_0001]);
            let file = [&canvas(2, 1)[..], &frame, &other, &frame, &[0x3b]].concat();
            let found = decode(&file).unwrap();
            assert_eq!(found, (Layout::Rgba, vec![9, 8, 7, 255, 0, 0, 0, 0]), "{disposal} {delay:?}");
            assert_eq!(read_header(Cursor::new(&file)).unwrap().frames, 3);
        }
    }
}

#[test]
fn no_file_that_is_cut_within_its_picture_is_taken_for_a_whole_one() {
    let first = [canvas(1, 1), image(0, 0, 1, 1, &ONE_PIXEL)].concat();
    let whole = [&first[..], &image(0, 0, 1, 1, &ONE_PIXEL), &[0x3b]].concat();
    // Without its last byte the image lacks its end, and nothing else.
    let end = first.len() - 1;
    (0..end).for_each(|at| assert!(decode(&whole[..at]).is_err(), "cut at {at}"));
    assert_eq!(decode(&whole[..end]).unwrap().1, [9, 8, 7]);
    assert!(notices(&whole[..end])[0].contains("no end mark"));
    let short = [canvas(2, 1), image(0, 0, 2, 1, &ONE_PIXEL), vec![0x3b]].concat();
    assert!(decode(&short).is_err(), "a pixel is missing");
}

/// What the sender is told.
fn notices(file: &[u8]) -> Vec<String> {
    read_header(Cursor::new(file)).unwrap().notices(Layout::Rgb)
}

#[test]
fn what_is_cut_or_missing_behind_the_first_frame_is_said() {
    let control = [0x21, 0xf9, 4, 0, 10, 0, 0, 0];
    let first = [&canvas(1, 1)[..], &control, &image(0, 0, 1, 1, &ONE_PIXEL)].concat();
    let whole = [&first[..], &control, &image(0, 0, 1, 1, &ONE_PIXEL), &[0x3b]].concat();
    for at in first.len()..whole.len() {
        assert_eq!(decode(&whole[..at]).unwrap(), (Layout::Rgb, vec![9, 8, 7]), "cut at {at}");
        let is_between = [first.len(), first.len() + control.len(), whole.len() - 1].contains(&at);
        let expected = if is_between { "no end mark" } else { "cut or damaged" };
        assert!(notices(&whole[..at]).iter().any(|notice| notice.contains(expected)), "cut at {at}");
    }
    let junk = [&first[..], b"junk"].concat();
    assert_eq!(decode(&junk).unwrap().1, [9, 8, 7]);
    assert!(notices(&junk)[0].contains("cut or damaged"));
    assert!(decode(&[&canvas(1, 1)[..], b"junk"].concat()).is_err());
}

#[test]
fn unknown_extensions_and_stray_zeros_are_skipped() {
    let (start, frame) = (canvas(1, 1), image(0, 0, 1, 1, &ONE_PIXEL));
    for extension in [&[0x21, 0x99, 3, 1, 2, 3, 0][..], &[0x21, 0, 0], &[0x21, 0xce, 1, 7, 2, 7, 7, 0]] {
        for file in [[&start[..], extension, &frame, &[0x3b]], [&start, &frame, extension, &[0x3b]]] {
            let file = file.concat();
            assert_eq!((decode(&file).unwrap().1, notices(&file)), (vec![9, 8, 7], Vec::new()));
        }
    }
    for zeros in [[&start[..], &[0, 0], &frame, &[0x3b]], [&start, &frame, &[0, 0, 0], &[0x3b]]] {
        let file = zeros.concat();
        assert_eq!(decode(&file).unwrap().1, [9, 8, 7]);
        assert!(notices(&file)[0].contains("belong to nothing"), "{:?}", notices(&file));
    }
}

#[test]
fn what_other_readers_make_of_odd_controls_is_made_of_them_here() {
    let (start, frame) = (canvas(1, 1), image(0, 0, 1, 1, &ONE_PIXEL));
    let text = [&[0x21, 1, 12][..], &[0; 12], &[2, b'h', b'i', 0]].concat();
    for control in [&[0x21, 0xf9, 4, 1, 0, 0, 1, 0][..], &[0x21, 0xf9, 6, 1, 0, 0, 1, 8, 8, 0]] {
        for between in [&[][..], &text] {
            let file = [&start[..], control, between, &frame, &[0x3b]].concat();
            assert_eq!(decode(&file).unwrap(), (Layout::Rgba, vec![0; 4]), "the colour is transparent");
            assert_eq!(notices(&file).iter().any(|notice| notice.contains("texts")), !between.is_empty());
        }
    }
    assert!(decode(&[&start[..], &[0x21, 0xf9, 3, 1, 0, 0, 0], &frame, &[0x3b]].concat()).is_err());
    let small = [&canvas(2, 1)[..], &frame, &[0x3b]].concat();
    assert!(notices(&small)[0].contains("does not cover"), "{:?}", notices(&small));
}

#[test]
fn pieces_of_one_picture_are_put_together() {
    let other = [0b0100_0100, 0b0000_0001];
    let pieces = [image(1, 0, 1, 1, &ONE_PIXEL), image(0, 0, 1, 1, &other), image(0, 1, 2, 1, &TWO_PIXELS)];
    let whole = [&canvas(2, 2)[..], &pieces.concat(), &[0x3b]].concat();
    let expected = vec![0, 0, 0, 9, 8, 7, 9, 8, 7, 9, 8, 7];
    assert_eq!(decode(&whole).unwrap(), (Layout::Rgb, expected));
    assert_eq!(notices(&whole), ["its picture is made of several images, which were put together"]);
    let few = [&canvas(2, 2)[..], &pieces[..2].concat(), &[0x3b]].concat();
    assert_eq!(decode(&few).unwrap().0, Layout::Rgba);
    let end = whole.len() - 1;
    assert!(decode(&whole[..end - 1]).is_err(), "a piece is cut");
    // Images with a time each, or on each other, are frames.
    let timed = [&canvas(2, 2)[..], &[0x21, 0xf9, 4, 0, 5, 0, 0, 0], &pieces.concat(), &[0x3b]].concat();
    assert!(notices(&timed)[0].contains("animated"));
    assert_eq!(decode(&timed).unwrap().1, [[0; 4], [9, 8, 7, 255], [0; 4], [0; 4]].concat());
    let again = [&canvas(2, 2)[..], &pieces.concat(), &pieces[0], &[0x3b]].concat();
    assert!(notices(&again)[0].contains("animated"));
}
