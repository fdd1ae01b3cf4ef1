//! How often each sample occurs: what `otsu` and `equalize` measure.

/// Samples of a part: no count of it exceeds 32 bits.
const PART: usize = 1 << 30;
/// Tables that take turns, so that equal neighbours do not wait for each other.
const TABLES: usize = 4;

/// Counts the 8-bit samples of a channel that comes once in every `step` samples: 256 counts.
pub(crate) fn of_bytes(samples: &[u8], step: usize) -> Vec<u64> {
    let mut total = vec![0; 256];
    for part in samples.chunks(PART * step) {
        let mut counts = [[0u32; 256]; TABLES];
        let (words, rest) = if step == 1 { part.as_chunks::<8>() } else { (&[][..], part) };
        for word in words {
            let word = u64::from_le_bytes(*word);
            for at in 0..8 {
                counts[at % TABLES][usize::from((word >> (8 * at)) as u8)] += 1;
            }
        }
        for (turn, sample) in rest.iter().step_by(step).enumerate() {
            counts[turn % TABLES][usize::from(*sample)] += 1;
        }
        counts.iter().for_each(|counts| add_narrow(&mut total, counts));
    }
    total
}

/// Counts the 16-bit samples of a channel that comes once in every `step` samples: 65,536 counts. One table: more
/// would not stay in the cache.
pub(crate) fn of_words(samples: &[u16], step: usize) -> Vec<u64> {
    let mut total = vec![0; 65536];
    for part in samples.chunks(PART * step) {
        let mut counts = vec![0u32; 65536];
        for sample in part.iter().step_by(step) {
            counts[usize::from(*sample)] += 1;
        }
        add_narrow(&mut total, &counts);
    }
    total
}

fn add_narrow(total: &mut [u64], counts: &[u32]) {
    total.iter_mut().zip(counts).for_each(|(total, count)| *total += u64::from(*count));
}

/// Adds the counts of a part to those of the whole.
pub(crate) fn add(total: &mut [u64], partial: &[u64]) {
    total.iter_mut().zip(partial).for_each(|(total, partial)| *total = total.saturating_add(*partial));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_channel_is_counted() {
        for (step, length) in [1, 2, 3].into_iter().flat_map(|step| (0..40).map(move |length| (step, length))) {
            let bytes: Vec<u8> = (0..length * step).map(|at| (at * at % 7 * 40) as u8).collect();
            let words: Vec<u16> = bytes.iter().map(|byte| u16::from(*byte) * 257).collect();
            let expected = |value: u8| bytes.iter().step_by(step).filter(|byte| **byte == value).count() as u64;
            let (bytes, words) = (of_bytes(&bytes, step), of_words(&words, step));
            assert!((0..=255).all(|value| bytes[usize::from(value)] == expected(value)), "{length} by {step}");
            assert!((0..=255).all(|value| words[usize::from(value) * 257] == expected(value)), "{length} by {step}");
            assert_eq!((words.len(), words.iter().sum::<u64>()), (65536, length as u64));
        }
    }

    #[test]
    fn counts_of_parts_are_added() {
        let mut total = vec![1, u64::MAX];
        add(&mut total, &[2, 5]);
        assert_eq!(total, [3, u64::MAX]);
    }
}
