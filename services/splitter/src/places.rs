//! Whether one more pass may begin beside those that run: one place is kept for small pictures.

use crate::memory::Needs;

/// Whether a pass may have a place beside those that have one.
pub fn has_place(taken: &[Needs], needs: Needs, most: usize) -> bool {
    let large = taken.iter().filter(|other| !other.is_small).count();
    let most_large = if most > 1 { most - 1 } else { most };
    taken.len() < most && (needs.is_small || large < most_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Needs = Needs { is_small: true, bytes: 10 };
    const LARGE: Needs = Needs { is_small: false, bytes: 80 };

    #[test]
    fn one_place_is_kept_for_small_pictures() {
        assert!(has_place(&[], LARGE, 2));
        assert!(!has_place(&[LARGE], LARGE, 2));
        assert!(has_place(&[LARGE], SMALL, 2));
        assert!(has_place(&[SMALL], LARGE, 2));
        assert!(!has_place(&[LARGE, SMALL], SMALL, 2));
        assert!(has_place(&[], LARGE, 1));
        assert!(has_place(&[LARGE, LARGE], LARGE, 4));
    }
}
