use proptest::prelude::*;

use super::checks::*;
use super::*;
use crate::bus::Headers;
use crate::heartbeat::Heartbeat;
use crate::job::{JobId, Token};
use crate::operation::{Chain, Margins};
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Rect, Size};
use crate::plan::PlanHash;
use crate::tiling::Grid;

fn task(width: u32, height: u32, halo: u32, pixels: &[u8]) -> TaskHeader {
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let picture = PictureInfo { size: Size { width: width + 2 * halo, height: height + 2 * halo }, format };
    let rect = Rect { x: halo, y: halo, width, height };
    let margins = Margins { left: halo, top: halo, right: halo, bottom: halo };
    let whole = Grid::with_margins(rect, margins);
    TaskHeader {
        job: JobId::random(),
        run: 1,
        stage: 0,
        index: 7,
        plan: "00112233445566aa".parse::<PlanHash>().unwrap(),
        attempt: 1,
        payload: PayloadKind::Inline,
        results: PayloadKind::Inline,
        encoding: Encoding::Raw,
        rect,
        margins,
        picture,
        width: whole.width,
        height: whole.height,
        channels: 1,
        depth: 8,
        crc32c: crc32c::crc32c(pixels),
        operations: Chain::new(vec!["invert".parse().unwrap()]),
    }
}

fn headers(list: Vec<(&'static str, String)>) -> Headers {
    list.into_iter().collect()
}

proptest! {
    #[test]
    fn a_task_reads_back(width in 1u32..40, height in 1u32..40, halo in 0u32..9) {
        let pixels = vec![9; ((width + 2 * halo) * (height + 2 * halo)) as usize];
        let task = task(width, height, halo, &pixels);
        prop_assert_eq!(TaskHeader::decode(&headers(task.encode()), &pixels).unwrap(), task);
    }

    #[test]
    fn a_record_of_any_bytes_never_panics(name in "schema|task|tile|check", schema in "(task|tile|check|heartbeat|job-command)/[0-9].[0-9]|.{0,20}", text in ".{0,200}", payload in prop::collection::vec(any::<u8>(), 0..64)) {
        let headers = Headers::new(vec![("schema".into(), schema.into_bytes()), (name, text.clone().into_bytes())]);
        let _ = (Task::decode(&headers, &payload), TileHeader::decode(&headers, &payload));
        let _ = (JobCommand::decode(&headers, text.as_bytes()), Heartbeat::decode(&headers, text.as_bytes()));
        let _ = Check::decode(&headers);
    }
}

#[test]
fn a_task_that_lies_is_refused() {
    let pixels = vec![9; 36];
    let good = task(4, 4, 1, &pixels);
    let refused = |change: &dyn Fn(&mut TaskHeader)| {
        let mut bad = good.clone();
        change(&mut bad);
        TaskHeader::decode(&headers(bad.encode()), &pixels).is_err()
    };
    assert!(refused(&|task| task.crc32c ^= 1));
    assert!(refused(&|task| task.width = u32::MAX));
    assert!(refused(&|task| task.margins.left = 2));
    assert!(refused(&|task| task.rect.x = u32::MAX));
    assert!(refused(&|task| task.channels = 5));
    assert!(refused(&|task| task.depth = 12));
    assert!(refused(&|task| task.picture.format.layout = Layout::Rgb));
    assert!(TaskHeader::decode(&headers(good.encode()), &pixels[1..]).is_err());
}

#[test]
fn a_newer_minor_is_read_and_another_major_is_not() {
    let command = JobCommand::Resend { job: JobId::random(), stage: 2, reason: "test".into(), inline: Vec::new() };
    let (_, value) = command.encode();
    let text = String::from_utf8(value).unwrap().replace("\"stage\"", "\"later\":true,\"stage\"");
    let with = |schema: &str| headers(vec![("schema", schema.to_owned())]);
    assert_eq!(JobCommand::decode(&with("job-command/1.7"), text.as_bytes()).unwrap(), command);
    for other in ["job-command/2.0", "task/1.0", "job-command", ""] {
        assert!(
            matches!(JobCommand::decode(&with(other), text.as_bytes()), Err(RecordError::Schema { .. })),
            "{other}"
        );
    }
}

#[test]
fn a_tile_reads_back_and_a_wrong_checksum_does_not() {
    let pixels = vec![1, 2, 3, 4, 5, 6];
    let mut tile = TileHeader {
        job: JobId::random(),
        run: 1,
        stage: 0,
        index: 0,
        plan: "00112233445566aa".parse().unwrap(),
        attempt: 1,
        worker: "host-1".parse().unwrap(),
        worker_number: 1,
        incarnation: Token::random(),
        payload: PayloadKind::Inline,
        width: 2,
        height: 1,
        channels: 3,
        depth: 8,
        statistic: None,
        result: None,
        crc32c: crc32c::crc32c(&pixels),
        ms: StepTimes::default(),
    };
    assert_eq!(TileHeader::decode(&headers(tile.encode()), &pixels).unwrap(), tile);
    let shared = TileHeader { payload: PayloadKind::Shared, ..tile.clone() };
    assert_eq!(TileHeader::decode(&headers(shared.encode()), &[]).unwrap(), shared);
    assert!(matches!(TileHeader::decode(&headers(shared.encode()), &pixels), Err(RecordError::Size(_))));
    let bytes: usize = shared.encode().iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(bytes < 1000, "{bytes} bytes of headers");
    tile.crc32c ^= 1;
    assert!(matches!(TileHeader::decode(&headers(tile.encode()), &pixels), Err(RecordError::Checksum { .. })));
    let words = [[1, 2, 3, 4, 5, 6, 7, 8], [0; 8]].concat();
    let measured = TileHeader { statistic: Some(2), crc32c: crc32c::crc32c(&words), ..tile };
    assert_eq!(TileHeader::decode(&headers(measured.encode()), &words).unwrap(), measured);
    for lie in [Some(1), Some(3), Some(u32::MAX), None] {
        let lie = TileHeader { statistic: lie, ..measured.clone() };
        assert!(matches!(TileHeader::decode(&headers(lie.encode()), &words), Err(RecordError::Size(_))));
    }
    let lie = TileHeader { crc32c: 0, ..measured };
    assert!(matches!(TileHeader::decode(&headers(lie.encode()), &words), Err(RecordError::Checksum { .. })));
}

fn slot_task() -> SlotTask {
    SlotTask {
        job: JobId::random(),
        run: 2,
        stage: 1,
        index: u32::MAX,
        plan: "00112233445566aa".parse().unwrap(),
        attempt: 3,
        payload: PayloadKind::Shared,
        slot: 1023,
        crc32c: u32::MAX,
    }
}

#[test]
fn a_task_whose_pixels_are_in_a_slot_is_small_and_has_no_value() {
    let task = Task::Slot(slot_task());
    let list = task.encode();
    let bytes: usize = list.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(bytes < 500, "{bytes} bytes of headers");
    let headers = headers(list);
    assert_eq!(Task::decode(&headers, &[]).unwrap(), task);
    assert!(matches!(Task::decode(&headers, &[1]), Err(RecordError::Size(_))));
    let pixels = vec![9; 6];
    let inline = self::task(3, 2, 0, &pixels);
    let list: Headers = inline.encode().into_iter().collect();
    assert_eq!(Task::decode(&list, &pixels).unwrap(), Task::Inline(Box::new(inline)));
}

#[test]
fn records_of_older_versions_are_read() {
    let pixels = vec![9; 6];
    let list = task(3, 2, 0, &pixels).encode();
    assert!(!list[1].1.contains("results"), "an inline task is as it was: {list:?}");
    let old = vec![("schema", "task/1.0".to_owned()), list[1].clone()];
    assert!(Task::decode(&headers(old), &pixels).is_ok());
    let old = vec![("schema", "job-command/1.0".to_owned())];
    let job = JobId::random();
    let text = format!(r#"{{"command":"resend","job":"{job}","stage":1,"reason":"x"}}"#);
    let command = JobCommand::decode(&headers(old), text.as_bytes()).unwrap();
    assert_eq!(command, JobCommand::Resend { job, stage: 1, reason: "x".to_owned(), inline: Vec::new() });
}
