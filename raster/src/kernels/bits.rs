//! Fills and two-operand operations on the raw bits of rows.

use crate::rop::Rop2;
use fearless_simd::Simd;

/// A fill: each word w of the row becomes (w & a) ^ x. The row starts at a pixel, `a` and `x` repeat whole pixels.
pub(crate) type FillRow<S> = fn(S, &mut [u8], u32, u32);

/// A two-operand operation on rows of the same length: destination, source.
pub(crate) type Rop2Row<S> = fn(S, &mut [u8], &[u8]);

/// The kernel for a fill with these masks; `None` if it changes nothing.
pub(crate) fn fill_row<S: Simd>(a: u32, x: u32) -> Option<FillRow<S>> {
    match (a, x) {
        (u32::MAX, 0) => None,
        (0, _) => Some(put_color),
        _ => Some(mask_color),
    }
}

/// A fill that keeps no bit: each word becomes `x`.
pub(crate) fn put_color<S: Simd>(simd: S, row: &mut [u8], _: u32, x: u32) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (words, rest) = row.as_chunks_mut::<4>();
            words.fill(x.to_ne_bytes());
            rest.iter_mut().zip(x.to_ne_bytes()).for_each(|(d, x)| *d = x);
        },
    );
}

fn mask_color<S: Simd>(simd: S, row: &mut [u8], a: u32, x: u32) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (words, rest) = row.as_chunks_mut::<4>();
            for d in words {
                *d = (u32::from_ne_bytes(*d) & a ^ x).to_ne_bytes();
            }
            let ends = a.to_ne_bytes().into_iter().zip(x.to_ne_bytes());
            rest.iter_mut().zip(ends).for_each(|(d, (a, x))| *d = *d & a ^ x);
        },
    );
}

/// The function with truth table `T`; the compiler sees only the one that it is.
#[inline(always)]
pub(crate) const fn rop2<const T: u8>(s: u32, d: u32) -> u32 {
    match T & 15 {
        0 => 0,
        1 => !(s | d),
        2 => !s & d,
        3 => !s,
        4 => s & !d,
        5 => !d,
        6 => s ^ d,
        7 => !(s & d),
        8 => s & d,
        9 => !(s ^ d),
        10 => d,
        11 => !s | d,
        12 => s,
        13 => s | !d,
        14 => s | d,
        _ => u32::MAX,
    }
}

fn rop2_row<S: Simd, const T: u8>(simd: S, dst: &mut [u8], src: &[u8]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let (dst, dst_rest) = dst.as_chunks_mut::<4>();
            let (src, src_rest) = src.as_chunks::<4>();
            for (d, s) in dst.iter_mut().zip(src) {
                *d = rop2::<T>(u32::from_ne_bytes(*s), u32::from_ne_bytes(*d)).to_ne_bytes();
            }
            for (d, s) in dst_rest.iter_mut().zip(src_rest) {
                *d = rop2::<T>(u32::from(*s), u32::from(*d)) as u8;
            }
        },
    );
}

fn put_row<S: Simd>(_: S, dst: &mut [u8], src: &[u8]) {
    dst.copy_from_slice(src);
}

/// The kernel of a function that reads its source and is not [`Rop2::Nop`]. Those that do not are fills.
pub(crate) fn rop2_kernel<S: Simd>(rop: Rop2) -> Rop2Row<S> {
    match rop {
        Rop2::NotMergePen => rop2_row::<S, 1>,
        Rop2::MaskNotPen => rop2_row::<S, 2>,
        Rop2::NotCopyPen => rop2_row::<S, 3>,
        Rop2::MaskPenNot => rop2_row::<S, 4>,
        Rop2::XorPen => rop2_row::<S, 6>,
        Rop2::NotMaskPen => rop2_row::<S, 7>,
        Rop2::MaskPen => rop2_row::<S, 8>,
        Rop2::NotXorPen => rop2_row::<S, 9>,
        Rop2::MergeNotPen => rop2_row::<S, 11>,
        Rop2::CopyPen => put_row,
        Rop2::MergePenNot => rop2_row::<S, 13>,
        Rop2::MergePen => rop2_row::<S, 14>,
        Rop2::Black => rop2_row::<S, 0>,
        Rop2::Not => rop2_row::<S, 5>,
        Rop2::Nop => |_, _, _| (),
        Rop2::White => rop2_row::<S, 15>,
    }
}
