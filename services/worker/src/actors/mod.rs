//! The worker's parts, one role each.

mod heart;
mod in_hand;
mod result_publisher;
mod task_feed;
mod task_runner;
mod tile_executor;

pub use heart::{Farewell, Heart};
pub use result_publisher::{Published, ResultPublisher};
pub use task_feed::{HAND_BACK_LIMIT, TaskFeed};
pub use task_runner::{TaskRunner, WholePlaces};
pub use tile_executor::{Run, Setback, Source, TileExecutor};
