//! What is accepted: Tessera refuses by policy, with the limit's name, not because it ran out.

use std::time::Duration;

use clap::Args;

use crate::picture::codec::MAX_DECODE_BYTES;
use crate::plan::PlanLimits;

/// What a process may take for bands, tiles, encoders and client queues, unless a setting says otherwise, in bytes.
pub const DEFAULT_MEMORY_BUDGET: u64 = 192 << 20;

/// Limits on pictures, jobs and memory.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// The largest upload in bytes.
    #[arg(long, env = "TESSERA_MAX_UPLOAD_BYTES", default_value_t = 16 << 30, value_name = "BYTES")]
    pub max_upload_bytes: u64,
    /// The most pixels of a picture.
    #[arg(long, env = "TESSERA_MAX_PIXELS", default_value_t = 10_000_000_000, value_name = "N")]
    pub max_pixels: u64,
    /// The longest side of a picture in pixels.
    #[arg(long, env = "TESSERA_MAX_SIDE_PX", default_value_t = 100_000, value_name = "PX")]
    pub max_side_px: u32,
    /// The most operations of a job.
    #[arg(long, env = "TESSERA_MAX_OPERATIONS", default_value_t = 16, value_name = "N")]
    pub max_operations: usize,
    /// The most jobs that wait or run; above it uploads are answered 429.
    #[arg(long, env = "TESSERA_MAX_QUEUED_JOBS", default_value_t = 20_000, value_name = "N")]
    pub max_queued_jobs: u64,
    /// The most uploads at once; above it they are answered 503.
    #[arg(long, env = "TESSERA_MAX_UPLOADS", default_value_t = 16, value_name = "N")]
    pub max_uploads: usize,
    /// The largest side of a tile in pixels, a multiple of 16.
    #[arg(long, env = "TESSERA_TILE_SIZE", default_value_t = 512, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub tile_size: u32,
    /// Memory of each process for bands of pictures, tiles, encoders and client queues, in bytes.
    #[arg(long, env = "TESSERA_MEMORY_BUDGET", default_value_t = DEFAULT_MEMORY_BUDGET, value_name = "BYTES")]
    pub memory_budget: u64,
    /// Memory for pictures that must be decoded whole, as progressive JPEG must, in bytes.
    #[arg(long, env = "TESSERA_MAX_DECODE_BYTES", default_value_t = MAX_DECODE_BYTES, value_name = "BYTES")]
    pub max_decode_bytes: u64,
    /// Bytes of tiles that are out at once, over all jobs of a splitter.
    #[arg(long, env = "TESSERA_MAX_OUTSTANDING_BYTES", default_value_t = 2 << 30, value_name = "BYTES")]
    pub max_outstanding_bytes: u64,
    /// How long results are kept, in hours.
    #[arg(long, env = "TESSERA_KEEP_RESULTS_HOURS", default_value_t = 24, value_name = "HOURS")]
    pub keep_results_hours: u64,
    /// How long a job may take at least, in seconds; ten more are added for each megapixel.
    #[arg(long, env = "TESSERA_JOB_DEADLINE_SECONDS", default_value_t = 3600, value_name = "SECONDS")]
    pub job_deadline_seconds: u64,
}

impl Default for LimitArgs {
    fn default() -> Self {
        Self {
            max_upload_bytes: 16 << 30,
            max_pixels: 10_000_000_000,
            max_side_px: 100_000,
            max_operations: 16,
            max_queued_jobs: 20_000,
            max_uploads: 16,
            tile_size: 512,
            memory_budget: DEFAULT_MEMORY_BUDGET,
            max_decode_bytes: MAX_DECODE_BYTES,
            max_outstanding_bytes: 2 << 30,
            keep_results_hours: 24,
            job_deadline_seconds: 3600,
        }
    }
}

impl LimitArgs {
    /// Limits that cannot work, one line for each.
    pub fn problems(&self) -> Vec<String> {
        let least_one = [
            ("max_upload_bytes", self.max_upload_bytes),
            ("max_pixels", self.max_pixels),
            ("max_side_px", self.max_side_px.into()),
            ("max_operations", self.max_operations as u64),
            ("max_uploads", self.max_uploads as u64),
            ("max_queued_jobs", self.max_queued_jobs),
            ("memory_budget", self.memory_budget),
            ("max_decode_bytes", self.max_decode_bytes),
            ("max_outstanding_bytes", self.max_outstanding_bytes),
            ("keep_results_hours", self.keep_results_hours),
            ("job_deadline_seconds", self.job_deadline_seconds),
        ];
        let too_low = least_one.into_iter().filter(|(_, value)| *value < 1);
        let mut problems: Vec<String> =
            too_low.map(|(name, _)| format!("{name} is 0, it must be at least 1")).collect();
        if !self.tile_size.is_multiple_of(16) {
            problems.push(format!("tile_size is {}, it must be a multiple of 16", self.tile_size));
        }
        problems
    }

    /// What a plan must keep to. A band may take half of the memory budget.
    pub fn plan_limits(&self, max_record_bytes: usize) -> PlanLimits {
        PlanLimits { tile_size: self.tile_size, max_record_bytes, band_bytes: self.memory_budget / 2 }
    }

    /// How long results are kept.
    pub fn keep_results(&self) -> Duration {
        Duration::from_secs(self.keep_results_hours.saturating_mul(3600))
    }

    /// How long a job of `pixels` may take.
    pub fn job_deadline(&self, pixels: u64) -> Duration {
        Duration::from_secs(self.job_deadline_seconds.saturating_add(pixels / 100_000))
    }
}
