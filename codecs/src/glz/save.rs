//! A dictionary as bytes, for migration.

use std::collections::VecDeque;

use super::GlzDictionary;
use super::dictionary::Entry;
use crate::DecodeError;
use crate::lz::{format_of, type_of};

const MAGIC: [u8; 8] = *b"spcglz\0\x01";
const HEAD: usize = 8 /* magic */ + 4 /* window */ + 8 /* next id */ + 4 /* images */;
const IMAGE: usize = 8 /* id */ + 1 /* type */ + 1 /* killed */ + 4 /* pixels */;

impl GlzDictionary {
    /// Appends the dictionary to `out`: what the target of a migration needs to go on with the same client. About
    /// four bytes for each pixel held. Not part of the SPICE protocol, little endian: the magic `"spcglz\0\1"`, window
    /// in pixels (4 bytes), next id (8), images (4); for each image, oldest first, its id (8), type (1), whether it
    /// was killed (1), pixels (4); then the pixels of all images, four bytes each.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.reserve(HEAD + self.images.len() * IMAGE + self.used * 4);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&(self.ring.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.next_id.to_le_bytes());
        out.extend_from_slice(&(self.images.len() as u32).to_le_bytes());
        for e in &self.images {
            out.extend_from_slice(&e.id.to_le_bytes());
            out.push(type_of(e.format) as u8);
            out.push(u8::from(e.killed));
            out.extend_from_slice(&(e.len as u32).to_le_bytes());
        }
        for e in &self.images {
            let (first, second) = self.pieces(e);
            for p in self.ring[first].iter().chain(&self.ring[second]) {
                out.extend_from_slice(&p.to_le_bytes());
            }
        }
    }

    /// The dictionary that [`GlzDictionary::save`] wrote. Its streams go on where the other's ended, though they need
    /// not be the ones that the other would have written. `limit` bounds the bytes allocated; checked before.
    pub fn restore(saved: &[u8], limit: u64) -> Result<Self, DecodeError> {
        let truncated = DecodeError::Truncated { offset: saved.len() };
        let field = |field, found| Err(DecodeError::Field { field, found });
        let u32_at = |at: usize| {
            saved
                .get(at..at + 4)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .ok_or(truncated.clone())
        };
        let u64_at =
            |at: usize| Ok::<_, DecodeError>(u64::from(u32_at(at)?) | u64::from(u32_at(at + 4)?) << 32);
        if saved.get(..8).ok_or(truncated.clone())? != MAGIC {
            return field("dictionary magic", u64_at(0)?);
        }
        let window = u32_at(8)?;
        if !(64..=1 << 25).contains(&window) {
            return field("dictionary window", u64::from(window));
        }
        let next_id = u64_at(12)?;
        let count = u32_at(20)? as usize;
        if count > (saved.len() - HEAD) / IMAGE {
            return Err(truncated);
        }
        let needed = u64::from(window) * 5 + 4096 + (count * size_of::<Entry>()) as u64;
        if needed > limit {
            return Err(DecodeError::TooLarge { needed, limit });
        }
        let mut images = VecDeque::with_capacity(count);
        let (mut used, mut least) = (0, 0);
        for k in 0..count {
            let at = HEAD + k * IMAGE;
            let id = u64_at(at)?;
            let len = u32_at(at + 10)? as usize;
            if id < least || id >= next_id {
                return field("dictionary image id", id);
            }
            if len == 0 || len > window as usize - used {
                return field("dictionary image pixels", len as u64);
            }
            let Some(format) = format_of(u32::from(saved[at + 8])).filter(|f| f.bits_per_pixel() > 8) else {
                return field("dictionary image type", u64::from(saved[at + 8]));
            };
            let start = if used == window as usize { 0 } else { used };
            images.push_back(Entry { id, start, len, format, killed: saved[at + 9] != 0 });
            used += len;
            least = id + 1;
        }
        let pixels = &saved[HEAD + count * IMAGE..];
        if pixels.len() != used * 4 {
            return Err(truncated);
        }
        let mut dictionary = Self::resume(window, next_id);
        for (to, p) in dictionary.ring.iter_mut().zip(pixels.as_chunks::<4>().0) {
            *to = u32::from_le_bytes(*p);
        }
        dictionary.images = images;
        dictionary.used = used;
        dictionary.refill();
        Ok(dictionary)
    }
}
