//! What a task must say: its job's plan, as Redis has it, held against the record.
//!
//! Owns the comparison, and a bounded number of stages that were asked for lately. A program that can write to `tasks`
//! can write anything: what disagrees is no job's tile, and must never be run, nor held against its job.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tessera::bus::records::{PayloadKind, SlotTask, Task, TaskHeader};
use tessera::job::JobId;
use tessera::operation::Chain;
use tessera::state::{PlannedStage, StagePlan, State, StateError};

/// Stages that are remembered.
const MAX_STAGES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Job, run and stage.
type StageName = (JobId, u32, u32);

/// What a task is, by the plan of its job.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It says what the plan says, or the job has none to be compared with.
    Agrees(Arc<TaskHeader>, Option<Arc<PlannedStage>>),
    /// Its pixels are in a slot, and the job has no plan that says what they are.
    Unplanned(SlotTask),
    /// It is not wanted: its job has gone, or is at another run or stage.
    Unwanted,
    /// It says something else.
    Disagrees(String),
}

/// The stages that tasks came for lately; the one that was not asked for the longest goes first.
#[derive(Debug)]
pub struct Plans {
    known: Mutex<LruCache<StageName, Arc<PlannedStage>>>,
}

impl Default for Plans {
    fn default() -> Self {
        Self { known: Mutex::new(LruCache::new(MAX_STAGES)) }
    }
}

impl Plans {
    /// Holds a task against the plan of its job.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn standing(&self, state: &State, task: Task) -> Result<Standing, StateError> {
        let name = (task.job(), task.run(), task.stage());
        let known = self.known.lock().get(&name).cloned();
        let planned = match known {
            Some(planned) => planned,
            None => match state.stage_plan(name.0, name.1, name.2).await? {
                StagePlan::Known(planned) => {
                    let planned = Arc::from(planned);
                    self.known.lock().put(name, Arc::clone(&planned));
                    planned
                }
                StagePlan::Untold => return Ok(without_plan(task)),
                StagePlan::Unwanted => return Ok(Standing::Unwanted),
            },
        };
        // What is made of the plan agrees with it.
        let agreed = match task {
            Task::Inline(task) => difference(&task, &planned).map_or(Ok(*task), Err),
            Task::Slot(slot) => task_of(&slot, &planned),
        };
        Ok(match agreed {
            Ok(task) => Standing::Agrees(Arc::new(task), Some(planned)),
            Err(reason) => Standing::Disagrees(reason),
        })
    }
}

/// What a task is that there is nothing to compare with.
pub fn without_plan(task: Task) -> Standing {
    match task {
        Task::Inline(task) => Standing::Agrees(Arc::from(task), None),
        Task::Slot(slot) => Standing::Unplanned(slot),
    }
}

/// The whole task of which a record names only the tile.
///
/// # Errors
/// If the plan is another, or has no such tile.
pub fn task_of(slot: &SlotTask, planned: &PlannedStage) -> Result<TaskHeader, String> {
    let PlannedStage { plan, stage, steps } = planned;
    if slot.plan != *plan {
        return Err(format!("it was cut by plan {}, the job's is {plan}", slot.plan));
    }
    let of = (slot.job, slot.run, slot.stage);
    let header = TaskHeader::of(of, slot.index, *plan, stage, steps);
    let header = header.ok_or_else(|| format!("it is tile {}, the stage has {}", slot.index, stage.grid().tiles()))?;
    let (attempt, crc32c, shared) = (slot.attempt, slot.crc32c, PayloadKind::Shared);
    Ok(TaskHeader { attempt, crc32c, payload: shared, results: shared, ..header })
}

/// What a task says otherwise than the plan; sizes, format and checksum were compared with its bytes before.
fn difference(task: &TaskHeader, planned: &PlannedStage) -> Option<String> {
    let PlannedStage { plan, stage, steps } = planned;
    if task.plan != *plan {
        return Some(format!("it was cut by plan {}, the job's is {plan}", task.plan));
    }
    if task.picture != stage.input {
        return Some("it is of another picture than the stage's".to_owned());
    }
    let grid = stage.grid();
    let Some(rect) = grid.rect(task.index) else {
        return Some(format!("it is tile {}, the stage has {}", task.index, grid.tiles()));
    };
    if task.rect != rect || task.margins != grid.margins(rect, stage.halo) {
        return Some(format!("tile {} lies elsewhere, or has other margins, than the plan says", task.index));
    }
    (written(&task.operations) != written(steps)).then(|| "it has other operations than the plan".to_owned())
}

/// A chain as records carry it: numbers that went through a text are compared as texts.
fn written(chain: &Chain) -> Vec<String> {
    chain.steps().iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera::operation::Margins;
    use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Rect, Size};
    use tessera::plan::{Plan, PlanLimits};

    fn planned() -> PlannedStage {
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        let picture = PictureInfo { size: Size { width: 600, height: 400 }, format };
        let limits = PlanLimits { tile_size: 256, ..PlanLimits::default() };
        let plan = Plan::make(picture, &Chain::parse(&["box_blur:ksize=5"], 2).unwrap(), &limits).unwrap();
        let stage = plan.stage(0).unwrap().clone();
        PlannedStage { plan: plan.hash(), steps: stage.steps.clone(), stage }
    }

    fn task(planned: &PlannedStage, index: u32) -> TaskHeader {
        TaskHeader::of((JobId::random(), 1, 0), index, planned.plan, &planned.stage, &planned.steps).unwrap()
    }

    #[test]
    fn true_tasks_agree_and_every_lie_is_found() {
        let planned = planned();
        for index in 0..planned.stage.grid().tiles() {
            assert_eq!(difference(&task(&planned, index), &planned), None, "tile {index}");
        }
        let truth = || task(&planned, 1);
        let other = Chain::parse(&["box_blur:ksize=7"], 2).unwrap();
        let more = Chain::parse(&["box_blur:ksize=5", "invert"], 2).unwrap();
        let larger = PictureInfo { size: Size { width: 601, height: 400 }, ..planned.stage.input };
        let lies = [
            TaskHeader { margins: Margins::default(), ..truth() },
            TaskHeader { margins: Margins { top: 1, ..truth().margins }, ..truth() },
            TaskHeader { rect: Rect { x: 255, ..truth().rect }, ..truth() },
            TaskHeader { rect: Rect { width: 1, height: 1, ..truth().rect }, ..truth() },
            TaskHeader { index: 2, ..truth() },
            TaskHeader { index: 6_000_000, ..truth() },
            TaskHeader { operations: other, ..truth() },
            TaskHeader { operations: more, ..truth() },
            TaskHeader { operations: Chain::new(Vec::new()), ..truth() },
            TaskHeader { picture: larger, ..truth() },
            TaskHeader { plan: "0000000000000000".parse().unwrap(), ..truth() },
        ];
        for lie in lies {
            assert!(difference(&lie, &planned).is_some(), "{lie:?}");
        }
    }

    #[test]
    fn a_task_that_names_its_tile_only_is_the_plan_s_and_no_other() {
        let planned = planned();
        let slot = |index, plan| SlotTask {
            job: JobId::random(),
            run: 2,
            stage: 0,
            index,
            plan,
            attempt: 3,
            payload: PayloadKind::Shared,
            slot: 9,
            crc32c: 7,
        };
        for index in 0..planned.stage.grid().tiles() {
            let whole = task_of(&slot(index, planned.plan), &planned).unwrap();
            assert_eq!(difference(&whole, &planned), None);
            assert_eq!((whole.index, whole.run, whole.attempt, whole.crc32c), (index, 2, 3, 7));
        }
        assert!(task_of(&slot(6_000_000, planned.plan), &planned).is_err());
        assert!(task_of(&slot(0, "0000000000000000".parse().unwrap()), &planned).is_err());
    }
}
