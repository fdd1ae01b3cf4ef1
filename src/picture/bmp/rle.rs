//! Run-length coded bitmaps, decoded whole: codes may jump over pixels.

use std::io::{BufRead, Read, Seek, SeekFrom};

use super::header::{Bitmap, Coding};
use crate::picture::whole::room;

/// Decodes all rows; pixels that are jumped over have the palette's first colour.
pub(super) fn decode(mut input: impl BufRead + Seek, bitmap: &Bitmap) -> Result<Vec<u8>, String> {
    input.seek(SeekFrom::Start(bitmap.pixels_at)).map_err(|error| error.to_string())?;
    let info = bitmap.info();
    let channels = info.format.layout.channels();
    let mut canvas = Canvas { bitmap, channels, samples: room(info.bytes())?, x: 0, y: 0 };
    let background = &bitmap.colors.color(0)?[..channels];
    canvas.samples.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(background));
    loop {
        match next(&mut input)? {
            [0, 0] => canvas.line_end(),
            [0, 1] => return Ok(canvas.samples),
            [0, 2] => {
                let [right, up] = next(&mut input)?;
                canvas.x = canvas.x.saturating_add(right.into());
                canvas.y = canvas.y.saturating_add(up.into());
            }
            [0, count] => {
                let bytes = if bitmap.coding == Coding::Rle8 { count.into() } else { usize::from(count).div_ceil(2) };
                let mut literal = vec![0; bytes.next_multiple_of(2)];
                input.read_exact(&mut literal).map_err(|_| "the runs end early".to_owned())?;
                (0..count).try_for_each(|at| canvas.put(canvas_index(bitmap.coding, &literal, at)))?;
            }
            [count, value] => {
                let pair = [value];
                (0..count).try_for_each(|at| match bitmap.coding {
                    Coding::Rle4 => canvas.put(canvas_index(Coding::Rle4, &pair, at % 2)),
                    _ => canvas.put(value),
                })?;
            }
        }
    }
}

fn next(input: &mut impl Read) -> Result<[u8; 2], String> {
    let mut code = [0; 2];
    input.read_exact(&mut code).map_err(|_| "the runs end early".to_owned())?;
    Ok(code)
}

/// The index at a place in bytes that hold one or two each.
fn canvas_index(coding: Coding, bytes: &[u8], at: u8) -> u8 {
    match coding {
        Coding::Rle4 => (bytes[usize::from(at / 2)] >> (4 * (1 - at % 2))) & 15,
        _ => bytes[usize::from(at)],
    }
}

struct Canvas<'a> {
    bitmap: &'a Bitmap,
    channels: usize,
    samples: Vec<u8>,
    x: u32,
    /// Rows from below.
    y: u32,
}

impl Canvas<'_> {
    fn line_end(&mut self) {
        self.x = 0;
        self.y = self.y.saturating_add(1);
    }

    /// Writers let runs go beyond the edge; what lies there is not shown.
    fn put(&mut self, index: u8) -> Result<(), String> {
        let size = self.bitmap.size;
        if self.x < size.width && self.y < size.height {
            let color = &self.bitmap.colors.color(index)?[..self.channels];
            let row = u64::from(size.height - 1 - self.y);
            let at = (row * u64::from(size.width) + u64::from(self.x)) as usize * color.len();
            self.samples[at..at + color.len()].copy_from_slice(color);
        }
        self.x = self.x.saturating_add(1);
        Ok(())
    }
}
