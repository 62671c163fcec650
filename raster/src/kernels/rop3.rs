//! Three-operand operations on the raw bits of rows: 256 kernels from one definition.

use super::bits::rop2;
use fearless_simd::Simd;

/// A three-operand operation on rows of the same length: destination, source, brush.
pub(crate) type Rop3Row<S> = fn(S, &mut [u8], &[u8], &[u8]);

/// The function of a code with C0 = its low half (where P is 0) and CX = low half ^ high half.
///
/// Davio's split on P; the compiler makes 3.2 vector operations of it on average, where the best possible are 2.8
/// and a sum of minterms comes to 5.9 (`CRATES.md` 1a).
#[inline(always)]
const fn rop3<const C0: u8, const CX: u8>(p: u32, s: u32, d: u32) -> u32 {
    rop2::<C0>(s, d) ^ (p & rop2::<CX>(s, d))
}

fn rop3_row<S: Simd, const C0: u8, const CX: u8>(simd: S, dst: &mut [u8], src: &[u8], brush: &[u8]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (dst, dst_rest) = dst.as_chunks_mut::<4>();
            let (src, src_rest) = src.as_chunks::<4>();
            let (brush, brush_rest) = brush.as_chunks::<4>();
            for ((d, s), p) in dst.iter_mut().zip(src).zip(brush) {
                let (p, s) = (u32::from_ne_bytes(*p), u32::from_ne_bytes(*s));
                *d = rop3::<C0, CX>(p, s, u32::from_ne_bytes(*d)).to_ne_bytes();
            }
            for ((d, s), p) in dst_rest.iter_mut().zip(src_rest).zip(brush_rest) {
                *d = rop3::<C0, CX>(u32::from(*p), u32::from(*s), u32::from(*d)) as u8;
            }
        },
    );
}

/// The kernel of a code.
pub(crate) fn rop3_kernel<S: Simd>(code: u8) -> Rop3Row<S> {
    macro_rules! table {
        ($($c0:literal)*) => { [$(table!(@row $c0)),*] };
        (@row $c0:literal) => {
            [
                rop3_row::<S, $c0, 0>, rop3_row::<S, $c0, 1>, rop3_row::<S, $c0, 2>, rop3_row::<S, $c0, 3>,
                rop3_row::<S, $c0, 4>, rop3_row::<S, $c0, 5>, rop3_row::<S, $c0, 6>, rop3_row::<S, $c0, 7>,
                rop3_row::<S, $c0, 8>, rop3_row::<S, $c0, 9>, rop3_row::<S, $c0, 10>, rop3_row::<S, $c0, 11>,
                rop3_row::<S, $c0, 12>, rop3_row::<S, $c0, 13>, rop3_row::<S, $c0, 14>, rop3_row::<S, $c0, 15>,
            ]
        };
    }
    let kernels: &[[Rop3Row<S>; 16]; 16] = &table!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    let (low, high) = (code & 15, code >> 4);
    kernels[usize::from(low)][usize::from(low ^ high)]
}
