//! The blocks of a GIF, walked over without decoding: canvas, images, number of frames.
//!
//! Owns that a file which is cut within what makes the picture is damaged, and that one which is cut behind it is read
//! and says so. Source: GIF89a specification, sections 17 to 27.

mod found;

use std::io::{self, BufRead, ErrorKind, Read, Seek};

use super::pieces::Image;
use crate::picture::header::MAX_FRAMES;
use found::{End, Found};

/// Bytes that are walked over at most.
const MAX_WALK_BYTES: u64 = 1 << 30;
/// Images that may make one picture together.
const MAX_PIECES: usize = 1024;

/// What the blocks say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    /// The canvas, as large as the images that are read need it.
    pub(super) width: u32,
    pub(super) height: u32,
    /// The file's first bytes: the canvas as it is named, and the palette for all images.
    pub(super) head: Vec<u8>,
    /// The images that make the picture: the first, or all of a picture in pieces.
    pub(super) pieces: Vec<Image>,
    /// 1 for a picture in pieces.
    pub(super) frames: u32,
    /// There are comments.
    pub(super) has_comments: bool,
    /// There is a colour profile.
    pub(super) has_profile: bool,
    /// There is XMP.
    pub(super) has_xmp: bool,
    /// What the sender should know.
    pub(super) remarks: Vec<&'static str>,
}

impl Blocks {
    /// Whether the pieces leave no pixel of the canvas out.
    pub(super) fn is_covered(&self) -> bool {
        self.pieces.iter().map(|piece| piece.area()).sum::<u64>() >= u64::from(self.width) * u64::from(self.height)
    }

    /// Walks over a file from its start.
    pub(super) fn read(input: &mut (impl BufRead + Seek)) -> Result<Self, String> {
        let mut walk = Walk::new(input);
        let outcome = walk.run();
        let ended = match outcome {
            Ok(end) => end,
            Err(error) if walk.found.frames == 0 => return Err(walk.describe(&error)),
            Err(_) => End::Damaged,
        };
        walk.found.settle(ended)
    }
}

/// What is said of the image that comes next.
#[derive(Clone, Copy, Debug, Default)]
struct Control {
    transparent: Option<u8>,
    has_delay: bool,
}

struct Walk<'a, R> {
    input: &'a mut R,
    walked: u64,
    control: Control,
    found: Found,
}

impl<'a, R: BufRead + Seek> Walk<'a, R> {
    fn new(input: &'a mut R) -> Self {
        Self { input, found: Found::default(), walked: 0, control: Control::default() }
    }

    fn run(&mut self) -> io::Result<End> {
        let start = self.bytes::<13>()?;
        self.found.head.extend_from_slice(&start);
        let mut palette = vec![0; palette_bytes(start[10])];
        self.input.read_exact(&mut palette)?;
        self.walked += palette.len() as u64;
        self.found.head.append(&mut palette);
        while self.found.frames < MAX_FRAMES {
            if self.input.fill_buf()?.is_empty() && self.found.frames > 0 {
                return Ok(End::Unmarked);
            }
            match self.bytes::<1>()? {
                [0x2c] => self.image()?,
                [0x21] => self.extension()?,
                [0x3b] => return Ok(End::Marked),
                [0] => self.found.has_zeros = true,
                [other] => return Err(io::Error::other(format!("a GIF with an unknown block {other:#04x}"))),
            }
        }
        Ok(End::Marked)
    }

    fn image(&mut self) -> io::Result<()> {
        let at = self.walked - 1;
        let [x0, x1, y0, y1, w0, w1, h0, h1, flags] = self.bytes()?;
        let [left, top, width, height] = [[x0, x1], [y0, y1], [w0, w1], [h0, h1]].map(u16::from_le_bytes);
        let Control { transparent, has_delay } = std::mem::take(&mut self.control);
        self.found.is_animated |= has_delay;
        if self.found.images.len() <= MAX_PIECES {
            self.found.images.push(Image { left, top, width, height, transparent, at, end: at });
        }
        self.skip(palette_bytes(flags) as u64)?;
        self.bytes::<1>()?;
        self.skip_blocks(self.found.frames == 0)?;
        self.found.frames += 1;
        let end = self.walked;
        if let Some(image) = self.found.images.last_mut().filter(|image| image.at == at) {
            image.end = end;
        }
        Ok(())
    }

    fn extension(&mut self) -> io::Result<()> {
        match self.bytes()? {
            [0xf9] => {
                let [length, flags, d0, d1, index] = self.bytes()?;
                // Of a longer one other readers use the start, too.
                let Some(more) = length.checked_sub(4) else {
                    return Err(io::Error::other("a graphic control extension that is too short"));
                };
                self.skip(more.into())?;
                let transparent = (flags & 1 != 0).then_some(index);
                self.control = Control { transparent, has_delay: [d0, d1] != [0, 0] };
            }
            // By the standard what is said of the next image would be the text's; readers, which draw none, know better.
            [0x01] => self.found.has_texts = true,
            [0xfe] => self.found.has_comments = true,
            [0xff] => self.application()?,
            // The standard asks for others to be skipped.
            _ => {}
        }
        self.skip_blocks(false)
    }

    fn application(&mut self) -> io::Result<()> {
        let [length] = self.bytes()?;
        let mut name = vec![0; length.into()];
        self.input.read_exact(&mut name)?;
        self.walked += u64::from(length);
        self.found.is_animated |= name.starts_with(b"NETSCAPE") || name.starts_with(b"ANIMEXTS");
        self.found.has_profile |= name.starts_with(b"ICCRGBG1");
        self.found.has_xmp |= name.starts_with(b"XMP Data");
        Ok(())
    }

    /// Skips up to the end of the blocks; of the first image it may be that of the file, as its data tells by itself whether it
    /// is whole.
    fn skip_blocks(&mut self, are_of_first_image: bool) -> io::Result<()> {
        loop {
            if are_of_first_image && self.input.fill_buf()?.is_empty() {
                return Ok(());
            }
            match self.bytes::<1>()? {
                [0] => return Ok(()),
                [length] => self.skip(length.into())?,
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.walked += N as u64;
        Ok(bytes)
    }

    /// Skips by reading, so that an early end is seen.
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        self.walked += skipped;
        if self.walked > MAX_WALK_BYTES {
            return Err(io::Error::other(format!("a GIF of more than {MAX_WALK_BYTES} bytes is not supported")));
        }
        if skipped < count { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn describe(&self, error: &io::Error) -> String {
        match error.kind() {
            ErrorKind::UnexpectedEof => "the GIF ends early, within its first image".to_owned(),
            _ => error.to_string(),
        }
    }
}

/// Bit 7: there is a palette; bits 0 to 2: its length.
fn palette_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
