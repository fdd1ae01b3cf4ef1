//! Ids that read back, and streams that resume without loss or repeats.

use super::*;
use crate::http::events::id::NoEventId;

fn change(ms: u64, text: &str) -> JobEvent {
    JobEvent { id: format!("{ms}-0"), at: "t".to_owned(), status: None, text: text.to_owned() }
}

fn view() -> JobView {
    JobView {
        job: tessera::job::JobId::random(),
        status: tessera::job::JobStatus::Processing,
        reason: None,
        filename: String::new(),
        owner: String::new(),
        operations: Vec::new(),
        format: String::new(),
        total_tiles: 4,
        received_tiles: 1,
        tile_width: 1,
        tile_height: 1,
        grid_width: 2,
        grid_height: 2,
        original_width: 2,
        original_height: 2,
        result_width: 2,
        result_height: 2,
        stage: 0,
        stages: 1,
        run: 1,
        priority: Default::default(),
        attempts: 1,
        lease: None,
        lease_until: 0,
        leased: false,
        passes: 0,
        moments: Default::default(),
        grain: tessera::job::Grain::Tiles,
        worker: None,
        rows_permille: 0,
        splitter: None,
        stitcher: None,
        rows: None,
        numbers: Default::default(),
        created_at: String::new(),
        started_at: None,
        updated_at: String::new(),
        finished_at: None,
        final_filename: None,
        digest: None,
        bytes_in: 1,
        bytes_out: 0,
        trace: None,
        notices: Default::default(),
        ms: Default::default(),
        stage_ms: Default::default(),
    }
}

/// A frame with these fields, as if one of progress `received` were seen.
fn frame(fields: Value, changes: &[JobEvent], received_tiles: u32, before: Option<&Frame>) -> Frame {
    let Value::Object(job) = fields else { panic!("no fields") };
    let last = changes.last().and_then(|change| cursor(&change.id)).unwrap_or_default();
    let id = EventId { cursor: last, run: 1, stage: 0, received_tiles, digest: digest(&job) };
    let mut frame = Frame {
        id,
        number: before.map_or(0, |before| before.number + 1),
        view: view(),
        has_workers: true,
        job,
        changes: changes.to_vec(),
        tiles: None,
        names: Arc::default(),
        is_last: false,
        is_drawn: false,
        step: None,
    };
    frame.step = before.and_then(|before| frame.since(before));
    frame
}

fn parsed(event: &Bytes) -> (String, Value) {
    let text = std::str::from_utf8(event).unwrap();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    (field("event: ").to_owned(), serde_json::from_str(field("data: ")).unwrap())
}

#[test]
fn an_id_reads_back_and_rubbish_does_not() {
    let id = EventId { cursor: (1_700_000_000_123, 4), run: 2, stage: 1, received_tiles: 77, digest: 0xab };
    assert_eq!(id.to_string(), "1700000000123-4.2.1.77.000000ab");
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in ["", "1-0", "1-0.1.1.1", "1-0.1.1.1.x.y", "a-0.1.1.1.0", "1-0.1.1.-1.0", "1.1.1.1.0", "$"] {
        assert_eq!(text.parse::<EventId>(), Err(NoEventId), "{text}");
    }
}

#[test]
fn only_what_changed_is_told() {
    let changes = [change(1, "a"), change(2, "b")];
    let first = frame(json!({"id": "x", "received_tiles": 1, "eta_seconds": 5}), &changes[..1], 1, None);
    assert!(first.is_news());
    let second = frame(json!({"id": "x", "received_tiles": 2}), &changes, 2, Some(&first));
    let (kind, data) = parsed(&second.after(&first).unwrap());
    let news = json!([{"at": "t", "status": null, "text": "b"}]);
    let expected = json!({"received_tiles": 2, "eta_seconds": null, "changes": news});
    assert_eq!((kind.as_str(), data), ("change", expected));
    let same = frame(json!({"id": "x", "received_tiles": 2}), &changes, 2, Some(&second));
    assert!(!same.is_news() && second.after(&second).is_none());
    let third = frame(json!({"id": "x", "received_tiles": 3}), &changes, 3, Some(&second));
    let (_, data) = parsed(&third.after(&first).unwrap());
    assert_eq!(data["received_tiles"], 3, "a watcher that skipped a frame is told the rest");
    assert_eq!(data["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn who_resumes_gets_what_is_missing_once() {
    let changes = [change(5, "a"), change(6, "b"), change(7, "c")];
    let now = frame(json!({"id": "x", "status": "processing", "received_tiles": 3}), &changes, 3, None);
    assert_eq!(now.resume(now.id()), None, "nothing is repeated");
    let (kind, data) = parsed(&now.resume(&"6-0.1.0.2.00000000".parse().unwrap()).unwrap());
    let mut expected = json!({"status": "processing", "received_tiles": 3, "eta_seconds": null, "notice": null});
    expected["changes"] = json!([{"at": "t", "status": null, "text": "c"}]);
    assert_eq!((kind.as_str(), data), ("change", expected));
    // A cursor before what is kept, and one that Redis lost: only the whole is right.
    for id in ["4-0.1.0.2.00000000", "9-0.1.0.2.00000000"] {
        let (kind, data) = parsed(&now.resume(&id.parse().unwrap()).unwrap());
        assert_eq!((kind.as_str(), data["changes"].as_array().unwrap().len()), ("snapshot", 3), "{id}");
    }
}

#[test]
fn a_guess_about_the_end_is_no_news_to_who_resumes() {
    let changes = [change(1, "a")];
    let old = frame(json!({"id": "x", "eta_seconds": 5}), &changes, 1, None);
    let now = frame(json!({"id": "x", "eta_seconds": 4}), &changes, 1, None);
    assert_eq!(now.resume(old.id()), None);
}

#[test]
fn a_look_that_shows_nothing_new_makes_no_frame() {
    let (view, changes) = (view(), vec![change(1, "a")]);
    let frame = Frame::new(view.clone(), true, changes.clone(), None, Arc::default(), None);
    let same = Glimpse { view: view.clone(), changes: Vec::new(), tiles: None };
    assert!(frame.has_all_of(&same, true) && !frame.has_all_of(&same, false));
    assert!(!frame.has_all_of(&Glimpse { changes, ..same.clone() }, true));
    assert!(!frame.has_all_of(&Glimpse { tiles: Some(vec![None]), ..same.clone() }, true));
    let further = Glimpse { view: JobView { received_tiles: 2, ..view }, ..same };
    assert!(!frame.has_all_of(&further, true));
}
