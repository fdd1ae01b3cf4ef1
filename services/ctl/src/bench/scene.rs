//! What pictures to measure with show, a row at a time.
//!
//! Nothing here is random: a scene of a width is the same each time.

use clap::ValueEnum;

/// Kinds of scenes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SceneKind {
    /// Light, colour, texture, hard edges and sensor noise: a PNG of about 12 bits a pixel.
    #[default]
    Photo,
    /// Colours that change slowly across and down: a small PNG, made and read fast.
    Gradient,
}

/// A scene.
#[derive(Debug)]
pub enum Scene {
    /// Photo-like.
    Photo(Box<Photo>),
    /// Red rises across, green falls, blue follows the diagonal.
    Gradient,
}

impl Scene {
    /// A scene of `kind` for a picture of `width` pixels.
    pub fn new(kind: SceneKind, width: u32) -> Self {
        match kind {
            SceneKind::Photo => Self::photo(width),
            SceneKind::Gradient => Self::Gradient,
        }
    }

    /// The photo-like scene.
    pub fn photo(width: u32) -> Self {
        Self::Photo(Box::new(Photo::new(width)))
    }

    /// Fills the row `y` with RGB samples of 8 bit.
    pub fn row(&mut self, y: u32, row: &mut [u8]) {
        match self {
            Self::Photo(photo) => photo.row(y, row),
            Self::Gradient => gradient(y, row),
        }
    }
}

/// Steps of 64 pixels.
fn gradient(y: u32, row: &mut [u8]) {
    for (pixel, x) in row.chunks_exact_mut(3).zip(0u32..) {
        pixel.copy_from_slice(&[(x >> 6) as u8, !(y >> 6) as u8, ((x + y) >> 7) as u8]);
    }
}

/// Largest sensor noise, of 256 steps; gives PNGs of about 12 bits a pixel.
const NOISE: i32 = 2;

/// What a photo has: light, colour, texture, hard edges and sensor noise.
#[derive(Debug)]
pub struct Photo {
    light: [Octave; 3],
    texture: [Octave; 2],
    place: Octave,
    edges: Octave,
    tints: [Octave; 3],
}

impl Photo {
    fn new(width: u32) -> Self {
        let octave = |cell, seed| Octave::new(width, cell, seed);
        Self {
            light: [octave(256, 1), octave(64, 2), octave(16, 3)],
            texture: [octave(2, 4), octave(4, 5)],
            place: octave(96, 6),
            edges: octave(48, 7),
            tints: [octave(128, 8), octave(128, 9), octave(128, 10)],
        }
    }

    fn octaves(&mut self) -> impl Iterator<Item = &mut Octave> {
        let Self { light, texture, place, edges, tints } = self;
        light.iter_mut().chain(texture).chain([place, edges]).chain(tints)
    }

    fn row(&mut self, y: u32, row: &mut [u8]) {
        self.octaves().for_each(|octave| octave.go_to(y));
        for (pixel, x) in row.chunks_exact_mut(3).zip(0u32..) {
            let light = (self.light[0].at(x) * 5 + self.light[1].at(x) * 3 + self.light[2].at(x)) / 9;
            let texture = (self.texture[0].at(x) + self.texture[1].at(x)) / 2 - 128;
            let luma = light + texture * (self.place.at(x) - 110).max(0) / 256;
            let edge = if self.edges.at(x) > 150 { 40 } else { 0 };
            let noise = hash(u64::from(x) << 32 | u64::from(y));
            for (channel, sample) in pixel.iter_mut().enumerate() {
                let tint = (self.tints[channel].at(x) - 128) / 3;
                let noise = (noise >> (channel * 16) & 0xffff) as i32 * (2 * NOISE + 1) / 65536 - NOISE;
                *sample = (luma + tint + edge + noise).clamp(0, 255) as u8;
            }
        }
    }
}

/// Smooth noise, 0 to 255: values on a lattice of `cell` pixels, straight lines between them.
#[derive(Debug)]
struct Octave {
    cell: u32,
    seed: u64,
    /// The lattice's values at the present row.
    values: Vec<i32>,
}

impl Octave {
    fn new(width: u32, cell: u32, seed: u64) -> Self {
        Self { cell, seed, values: vec![0; (width / cell + 2) as usize] }
    }

    fn go_to(&mut self, y: u32) {
        let (above, rest, cell) = (u64::from(y / self.cell), (y % self.cell) as i32, self.cell as i32);
        let lattice = |x: u64, y: u64| (hash(self.seed << 56 ^ x << 28 ^ y) & 255) as i32;
        for (x, value) in self.values.iter_mut().enumerate() {
            let x = x as u64;
            *value = (lattice(x, above) * (cell - rest) + lattice(x, above + 1) * rest) / cell;
        }
    }

    fn at(&self, x: u32) -> i32 {
        let (left, rest, cell) = ((x / self.cell) as usize, (x % self.cell) as i32, self.cell as i32);
        (self.values[left] * (cell - rest) + self.values[left + 1] * rest) / cell
    }
}

/// The finalizer of splitmix64: well mixed bits of a number.
fn hash(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
