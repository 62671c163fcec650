//! A command in a random guest memory of two slots, which holds still and then changes while it is read.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| spice_render::qxl::guest::fuzz::once(data));
