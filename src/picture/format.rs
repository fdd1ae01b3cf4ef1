//! Sizes, rectangles, layouts and depths of pictures.

use serde::{Deserialize, Serialize};

/// Which channels a pixel has, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One channel.
    Gray,
    /// Gray and alpha.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Layout {
    /// Channels of a pixel, alpha included: 1 to 4.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Channels of a pixel without alpha: 1 or 3.
    pub fn color_channels(self) -> usize {
        match self {
            Self::Gray | Self::GrayAlpha => 1,
            Self::Rgb | Self::Rgba => 3,
        }
    }

    /// Whether the last channel is alpha.
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }

    /// The layout with one colour channel and the same alpha.
    pub fn to_gray(self) -> Self {
        if self.has_alpha() { Self::GrayAlpha } else { Self::Gray }
    }

    /// The layout with `channels` channels, if there is one.
    pub fn from_channels(channels: usize) -> Option<Self> {
        [Self::Gray, Self::GrayAlpha, Self::Rgb, Self::Rgba].into_iter().find(|layout| layout.channels() == channels)
    }
}

/// Bits of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Depth {
    /// 8 bit, 0 to 255.
    Eight,
    /// 16 bit, 0 to 65535; in rows and records the low byte comes first.
    Sixteen,
}

impl Depth {
    /// 8 or 16.
    pub fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// 1 or 2.
    pub fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }

    /// The largest sample: 255 or 65535.
    pub fn top(self) -> u32 {
        match self {
            Self::Eight => 255,
            Self::Sixteen => 65535,
        }
    }
}

impl From<Depth> for u8 {
    fn from(depth: Depth) -> u8 {
        depth.bits()
    }
}

impl TryFrom<u8> for Depth {
    type Error = String;

    fn try_from(bits: u8) -> Result<Self, String> {
        match bits {
            8 => Ok(Self::Eight),
            16 => Ok(Self::Sixteen),
            other => Err(format!("a depth of {other} bits is not 8 or 16")),
        }
    }
}

/// Layout and depth of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PixelFormat {
    /// Which channels.
    pub layout: Layout,
    /// Bits of each.
    pub depth: Depth,
}

impl PixelFormat {
    /// Bytes of one pixel: 1 to 8.
    pub fn bytes_per_pixel(self) -> usize {
        self.layout.channels() * self.depth.bytes()
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Width × height.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// A picture's size and pixel format: what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PictureInfo {
    /// Its size.
    pub size: Size,
    /// Its pixels.
    pub format: PixelFormat,
}

impl PictureInfo {
    /// Bytes of one row of samples.
    pub fn row_bytes(&self) -> usize {
        self.size.width as usize * self.format.bytes_per_pixel()
    }

    /// Bytes of all samples.
    pub fn bytes(&self) -> u64 {
        self.size.pixels() * self.format.bytes_per_pixel() as u64
    }
}

/// A rectangle of pixels in a picture's coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// Its size.
    pub fn size(self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// The row after its last.
    pub fn bottom(self) -> u32 {
        self.y + self.height
    }

    /// The column after its last.
    pub fn right(self) -> u32 {
        self.x + self.width
    }
}
