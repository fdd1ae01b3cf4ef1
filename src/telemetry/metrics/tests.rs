use std::collections::{BTreeMap, BTreeSet};

use actix_web::App;

use super::*;

/// The samples of a page by name and labels; fails on what is not the format.
fn parse(page: &str) -> BTreeMap<String, f64> {
    let mut families = BTreeSet::new();
    let mut samples = BTreeMap::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(described) = line.strip_prefix("# ") {
            if described == "EOF" {
                assert_eq!(lines.peek(), None, "something follows the end");
                return samples;
            }
            let words: Vec<&str> = described.splitn(3, ' ').collect();
            assert!(matches!(words[0], "HELP" | "TYPE" | "UNIT"), "{line}");
            assert!(words[0] != "TYPE" || families.insert(words[1].to_owned()), "{} twice", words[1]);
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let family = name.split('{').next().unwrap_or_default();
        let ends = ["_total", "_bucket", "_sum", "_count", "_info", ""];
        let is_known = ends.iter().any(|end| family.strip_suffix(end).is_some_and(|name| families.contains(name)));
        assert!(is_known, "{name} was not described");
        assert!(family.starts_with("tessera_") || family.starts_with("process_"), "{name}");
        assert_eq!(samples.insert(name.to_owned(), value.parse().unwrap()), None, "{name} twice");
    }
    panic!("the page has no end");
}

/// Fails on what `promtool check metrics` would not take: every family described once, before its samples, by their
/// name and with a type of the text format; counters end in `_total`, and nothing else does.
fn check_text(page: &str) {
    let mut kinds = BTreeMap::new();
    for line in page.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", _, help] => assert!(!help.is_empty(), "{line}"),
            ["#", "TYPE", name, kind] => {
                assert!(matches!(kind, "counter" | "gauge" | "histogram" | "summary" | "untyped"), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(kinds.insert(name.to_owned(), kind).is_none(), "{name} twice");
            }
            ["#", ..] => panic!("{line}"),
            _ => {
                let sample = line.split(['{', ' ']).next().unwrap();
                let of_histogram =
                    |end| sample.strip_suffix(end).is_some_and(|name| kinds.get(name) == Some(&"histogram"));
                let is_part = ["_bucket", "_sum", "_count"].into_iter().any(of_histogram);
                assert!(kinds.contains_key(sample) || is_part, "{sample} was not described");
            }
        }
    }
    assert!(!kinds.is_empty() && page.ends_with('\n'));
}

fn page_of(health: &Health, own: impl FnOnce(&mut Registry)) -> BTreeMap<String, f64> {
    parse(&Metrics::new("test", health, &[], own).page().unwrap())
}

#[test]
fn the_page_is_well_formed_and_says_what_was_counted() {
    let health = Health::new(&["kafka", "redis"]);
    health.set("kafka", Ok(()));
    let (counters, timers) = (Counters::default(), timers());
    counters.get_or_create(&[("outcome", "done")]).inc_by(3);
    timers.get_or_create(&[("operation", "invert")]).observe(0.002);
    let samples = page_of(&health, |registry| {
        registry.register("tiles", "Tiles", counters.clone());
        registry.register_with_unit("tile_run", "Running a tile", Unit::Seconds, timers.clone());
        read_gauge(registry, "queue", "What waits", || 7);
        read_counter(registry, "seen", "What was seen", || 9);
    });
    let build = format!("tessera_build_info{{service=\"test\",version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("tessera_tiles_total{outcome=\"done\"}", 3.0),
        ("tessera_tile_run_seconds_count{operation=\"invert\"}", 1.0),
        ("tessera_tile_run_seconds_sum{operation=\"invert\"}", 0.002),
        ("tessera_tile_run_seconds_bucket{le=\"0.0025\",operation=\"invert\"}", 1.0),
        ("tessera_queue", 7.0),
        ("tessera_seen_total", 9.0),
        ("tessera_ready", 0.0),
        ("tessera_dependency_up{dependency=\"kafka\"}", 1.0),
        ("tessera_dependency_up{dependency=\"redis\"}", 0.0),
        (build.as_str(), 1.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} of {:?}", samples.keys().collect::<Vec<_>>());
    }
    assert!(samples["process_resident_memory_bytes"] > 1e6);
}

#[actix_web::test]
async fn the_address_answers_with_the_type_that_prometheus_reads() {
    let metrics = Metrics::new("test", &Health::new(&[]), &[], |_| ());
    let app = actix_web::test::init_service(App::new().configure(routes(metrics))).await;
    let request = actix_web::test::TestRequest::get().uri("/metrics");
    let plain = actix_web::test::call_service(&app, request.to_request()).await;
    assert_eq!(plain.headers().get("content-type").unwrap(), text::CONTENT_TYPE);
    let plain = actix_web::test::read_body(plain).await;
    check_text(std::str::from_utf8(&plain).unwrap());
    let request = actix_web::test::TestRequest::get().uri("/metrics").insert_header(("accept", CONTENT_TYPE));
    let answer = actix_web::test::call_service(&app, request.to_request()).await;
    assert_eq!(answer.headers().get("content-type").unwrap(), CONTENT_TYPE);
    let body = actix_web::test::read_body(answer).await;
    assert_eq!(parse(std::str::from_utf8(&body).unwrap())["tessera_ready"], 1.0);
}
