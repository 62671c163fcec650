//! A hash that stands for a picture's content.

/// 128 bits of a picture's bytes and shape. Equal pictures have equal hashes; that two different ones have the same
/// is as unlikely as 128 bits make it, unless somebody builds them to. (Who could is the guest, and the wrong picture
/// would be its own.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub u128);

/// Odd constants with about half of their bits set: digits of pi, as Blowfish has them.
const SEEDS: [u64; 8] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6d,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
];

/// The two halves of a full product, folded.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let p = u128::from(a) * u128::from(b);
    p as u64 ^ (p >> 64) as u64
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let (whole, _) = bytes[at..].as_chunks::<8>();
    u64::from_le_bytes(whole[0])
}

/// The hash of `bytes` that were described by `shape`: size, format and whatever else must differ.
///
/// Two independent sums of folded products (as in wyhash), each over all bytes: about 2 bytes an instruction.
pub fn content_hash(shape: [u64; 2], bytes: &[u8]) -> ContentHash {
    let mut a = fold(shape[0] ^ SEEDS[0], shape[1] ^ SEEDS[1]);
    let mut b = fold(shape[0] ^ SEEDS[2], shape[1] ^ SEEDS[3]) ^ bytes.len() as u64;
    let mut block = |chunk: &[u8; 32]| {
        let w = [word(chunk, 0), word(chunk, 8), word(chunk, 16), word(chunk, 24)];
        a = fold(w[0] ^ SEEDS[4], w[1] ^ a) ^ fold(w[2] ^ SEEDS[5], w[3] ^ a.rotate_left(23));
        b = fold(w[3] ^ SEEDS[6], w[0] ^ b) ^ fold(w[1] ^ SEEDS[7], w[2] ^ b.rotate_left(37));
    };
    let (whole, rest) = bytes.as_chunks::<32>();
    whole.iter().for_each(&mut block);
    if !rest.is_empty() {
        let mut last = [0; 32];
        last[..rest.len()].copy_from_slice(rest);
        block(&last);
    }
    let a = fold(a ^ SEEDS[2], bytes.len() as u64 ^ SEEDS[7]);
    let b = fold(b ^ SEEDS[1], a ^ SEEDS[4]);
    ContentHash(u128::from(a) << 64 | u128::from(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_bit_and_every_length_matters() {
        let mut seen = HashSet::new();
        for len in 0..100usize {
            let mut bytes = vec![0u8; len];
            assert!(seen.insert(content_hash([7, 9], &bytes)), "length {len}");
            for bit in 0..len * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(seen.insert(content_hash([7, 9], &bytes)), "bit {bit} of {len}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        for shape in [[9, 7], [7, 8], [0, 0]] {
            assert!(seen.insert(content_hash(shape, &[])));
        }
        // Halves do not repeat either.
        let halves: HashSet<u64> = seen.iter().flat_map(|h| [h.0 as u64, (h.0 >> 64) as u64]).collect();
        assert_eq!(halves.len(), seen.len() * 2);
    }

    #[test]
    fn blocks_that_change_places_change_the_hash() {
        let block = |v: u8| [v; 32];
        let join = |order: [u8; 3]| order.into_iter().flat_map(block).collect::<Vec<_>>();
        let hashes: HashSet<_> =
            [[1, 2, 3], [2, 1, 3], [3, 2, 1], [1, 3, 2]].map(|o| content_hash([1, 1], &join(o))).into();
        assert_eq!(hashes.len(), 4);
    }
}
