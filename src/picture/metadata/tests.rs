use std::io::Cursor;

use super::*;
use crate::picture::codec::{self, Delivery, Header, ResultFormat, Wanted, WantedFormat};
use crate::picture::jpeg::JpegSettings;
use crate::picture::testing::{info, read, write};
use crate::picture::{Layout, PictureInfo, Turn};

/// Upright by a sixth of eight, with a place.
const EXIF: &[u8] =
    b"MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0";
const XMP: &[u8] = b"<x:xmpmeta><a tiff:Orientation=\"6\" dc:creator=\"somebody\"/></x:xmpmeta>";
const JPEG: ResultFormat = ResultFormat::Jpeg(JpegSettings { quality: 90, chroma: crate::picture::jpeg::Chroma::Half });
const ALL: [ResultFormat; 4] = [ResultFormat::Png, JPEG, ResultFormat::Webp, ResultFormat::Tiff];

fn picture() -> PictureInfo {
    info(8, 4, Layout::Rgb)
}

fn file(format: ResultFormat, kept: &Kept) -> Vec<u8> {
    write(format, picture(), kept, &[90; 96])
}

fn header(format: Format, file: &[u8]) -> Header {
    codec::read_header(format, Cursor::new(file), 1 << 20).unwrap()
}

fn deliver(header: &Header, to: ResultFormat, metadata: MetadataPolicy) -> Delivery {
    let format = match to {
        ResultFormat::Png => WantedFormat::Png,
        ResultFormat::Jpeg(_) => WantedFormat::Jpeg,
        ResultFormat::Webp => WantedFormat::Webp,
        ResultFormat::Tiff => WantedFormat::Tiff,
    };
    Delivery::of(header, Wanted { format, metadata, ..Wanted::default() }, picture(), 1 << 30).unwrap()
}

#[test]
fn what_is_kept_comes_back_upright_from_each_format_in_each_format() {
    for from in ALL {
        let texts = match from {
            ResultFormat::Png => vec![b"tEXtAuthor\0somebody".to_vec(), b"zTXtComment\0\0\x78\x9c".to_vec()],
            ResultFormat::Jpeg(_) => vec![b"a comment".to_vec(), Vec::new()],
            ResultFormat::Webp | ResultFormat::Tiff => Vec::new(),
        };
        let kept = Kept { exif: Some(EXIF.to_vec()), xmp: Some(XMP.to_vec()), texts: texts.clone(), ..Kept::NONE };
        let original = header(from.format(), &file(from, &kept));
        for to in ALL {
            let delivery = deliver(&original, to, MetadataPolicy::Keep);
            let result = file(to, &delivery.kept);
            assert_eq!(read(to.format(), &result).unwrap().0.size, picture().size);
            let found = header(to.format(), &result);
            assert_eq!((found.orientation, &found.metadata.lost), (Turn::None, &Vec::new()), "{from:?} {to:?}");
            let has_exif = ![from, to].contains(&ResultFormat::Tiff);
            assert_eq!(found.metadata.exif.is_some(), has_exif, "{from:?} {to:?}");
            assert!(!has_exif || found.metadata.exif.unwrap()[28..] == EXIF[28..], "the place is another");
            let xmp = String::from_utf8(found.metadata.xmp.unwrap()).unwrap();
            assert_eq!(xmp, std::str::from_utf8(XMP).unwrap().replace('6', "1"), "{from:?} {to:?}");
            assert_eq!(found.metadata.texts, if from == to { texts.clone() } else { Vec::new() }, "{from:?} {to:?}");
            let says = |text: &str| delivery.notices.iter().any(|notice| notice.contains(text));
            assert_eq!(says("texts of a"), from != to && !texts.is_empty(), "{:?}", delivery.notices);
            assert_eq!(says("EXIF is not kept in a TIFF"), to == ResultFormat::Tiff && from != to);
        }
    }
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    let kept = Kept { exif: Some(EXIF.to_vec()), xmp: Some(XMP.to_vec()), ..Kept::NONE };
    for from in ALL {
        let original = header(from.format(), &file(from, &kept));
        let delivery = deliver(&original, from, MetadataPolicy::Drop);
        assert_eq!((delivery.kept, delivery.notices), (Kept::NONE, Vec::new()));
    }
    assert_eq!(MetadataPolicy::default(), "drop".parse().unwrap());
    assert!("some".parse::<MetadataPolicy>().unwrap_err().contains("drop, keep"));
}

#[test]
fn limits_hold_and_what_is_beyond_them_is_said() {
    let said = |take: &dyn Fn(&mut Metadata), to: Format| {
        let (mut metadata, mut kept) = (Metadata::default(), Kept::NONE);
        take(&mut metadata);
        let notices = metadata.keep(Format::Png, to, &mut kept);
        assert!(notices.len() <= 1, "{notices:?}");
        (notices.into_iter().next().unwrap_or_default(), kept)
    };
    let long = |start: &[u8], length: usize| [start, &vec![b' '; length - start.len()]].concat();
    let exif = |length| said(&|metadata| metadata.take_exif(&long(EXIF, length)), Format::Jpeg);
    assert_eq!(exif(MAX_EXIF_BYTES).1.exif.map(|block| block.len()), Some(MAX_EXIF_BYTES));
    assert!(exif(MAX_EXIF_BYTES + 1).0.contains("larger than 65527"));
    let xmp = |length| said(&|metadata| metadata.take_xmp(&long(XMP, length)), Format::Jpeg);
    let (_, largest) = xmp(MAX_XMP_BYTES);
    assert!(xmp(MAX_XMP_BYTES + 1).0.contains("larger than 65502"));
    let both = Kept { exif: exif(MAX_EXIF_BYTES).1.exif, ..largest };
    let found = header(Format::Jpeg, &file(JPEG, &both)).metadata;
    assert_eq!((found.exif, found.xmp), (both.exif, both.xmp), "a segment has room for them");
    let texts = |metadata: &mut Metadata| (0..1000).for_each(|_| metadata.take_text(&[b'a'; 100]));
    let (notice, kept) = said(&texts, Format::Png);
    assert!(notice.contains("longer than 65536") && kept.texts.is_empty(), "{notice}");
    assert!(said(&|metadata| metadata.take_exif(b"Exif\0\0MM\0*"), Format::Jpeg).0.contains("damaged"));
}

#[test]
fn compressed_xmp_is_neither_inflated_nor_kept() {
    let text = [&b"iTXtXML:com.adobe.xmp\0\x01\0\0\0"[..], b"\x78\x9c\x03\0"].concat();
    let original = header(Format::Png, &file(ResultFormat::Png, &Kept { texts: vec![text], ..Kept::NONE }));
    let delivery = deliver(&original, ResultFormat::Png, MetadataPolicy::Keep);
    assert_eq!(delivery.notices, ["its XMP is compressed and is not kept"]);
    assert_eq!(delivery.kept, Kept::NONE);
}
