//! How often each sample occurs: what `otsu` and `equalize` measure.

/// Counts the samples of a channel that comes once in every `step` samples. There are as many counts as the
/// largest sample asks for.
///
/// Four tables take turns, so that equal neighbours do not wait for each other.
pub(super) fn histogram<T: Copy + Into<usize>>(samples: &[T], step: usize, length: usize) -> Vec<u64> {
    let mut counts = vec![[0u32; 4]; length];
    for part in samples.chunks(step << 30) {
        for (turn, sample) in part.iter().step_by(step).enumerate() {
            if let Some(counts) = counts.get_mut((*sample).into()) {
                counts[turn % 4] += 1;
            }
        }
    }
    counts.iter().map(|counts| counts.iter().map(|count| u64::from(*count)).sum()).collect()
}

/// Adds the counts of a part to those of the whole.
pub(super) fn add(total: &mut [u64], partial: &[u64]) {
    total.iter_mut().zip(partial).for_each(|(total, partial)| *total = total.saturating_add(*partial));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_channel_is_counted() {
        assert_eq!(histogram(&[1u8, 9, 2, 9, 1, 9, 1, 9, 1, 9], 2, 4), [0, 4, 1, 0]);
        let mut total = vec![1, u64::MAX];
        add(&mut total, &[2, 5]);
        assert_eq!(total, [3, u64::MAX]);
    }
}
