//! A model of a job's way through all services: from every state, with all of them there, it ends or moves within a
//! minute. Real stalls, gate and window; a simulated clock.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod world;

use proptest::prelude::*;
use tessera::job::JobStatus;
use tessera_monitor::stalls::{Advice, Hope, Look};
use world::{Result, STEP_MS, Service, TILES, World};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const ALL: [Service; 4] = [Service::Splitter, Service::Worker, Service::Stitcher, Service::Monitor];

/// Goes on with all services there; says what is wrong, if anything is.
fn ends_or_moves(world: &mut World) -> std::result::Result<(), String> {
    world.down.clear();
    let begun_ms = world.now_ms;
    let (mut moved_ms, mut last) = (begun_ms, progress(world));
    while !world.hash.status.is_terminal() {
        world.step();
        if progress(world) != last {
            (moved_ms, last) = (world.now_ms, progress(world));
        }
        if world.now_ms - moved_ms > MINUTE_MS || world.now_ms - begun_ms > HOUR_MS {
            return Err(format!(
                "did not move for a minute, or moved without end: {:?}, {:?}, {:?}",
                world.hash, world.pass, world.assembly
            ));
        }
    }
    Ok(())
}

/// What changes when a job moves.
fn progress(world: &World) -> (JobStatus, u32, usize, i64) {
    (world.hash.status, world.hash.stage, world.hash.bits.len(), world.hash.progress_ms)
}

/// A monitor that has checked the job so often in vain, the last time just now.
fn disappointed(world: &mut World, checks: u32) {
    let look = |world: &World, passes| Look {
        job: world.job,
        status: JobStatus::Processing,
        run: 1,
        stage: world.hash.stage,
        received: world.hash.bits.len() as u32,
        total: TILES,
        passes,
        idle_ms: MINUTE_MS,
        hope: Hope::InHand,
    };
    let mut passes = world.hash.passes;
    for _ in 0..checks {
        loop {
            world.now_ms += 1_000;
            passes += 1;
            match world.stalls.look(&look(world, passes), world.now_ms) {
                Advice::Fine => {}
                Advice::Check { .. } => break world.stalls.checked(&look(world, passes), world.now_ms),
                Advice::GiveUp { .. } => panic!("given up"),
            }
        }
    }
    world.hash.passes = passes;
}

#[test]
fn without_faults_a_job_is_done_soon() {
    for stages in 1..=3 {
        let mut world = World::new(stages);
        ends_or_moves(&mut world).unwrap();
        assert_eq!(world.hash.status, JobStatus::Done);
        assert!(world.now_ms < 20_000 * i64::from(stages), "{} ms", world.now_ms);
    }
}

/// Every state of queue, lease, pass, records, bits, assembly and monitor, reached or not.
#[test]
fn from_every_state_a_job_ends_or_moves_within_a_minute() {
    let mut states = 0;
    for stages in [1, 2] {
        for bits in [0, 8, TILES - 1, TILES] {
            for pass in 0..4 {
                for queue in 0..4 {
                    for records in 0..8 {
                        for checks in 0..=5 {
                            let mut world = state(stages, bits, pass, queue, records, checks);
                            let case = format!("{stages} {bits} {pass} {queue} {records} {checks}");
                            ends_or_moves(&mut world).unwrap_or_else(|wrong| panic!("{case}: {wrong}"));
                            assert!(checks == 5 || world.hash.status == JobStatus::Done, "{case}: {:?}", world.hash);
                            states += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(states, 2 * 4 * 4 * 4 * 8 * 6);
}

fn state(stages: u32, bits: u32, pass: u32, queue: u32, records: u32, checks: u32) -> World {
    let mut world = World::new(stages);
    world.hash.bits = (0..bits).collect();
    if pass == 0 || bits == TILES {
        world.hash.status = JobStatus::Processing;
    } else {
        // One that reads, one that is full and whose tiles are all lost, and the lease of a splitter that is gone.
        world.down = vec![Service::Worker, Service::Stitcher, Service::Monitor];
        world.lease();
        if pass == 2 {
            (0..100).for_each(|_| world.step());
        }
        if pass == 3 {
            world.crash(Service::Splitter);
        }
    }
    world.tasks.clear();
    world.jobs.clear();
    (world.hash.is_ready, world.hash.again) = (queue & 1 != 0, queue & 2 != 0);
    let missing = bits..TILES.min(bits + 8);
    if records & 1 != 0 {
        world.tasks = missing.clone().map(|tile| (0, tile)).collect();
    }
    if records & 2 != 0 {
        world.results = missing.map(|tile| Result::Tile(0, tile)).collect();
    }
    if records & 4 != 0 {
        world.results.push_back(Result::Check(0));
    }
    disappointed(&mut world, checks);
    world
}

/// What may befall a job.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Freeze(usize),
    Kill(usize),
    Return(usize),
    LoseTasks,
    LoseResults,
    LoseCommands,
    LoseSpool,
    DamageSlot(u32),
    Wait(i64),
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        (0..4_usize).prop_map(Fault::Freeze),
        (0..4_usize).prop_map(Fault::Kill),
        (0..4_usize).prop_map(Fault::Return),
        Just(Fault::LoseTasks),
        Just(Fault::LoseResults),
        Just(Fault::LoseCommands),
        Just(Fault::LoseSpool),
        (0..TILES).prop_map(Fault::DamageSlot),
        (1..100_i64).prop_map(|seconds| Fault::Wait(seconds * 1000)),
        (1..30_i64).prop_map(|steps| Fault::Wait(steps * STEP_MS)),
    ];
    prop::collection::vec(fault, 0..40)
}

fn befall(world: &mut World, fault: Fault) {
    match fault {
        Fault::Freeze(at) => world.down.push(ALL[at]),
        Fault::Kill(at) => {
            world.crash(ALL[at]);
            world.down.push(ALL[at]);
        }
        Fault::Return(at) => world.down.retain(|service| *service != ALL[at]),
        Fault::LoseTasks => world.tasks.clear(),
        Fault::LoseResults => world.results.clear(),
        Fault::LoseCommands => world.jobs.clear(),
        Fault::LoseSpool => world.lose_spool(),
        Fault::DamageSlot(tile) => world.damage_slot(tile),
        Fault::Wait(ms) => (0..ms / STEP_MS).for_each(|_| world.step()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_befell_it_a_job_ends_or_moves_within_a_minute_of_health(stages in 1..4_u32, faults in faults()) {
        let mut world = World::new(stages);
        for fault in faults {
            befall(&mut world, fault);
        }
        if let Err(wrong) = ends_or_moves(&mut world) {
            prop_assert!(false, "{wrong}");
        }
        prop_assert_eq!(world.hash.status, JobStatus::Done);
    }
}
