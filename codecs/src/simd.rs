//! Choice of the instruction set: once per image.

/// Runs `$body` with `$simd` as the token of `$level`: AVX2 where the processor has it, else what the build assumes.
/// Only two copies of the code, since more of them gain nothing here.
macro_rules! at_level {
    ($level:expr, $simd:pat => $body:expr) => {{
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        use fearless_simd::Simd as _;
        let level: fearless_simd::Level = $level;
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        let result = if let Some(avx2) = level.as_avx2() {
            avx2.vectorize(
                #[inline(always)]
                || {
                    let $simd = avx2;
                    $body
                },
            )
        } else {
            fearless_simd::dispatch!(fearless_simd::Level::baseline(), $simd => $body)
        };
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        let result = fearless_simd::dispatch!(level, $simd => $body);
        result
    }};
}
pub(crate) use at_level;

/// Whether bytes of a vector can be put in any order by one instruction where [`at_level!`] runs.
pub(crate) fn shuffles(level: fearless_simd::Level) -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return level.as_avx2().is_some();
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    return !level.is_fallback();
}
