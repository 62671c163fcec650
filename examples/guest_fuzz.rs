//! Damages commands in a guest's memory and parses them, without end but for the number given: in release and without
//! a nightly compiler. `cargo run --release --features testing --example guest_fuzz -- [MILLIONS] [SEED]`

use spice_render::qxl::guest::fuzz::{Fuzzer, once};
use spice_render::qxl::testing::Rng;
use std::time::Instant;

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().expect("a number"));
    let (millions, seed) = (args.next().unwrap_or(10), args.next().unwrap_or(1));
    let start = Instant::now();
    let (mut accepted, mut refused) = (0, 0);
    for million in 0..millions {
        let mut fuzzer = Fuzzer::new(Rng(seed ^ million << 32), 2000);
        for _ in 0..900_000 {
            fuzzer.step();
        }
        let mut rng = Rng(!seed ^ million << 32);
        for _ in 0..100_000 {
            let len = rng.below(300) as usize;
            once(&rng.bytes(len));
        }
        (accepted, refused) = (accepted + fuzzer.accepted, refused + fuzzer.refused);
        println!(
            "{} million executions, {:.0} s: {accepted} damaged commands accepted, {refused} refused",
            million + 1,
            start.elapsed().as_secs_f64()
        );
    }
}
