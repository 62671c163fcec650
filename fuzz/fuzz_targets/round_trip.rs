//! Any bytes as a picture: every lossless codec gives it back.
#![no_main]

#[path = "../oracle.rs"]
#[allow(dead_code)]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    oracle::round_trip(data);
});
