//! The recordings with a reference picture: those of testdata/ and, where `SPICE_RENDER_CORPUS` names a folder laid out
//! like it, of that folder too.

use spice_render::images::Picture;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A recording and what it shows at its end.
pub(crate) struct Case {
    /// Its name, as in `12-text`.
    pub(crate) name: String,
    /// NAME.rec.zst.
    pub(crate) recording: PathBuf,
    /// NAME.noleak.png where there is one (the reference leaks state between operations), else NAME.png.
    pub(crate) picture: PathBuf,
}

/// All of them, by name.
pub(crate) fn cases() -> Vec<Case> {
    let mut roots = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    match std::env::var_os("SPICE_RENDER_CORPUS") {
        Some(root) => roots.push(root.into()),
        None => println!("SPICE_RENDER_CORPUS is not set: only testdata/ is tested"),
    }
    let mut cases = Vec::new();
    for folder in roots.iter().flat_map(|root| [root.join("sheets"), root.join("captures")]) {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let recording = entry.expect("a folder can be listed").path();
            let file = recording.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(name) = file.strip_suffix(".rec.zst") else { continue };
            let picture = ["noleak.png", "png"].map(|end| folder.join(format!("{name}.{end}")));
            let Some(picture) = picture.into_iter().find(|p| p.exists()) else { continue };
            cases.push(Case { name: name.to_owned(), recording, picture });
        }
    }
    cases.sort_by(|a, b| (&a.name, &a.recording).cmp(&(&b.name, &b.recording)));
    cases
}

/// Columns, rows and R, G, B bytes of a picture.
pub(crate) type Rgb = (u32, u32, Vec<u8>);

/// A picture file.
pub(crate) fn picture(file: &Path) -> Rgb {
    let file = BufReader::new(File::open(file).expect("there is a picture"));
    let Picture { width, height, data, .. } = Picture::read(file).expect("the picture can be read");
    (width, height, data.as_chunks::<4>().0.iter().flat_map(|&[b, g, r, _]| [r, g, b]).collect())
}
