//! Bands on their way from the reader over the chain to the writer, moved by any number of threads.
//!
//! Owns who does what next: of the work that can be done, each thread takes what is furthest along, so that few bands are
//! held. One thread at a time reads and one writes, in order; any number compute. Knows no pictures.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// Reads the next piece; `None` after the last, once the end is verified.
pub(super) type Read<'a, I, E> = dyn FnMut() -> Result<Option<I>, E> + Send + 'a;
/// Makes a result of a piece.
pub(super) type Compute<'a, I, O, E> = dyn Fn(I) -> Result<O, E> + Sync + 'a;
/// Takes the results, in the order of their pieces.
pub(super) type Write<'a, O, E> = dyn FnMut(O) -> Result<(), E> + Send + 'a;

/// Moves all pieces through, with at most `threads` threads at work and `most` pieces held.
///
/// # Errors
/// The first error of any of the three; nothing new is begun after it.
pub(super) fn run<I: Send, O: Send, E: Send>(
    read: &mut Read<'_, I, E>,
    compute: &Compute<'_, I, O, E>,
    write: &mut Write<'_, O, E>,
    threads: usize,
    most: usize,
) -> Result<(), E> {
    let state = State {
        read: Some(read),
        write: Some(write),
        is_read: false,
        begun: 0,
        written: 0,
        waiting: VecDeque::new(),
        computed: BTreeMap::new(),
        failure: None,
        is_broken: false,
    };
    let line = Line { state: Mutex::new(state), changed: Condvar::new(), compute, most: most.max(1) };
    std::thread::scope(|scope| {
        // Where the system gives no more threads, those that there are do the work.
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, || line.work()).is_ok();
        let _ = (1..threads).all(start);
        line.work();
    });
    line.state.into_inner().failure.map_or(Ok(()), Err)
}

struct Line<'a, I, O, E> {
    state: Mutex<State<'a, I, O, E>>,
    changed: Condvar,
    compute: &'a Compute<'a, I, O, E>,
    most: usize,
}

struct State<'a, I, O, E> {
    /// Away while a thread reads.
    read: Option<&'a mut Read<'a, I, E>>,
    /// Away while a thread writes.
    write: Option<&'a mut Write<'a, O, E>>,
    is_read: bool,
    /// Pieces read, and results written.
    begun: u64,
    written: u64,
    waiting: VecDeque<(u64, I)>,
    computed: BTreeMap<u64, O>,
    failure: Option<E>,
    /// A thread panicked; the others end, and the panic goes to the caller.
    is_broken: bool,
}

/// What a thread can do next.
enum Next<'a, I, O, E> {
    Read(&'a mut Read<'a, I, E>),
    Compute(u64, I),
    Write(&'a mut Write<'a, O, E>, O),
    Wait,
    End,
}

impl<'a, I, O, E> State<'a, I, O, E> {
    fn next(&mut self, most: usize) -> Next<'a, I, O, E> {
        let is_over = self.is_read && self.written == self.begun;
        if is_over || self.failure.is_some() || self.is_broken {
            return Next::End;
        }
        if self.computed.contains_key(&self.written)
            && let Some(write) = self.write.take()
            && let Some(result) = self.computed.remove(&self.written)
        {
            return Next::Write(write, result);
        }
        if let Some((index, piece)) = self.waiting.pop_front() {
            return Next::Compute(index, piece);
        }
        let has_room = self.begun - self.written < most as u64;
        match self.read.take_if(|_| !self.is_read && has_room) {
            Some(read) => Next::Read(read),
            None => Next::Wait,
        }
    }

    fn fail(&mut self, error: E) {
        self.failure.get_or_insert(error);
    }
}

impl<'a, I, O, E> Line<'a, I, O, E> {
    /// Works until all is written or something failed.
    fn work(&self) {
        let broken = Broken(self);
        let mut state = self.state.lock();
        loop {
            match state.next(self.most) {
                Next::Read(read) => self.read(&mut state, read),
                Next::Compute(index, piece) => match MutexGuard::unlocked(&mut state, || (self.compute)(piece)) {
                    Ok(result) => drop(state.computed.insert(index, result)),
                    Err(error) => state.fail(error),
                },
                Next::Write(write, result) => {
                    let written = MutexGuard::unlocked(&mut state, || write(result));
                    state.write = Some(write);
                    state.written += 1;
                    written.unwrap_or_else(|error| state.fail(error));
                }
                Next::Wait => {
                    self.changed.wait(&mut state);
                    continue;
                }
                Next::End => break,
            }
            self.changed.notify_all();
        }
        drop(state);
        std::mem::forget(broken);
        self.changed.notify_all();
    }

    fn read(&self, state: &mut MutexGuard<'_, State<'a, I, O, E>>, read: &'a mut Read<'a, I, E>) {
        let piece = MutexGuard::unlocked(state, &mut *read);
        state.read = Some(read);
        match piece {
            Ok(Some(piece)) => {
                let index = state.begun;
                state.waiting.push_back((index, piece));
                state.begun += 1;
            }
            Ok(None) => state.is_read = true,
            Err(error) => state.fail(error),
        }
    }
}

/// Dropped by a panic alone: tells the other threads to end.
struct Broken<'l, 'a, I, O, E>(&'l Line<'a, I, O, E>);

impl<I, O, E> Drop for Broken<'_, '_, I, O, E> {
    fn drop(&mut self) {
        self.0.state.lock().is_broken = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
