//! Row kernels against the plain definitions: every level, every code, every length about a vector's.

use super::bits::{fill_row, rop2_kernel};
use super::over::{over_faint_row, over_row};
use super::rop3::rop3_kernel;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::shrink::{Pairs, shrink_row};
use super::with_level;
use crate::pixel::{mul_un8, over_argb, scale_argb};
use crate::rop::{Rop2, rop3_bits};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use crate::sample::lerp2;
use crate::test_util::{Rng, levels, pixels};

fn bytes(pixels: &[u32]) -> Vec<u8> {
    bytemuck::cast_slice(pixels).to_vec()
}

#[test]
fn all_three_operand_codes_equal_their_truth_tables() {
    let mut rng = Rng::new(3);
    for level in levels() {
        for code in 0..=255 {
            // Odd byte lengths too: rows of 8- and 16-bit pixels.
            let len = 4 * rng.below(70) as usize + rng.below(4) as usize;
            let random = |rng: &mut Rng| bytes(&pixels(rng, len / 4 + 1))[..len].to_vec();
            let (d, s, p) = (random(&mut rng), random(&mut rng), random(&mut rng));
            let mut fast = d.clone();
            with_level!(level, simd => rop3_kernel(code)(simd, &mut fast, &s, &p));
            let plain: Vec<u8> = (0..len)
                .map(|i| rop3_bits(code, u32::from(p[i]), u32::from(s[i]), u32::from(d[i])) as u8)
                .collect();
            assert_eq!(fast, plain, "code {code:02x}, {len} bytes, {level:?}");
        }
    }
}

#[test]
fn two_operand_functions_and_fills_equal_their_truth_tables() {
    let mut rng = Rng::new(2);
    for level in levels() {
        for rop in Rop2::ALL {
            for len in (0..140).chain([255, 256, 257, 1000]) {
                let random = |rng: &mut Rng| bytes(&pixels(rng, len / 4 + 1))[..len].to_vec();
                let (d, s) = (random(&mut rng), random(&mut rng));
                let mut fast = d.clone();
                with_level!(level, simd => rop2_kernel(rop)(simd, &mut fast, &s));
                let plain = |s: u8, d: u8| rop.apply(u32::from(s), u32::from(d)) as u8;
                let expected: Vec<u8> = s.iter().zip(&d).map(|(s, d)| plain(*s, *d)).collect();
                assert_eq!(fast, expected, "{rop:?}, {len} bytes, {level:?}");
                let color = rng.next() as u32;
                let (a, x) = rop.masks(color);
                let mut fast = d.clone();
                with_level!(level, simd => {
                    if let Some(kernel) = fill_row(a, x) {
                        kernel(simd, &mut fast, a, x);
                    }
                });
                let color = color.to_ne_bytes().into_iter().cycle();
                let expected: Vec<u8> = color.zip(&d).map(|(s, d)| plain(s, *d)).collect();
                assert_eq!(fast, expected, "fill {rop:?}, {len} bytes, {level:?}");
            }
        }
    }
}

#[test]
fn products_are_rounded_exactly() {
    for a in 0..=255 {
        for b in 0..=255 {
            // The nearest integer to a · b / 255; there are no ties, 255 being odd.
            assert_eq!(mul_un8(a, b), (2 * a * b + 255) / 510);
        }
    }
}

#[test]
fn over_equals_its_definition_for_all_products() {
    for level in levels() {
        // Every alpha over every channel value, not premultiplied too, so that sums saturate.
        for alpha in 0..=255u32 {
            let src: Vec<u32> =
                (0..256).map(|c| alpha << 24 | ((c * 7) & 0xff) << 16 | (255 - c) << 8 | c).collect();
            let dst: Vec<u32> = (0..256).map(|c| c * 0x0101_0101).collect();
            let mut fast = dst.clone();
            with_level!(level, simd => over_row(simd, &mut fast, &src));
            let plain: Vec<u32> = src.iter().zip(&dst).map(|(s, d)| over_argb(*s, *d)).collect();
            assert_eq!(fast, plain, "alpha {alpha}, {level:?}");
            let mut fast = dst.clone();
            with_level!(level, simd => over_faint_row(simd, &mut fast, &src, 255 - alpha));
            let plain: Vec<u32> =
                src.iter().zip(&dst).map(|(s, d)| over_argb(scale_argb(*s, 255 - alpha), *d)).collect();
            assert_eq!(fast, plain, "fainter by {}, {level:?}", 255 - alpha);
        }
        let mut rng = Rng::new(1);
        for len in 0..100 {
            let (src, dst) = (pixels(&mut rng, len), pixels(&mut rng, len));
            let mut fast = dst.clone();
            with_level!(level, simd => over_row(simd, &mut fast, &src));
            let plain: Vec<u32> = src.iter().zip(&dst).map(|(s, d)| over_argb(*s, *d)).collect();
            assert_eq!(fast, plain, "{len} pixels, {level:?}");
        }
    }
}

/// Pairs near each other, farther, and far; all weights; rows of all lengths about a block's and a vector's.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[test]
fn shrunk_rows_are_the_means_of_their_pairs() {
    let Some(avx2) = fearless_simd::Level::new().as_avx2() else { return };
    let mut rng = Rng::new(5);
    for case in 0..3000 {
        let len = 2 + rng.below(if case % 2 == 0 { 40 } else { 400 }) as usize;
        let rows = [pixels(&mut rng, len), pixels(&mut rng, len)];
        let step = 1 + rng.below(9) as u32;
        let mut tap = rng.below(4) as u32;
        let mut columns = Vec::new();
        while tap + 1 < len as u32 {
            columns.push((tap, rng.below(128) as u32));
            tap += step - rng.below(2).min(u64::from(step)) as u32;
        }
        let weight = rng.below(128) as u32;
        let pairs = Pairs::new(columns.iter().copied(), len);
        let mut fast = vec![0; columns.len()];
        shrink_row(avx2, &pairs, [&rows[0], &rows[1]], weight, &mut fast);
        let plain: Vec<u32> = columns
            .iter()
            .map(|&(tap, wx)| {
                let [top, bottom] = [&rows[0][tap as usize..], &rows[1][tap as usize..]];
                lerp2([top[0], top[1], bottom[0], bottom[1]], wx, weight)
            })
            .collect();
        assert_eq!(fast, plain, "case {case}: {columns:?} of {len}, weight {weight}");
    }
}
