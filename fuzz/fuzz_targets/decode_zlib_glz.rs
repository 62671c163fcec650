//! Any bytes as a stream: an error or a picture.
#![no_main]

#[path = "../oracle.rs"]
#[allow(dead_code)]
mod oracle;

use spice_codecs::{Codec, Decoder};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = oracle::decode(&mut Decoder::new(), Codec::ZlibGlz, data);
});
