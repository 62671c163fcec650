//! `render --frames` and `render --animate`: what the files hold.

use image::{AnimationDecoder, ImageDecoder};
use spice_raster::Raster;
use spice_render::capture;
use spice_render::draw::{Limits, Renderer, to_rgb};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name)
}

fn render(folder: &Path, args: &[&str], captures: &[&str]) -> Output {
    let captures = captures.iter().map(|name| recording(name));
    let mut command = Command::new(env!("CARGO_BIN_EXE_spice-render"));
    command.current_dir(folder).arg("render").args(args).args(captures).output().expect("the program starts")
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("spice-render-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"));
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn picture(path: &Path) -> image::RgbImage {
    image::open(path).expect("a picture").to_rgb8()
}

#[test]
fn frames_of_several_captures_go_to_folders_of_their_own() {
    let place = folder("frames");
    let done = render(&place, &["--frames", "all", "--every", "200"], &["qemu.rec.zst", "t1.rec.zst"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(files(&place.join("all")), ["qemu", "t1"]);
    let done = render(&place, &["--frames", "one", "--every", "200"], &["t1.rec.zst"]);
    assert!(done.status.success(), "{done:?}");
    let frames = files(&place.join("one"));
    assert_eq!(frames, files(&place.join("all/t1")));
    // The last frame is the recording's picture.
    let last = frames.last().expect("a frame");
    assert!(picture(&place.join("one").join(last)) == picture(&recording("t1.png")));
    // Each other one is what `--at` shows of the last of so many events.
    for (number, frame) in frames[..frames.len() - 1].iter().enumerate() {
        let at = (200 * (number + 1) - 1).to_string();
        let done = render(&place, &["--at", &at, "-o", "at.png"], &["t1.rec.zst"]);
        assert!(done.status.success(), "{done:?}");
        assert!(picture(&place.join("one").join(frame)) == picture(&place.join("at.png")), "{frame}");
    }
    let done = render(&place, &["--frames", "all", "--every", "200"], &["t1.rec.zst", "t1.rec.zst"]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let done = render(&place, &["--animate", "x.gif"], &["qemu.rec.zst", "t1.rec.zst"]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    std::fs::remove_dir_all(place).expect("it is ours");
}

/// Each frame is what immediate drawing shows after so many events; where there is no screen (before the first of
/// three, in one of these recordings) there is no frame.
#[test]
fn frames_are_what_was_drawn_by_then() {
    let place = folder("drawn");
    for (name, every) in [("t1.rec.zst", 50), ("qemu.rec.zst", 1)] {
        let folder = place.join(name);
        let args = ["--frames", &folder.to_string_lossy(), "--every", &every.to_string()];
        let done = render(&place, &args, &[name]);
        assert!(done.status.success(), "{done:?}");
        let frames = files(&folder);
        let mut frame = frames.iter();
        let mut plain = Renderer::new(Raster::new(), Limits::default());
        let mut reader =
            capture::open(&recording(name), capture::Limits::default()).expect("a recording").peekable();
        let mut events = 0;
        while let Some(record) = reader.next() {
            let _ = plain.event(&record.expect("it is sound").event);
            events += 1;
            let due = events % every == 0 || reader.peek().is_none();
            if due && let Some(screen) = plain.surface(0).or(plain.last_primary()) {
                let frame = frame.next().expect("a frame for each");
                let shown = picture(&folder.join(frame));
                assert_eq!(shown.width(), screen.width(), "{name} {frame}");
                assert!(*shown.as_raw() == to_rgb(screen.view()), "{name} {frame}");
            }
        }
        assert_eq!(frame.next(), None);
    }
    std::fs::remove_dir_all(place).expect("it is ours");
}

/// Frames that show the same are files with the same bytes, and there is one for each thirtieth of a second.
#[test]
fn a_frame_that_shows_the_same_is_the_same_file() {
    let place = folder("still");
    let done = render(&place, &["--frames", "all", "--fps", "30", "--cursor"], &["xterm.rec.zst"]);
    assert!(done.status.success(), "{done:?}");
    let bytes: Vec<Vec<u8>> = files(&place.join("all"))
        .iter()
        .map(|name| std::fs::read(place.join("all").join(name)).expect("a frame"))
        .collect();
    assert_eq!(bytes.len(), 317);
    let changes = bytes.windows(2).filter(|two| two[0] != two[1]).count();
    assert!((10..100).contains(&changes), "{changes} changes");
    // Where the bytes differ, so do pixels.
    let picture = |png: &[u8]| image::load_from_memory(png).expect("a picture").to_rgb8();
    let same =
        bytes.windows(2).filter(|two| two[0] != two[1] && picture(&two[0]) == picture(&two[1])).count();
    assert_eq!(same, 0);
    assert!(
        picture(bytes.last().expect("frames"))
            == picture(&std::fs::read(recording("xterm.png")).expect("a file"))
    );
    std::fs::remove_dir_all(place).expect("it is ours");
}

#[test]
fn a_gif_takes_as_long_as_its_recording() {
    let place = folder("gif");
    // A third of a second is no whole number of the format's hundredths.
    let done = render(&place, &["--animate", "x.gif", "--fps", "3"], &["xterm.rec.zst"]);
    assert!(done.status.success(), "{done:?}");
    let file = BufReader::new(File::open(place.join("x.gif")).expect("it was written"));
    let gif = image::codecs::gif::GifDecoder::new(file).expect("a GIF");
    assert_eq!(gif.dimensions(), (1024, 768));
    let frames = gif.into_frames().collect_frames().expect("frames");
    let delay = |frame: &image::Frame| {
        let (ms, per) = frame.delay().numer_denom_ms();
        f64::from(ms) / f64::from(per)
    };
    // The last one stays for two seconds.
    let total: f64 = frames[..frames.len() - 1].iter().map(delay).sum();
    let reader = capture::open(&recording("xterm.rec.zst"), capture::Limits::default()).expect("a recording");
    let times: Vec<u64> = reader.map(|record| record.expect("it is sound").time_ns).collect();
    let recorded = (times[times.len() - 1] - times[0]) as f64 / 1e6;
    assert!(frames.len() > 3, "{} frames", frames.len());
    // Each holds what changed, in colours of its own (all that there are, here), and together they show the end.
    let end = image::open(recording("xterm.png")).expect("a picture").to_rgba8();
    assert!(*frames[frames.len() - 1].buffer() == end);
    // From the first picture to the last change: no longer than the recording, and whole thirds of it but for the
    // last, which comes when the recording ends.
    assert!(total <= recorded + 340.0, "{total} ms of {recorded}");
    let thirds = total / (1000.0 / 3.0);
    let ended = (total - recorded).abs() < 340.0;
    assert!((thirds - thirds.round()).abs() < 0.05 || ended, "{total} ms of {recorded}");
    std::fs::remove_dir_all(place).expect("it is ours");
}

/// A recording that is wrong from some event on has the pictures of all before it.
#[test]
fn frames_before_an_error_are_written() {
    let place = folder("broken");
    let packed = File::open(recording("t1.rec.zst")).expect("a file");
    let mut text = Vec::new();
    zstd::stream::copy_decode(packed, &mut text).expect("the recording can be unpacked");
    let mark = b"\nevent 1000 ";
    let at = text.windows(mark.len()).position(|w| w == mark).expect("it has so many events");
    text.splice(at + 1..at + mark.len(), *b"other ");
    std::fs::write(place.join("broken.rec"), &text).expect("there is room");
    let done = render(&place, &["--frames", "broken", "--every", "100", "broken.rec"], &[]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("event 1000"), "{done:?}");
    let done = render(&place, &["--frames", "sound", "--every", "100"], &["t1.rec.zst"]);
    assert!(done.status.success(), "{done:?}");
    let frames = files(&place.join("broken"));
    assert_eq!(frames.len(), 9);
    for frame in frames {
        let bytes = |folder: &str| std::fs::read(place.join(folder).join(&frame)).expect("a frame");
        assert!(bytes("broken") == bytes("sound"), "{frame}");
    }
    std::fs::remove_dir_all(place).expect("it is ours");
}
