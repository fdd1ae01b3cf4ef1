use super::*;

fn figures(workers: usize, wall_s: f64) -> Figures {
    let cpu_s = [("web", 1.0), ("worker-1", 3.0), ("worker-2", 2.0), ("kafka", 4.0)];
    Figures {
        workers,
        case: "4096:grayscale".parse().unwrap(),
        jobs: 8,
        tiles: 512,
        megapixels: 100.0,
        wall_s,
        cpu_s: cpu_s.map(|(name, cpu)| (name.to_owned(), cpu)).into(),
    }
}

#[test]
fn efficiency_is_the_rate_of_each_worker_over_the_first() {
    let all = [figures(1, 10.0), figures(2, 8.0)];
    assert!((all[0].efficiency(&all) - 1.0).abs() < 1e-9);
    assert!((all[1].efficiency(&all) - 0.625).abs() < 1e-9);
}

#[test]
fn processes_are_summed_by_service_and_the_busiest_is_named() {
    let one = figures(2, 10.0);
    assert_eq!(one.services().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["web", "worker", "kafka"]);
    assert!((one.services()[1].1 - 0.5).abs() < 1e-9);
    assert_eq!(one.busiest(), "kafka 0.40");
    assert!((one.cores() - 1.0).abs() < 1e-9);
    assert!(render(&[one]).contains("web 0.10, worker 0.50, kafka 0.40"));
}

#[test]
fn a_load_has_jobs_for_its_megapixels() {
    assert_eq!(jobs_of(16.8, 128.0), 8);
    assert_eq!(jobs_of(1000.0, 128.0), 2);
    assert_eq!(jobs_of(0.001, 128.0), 256);
}
