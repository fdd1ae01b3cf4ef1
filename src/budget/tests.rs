use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

const KIB: u64 = UNIT_BYTES;

type Request = Pin<Box<dyn Future<Output = Share>>>;

fn request(budget: &Budget, kib: u64) -> Request {
    let budget = budget.clone();
    Box::pin(async move { budget.reserve(kib * KIB).await })
}

fn answered(request: &mut Request) -> Option<Share> {
    match request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(share) => Some(share),
        Poll::Pending => None,
    }
}

#[test]
fn dropped_shares_are_free_again() {
    let budget = Budget::new(10 * KIB);
    let share = budget.try_reserve(7 * KIB).unwrap();
    assert_eq!((share.bytes(), budget.free()), (7 * KIB, 3 * KIB));
    assert!(budget.try_reserve(4 * KIB).is_none());
    drop(share);
    assert_eq!(budget.free(), budget.total());
    assert_eq!(budget.try_reserve(1).unwrap().bytes(), KIB, "parts of a unit count as one");
}

#[test]
fn a_small_request_does_not_overtake_a_large_one() {
    let budget = Budget::new(10 * KIB);
    let first = budget.try_reserve(8 * KIB).unwrap();
    let (mut large, mut small) = (request(&budget, 9), request(&budget, 1));
    assert!(answered(&mut large).is_none() && answered(&mut small).is_none());
    assert_eq!(budget.waiting(), 2);
    assert!(budget.try_reserve(KIB).is_none(), "a newcomer is behind those who wait");
    drop(first);
    let large = answered(&mut large).unwrap();
    assert!(answered(&mut small).is_some(), "one unit is left beside the large share");
    drop(large);
    assert_eq!((budget.free(), budget.waiting()), (10 * KIB, 0));
}

#[test]
fn one_that_stops_waiting_lets_the_next_move_up() {
    let budget = Budget::new(10 * KIB);
    let first = budget.try_reserve(5 * KIB).unwrap();
    let (mut large, mut small) = (request(&budget, 9), request(&budget, 5));
    assert!(answered(&mut large).is_none() && answered(&mut small).is_none());
    drop(large);
    let small = answered(&mut small).unwrap();
    drop((first, small));
    assert_eq!(budget.free(), 10 * KIB);
}

#[test]
fn a_request_for_more_than_the_whole_waits_for_everything() {
    let budget = Budget::new(10 * KIB);
    let first = budget.try_reserve(KIB).unwrap();
    let mut huge = request(&budget, 1 << 40);
    assert!(answered(&mut huge).is_none());
    drop(first);
    assert_eq!(answered(&mut huge).unwrap().bytes(), 10 * KIB);
}

#[test]
fn parts_are_refused_by_name_and_given_back_with_their_last_clone() {
    let budget = Budget::new(10 * KIB);
    let part = budget.part(8 * KIB, "the queue").unwrap();
    let error = budget.part(3 * KIB, "the bands").unwrap_err().to_string();
    assert!(error.contains("the bands needs 3072 bytes, 2048 are left"), "{error}");
    let share = part.try_reserve(8 * KIB).unwrap();
    assert_eq!((part.free(), budget.free()), (0, 2 * KIB));
    drop(part);
    assert_eq!(budget.free(), 10 * KIB, "a share of a part that is gone promises nothing of the whole");
    drop(share);
}

proptest! {
    #[test]
    fn the_promises_never_exceed_the_whole_and_are_kept_in_order(
        total in 1u64..40,
        acts in prop::collection::vec((0u8..4, 0u64..50, any::<prop::sample::Index>()), 1..200),
    ) {
        let budget = Budget::new(total * KIB);
        let (mut held, mut waiting) = (Vec::<Share>::new(), Vec::<(u64, Request)>::new());
        for (act, kib, at) in acts {
            match act {
                0 | 1 => waiting.push((kib.min(total), request(&budget, kib))),
                2 if !held.is_empty() => drop(held.swap_remove(at.index(held.len()))),
                3 if !waiting.is_empty() => drop(waiting.remove(at.index(waiting.len()))),
                _ => {}
            }
            // All are asked in the order in which they came: the answered ones are the first of them.
            let answers: Vec<Option<Share>> = waiting.iter_mut().map(|(_, request)| answered(request)).collect();
            let ready = answers.iter().take_while(|answer| answer.is_some()).count();
            // A request for nothing needs no turn.
            let late = answers.iter().zip(&waiting).skip(ready).filter(|(answer, (kib, _))| answer.is_some() && *kib > 0);
            prop_assert_eq!(late.count(), 0);
            let mut answers = answers.into_iter();
            waiting.retain(|_| match answers.next().flatten() {
                Some(share) => { held.push(share); false }
                None => true,
            });
            let promised: u64 = held.iter().map(Share::bytes).sum();
            prop_assert!(promised <= total * KIB);
            if let Some((first, _)) = waiting.first() {
                prop_assert!(promised + first * KIB > total * KIB, "the first one waits although there is room");
            } else {
                prop_assert_eq!(budget.free(), total * KIB - promised);
            }
        }
    }
}
