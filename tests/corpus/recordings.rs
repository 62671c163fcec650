//! The recordings there are: those of testdata/ and, where `SPICE_RENDER_CORPUS` names a folder laid out like it, of that
//! folder too.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// All of them, by name. testdata/ has copies of some of the larger corpus: with `copies`, or each recording once.
pub(crate) fn recordings(copies: bool) -> Vec<PathBuf> {
    let mut all = of(&testdata());
    assert!(all.len() > 20, "testdata has recordings");
    match std::env::var_os("SPICE_RENDER_CORPUS") {
        Some(root) => {
            let corpus = of(root.as_ref());
            assert!(!corpus.is_empty(), "{} has recordings", root.display());
            all.extend(corpus);
        }
        None => println!("SPICE_RENDER_CORPUS is not set: only testdata/ is tested"),
    }
    all.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    if !copies {
        all.dedup_by(|a, b| a.file_name() == b.file_name() && is_copy(a, b));
    }
    all
}

/// Whether two files hold the same.
fn is_copy(a: &Path, b: &Path) -> bool {
    std::fs::read(a).expect("a recording") == std::fs::read(b).expect("a recording")
}

/// The folder that comes with the sources.
pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Those of a folder with `sheets/` and `captures/`.
pub(crate) fn of(root: &Path) -> Vec<PathBuf> {
    let listed = ["sheets", "captures"].map(|folder| std::fs::read_dir(root.join(folder)));
    let entries = listed.into_iter().flatten().flatten();
    entries.map(|entry| entry.expect("a folder can be listed").path()).filter(|p| is_recording(p)).collect()
}

/// Whether a file is called NAME.rec.zst.
fn is_recording(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(".rec.zst"))
}
