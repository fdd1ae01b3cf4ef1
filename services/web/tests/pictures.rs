//! Pictures of all kinds at the door: what is taken, what is refused with which code, and that refusals leave nothing.
#![cfg(feature = "broker-tests")]

#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../../worker/tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};

use site::{FORM, Settings, Site, form, part};
use support::{Picture, Rig};
use tessera::config::LimitArgs;

#[cfg(test)]
fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/pictures");
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

/// The start of a PNG that claims a size, with a few bytes of data.
#[cfg(test)]
fn claim(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0x78, 1, 3, 0]).unwrap();
    drop(writer);
    file
}

#[cfg(test)]
fn wanted(picture: &[u8], format: &str) -> Vec<u8> {
    [part(b"name=\"format\"", format.as_bytes()), form(b"a", picture, &["invert"])].concat()
}

#[tokio::test]
async fn files_that_are_refused_name_the_cause_and_leave_nothing() {
    use png::{BitDepth, ColorType};
    let rig = Rig::new().await;
    let limits = LimitArgs { max_pixels: 300_000_000, max_decode_bytes: 4000, ..LimitArgs::default() };
    let site = Site::start(&rig, Settings { limits, ..Settings::default() }).await;
    let jpeg = fixture("rgb444.jpg");
    let sof = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = jpeg.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let wide = claim(70_000, 10, ColorType::Rgb, BitDepth::Eight);
    let alpha = claim(10, 10, ColorType::Rgba, BitDepth::Eight);
    let deep = claim(10, 10, ColorType::Rgb, BitDepth::Sixteen);
    let cases: Vec<(&str, u16, &str, Vec<u8>)> = vec![
        ("f01", 422, "max_pixels", claim(50_000, 50_000, ColorType::Grayscale, BitDepth::One)),
        ("f02", 422, "max_pixels", claim(20_000, 20_000, ColorType::Rgb, BitDepth::Eight)),
        ("f03", 422, "", claim(0x7fff_ffff, 0x7fff_ffff, ColorType::Rgb, BitDepth::Eight)),
        ("f08", 422, "max_pixels", changed(sof + 5, &[0xff; 4])),
        ("f11", 422, "DNL", changed(sof + 5, &[0, 0])),
        ("f13 12 bit", 422, "12 bits", changed(sof + 4, &[12])),
        ("f13 lossless", 422, "lossless", changed(sof + 1, &[0xc3])),
        ("f13 arithmetic", 422, "arithmetic", changed(sof + 1, &[0xc9])),
        ("f14", 422, "max_decode_bytes is 4000", fixture("progressive.jpg")),
        ("f20", 422, "max_decode_bytes is 4000", fixture("animated.webp")),
        (
            "f21",
            422,
            "max_decode_bytes",
            b"GIF89a\xff\xff\xff\xff\0\0\0\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\0\x3b".to_vec(),
        ),
        ("f22", 422, "TIFF", [&b"II*\0\x08\0\0\0\x01\0"[..], &[0; 16]].concat()),
        ("f23 avif", 415, "PNG, JPEG, WebP", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf".to_vec()),
        ("f23 heic", 415, "PNG, JPEG, WebP", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("f24 elf", 415, "", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec()),
        ("f24 pdf", 415, "", b"%PDF-1.7 and so on and so forth".to_vec()),
        ("f26", 415, "", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>".to_vec()),
        ("f27 empty", 415, "", Vec::new()),
        ("f27 one byte", 415, "", b"\x89".to_vec()),
        ("f27 magic", 422, "", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("f27 magic", 422, "", b"qoif".to_vec()),
        ("f27 header", 422, "", fixture("rgb24.bmp")[..30].to_vec()),
        ("f27 header", 422, "", fixture("lossy.webp")[..40].to_vec()),
    ];
    let refused = |what: &str, status: u16, text: &str, body: &[u8]| {
        let answer = site.upload("/api/v1/jobs", body);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains(text), "{what}: {}", answer.text());
        site.assert_empty(&rig, what);
    };
    for (what, status, text, picture) in cases {
        refused(what, status, text, &form(b"a.png", &picture, &["invert"]));
    }
    refused("f29 jpeg", 422, "65535", &wanted(&wide, "jpeg"));
    refused("f29 webp", 422, "16383", &wanted(&wide, "webp"));
    refused("alpha", 422, "PNG, WebP or TIFF", &wanted(&alpha, "jpeg"));
    refused("16 bit", 422, "16-bit", &wanted(&deep, "webp"));
    refused("format", 400, "same, png, jpeg, webp, tiff", &wanted(&alpha, "avif"));
}

#[tokio::test]
async fn content_decides_and_what_a_result_lacks_is_said() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let cases: [(&str, &str, &str, &[&str]); 8] = [
        ("rgb420.jpg", "jpg", "jpg", &[]),
        ("cmyk.jpg", "jpg", "jpg", &[]),
        ("lossy-alpha.webp", "webp", "webp", &[]),
        ("tiles-3x16.tif", "tif", "tif", &[]),
        ("pages.tif", "tif", "tif", &["pages: the result is the first of 3 pages"]),
        ("rgb24.bmp", "bmp", "png", &["BMP is not written here: the result is PNG"]),
        (
            "rgba.qoi",
            "qoi",
            "png",
            &[
                "QOI is not written here: the result is PNG",
                "it says that its colours are linear, which is not kept: they may look different",
            ],
        ),
        (
            "animated.webp",
            "webp",
            "png",
            &[
                "animated: the result is the first of 3 frames",
                "an animated WebP is not written here: the result is PNG",
            ],
        ),
    ];
    for (name, original, result, notices) in cases {
        // The name lies.
        let job = site.upload("/api/v1/jobs", &form(b"photo.png", &fixture(name), &["invert"])).job();
        let manifest = site.store.manifest(job).await.unwrap().unwrap();
        assert_eq!((manifest.original_format.as_str(), manifest.format.as_str()), (original, result), "{name}");
        assert_eq!(manifest.notices, notices, "{name}");
        let json = site.get(&format!("/api/v1/jobs/{job}")).json();
        assert_eq!(json["notices"], serde_json::json!(notices), "{name}");
        let page = site.get(&format!("/jobs/{job}")).text();
        assert!(notices.iter().all(|notice| page.contains(notice)), "{name}");
    }
    let page = site.get("/").text();
    assert!(page.contains("image/webp") && page.contains("PNG, JPEG, WebP, TIFF, GIF, BMP and QOI"), "{page}");
}

#[tokio::test]
async fn the_plan_turns_a_picture_first() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let jpeg = fixture("rgb444.jpg");
    for number in 1..=8u8 {
        let exif = [&b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[number], &[0; 6]];
        let file = [&jpeg[..2], &exif.concat(), &jpeg[2..]].concat();
        let job = site.upload("/api/v1/jobs", &form(b"a.jpg", &file, &["grayscale"])).job();
        let plan = site.store.manifest(job).await.unwrap().unwrap().plan;
        let (output, swapped) = (plan.output.size, number >= 5);
        let expected = if swapped { (29, 37) } else { (37, 29) };
        assert_eq!((output.width, output.height), expected, "{number}");
        assert_eq!((plan.input.size.width, plan.input.size.height), (37, 29));
    }
    let plain = Picture::rgb(40, 30, 64, &["grayscale"]).png();
    let job = site.upload("/api/v1/jobs", &form(b"a.png", &plain, &["grayscale"])).job();
    assert_eq!(site.store.manifest(job).await.unwrap().unwrap().plan.output.size.width, 40);
}

#[tokio::test]
async fn bodies_of_any_framing_end_at_the_limit_and_leave_nothing() {
    let rig = Rig::new().await;
    let limits = LimitArgs { max_upload_bytes: 200_000, ..LimitArgs::default() };
    let site = Site::start(&rig, Settings { limits, ..Settings::default() }).await;
    let small = form(b"a.png", &fixture("rgb444.jpg"), &["invert"]);
    let large = form(b"a.png", &[&fixture("rgb444.jpg")[..], &[0; 4 << 20]].concat(), &["invert"]);
    let without_length = |body: &[u8]| {
        let mut request = site.head("POST", "/api/v1/jobs", &[FORM, ("Transfer-Encoding", "chunked")], 0);
        let text = String::from_utf8(request).unwrap().replace("Content-Length: 0\r\n", "");
        request = text.into_bytes();
        for part in body.chunks(50_000) {
            request.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            request.extend_from_slice(part);
            request.extend_from_slice(b"\r\n");
        }
        site.raw(&[&request[..], b"0\r\n\r\n"].concat())
    };
    let endless = without_length(&large);
    assert_eq!(endless.status, 413, "{}", endless.text());
    assert!(endless.json()["detail"].as_str().unwrap().contains("max_upload_bytes"));
    site.assert_empty(&rig, "a body without a length");
    let head = site.head("POST", "/api/v1/jobs", &[FORM], small.len() - 100);
    let cut = site.raw(&[&head[..], &small].concat());
    assert_eq!(cut.status, 400, "{}", cut.text());
    site.assert_empty(&rig, "a body that is longer than it says");
    assert_eq!(without_length(&small).status, 202);

    // Who asks first is told to go on, and is then answered.
    let mut socket = site.connect();
    let head = site.head("POST", "/api/v1/jobs", &[FORM, ("Expect", "100-continue")], small.len());
    socket.write_all(&head).unwrap();
    let mut told = [0; 21];
    socket.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue");
    socket.write_all(&small).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 202"), "{answer}");
}
