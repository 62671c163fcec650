//! Every sheet and capture, rendered, shows the reference picture, pixel for pixel.
//!
//! The cases are testdata/ and, where `SPICE_RENDER_CORPUS` names a folder laid out like it, that folder too. The
//! truth of NAME.rec.zst is NAME.noleak.png where there is one (the reference leaks state between operations),
//! else NAME.png. `SPICE_RENDER_ONLY=part-of-a-name` picks cases, `SPICE_RENDER_DIFFS=folder` keeps our pictures
//! of those that differ.

use spice_raster::Raster;
use spice_render::capture;
use spice_render::draw::{Limits, to_rgb};
use spice_render::replay::Replay;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Case {
    name: String,
    recording: PathBuf,
    picture: PathBuf,
}

fn cases() -> Vec<Case> {
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
type Rgb = (u32, u32, Vec<u8>);

fn render(recording: &Path) -> Result<Rgb, String> {
    let reader = capture::open(recording, capture::Limits::default()).map_err(|e| e.to_string())?;
    // What the reference drops is refused here; the picture says whether that was right.
    let mut replay = Replay::new(reader, Raster::new(), Limits::default());
    replay.run(None).map_err(|e| e.to_string())?;
    let surface = replay.surface(0).ok_or("no primary surface")?;
    Ok((surface.width(), surface.height(), to_rgb(surface.view())))
}

fn reference(picture: &Path) -> Rgb {
    let image = image::open(picture).expect("the reference picture can be read").to_rgb8();
    (image.width(), image.height(), image.into_raw())
}

fn compare(case: &Case) -> Result<(), String> {
    let (width, height, ours) = render(&case.recording)?;
    let (ref_width, ref_height, truth) = reference(&case.picture);
    if (width, height) != (ref_width, ref_height) {
        return Err(format!("{width}x{height} pixels, the reference has {ref_width}x{ref_height}"));
    }
    let differing: Vec<usize> =
        (0..truth.len() / 3).filter(|i| ours[i * 3..i * 3 + 3] != truth[i * 3..i * 3 + 3]).collect();
    if differing.is_empty() {
        return Ok(());
    }
    let mut message = format!("{} pixels differ", differing.len());
    for i in differing.iter().step_by(differing.len().div_ceil(5)) {
        let (x, y) = (i % width as usize, i / width as usize);
        let at = |p: &[u8]| [p[i * 3], p[i * 3 + 1], p[i * 3 + 2]];
        message += &format!("; at {x},{y} {:02x?} instead of {:02x?}", at(&ours), at(&truth));
    }
    if let Ok(dir) = std::env::var("SPICE_RENDER_DIFFS") {
        let path = Path::new(&dir).join(format!("{}.png", case.name));
        image::save_buffer(&path, &ours, width, height, image::ColorType::Rgb8)
            .expect("the picture is saved");
    }
    Err(message)
}

#[test]
fn every_recording_shows_its_reference() {
    let only = std::env::var("SPICE_RENDER_ONLY").unwrap_or_default();
    let cases: Vec<Case> = cases().into_iter().filter(|c| c.name.contains(&only)).collect();
    assert!(!cases.is_empty(), "no case found");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(what) = compare(case) {
                        let line = format!("{}: {what}", case.recording.display());
                        failures.lock().expect("no thread panics with the lock").push(line);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread panics with the lock");
    failures.sort();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
    println!("{} recordings equal their reference", cases.len());
}
