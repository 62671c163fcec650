//! Every sheet and capture, rendered, shows the reference picture, pixel for pixel: read as a compressed stream, and out
//! of an uncompressed file, where bitmaps are read when they are drawn.
//!
//! `corpus` says which cases there are. `SPICE_RENDER_ONLY=part-of-a-name` picks some, `SPICE_RENDER_DIFFS=folder` keeps our pictures
//! of those that differ.

mod corpus;

use corpus::{Case, Rgb, cases, picture};
use spice_raster::Raster;
use spice_render::capture;
use spice_render::draw::{Limits, to_rgb};
use spice_render::images::Picture;
use spice_render::replay::Replay;
use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn render(recording: &Path) -> Result<Rgb, String> {
    let reader = capture::open(recording, capture::Limits::default()).map_err(|e| e.to_string())?;
    // What the reference drops is refused here; the picture says whether that was right.
    let mut replay = Replay::new(reader, Raster::new(), Limits::default());
    replay.run(None).map_err(|e| e.to_string())?;
    let surface = replay.surface(0).map_err(|e| e.to_string())?.ok_or("no primary surface")?;
    Ok((surface.width(), surface.height(), to_rgb(surface.view())))
}

fn compare(case: &Case) -> Result<(), String> {
    compare_file(case, &case.recording)?;
    // A thread has one at a time.
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let plain = std::env::temp_dir().join(format!("spice-render-golden-{process}-{thread:?}.rec"));
    let packed = File::open(&case.recording).expect("a file");
    let out = File::create(&plain).expect("a file in the folder for temporary ones");
    zstd::stream::copy_decode(packed, out).expect("the recording can be unpacked");
    let result = compare_file(case, &plain);
    let _ = std::fs::remove_file(&plain);
    result.map_err(|what| format!("unpacked: {what}"))
}

fn compare_file(case: &Case, recording: &Path) -> Result<(), String> {
    let (width, height, ours) = render(recording)?;
    let (ref_width, ref_height, truth) = picture(&case.picture);
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
        let data = ours.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [b, g, r, 255]).collect();
        let file = File::create(path).expect("a file in that folder");
        Picture { width, height, has_alpha: false, data }.write(file).expect("the picture is saved");
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
