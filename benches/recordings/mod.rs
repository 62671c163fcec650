//! The recordings that benches draw, decoded and in memory.

use spice_render::capture;
use spice_render::qxl::Event;
use std::path::{Path, PathBuf};

/// `$SPICE_RENDER_CORPUS/captures`, else testdata/captures: their files by name.
pub(crate) fn files() -> Vec<(String, PathBuf)> {
    let root = std::env::var_os("SPICE_RENDER_CORPUS");
    let root = root.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), PathBuf::from);
    let entries = std::fs::read_dir(root.join("captures")).expect("a folder of captures");
    let mut files: Vec<(String, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".rec.zst")?.to_owned();
            Some((name, path))
        })
        .collect();
    files.sort();
    files
}

/// The events of a recording, each with its time in nanoseconds.
pub(crate) fn events(path: &Path) -> Vec<(u64, Event)> {
    let mut reader = capture::open(path, capture::Limits::default()).expect("a capture");
    std::iter::from_fn(|| reader.next_record().expect("a sound capture"))
        .map(|r| (r.time_ns, r.event))
        .collect()
}

/// Every recording with its events, one at a time in memory.
#[allow(dead_code, reason = "not every bench wants the events")]
pub(crate) fn all() -> impl Iterator<Item = (String, Vec<(u64, Event)>)> {
    files().into_iter().map(|(name, path)| (name, events(&path)))
}
