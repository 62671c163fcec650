//! `serve`, `screenshot` and `record` as their user meets them, over loopback.

#[path = "peers/serving.rs"]
mod serving;

use serving::Serving;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spice-render")).args(args).output().expect("the program starts")
}

fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/sheets/22-primary-change.rec.zst")
}

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder.join(name).to_string_lossy().into_owned()
}

fn same(picture: &str) -> bool {
    let truth = recording().to_string_lossy().replace(".rec.zst", ".png");
    image::open(picture).expect("a picture").to_rgb8() == image::open(truth).expect("a picture").to_rgb8()
}

/// What a screenshot of a server says, and whether it is the recording's last picture. On a busy machine a server may be
/// silent for a second on its way there: whoever looks again sees it.
fn screenshot(serving: &Serving, name: &str, more: &[&str]) -> (Output, bool) {
    let (url, picture) = (format!("spice://{}", serving.address()), file(name));
    let mut tries = 3;
    loop {
        tries -= 1;
        let _ = std::fs::remove_file(&picture);
        let output = run(&[&["screenshot", &url, "-o", &picture], more].concat());
        let right = output.status.success() && same(&picture);
        if right || tries == 0 || !output.status.success() {
            return (output, right);
        }
    }
}

#[test]
fn every_way_of_serving_ends_in_the_same_picture() {
    let ways: [&[&str]; 8] = [
        &["--speed", "recorded"],
        &["--speed", "max", "--at-once"],
        &["--speed", "3.5"],
        &["--speed", "max", "--client", "raw-only"],
        &["--speed", "max", "--client", "images-only"],
        &["--speed", "max", "--client", "full"],
        // Losses are made good once the link has nothing to do.
        &["--speed", "max", "--link", "8000:20"],
        &["--speed", "max", "--password", "open sesame"],
    ];
    for (n, way) in ways.iter().enumerate() {
        let serving = Serving::new(&recording(), way);
        let password: &[&str] =
            if way.contains(&"--password") { &["--password", "open sesame"] } else { &[] };
        let (output, right) = screenshot(&serving, &format!("way{n}.png"), password);
        assert!(right, "{way:?}: {}", String::from_utf8_lossy(&output.stderr));
        if !password.is_empty() {
            let (refused, _) = screenshot(&serving, "refused.png", &["--password", "open barley"]);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(refused.status.code() == Some(1) && said.contains("another password"), "{said}");
        }
        assert!(serving.peak_kib().is_none_or(|peak| peak < 256 << 10));
        // Ctrl-C is how it is meant to end.
        let ended = serving.interrupt();
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""), "{way:?}");
    }
}

#[test]
fn a_profile_in_a_file_is_used() {
    let profile = file("raw.toml");
    std::fs::write(&profile, run(&["profiles", "raw-only"]).stdout).expect("the profile is written");
    let serving = Serving::new(&recording(), &["--speed", "max", "--client", &profile]);
    assert!(screenshot(&serving, "toml.png", &[]).1);
}

#[test]
fn what_cannot_be_served_is_an_error() {
    let serving = Serving::new(&recording(), &["--speed", "max"]);
    let name = recording().to_string_lossy().into_owned();
    for (args, wanted) in [
        (vec!["serve", "/nonexistent.rec"], "/nonexistent.rec"),
        (vec!["serve", &name, "--listen", "nowhere"], "nowhere"),
        (vec!["serve", &name, "--listen", &serving.address()], "in use"),
        (vec!["serve", &name, "--listen", "127.0.0.1:0", "--client", "nobody"], "nobody"),
        (vec!["screenshot", "http://127.0.0.1:1"], "http://"),
        (vec!["screenshot", "spice://127.0.0.1:1"], "127.0.0.1:1"),
    ] {
        let output = run(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(wanted), "{args:?}: {said}");
    }
    for bad in [["--speed", "0"], ["--speed", "fast"], ["--link", "0:1"], ["--link", "100"]] {
        assert_eq!(run(&["serve", &name, bad[0], bad[1]]).status.code(), Some(2), "{bad:?}");
    }
}

#[test]
fn a_recording_of_a_session_renders_to_the_same_picture() {
    for (name, client) in [("a.rec.zst", "auto"), ("b.rec", "images-only")] {
        let serving = Serving::new(&recording(), &["--speed", "max", "--client", client]);
        let (url, made, picture) = (format!("spice://{}", serving.address()), file(name), file("again.png"));
        let output = run(&["record", &url, "-o", &made, "--duration", "2.5"]);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let output = run(&["render", &made, "-o", &picture]);
        assert!(output.status.success(), "{output:?}");
        assert!(same(&picture), "{name}");
        // The same once more: what was recorded can be served.
        let again = Serving::new(Path::new(&made), &["--speed", "max"]);
        assert!(screenshot(&again, "served-again.png", &[]).1, "{name}");
    }
}
