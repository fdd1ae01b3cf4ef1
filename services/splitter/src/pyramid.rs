//! The pyramid of a picture as it was sent, for those who look at it: made while a pass reads the picture anyway.
//!
//! Owns when it becomes visible: after the whole picture was read and proved, before the last tile goes out, so that a job
//! whose tiles are all in has it. Never stands in the way of a pass: what fails is logged, and the job has none.

use tessera::config::PreviewArgs;
use tessera::job::Manifest;
use tessera::picture::rows::RowReader;
use tessera::pyramid::{PyramidMaker, PyramidTap, Shape};
use tessera::store::{BlockingWriter, Object};
use tokio::runtime::Handle;

use crate::splitter::Splitter;

/// A pyramid on its way. Dropped before it is published, nothing is left of it.
#[derive(Debug)]
pub struct OriginalPyramid {
    object: Object,
    tap: PyramidTap<BlockingWriter>,
}

impl OriginalPyramid {
    /// Begins the pyramid, if the pass reads the picture itself and it is not there yet.
    pub async fn begin(splitter: &Splitter, manifest: &Manifest, stage: u32) -> Option<Self> {
        let most = splitter.config.previews.bytes(splitter.config.limits.memory_budget)?;
        if manifest.plan.source(stage).is_some() {
            return None;
        }
        let object = Object::OriginalPyramid(manifest.job);
        match splitter.store.size(&object).await {
            Ok(None) => {}
            Ok(Some(_)) => return None,
            Err(error) => {
                tracing::debug!(job = %manifest.job, %error, "the picture gets no preview now");
                return None;
            }
        }
        // What a pass that was killed had of it.
        splitter.store.clear(&object).await;
        let writer = splitter.store.blocking_writer(&object, &Handle::current());
        let tap = PyramidTap::new(PyramidMaker::new(manifest.plan.input, manifest.orientation(), most, writer));
        Some(Self { object, tap })
    }

    /// The rows of `reader`, of which the pyramid is made.
    pub fn hang_onto(&self, reader: Box<dyn RowReader>) -> Box<dyn RowReader> {
        Box::new(self.tap.reader(reader))
    }

    /// Whether it waits for further rows, so that they have to be read though their tiles are there.
    pub fn wants_rows(&self) -> bool {
        self.tap.wants_rows()
    }

    /// Makes it visible; all rows were read and are those that were sent. Blocks.
    pub fn publish(self) {
        let published = self.tap.finish().map_err(|error| error.to_string());
        let published = published.and_then(|writer| writer.finish().map_err(|error| error.to_string()));
        if let Err(error) = published {
            tracing::warn!(object = %self.object, error, "the picture has no preview");
        }
    }
}

/// What making it may hold, in bytes.
pub fn held_bytes(previews: &PreviewArgs, memory_budget: u64, manifest: &Manifest) -> u64 {
    let of = |most| {
        let turn = manifest.orientation();
        Shape::of(manifest.plan.input, turn, most).held_bytes(manifest.plan.input, turn)
    };
    previews.bytes(memory_budget).map_or(0, of)
}
