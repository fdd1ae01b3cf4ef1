//! The largest piece of memory that was asked for at once, and the most that was held, by thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static MOST: Cell<usize> = const { Cell::new(0) };
    /// All that was asked for.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// Bytes held now and the most of them, since the counting began; less than none if they were there before.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator, with an eye on sizes.
pub struct Watch;

impl Watch {
    /// The allocator.
    pub const fn new() -> Self {
        Self
    }

    /// Starts over.
    pub fn forget(&self) {
        MOST.set(0);
        ASKED.set(0);
        HELD.set((0, 0));
    }

    /// The largest piece since then.
    pub fn most(&self) -> usize {
        MOST.get()
    }

    /// All that was asked for since then, given back or not.
    pub fn asked(&self) -> usize {
        ASKED.get()
    }

    /// The most that was held at a time since then.
    pub fn held(&self) -> usize {
        HELD.get().1.unsigned_abs()
    }

    fn note(freed: usize, size: usize) {
        // Where a thread ends its locals are gone; they are not asked for then.
        let _ = MOST.try_with(|most| most.set(most.get().max(size)));
        let _ = ASKED.try_with(|asked| asked.set(asked.get().saturating_add(size)));
        let _ = HELD.try_with(|held| {
            let (now, most) = held.get();
            let now = now + size as isize - freed as isize;
            held.set((now, most.max(now)));
        });
    }
}

// SAFETY: every call goes to the system's allocator unchanged; noting a size allocates nothing.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(0, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(0, layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note(layout.size(), size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::note(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
