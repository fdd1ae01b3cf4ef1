//! The headers of a JPEG, read marker by marker: what it is, before the C library is given it.
//!
//! Owns how much memory the library will hold. Sources: ITU-T T.81 annex B (markers and segments).

use std::io::{self, BufRead, ErrorKind, Read};

use super::extras::Extras;
use super::frame::{self, Frame};
use crate::picture::PictureInfo;
use crate::picture::header::Header;
use crate::picture::icc::Profile;
use crate::picture::metadata::Metadata;
use crate::picture::rows::ReadError;
use crate::picture::sniff::Format;

/// Bytes of headers that are looked through at most before the first scan must have begun.
const MAX_HEADER_BYTES: u64 = 32 << 20;

const STRAY: &str = "it has bytes between its parts that belong to nothing; they were skipped";

/// What a JPEG's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JpegHeader {
    /// Size and pixels, as the rows will come: CMYK as RGB.
    pub info: PictureInfo,
    /// The colour profile.
    pub profile: Profile,
    /// What else it has.
    pub metadata: Metadata,
    /// Several scans make the picture: all coefficients are held in memory.
    pub many_scans: bool,
    /// Four inks are stored.
    pub(super) has_inks: bool,
    blocks: u64,
}

impl JpegHeader {
    /// Bytes of memory that decoding holds beyond a few rows: 2 a coefficient if there are several scans.
    pub fn whole_bytes(&self) -> Option<u64> {
        self.many_scans.then_some(self.blocks * 128)
    }

    /// The header as all formats have it.
    pub fn into_header(self) -> Header {
        let whole_bytes = self.whole_bytes();
        let new = Header::new(Format::Jpeg, self.info).with_metadata(self.metadata);
        Header { whole_bytes, profile: self.profile, ..new }
    }
}

/// Reads up to the first scan.
///
/// # Errors
/// [`ReadError::Header`] if it is damaged, or for processes that are not read: it names them.
pub fn read_info(input: impl BufRead) -> Result<JpegHeader, ReadError> {
    let mut input = input.take(MAX_HEADER_BYTES);
    if next_bytes::<2>(&mut input).map_err(damaged)? != [0xFF, 0xD8] {
        return Err(ReadError::Header("no JPEG start marker".to_owned()));
    }
    let (mut frame, mut extras) = (None, Extras::default());
    loop {
        let (marker, skipped) = next_marker(&mut input).map_err(damaged)?;
        if skipped > 0 {
            extras.metadata.remark(STRAY);
        }
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            continue;
        }
        if marker == 0xD9 {
            return Err(ReadError::Header("the JPEG ends before its data".to_owned()));
        }
        let Some(segment) = Segment::begin(marker, &mut input)? else {
            extras.metadata.remark(STRAY);
            continue;
        };
        match marker {
            0xDA => {
                let frame = frame.ok_or_else(|| ReadError::Header("the JPEG has no frame header".to_owned()))?;
                return Ok(header(frame, extras, first_scan_components(&segment.take(&mut input)?)));
            }
            0xC4 | 0xC8 | 0xCC => segment.skip(&mut input)?,
            0xC0..=0xCF if frame.is_some() => {
                return Err(ReadError::Header("a JPEG with two frames is not supported; save it again".to_owned()));
            }
            0xC0..=0xCF => frame = Some(frame::parse(marker, &segment.take(&mut input)?)?),
            0xF7 => return Err(ReadError::Header("JPEG-LS is not supported; save it as a baseline JPEG".to_owned())),
            _ if Extras::wants(marker) => extras.take(marker, &segment.take(&mut input)?),
            _ => segment.skip(&mut input)?,
        }
    }
}

fn header(frame: Frame, mut extras: Extras, scan_components: u8) -> JpegHeader {
    extras.settle();
    JpegHeader {
        info: frame.info,
        profile: extras.profile(),
        metadata: extras.metadata,
        // The library takes a first scan without all components for the first of several.
        many_scans: frame.progressive || scan_components < frame.components,
        has_inks: frame.components == 4,
        blocks: frame.blocks,
    }
}

fn first_scan_components(segment: &[u8]) -> u8 {
    segment.first().copied().unwrap_or(0)
}

/// A segment whose length was read.
pub(super) struct Segment(u16);

impl Segment {
    /// Reads the length of the segment of a marker. Behind one that does not even count itself libjpeg goes on if it is of
    /// a kind that changes nothing: `None`.
    pub(super) fn begin(marker: u8, input: &mut impl Read) -> Result<Option<Self>, ReadError> {
        let length = u16::from_be_bytes(next_bytes(input).map_err(damaged)?);
        match length.checked_sub(2) {
            None if !matches!(marker, 0xE0..=0xEF | 0xFE) => {
                Err(ReadError::Header("a segment shorter than its length".into()))
            }
            rest => Ok(rest.map(Self)),
        }
    }

    pub(super) fn take(self, input: &mut impl Read) -> Result<Vec<u8>, ReadError> {
        let mut segment = vec![0; usize::from(self.0)];
        input.read_exact(&mut segment).map_err(damaged)?;
        Ok(segment)
    }

    fn skip(self, input: &mut impl Read) -> Result<(), ReadError> {
        let skipped = io::copy(&mut input.take(self.0.into()), &mut io::sink()).map_err(damaged)?;
        if skipped < u64::from(self.0) { Err(damaged(ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
    }
}

fn damaged(error: io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::UnexpectedEof => ReadError::Header("the JPEG ends within its headers".to_owned()),
        _ => ReadError::Header(error.to_string()),
    }
}

fn next_bytes<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The code of the next marker, and how many bytes before it were skipped, as libjpeg does.
pub(super) fn next_marker(input: &mut impl Read) -> io::Result<(u8, u64)> {
    let mut skipped = 0;
    loop {
        while next_bytes::<1>(input)?[0] != 0xFF {
            skipped += 1;
        }
        let mut code = 0xFF;
        while code == 0xFF {
            [code] = next_bytes(input)?;
        }
        if code != 0 {
            return Ok((code, skipped));
        }
        skipped += 2;
    }
}
