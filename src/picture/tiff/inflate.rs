//! The compressions of strips and tiles, undone piece by piece.
//!
//! Owns that a strip of any size is decoded with a few kilobytes, and that data that ends early is an error.

use std::fmt;
use std::io::BufRead;

use flate2::{Decompress, FlushDecompress, Status};
use weezl::{BitOrder, LzwStatus};

/// A compression that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Lzw,
    Deflate,
    PackBits,
}

impl Compression {
    /// The compression of that number.
    pub(super) fn of(number: u64) -> Result<Self, String> {
        let name = match number {
            1 => return Ok(Self::Plain),
            5 => return Ok(Self::Lzw),
            8 | 32_946 => return Ok(Self::Deflate),
            32_773 => return Ok(Self::PackBits),
            2..=4 => "fax",
            6 | 7 => "JPEG",
            34_712 => "JPEG 2000",
            34_887 => "LERC",
            34_925 => "LZMA",
            50_000 => "zstd",
            50_001 => "WebP",
            _ => return Err(format!("TIFF with compression {number} is not supported; save it with deflate")),
        };
        Err(format!("TIFF with {name} compression is not supported; save it with deflate"))
    }
}

/// One strip or tile on its way.
pub(super) struct Inflater {
    state: State,
    /// Compressed bytes that are left.
    left: u64,
}

enum State {
    Plain,
    Lzw(Box<weezl::decode::Decoder>),
    Deflate(Box<Decompress>),
    PackBits(Runs),
}

impl Inflater {
    /// Begins with `length` compressed bytes.
    pub(super) fn new(compression: Compression, length: u64) -> Self {
        let state = match compression {
            Compression::Plain => State::Plain,
            Compression::Lzw => State::Lzw(Box::new(weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8))),
            Compression::Deflate => State::Deflate(Box::new(Decompress::new(true))),
            Compression::PackBits => State::PackBits(Runs::default()),
        };
        Self { state, left: length }
    }

    /// Fills `out`.
    pub(super) fn fill(&mut self, input: &mut impl BufRead, mut out: &mut [u8]) -> Result<(), String> {
        while !out.is_empty() {
            let data = input.fill_buf().map_err(|error| error.to_string())?;
            let available = data.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let step = self.state.step(&data[..available], out)?;
            input.consume(step.taken);
            self.left -= step.taken as u64;
            out = &mut out[step.given..];
            if step.taken == 0 && step.given == 0 {
                return Err("the data of a strip or tile ends early".to_owned());
            }
        }
        Ok(())
    }

    /// Verifies the checksum where there is one, after the last row; bytes for more rows are let go.
    pub(super) fn finish(&mut self, input: &mut impl BufRead) -> Result<(), String> {
        let State::Deflate(state) = &mut self.state else { return Ok(()) };
        let mut more = [0; 64];
        loop {
            let data = input.fill_buf().map_err(|error| error.to_string())?;
            let available = data.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let (taken, given) = (state.total_in(), state.total_out());
            let status = state.decompress(&data[..available], &mut more, FlushDecompress::None);
            let taken = (state.total_in() - taken) as usize;
            input.consume(taken);
            self.left -= taken as u64;
            match status {
                Ok(Status::StreamEnd) => return Ok(()),
                Ok(_) if state.total_out() > given => return Ok(()),
                Ok(_) if taken > 0 => {}
                Ok(_) => return Err("the data of a strip or tile ends early".to_owned()),
                Err(_) => return Err("the data of a strip or tile is damaged".to_owned()),
            }
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Inflater").field("left", &self.left).finish_non_exhaustive()
    }
}

/// How far a piece of work came.
struct Step {
    taken: usize,
    given: usize,
}

impl State {
    fn step(&mut self, data: &[u8], out: &mut [u8]) -> Result<Step, String> {
        let damaged = || "the data of a strip or tile is damaged".to_owned();
        match self {
            Self::Plain => {
                let count = data.len().min(out.len());
                out[..count].copy_from_slice(&data[..count]);
                Ok(Step { taken: count, given: count })
            }
            Self::Deflate(state) => {
                let (taken, given) = (state.total_in(), state.total_out());
                state.decompress(data, out, FlushDecompress::None).map_err(|_| damaged())?;
                let (taken, given) = (state.total_in() - taken, state.total_out() - given);
                Ok(Step { taken: taken as usize, given: given as usize })
            }
            Self::Lzw(state) => {
                let result = state.decode_bytes(data, out);
                match result.status {
                    Err(_) => Err(damaged()),
                    Ok(LzwStatus::NoProgress) => Ok(Step { taken: 0, given: 0 }),
                    Ok(_) => Ok(Step { taken: result.consumed_in, given: result.consumed_out }),
                }
            }
            Self::PackBits(runs) => Ok(runs.unpack(data, out)),
        }
    }
}

/// Runs of bytes: a code, then so many bytes as they are, or one byte so many times.
#[derive(Default)]
struct Runs {
    literal: u64,
    repeats: u64,
    /// The byte to repeat, once it was read.
    value: Option<u8>,
}

impl Runs {
    fn unpack(&mut self, data: &[u8], out: &mut [u8]) -> Step {
        let (mut taken, mut given) = (0, 0);
        while given < out.len() {
            if let (1.., Some(value)) = (self.repeats, self.value) {
                out[given] = value;
                (self.repeats, given) = (self.repeats - 1, given + 1);
                continue;
            }
            let Some(byte) = data.get(taken) else { break };
            taken += 1;
            match (self.literal, self.repeats, *byte) {
                (1.., _, byte) => {
                    out[given] = byte;
                    (self.literal, given) = (self.literal - 1, given + 1);
                }
                (_, 1.., byte) => self.value = Some(byte),
                (_, _, 128) => {}
                (_, _, code @ 0..128) => self.literal = u64::from(code) + 1,
                (_, _, code) => (self.repeats, self.value) = (257 - u64::from(code), None),
            }
        }
        Step { taken, given }
    }
}
