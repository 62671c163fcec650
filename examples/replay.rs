//! Replays a recording to pixels and writes no picture: what `render` costs apart from PNG writing, for
//! `benches/versus_reference.py` to measure from outside.
//!
//!     cargo run --release --example replay -- FILE

use spice_raster::Raster;
use spice_render::capture;
use spice_render::draw::Limits;
use spice_render::replay::Replay;
use std::hint::black_box;
use std::path::Path;

fn main() {
    spice_render::memory::keep_freed();
    let path = std::env::args().nth(1).expect("a recording's name");
    let reader = capture::open(Path::new(&path), capture::Limits::default()).expect("a recording");
    let mut replay = Replay::new(reader, Raster::new(), Limits::default());
    replay.run(None).expect("a sound recording");
    black_box(replay.surface(0).expect("the same file").map(|surface| surface.view().row(0)[0]));
}
