//! The bound on records in flight, by number and by bytes.
//!
//! Owns the count. Must never be exceeded: room for a whole record is needed before one is read.

/// How much is in flight, and how much may be.
#[derive(Debug)]
pub(super) struct Slots {
    max_records: usize,
    max_bytes: usize,
    record_bytes: usize,
    records: usize,
    bytes: usize,
}

impl Slots {
    /// Room for `max_records` of together at most `max_bytes`, none larger than `record_bytes`.
    /// There is always room for one.
    pub(super) fn new(max_records: usize, max_bytes: usize, record_bytes: usize) -> Self {
        Self { max_records: max_records.max(1), max_bytes, record_bytes, records: 0, bytes: 0 }
    }

    pub(super) fn is_free(&self) -> bool {
        self.records == 0
            || (self.records < self.max_records && self.bytes.saturating_add(self.record_bytes) <= self.max_bytes)
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn give_back(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    #[cfg(test)]
    pub(super) fn records(&self) -> usize {
        self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_only_if_the_largest_would_fit() {
        let mut slots = Slots::new(3, 2500, 1000);
        for free in [true, true, false] {
            assert_eq!(slots.is_free(), free);
            slots.take(800);
        }
        slots.give_back(800);
        slots.give_back(800);
        assert!(slots.is_free());
    }

    #[test]
    fn there_is_always_room_for_one() {
        let mut slots = Slots::new(0, 10, 1000);
        assert!(slots.is_free());
        slots.take(1000);
        assert!(!slots.is_free());
    }
}
