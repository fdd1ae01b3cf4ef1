//! The store on a real folder: visibility, what is left after failures, ranges, sweeping.

mod keeping;
mod reading;
mod writing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::job::{Manifest, Priority, Token};
use crate::operation::Chain;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
use crate::plan::{Plan, PlanLimits};

struct Folder {
    dir: TempDir,
    store: Store,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&args(dir.path())).unwrap();
    Folder { dir, store }
}

fn args(dir: &Path) -> StoreArgs {
    let store = format!("file://{}", dir.join("store").display());
    StoreArgs { store, scratch_dir: dir.join("scratch"), sync: Sync::All }
}

impl Folder {
    fn job(&self, job: JobId) -> PathBuf {
        self.store.place_of(&Object::Original(job)).parent().unwrap().to_owned()
    }

    /// Names in a job's folder, unfinished writes included; `None` if there is no folder.
    fn names(&self, job: JobId) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(self.job(job)).ok()?;
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        Some(names)
    }
}

fn manifest(job: JobId) -> Manifest {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let input = PictureInfo { size: Size { width: 1000, height: 700 }, format };
    let limits = PlanLimits { tile_size: 256, max_record_bytes: 1_000_000, band_bytes: 64 << 20 };
    let steps = vec!["invert".parse().unwrap()];
    Manifest {
        trace: Some(crate::job::TraceContext::random()),
        job,
        run: 1,
        filename: "../x.png".to_owned(),
        owner: "anonymous".to_owned(),
        operations: steps.clone(),
        format: "png".to_owned(),
        priority: Priority::Normal,
        bytes_in: 10,
        digest: None,
        request: None,
        kept: crate::job::KeptText::default(),
        notices: Vec::new(),
        quality: None,
        chroma: None,
        original_format: "png".to_owned(),
        plan: Plan::make(input, &Chain::new(steps), &limits).unwrap(),
        plan_hash: None,
        tiled: None,
        created_at: crate::time::now(),
    }
}

fn result(job: JobId) -> Object {
    Object::Result { job, token: Token::random(), ext: "png".to_owned() }
}

/// Waits for work that a drop has started.
async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("still not so: {what}");
}

#[test]
fn only_folders_are_stores() {
    let dir = tempfile::tempdir().unwrap();
    for url in ["s3://bucket", "http://x", "var/store", "file://", ""] {
        let args = StoreArgs { store: url.to_owned(), ..args(dir.path()) };
        assert!(matches!(Store::open(&args), Err(StoreError::Address { .. })), "{url}");
    }
}
