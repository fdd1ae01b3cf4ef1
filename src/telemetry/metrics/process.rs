//! The process as the kernel sees it, under the names that Prometheus uses for every program.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads `/proc/self` whenever the page is asked for; where there is none, it shows nothing.
#[derive(Debug)]
pub(super) struct Process;

/// What the page shows.
#[derive(Debug, PartialEq)]
struct Seen {
    cpu_seconds: f64,
    resident_bytes: i64,
    threads: i64,
    start_seconds: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(seen) = look() else { return Ok(()) };
        let mut gauge = |name: &str, help: &str, value: &ConstGauge<i64>| {
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("process_resident_memory_bytes", "Memory in use.", &ConstGauge::new(seen.resident_bytes))?;
        gauge("process_threads", "Threads.", &ConstGauge::new(seen.threads))?;
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            let files = i64::try_from(files.count()).unwrap_or(i64::MAX);
            gauge("process_open_fds", "Open files.", &ConstGauge::new(files))?;
        }
        let start = encoder.encode_descriptor(
            "process_start_time_seconds",
            "When it was started, in seconds since 1970.",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(seen.start_seconds).encode(start)?;
        let cpu =
            encoder.encode_descriptor("process_cpu_seconds", "Processor time used.", None, MetricType::Counter)?;
        ConstCounter::new(seen.cpu_seconds).encode(cpu)
    }
}

fn look() -> Option<Seen> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let kernel = std::fs::read_to_string("/proc/stat").ok()?;
    let booted = kernel.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    // SAFETY: both calls take a number and give a number.
    let (ticks, page) = unsafe { (libc::sysconf(libc::_SC_CLK_TCK), libc::sysconf(libc::_SC_PAGESIZE)) };
    read(&stat, booted, ticks as f64, page)
}

/// Reads the line of `/proc/self/stat`; its second field, the name, may hold blanks and brackets.
fn read(stat: &str, booted: f64, ticks: f64, page: i64) -> Option<Seen> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Counted from the third field of proc(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    Some(Seen {
        cpu_seconds: (number(14)? + number(15)?) as f64 / ticks,
        resident_bytes: number(24)?.saturating_mul(page),
        threads: number(20)?,
        start_seconds: booted + number(22)? as f64 / ticks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_manual_whatever_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 12 0 3000 9000000 25 18446744073709551615";
        let seen = Seen { cpu_seconds: 2.0, resident_bytes: 25 * 4096, threads: 12, start_seconds: 1030.0 };
        assert_eq!(read(stat, 1000.0, 100.0, 4096), Some(seen));
        assert_eq!(read("7 (a) S 1", 0.0, 100.0, 4096), None);
        assert!(look().is_some_and(|seen| seen.resident_bytes > 0 && seen.threads > 0));
    }
}
