//! The Golomb code family and the constants of the model.

/// No code is longer, in bits.
const LIMIT: u32 = 26;

/// The bucket of statistics that residual `context` selects, of as many as a channel has bits: 0, 1-2, 3-6, 7-14, ...,
/// the last of them with one more residual at its end.
pub(crate) const fn bucket(context: u8, bits: u32) -> usize {
    let b = (context as u32 + 1).ilog2();
    (if b < bits { b } else { bits - 1 }) as usize
}

/// First context of each bucket.
pub(crate) const BUCKET_START: [usize; 8] = [0, 1, 3, 7, 15, 31, 63, 127];

/// The codes for values of `bits` bits: code `l` sends `v >> l` in unary and the low `l` bits as they are; values for
/// which that is too long follow as plain numbers behind a longest prefix.
pub(crate) struct Family {
    /// `codes[l][v]`: the code in the low byte, its length in the high byte. (No code is above 255: what is long is
    /// zeros at the front.)
    pub codes: [[u16; 256]; 8],
    /// `lengths[v][l]`, for the statistics.
    pub lengths: [[u8; 8]; 256],
    /// Zeros that announce a value without a unary part.
    pub prefix: [u8; 8],
    /// Bits of the number behind that prefix.
    pub suffix: [u8; 8],
    /// The first value that is sent so.
    pub plain: [u8; 8],
}

impl Family {
    const fn new(bits: u32) -> Self {
        let mut f = Self {
            codes: [[0; 256]; 8],
            lengths: [[0; 8]; 256],
            prefix: [0; 8],
            suffix: [0; 8],
            plain: [0; 8],
        };
        let mut l = 0;
        while l < bits {
            let all = (1 << (bits - l)) - 1;
            let prefix = if LIMIT - bits < all { LIMIT - bits } else { all };
            let plain = prefix << l;
            let rest: u32 = (1 << bits) - plain;
            let suffix = (rest - 1).ilog2() + 1;
            let at = l as usize;
            (f.prefix[at], f.suffix[at], f.plain[at]) = (prefix as u8, suffix as u8, plain as u8);
            let mut v = 0;
            while v < 1 << bits {
                let (code, length) = if v < plain {
                    (1 << l | v & ((1 << l) - 1), (v >> l) + 1 + l)
                } else {
                    (v - plain, prefix + suffix)
                };
                f.codes[at][v as usize] = (length << 8 | code) as u16;
                f.lengths[v as usize][at] = length as u8;
                v += 1;
            }
            l += 1;
        }
        f
    }
}

/// For channels of 8 bits.
pub(crate) static EIGHT: Family = Family::new(8);
/// For channels of 5 bits.
pub(crate) static FIVE: Family = Family::new(5);

/// By how many pixels statistics are skipped grows in steps; for each, the count at which they are halved.
pub(crate) const TRIGGER: [u16; 7] = [110, 550, 900, 800, 550, 400, 350];

/// Bits of a run's next piece, by how well runs went so far.
pub(crate) const RUN_BITS: [u8; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The low six bits of the format's fixed random numbers: more are never used.
#[rustfmt::skip]
pub(crate) const RANDOM: [u8; 256] = [
     2,23,19,21, 7,18,40,14,12,32,47,44,36, 6,18,11, 4,19,42,29,16,63,57,51,16, 3, 5,14,15,30,20, 9,
    36,45, 3,57,61, 0, 8, 5,41,14,43,27,43,59,31,35,39,60,42,38,13,54,62, 1,26, 3,11,61,52,34, 7,48,
     4,59,22,12,22, 8,50, 4,10, 6,44, 8,11,46,31,51,53,17, 1,43,46,60,36,54,10,27,39,44,22,41,23, 2,
    44, 0,40,53,40,48,16,43,32,28,33,12,20, 2,56,62,55,58,18,20,13,55,38,29,57,19,49,33,47,63,59, 0,
    35,61,19,25,46,38,60, 4,35, 1,26,40,28,10, 5,14,25,18,48,49,20,59,62,34,46, 7,33,52,34,58, 9,29,
     8,55,62,60,37,36,37,50, 6, 3,10,28,48,24,26,61,57,30,11,54, 2, 6,50,47, 7,17,35,53,32,12,23,17,
     5,21,49,55,51,45,52,27,39,25,39,63,22,24,42,52,56,38,41,41,56,32,13,24,26,51,27,56,58,37,24,42,
    15,28,17,30,31,15,16,23,25,54,33,34, 1,29,31,50,53,21,49,15,47, 9, 0,58,37,45,30,13, 9,45,63,21,
];
