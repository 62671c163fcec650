//! What the tables measure codecs by.

use std::hint::black_box;

/// Seconds that a copy of `from` takes, by a function that times another. Where source and target lie badly to each other
/// it takes several times as long as elsewhere: the best of some places.
pub(crate) fn memcpy(from: &[u8], best: impl Fn(&mut dyn FnMut()) -> f64) -> f64 {
    let mut copy = vec![0u8; from.len() + 2048];
    let mut at = |place: usize| {
        let to = &mut copy[place..place + from.len()];
        best(&mut || black_box(&mut *to).copy_from_slice(black_box(from)))
    };
    [0, 64, 512, 2048].into_iter().map(&mut at).fold(f64::MAX, f64::min)
}
