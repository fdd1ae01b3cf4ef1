//! Tile numbers, written for people.

/// Writes tile numbers for people: `3, 7-9 and 12 more`.
pub fn list_tiles(tiles: &[u32], total: usize) -> String {
    const SHOWN: usize = 8;
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for tile in tiles {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *tile => *last = *tile,
            _ => runs.push((*tile, *tile)),
        }
    }
    let shown = runs.iter().take(SHOWN);
    let count: usize = shown.clone().map(|(first, last)| (last - first) as usize + 1).sum();
    let texts = shown.map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    let mut text = texts.collect::<Vec<_>>().join(", ");
    if total > count {
        text.push_str(&format!(" and {} more", total - count));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_listed_for_people() {
        assert_eq!(list_tiles(&[3], 1), "3");
        assert_eq!(list_tiles(&[1, 2, 3, 7, 9, 10], 6), "1-3, 7, 9-10");
        let many: Vec<u32> = (0..40).map(|tile| tile * 2).collect();
        assert_eq!(list_tiles(&many, 100), "0, 2, 4, 6, 8, 10, 12, 14 and 92 more");
    }
}
