//! Any bytes on a connection: see the oracle.
#![no_main]

#[path = "../session_oracle.rs"]
#[allow(dead_code)]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::link(data));
