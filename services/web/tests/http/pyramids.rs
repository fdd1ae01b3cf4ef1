//! Pyramids and previews as viewers ask for them.

use tessera::job::{JobId, JobStatus};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size, Turn};
use tessera::pyramid::PyramidMaker;
use tessera::store::Object;

use crate::png;
use crate::site::{Answer, Settings, Site, complete, form};
use crate::support::Rig;

/// The pyramid of a picture of that size.
fn pyramid(width: u32, height: u32, layout: Layout) -> Vec<u8> {
    let format = PixelFormat { layout, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width, height }, format };
    let mut maker = PyramidMaker::new(info, Turn::None, u64::MAX, Vec::new());
    let row: Vec<u8> = (0..info.row_bytes()).map(|at| (at / 16) as u8).collect();
    (0..height).for_each(|_| maker.add(&row).unwrap());
    maker.finish().unwrap()
}

async fn job(rig: &Rig, site: &Site) -> JobId {
    let _ = rig;
    site.upload("/api/v1/jobs", &form(b"a.png", &png(), &["invert"])).job()
}

/// Puts the pyramid of a result there, which is done already.
async fn put_result(rig: &Rig, site: &Site, job: JobId, bytes: Vec<u8>) {
    let view = rig.state.job(job).await.unwrap().unwrap();
    let result: Object = view.final_filename.unwrap().parse().unwrap();
    site.store.put(&result.pyramid().unwrap(), bytes.into()).await.unwrap();
}

fn says(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(answer.json()["detail"].as_str().unwrap().contains(words), "{}", answer.text());
}

#[tokio::test]
async fn a_pyramid_is_served_as_deep_zoom() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = job(&rig, &site).await;
    complete(&rig, &site.store, job, b"a result").await;
    put_result(&rig, &site, job, pyramid(3000, 2000, Layout::Rgb)).await;
    let base = format!("/api/v1/jobs/{job}/pyramid");

    let dzi = site.get(&format!("{base}/result.dzi"));
    assert_eq!((dzi.status, dzi.headers["content-type"].as_str()), (200, "application/xml"));
    for word in ["TileSize=\"256\"", "Overlap=\"0\"", "Format=\"jpg\"", "Width=\"3000\" Height=\"2000\""] {
        assert!(dzi.text().contains(word), "{}", dzi.text());
    }
    for name in ["result/11/5_3.jpg", "result_files/11/5_3.jpg"] {
        let tile = site.get(&format!("{base}/{name}"));
        assert_eq!((tile.status, tile.headers["content-type"].as_str()), (200, "image/jpeg"));
        assert!(tile.body.starts_with(&[0xff, 0xd8]) && tile.headers["cache-control"].contains("immutable"));
        assert_eq!(tile.headers["content-security-policy"], "default-src 'none'; sandbox");
        let again = site.call("GET", &format!("{base}/{name}"), &[("If-None-Match", &tile.headers["etag"])], b"");
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
    says(&site.get(&format!("{base}/result/12/0_0.jpg")), 404, "the finest that is kept is 11");
    says(&site.get(&format!("{base}/result/11/6_0.jpg")), 404, "6 columns and 4 rows");
    says(&site.get(&format!("{base}/result/13/0_0.jpg")), 404, "the levels are 0 to 12");
    says(&site.get(&format!("{base}/result/11/0_0.png")), 404, ".jpg");
    says(&site.get(&format!("{base}/other/11/0_0.jpg")), 404, "original");
    for name in
        ["x/0_0.jpg", "-1/0_0.jpg", "+1/0_0.jpg", "300/0_0.jpg", "1/0.jpg", "1/0_99999999999.jpg", "1/..%2f0_0.jpg"]
    {
        assert_eq!(site.get(&format!("{base}/result/{name}")).status, 404, "{name}");
    }
    assert_eq!(site.call("DELETE", &format!("/api/v1/jobs/{job}"), &[], b"").status, 204);
    assert_eq!(site.get(&format!("{base}/result/11/5_3.jpg")).status, 410);
    site.assert_empty(&rig, "a deleted job");
}

#[tokio::test]
async fn what_is_not_there_yet_says_why() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = job(&rig, &site).await;
    let preview = format!("/api/v1/jobs/{job}/preview");
    says(&site.get(&preview), 404, "has not been read to the end yet");
    says(&site.get(&format!("/api/v1/jobs/{job}/pyramid/result.dzi")), 404, "there is no result yet");
    let nobody = JobId::random();
    says(&site.get(&format!("/api/v1/jobs/{nobody}/preview")), 404, "no such job");
    site.store.put(&Object::OriginalPyramid(job), pyramid(300, 200, Layout::Rgba).into()).await.unwrap();
    let early = site.get(&preview);
    assert_eq!((early.status, early.headers["content-type"].as_str()), (200, "image/png"));
    // It is another picture once the job is done.
    assert_eq!(early.headers["cache-control"], "private, no-cache");
    complete(&rig, &site.store, job, b"a result").await;
    assert_eq!(rig.state.job(job).await.unwrap().unwrap().status, JobStatus::Done);
    says(&site.get(&format!("{preview}?of=result")), 404, "TESSERA_PREVIEW");
    assert_eq!(site.get(&preview).body, early.body, "without one of the result, that of the original is shown");
    put_result(&rig, &site, job, pyramid(300, 200, Layout::Gray)).await;
    let late = site.call("GET", &preview, &[("If-None-Match", &early.headers["etag"])], b"");
    assert_eq!((late.status, late.headers["content-type"].as_str()), (200, "image/jpeg"));
    for max in ["0", "2049", "x", "-1", "", "1e3"] {
        says(&site.get(&format!("{preview}?max={max}")), 400, "max must be an integer from 1 to 2048");
    }
    says(&site.get(&format!("{preview}?of=both")), 400, "of must be original or result");
}

#[tokio::test]
async fn a_damaged_pyramid_is_told_and_harms_nothing() {
    let rig = Rig::new().await;
    let site = Site::start(&rig, Settings::default()).await;
    let job = job(&rig, &site).await;
    complete(&rig, &site.store, job, b"a result").await;
    let whole = pyramid(3000, 2000, Layout::Rgb);
    let mut flipped = whole.clone();
    flipped[2000] ^= 1;
    for damaged in [flipped, whole[..whole.len() - 1].to_vec(), Vec::new()] {
        put_result(&rig, &site, job, damaged).await;
        let bad = site.get(&format!("/api/v1/jobs/{job}/preview?max=2000&of=result"));
        says(&bad, 404, "damaged");
        assert_eq!(site.get(&format!("/api/v1/jobs/{job}")).json()["status"], "done");
        assert_eq!(site.get(&format!("/jobs/{job}")).status, 200);
        assert_eq!(site.get("/jobs").status, 200);
    }
}
