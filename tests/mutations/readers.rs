//! Ten thousand changes of each corpus.

use std::path::{Path, PathBuf};

use crate::{HEAP, targets};

const MUTATIONS: u64 = 10_000;
/// The limit for whole pictures, two rows of the widest picture, and what decoders need besides.
const MOST_AT_ONCE: usize = 40 << 20;

/// A generator of numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    /// A number that programs stumble over.
    fn awkward(&mut self) -> u32 {
        const NUMBERS: [u32; 12] =
            [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        NUMBERS[self.below(NUMBERS.len())]
    }
}

/// Changes a file in one to four places.
fn mutate(dice: &mut Dice, file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..=dice.below(3) {
        // Headers are where the claims are.
        let end = if dice.below(2) == 0 { file.len().min(64) } else { file.len() };
        let at = dice.below(end);
        if file.is_empty() {
            break;
        }
        match dice.below(7) {
            0 => file[at] ^= 1 << dice.below(8),
            1 => file[at] = dice.roll() as u8,
            2 => file.truncate(at),
            3 => {
                let number = dice.awkward();
                let bytes = if dice.below(2) == 0 { number.to_be_bytes() } else { number.to_le_bytes() };
                file.iter_mut().skip(at).zip(bytes).for_each(|(old, new)| *old = new);
            }
            4 => {
                let length = dice.below(file.len() - at).min(200);
                let piece = file[at..at + length].to_vec();
                let to = dice.below(file.len());
                file.splice(to..to, piece);
            }
            5 => {
                let length = dice.below(file.len() - at).min(40);
                file.drain(at..at + length);
            }
            _ => file.insert(at, dice.awkward() as u8),
        }
    }
    file
}

/// Puts right checksums on the chunks of a PNG, so that more than the checksum is tried.
fn with_checksums(mut png: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) =
        png.get(at..at + 4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    {
        let end = at + 8 + length as usize;
        let Some(body) = png.get(at + 4..end) else { break };
        let mut crc = flate2::Crc::new();
        crc.update(body);
        let Some(place) = png.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
    png
}

/// Tries each file unchanged, then changed; says how many of the changed ones were read.
fn try_all(corpus: &[Vec<u8>], seed: u64, target: fn(&[u8]) -> bool, repair: fn(Vec<u8>) -> Vec<u8>) -> u64 {
    corpus.iter().for_each(|file| assert!(target(file), "a file of the corpus is not read"));
    let mut dice = Dice(seed);
    let mut read = 0;
    for round in 0..MUTATIONS {
        let mutated = mutate(&mut dice, &corpus[round as usize % corpus.len()]);
        let mutated = if round % 2 == 0 { repair(mutated) } else { mutated };
        HEAP.forget();
        read += u64::from(target(&mutated));
        assert!(HEAP.most() <= MOST_AT_ONCE, "round {round} of seed {seed}: {} bytes at once", HEAP.most());
    }
    read
}

fn files(folder: &str, end: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == end));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).filter(|file| file.len() < 20_000).collect()
}

fn pictures(end: &str, seed: u64) {
    let corpus = files("tests/fixtures/pictures", end);
    assert!(corpus.len() > 1, "{end}");
    let read = try_all(&corpus, seed, targets::picture, |file| file);
    assert!(read > 0, "no changed {end} was read: the changes reach nothing behind the header");
}

#[test]
fn jpeg_readers() {
    pictures("jpg", 11);
}

#[test]
fn webp_readers() {
    pictures("webp", 12);
}

#[test]
fn tiff_readers() {
    pictures("tif", 13);
}

#[test]
fn gif_bmp_and_qoi_readers() {
    pictures("gif", 14);
    pictures("bmp", 15);
    pictures("qoi", 16);
}

#[test]
fn png_readers() {
    let mut corpus = files("tests/fixtures", "png");
    corpus.extend(files("tests/fixtures/pictures", "png"));
    let read = try_all(&corpus, 17, targets::picture, with_checksums);
    assert!(read > 0);
}

#[test]
fn rows_between_stages() {
    // A header of 20 bytes, and two rows of three samples, each with the checksum of all samples up to there.
    let mut covered = b"TESSROWS\x02\x01\x08\0\x03\0\0\0\x02\0\0\0".to_vec();
    let mut rows = covered.clone();
    for row in [b"abc", b"def"] {
        covered.extend_from_slice(row);
        rows.extend_from_slice(row);
        rows.extend_from_slice(&crc32c::crc32c(&covered).to_le_bytes());
    }
    try_all(&[rows], 18, targets::rows, |file| file);
}

#[test]
fn operations() {
    let texts = [
        "grayscale",
        "gaussian_blur:ksize=51,sigma=8",
        "rotate:degrees=90",
        "flip:axis=h",
        "filter2d:kernel=0/-1/0/-1/5/-1/0/-1/0",
        "canny:low=1,high=2,l2=1",
    ];
    let corpus = texts.map(|text| text.as_bytes().to_vec());
    assert!(try_all(&corpus, 19, targets::operation, |text| text) > 0);
}

#[test]
fn records() {
    use tessera::bus::records::{Check, JobCommand};
    let job = "0190f3c2a7d87e1fb2c3d4e5f6a7b8c9".parse().unwrap();
    let commands = [
        JobCommand::Accepted { job },
        JobCommand::Resend { job, stage: 0, reason: "lost".to_owned(), inline: Vec::new() },
    ];
    let mut corpus: Vec<Vec<u8>> =
        commands.iter().map(|command| [b"job-command/1.0\n", &command.encode().1[..], b"\n"].concat()).collect();
    let check = Check { job, stage: 1 }.encode();
    corpus.push(check.iter().flat_map(|(_, value)| [value.as_bytes(), b"\n"].concat()).collect());
    corpus.push(task().unwrap());
    assert!(try_all(&corpus, 20, targets::record, |record| record) > 0);
}

/// A task as it is sent.
fn task() -> Option<Vec<u8>> {
    use tessera::operation::{Chain, Margins};
    use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Rect, Size};
    let pixels = b"sixteen samples!";
    let size = Size { width: 4, height: 4 };
    let task = tessera::bus::records::TaskHeader {
        job: tessera::job::JobId::random(),
        run: 1,
        stage: 0,
        index: 0,
        plan: "00112233445566aa".parse().ok()?,
        attempt: 1,
        payload: tessera::bus::records::PayloadKind::Inline,
        results: tessera::bus::records::PayloadKind::Inline,
        encoding: tessera::bus::records::Encoding::Raw,
        rect: Rect { x: 0, y: 0, width: 4, height: 4 },
        margins: Margins::default(),
        picture: PictureInfo { size, format: PixelFormat { layout: Layout::Gray, depth: Depth::Eight } },
        width: 4,
        height: 4,
        channels: 1,
        depth: 8,
        crc32c: crc32c::crc32c(pixels),
        operations: Chain::new(vec!["invert".parse().ok()?]),
    };
    let headers = task.encode();
    let value = |name: &str| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
    Some([value("schema")?.as_bytes(), b"\n", value("task")?.as_bytes(), b"\n", pixels].concat())
}
