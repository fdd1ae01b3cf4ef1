//! The decision whether a tile has ended its workers: three incarnations took it, and none of them
//! finished it or is alive.
//!
//! Pure. A tile that is run although it is dangerous costs a worker's start; one that is condemned
//! although it is harmless costs a job. So all who took it must be known to be gone.

use std::collections::HashSet;

use tessera::job::Token;

/// Incarnations that a tile may end.
pub const MAX_ENDED: usize = 3;

/// Whether enough others took the tile for the question to arise; only then the live ones are asked for.
pub fn is_suspect(others: &[Token]) -> bool {
    others.len() >= MAX_ENDED
}

/// Whether the tile is condemned: at least [`MAX_ENDED`] others took it and none of them lives.
pub fn is_condemned(others: &[Token], alive: &HashSet<Token>) -> bool {
    is_suspect(others) && others.iter().all(|other| !alive.contains(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_dead_condemn_and_one_alive_acquits() {
        let others: Vec<Token> = (0..3).map(|_| Token::random()).collect();
        assert!(is_condemned(&others, &HashSet::new()));
        assert!(!is_condemned(&others[..2], &HashSet::new()));
        assert!(!is_condemned(&others, &HashSet::from([others[1].clone()])));
        assert!(is_condemned(&others, &HashSet::from([Token::random()])));
    }
}
