//! Row kernels: one row of pixels at a time, the same bits on every instruction set.
//!
//! Each kernel takes the level's token, and enters its instruction set itself (`vectorize`), so that callers choose
//! kernel and level once per operation and pay one plain call per row. Kernels that only combine bits see rows as
//! bytes, whatever the pixel size; what they do is the same for each 32-bit word.

pub(crate) mod bilinear;
pub(crate) mod bits;
pub(crate) mod key;
pub(crate) mod over;
pub(crate) mod pick;
pub(crate) mod rop3;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub(crate) mod shrink;
#[cfg(test)]
mod tests;

/// Runs an expression with the token of a level, as `fearless_simd::dispatch!` does, but without compiling it for
/// SSE4.2, which has nothing for these kernels over SSE2, and without entering the instruction set: kernels do.
macro_rules! with_level {
    ($level:expr, $simd:ident => $op:expr) => {{
        let level: fearless_simd::Level = $level;
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if let Some($simd) = level.as_avx512() {
                $op
            } else if let Some($simd) = level.as_avx2() {
                $op
            } else {
                let $simd = level.as_sse2().expect("the baseline of x86 builds is SSE2");
                $op
            }
        }
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        {
            fearless_simd::dispatch!(level, $simd => $op)
        }
    }};
}
pub(crate) use with_level;

/// Runs an expression with the token of vectors of four words.
macro_rules! with_four {
    ($level:expr, $simd:ident => $op:expr) => {{
        let level: fearless_simd::Level = $level;
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            let $simd = level.as_sse2().expect("the baseline of x86 builds is SSE2");
            $op
        }
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        {
            fearless_simd::dispatch!(level, $simd => $op)
        }
    }};
}
pub(crate) use with_four;

/// Runs an expression with the token of the longest vectors, of those that a level has, that are not longer than rows of
/// so many words; of four words where rows are shorter.
macro_rules! with_fitting {
    ($level:expr, $words:expr, $simd:ident => $op:expr) => {{
        let (level, words): (fearless_simd::Level, usize) = ($level, $words);
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if words >= 16
            && let Some($simd) = level.as_avx512()
        {
            $op
        } else {
            $crate::kernels::with_eight!(level, words, $simd => $op)
        }
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        {
            $crate::kernels::with_eight!(level, words, $simd => $op)
        }
    }};
}
pub(crate) use with_fitting;

/// As [`with_fitting`], with vectors of at most eight words: for what does little but store. A processor may store 32
/// bytes in the time of 16, but 64 only in twice that.
macro_rules! with_eight {
    ($level:expr, $words:expr, $simd:ident => $op:expr) => {{
        let (level, words): (fearless_simd::Level, usize) = ($level, $words);
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            if words >= 8
                && let Some($simd) = level.as_avx2()
            {
                $op
            } else {
                $crate::kernels::with_four!(level, $simd => $op)
            }
        }
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        {
            let _ = words;
            $crate::kernels::with_four!(level, $simd => $op)
        }
    }};
}
pub(crate) use with_eight;
