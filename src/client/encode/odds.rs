//! How often GLZ is tried where it may be in vain.

/// How often GLZ is tried on photos and films that the dictionary does not know: the less, the longer it was in vain.
/// (A film may be one whose frames help each other, but none is known until one was sent.)
#[derive(Debug, Default)]
pub(super) struct Odds {
    /// Pictures to pass over, and how many that are after the next failure.
    wait: u32,
    next: u32,
}

impl Odds {
    /// The most pictures that are passed over.
    const MOST: u32 = 32;

    /// Two numbers that mean nothing elsewhere.
    pub(super) fn save(&self) -> [u32; 2] {
        [self.wait, self.next]
    }

    pub(super) fn restore([wait, next]: [u32; 2]) -> Self {
        Self { wait: wait.min(Self::MOST), next: next.min(Self::MOST) }
    }

    /// Whether to try with this picture.
    pub(super) fn try_now(&mut self) -> bool {
        self.wait = self.wait.saturating_sub(1);
        self.wait == 0
    }

    /// What came of it.
    pub(super) fn tried(&mut self, won: bool) {
        (self.wait, self.next) =
            if won { (0, 1) } else { (self.next.max(1), (self.next.max(1) * 2).min(Self::MOST)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_less_and_less_often() {
        let mut odds = Odds::default();
        let mut tries = Vec::new();
        for picture in 0..100 {
            if odds.try_now() {
                tries.push(picture);
                odds.tried(false);
            }
        }
        assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 95]);
        while !odds.try_now() {}
        odds.tried(true);
        assert!((0..10).all(|_| odds.try_now()));
        odds.tried(false);
        assert!(odds.try_now());
    }
}
