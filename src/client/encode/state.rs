//! What a client holds, as plain data.

use super::guess::Guesses;
use super::hash::ContentHash;
use super::mirror::{CacheMirror, MirrorState};
use super::odds::Odds;
use super::{ImageEncoder, Sizes};
use spice_codecs::glz::GlzDictionary;
use std::fmt;

/// Everything that an encoder must know to go on with a client that holds something: for migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderState {
    /// The client's image cache.
    pub images: MirrorState<ContentHash>,
    /// Its palette cache.
    pub palettes: MirrorState<Vec<u32>>,
    /// Its GLZ window, as [`GlzDictionary::save`] writes it; `None` if it has none.
    pub glz: Option<Vec<u8>>,
    /// What images took against what was expected: five numbers that mean nothing elsewhere.
    pub guesses: [u64; 5],
    /// How often an encoding was tried in vain: two more such numbers.
    pub odds: [u32; 2],
}

/// A saved GLZ window cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError(pub spice_codecs::DecodeError);

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "saved GLZ window: {}", self.0)
    }
}

impl std::error::Error for StateError {}

/// The most bytes that a restored GLZ window may take: four bytes for each of 2^25 pixels, and its tables.
const GLZ_BYTES: u64 = 256 << 20;

impl ImageEncoder {
    /// What the client holds. An encoder made for the same profile that restores it goes on as this one would.
    pub fn save(&self) -> EncoderState {
        let glz = self.chooser.dictionary.as_ref().map(|dictionary| {
            let mut out = Vec::new();
            dictionary.save(&mut out);
            out
        });
        let (guesses, odds) = (self.guesses.save(), self.chooser.odds.save());
        EncoderState {
            images: self.images.save(),
            palettes: self.chooser.palettes.save(),
            glz,
            guesses,
            odds,
        }
    }

    /// Goes on with a client that holds `state`, which may come from anywhere: after an error nothing has changed.
    pub fn restore(&mut self, state: EncoderState) -> Result<(), StateError> {
        let glz = state
            .glz
            .map(|saved| GlzDictionary::restore(&saved, GLZ_BYTES))
            .transpose()
            .map_err(StateError)?;
        let Sizes { glz_window, .. } = self.sizes;
        self.chooser.dictionary = match glz {
            Some(dictionary) if glz_window > 1 => Some(dictionary),
            _ => (glz_window > 1).then(|| GlzDictionary::new(glz_window)),
        };
        self.sizes.image_cache = state.images.limit;
        self.images = CacheMirror::restore(state.images);
        self.chooser.palettes = CacheMirror::restore(state.palettes);
        self.guesses = Guesses::restore(state.guesses);
        self.chooser.odds = Odds::restore(state.odds);
        Ok(())
    }
}
