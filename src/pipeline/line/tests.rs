use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;

/// Counts how many are at work and held at once, and the most there were.
#[derive(Default)]
struct Meter {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Meter {
    fn enter(&self) {
        self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, SeqCst);
    }

    fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.enter();
        let done = work();
        self.leave();
        done
    }
}

/// Works a while that differs from piece to piece.
fn labour(piece: u32) -> u32 {
    (0..(piece % 7) * 3000).fold(piece, |sum, step| std::hint::black_box(sum ^ step))
}

fn numbers(end: u32) -> impl FnMut() -> Result<Option<u32>, String> {
    let mut next = 0;
    move || {
        next += 1;
        Ok((next <= end).then_some(next))
    }
}

#[test]
fn results_come_in_order_within_threads_and_room() {
    for (threads, most) in [(1, 1), (2, 1), (2, 4), (4, 3), (8, 10)] {
        let (busy, held) = (Meter::default(), Meter::default());
        let mut next = numbers(200);
        let mut written = Vec::new();
        run(
            &mut || busy.during(|| next().inspect(|piece| piece.iter().for_each(|_| held.enter()))),
            &|piece| busy.during(|| Ok((piece, labour(piece)))),
            &mut |(piece, _)| {
                busy.during(|| {
                    held.leave();
                    written.push(piece);
                    Ok::<_, String>(())
                })
            },
            threads,
            most,
        )
        .unwrap();
        assert_eq!(written, (1..=200).collect::<Vec<_>>());
        assert!(busy.most.into_inner() <= threads, "{threads} threads");
        assert!(held.most.into_inner() <= most, "{most} pieces");
    }
}

#[test]
fn nothing_follows_an_error_of_any_part() {
    for threads in [1, 3] {
        for part in ["read", "compute", "write"] {
            let at = |here: &str, piece: u32| match here == part && piece == 50 {
                true => Err(here.to_owned()),
                false => Ok(()),
            };
            let mut next = numbers(200);
            let mut written = Vec::new();
            let outcome = run(
                &mut || next().and_then(|piece| at("read", piece.unwrap_or(0)).map(|()| piece)),
                &|piece| at("compute", piece).map(|()| piece),
                &mut |piece| at("write", piece).map(|()| written.push(piece)),
                threads,
                5,
            );
            assert_eq!(outcome, Err(part.to_owned()));
            assert_eq!(written, (1..=written.len() as u32).collect::<Vec<_>>());
            assert!(written.len() < 50);
        }
    }
}

#[test]
fn a_panic_reaches_the_caller_and_ends_all_threads() {
    let caught = std::panic::catch_unwind(|| {
        let compute = |piece: u32| if piece == 20 { panic!("a kernel") } else { Ok::<_, String>(piece) };
        run(&mut numbers(200), &compute, &mut |_| Ok(()), 4, 6)
    });
    assert!(caught.is_err());
}
