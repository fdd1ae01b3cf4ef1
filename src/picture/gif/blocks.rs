//! The blocks of a GIF, walked over without decoding: canvas, first frame, number of frames.
//!
//! Owns that a file without an end is damaged. Source: GIF89a specification, sections 17 to 27.

use std::io::{self, BufRead, ErrorKind, Read, Seek};

use crate::picture::header::MAX_FRAMES;

/// Bytes that are walked over at most.
const MAX_WALK_BYTES: u64 = 1 << 30;

/// Where a frame lies on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) left: u16,
    pub(super) top: u16,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) is_transparent: bool,
}

/// What the blocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) first: Frame,
    pub(super) frames: u32,
    /// There are comments.
    pub(super) has_comments: bool,
}

impl Blocks {
    /// Whether the first frame covers the canvas.
    pub(super) fn is_covered(&self) -> bool {
        let first = self.first;
        (first.left, first.top) == (0, 0) && first.width >= self.width && first.height >= self.height
    }

    /// Walks over a file from its start.
    pub(super) fn read(input: &mut (impl BufRead + Seek)) -> Result<Self, String> {
        let mut walk = Walk { input, walked: 0, transparent: false, first: None, frames: 0, has_comments: false };
        let outcome = walk.run();
        let (first, frames, has_comments) = (walk.first, walk.frames, walk.has_comments);
        match (outcome, first) {
            (Ok((width, height)), Some(first)) if width > 0 && height > 0 => {
                Ok(Self { width, height, first, frames, has_comments })
            }
            (Ok(_), Some(_)) => Err("a canvas with a side of 0 pixels".to_owned()),
            (Ok(_), None) => Err("a GIF without a frame".to_owned()),
            (Err(error), _) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(format!("the GIF ends early, after {frames} frames"))
            }
            (Err(error), _) => Err(error.to_string()),
        }
    }
}

struct Walk<'a, R> {
    input: &'a mut R,
    walked: u64,
    transparent: bool,
    first: Option<Frame>,
    frames: u32,
    has_comments: bool,
}

impl<R: BufRead + Seek> Walk<'_, R> {
    fn run(&mut self) -> io::Result<(u16, u16)> {
        let [.., w0, w1, h0, h1, flags, _, _] = self.bytes::<13>()?;
        self.skip_palette(flags)?;
        while self.frames < MAX_FRAMES {
            match self.bytes::<1>()? {
                [0x2c] => self.frame()?,
                [0x21] => self.extension()?,
                [0x3b] => return Ok((u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]))),
                [other] => return Err(io::Error::other(format!("a GIF with an unknown block {other:#04x}"))),
            }
        }
        Ok((u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1])))
    }

    fn frame(&mut self) -> io::Result<()> {
        let [x0, x1, y0, y1, w0, w1, h0, h1, flags] = self.bytes()?;
        let [left, top, width, height] = [[x0, x1], [y0, y1], [w0, w1], [h0, h1]].map(u16::from_le_bytes);
        let is_transparent = std::mem::take(&mut self.transparent);
        self.first.get_or_insert(Frame { left, top, width, height, is_transparent });
        self.frames += 1;
        self.skip_palette(flags)?;
        self.bytes::<1>()?;
        self.skip_blocks()
    }

    fn extension(&mut self) -> io::Result<()> {
        let [label] = self.bytes()?;
        self.has_comments |= label == 0xfe;
        if label == 0xf9 {
            let [length, flags, ..] = self.bytes::<5>()?;
            if length != 4 {
                return Err(io::Error::other("a graphic control extension of another length than 4"));
            }
            self.transparent = flags & 1 != 0;
        }
        self.skip_blocks()
    }

    /// Bit 7: there is a palette; bits 0 to 2: its length.
    fn skip_palette(&mut self, flags: u8) -> io::Result<()> {
        if flags & 0x80 == 0 { Ok(()) } else { self.skip(3 << ((flags & 7) + 1)) }
    }

    fn skip_blocks(&mut self) -> io::Result<()> {
        loop {
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
}
