//! The largest piece of memory that was asked for at once, by thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with an eye on sizes.
pub struct Watch;

impl Watch {
    /// The allocator.
    pub const fn new() -> Self {
        Self
    }

    /// Begins anew.
    pub fn forget(&self) {
        MOST.set(0);
    }

    /// The largest piece since then.
    pub fn most(&self) -> usize {
        MOST.get()
    }

    fn note(size: usize) {
        // Where a thread ends its locals are gone; nobody asks then.
        let _ = MOST.try_with(|most| most.set(most.get().max(size)));
    }
}

// SAFETY: every call goes to the system's allocator unchanged; noting a size allocates nothing.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::note(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
