//! The images of a GIF: where they lie on its canvas and in its file, and whether they are pieces of one picture.

/// An image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) left: u16,
    pub(super) top: u16,
    pub(super) width: u16,
    pub(super) height: u16,
    /// The transparent colour.
    pub(super) transparent: Option<u8>,
    /// Where its block begins in the file.
    pub(super) at: u64,
    /// Where its block ends.
    pub(super) end: u64,
}

impl Image {
    /// The column behind its last.
    pub(super) fn right(&self) -> u32 {
        u32::from(self.left) + u32::from(self.width)
    }

    /// The row below its last.
    pub(super) fn bottom(&self) -> u32 {
        u32::from(self.top) + u32::from(self.height)
    }

    /// Its pixels.
    pub(super) fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn overlaps(&self, other: &Self) -> bool {
        u32::from(self.left) < other.right()
            && u32::from(other.left) < self.right()
            && u32::from(self.top) < other.bottom()
            && u32::from(other.top) < self.bottom()
    }
}

/// Whether no image lies on another, so that they make the same picture in any order.
pub(super) fn are_apart(images: &[Image]) -> bool {
    images.iter().enumerate().all(|(at, image)| images.iter().skip(at + 1).all(|other| !image.overlaps(other)))
}
