//! Small corpora, changed ten thousand times each with a fixed seed: nothing panics and nothing allocates by claim.
//!
//! `fuzz/` calls the same functions without an end.

#[cfg(test)]
mod bombs;
mod heap;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod targets;

#[global_allocator]
static HEAP: heap::Watch = heap::Watch::new();
