//! The recordings with a reference picture.

mod recordings;

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

/// All of them, by name, those of testdata/ beside copies elsewhere.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for recording in recordings::recordings(true) {
        let file = recording.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = file.trim_end_matches(".rec.zst").to_owned();
        let picture = ["noleak.png", "png"].map(|end| recording.with_file_name(format!("{name}.{end}")));
        if let Some(picture) = picture.into_iter().find(|p| p.exists()) {
            cases.push(Case { name, recording, picture });
        }
    }
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
