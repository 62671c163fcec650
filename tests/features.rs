//! What a build has, as the program tells it; what an engine may use; and how many crates each build takes.

use spice_render::client::caps::DisplayCaps;
use spice_render::client::profile::{Profile, Set};
use spice_render::engine::{CapabilityPolicy, ClientOptions, Engine, Options};
use spice_render::features::{Compat, Features, features};
use spice_render::wire::ImageKind;
use std::collections::BTreeSet;
use std::process::Command;

/// Crates that a build of the library or program is made of, this workspace's included.
fn crates(args: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["tree", "--offline", "--package", "spice-render", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    text.lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn builds_stay_small() {
    for (args, most) in [(&["--no-default-features"][..], 25), (&[][..], 150)] {
        let crates = crates(args);
        eprintln!("{args:?}: {} crates", crates.len());
        assert!(crates.len() <= most, "{args:?} takes {} crates: {crates:#?}", crates.len());
    }
}

/// Each part by itself, and none, without a warning. Not by default: it checks the library several times.
#[test]
#[ignore = "builds"]
fn every_part_builds_by_itself() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for part in
        ["", "capture-compression", "images", "profile-files", "report", "server", "testing", "tracing"]
    {
        let status = Command::new(&cargo)
            .args(["clippy", "--offline", "--package", "spice-render", "--lib", "--no-default-features"])
            .args(["--features", part, "--", "-Dwarnings"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "--features {part:?}");
    }
}

#[test]
fn the_program_tells_what_it_has() {
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_spice-render")).args(args).output().expect("it runs");
        assert!(out.status.success());
        String::from_utf8(out.stdout).expect("UTF-8")
    };
    let text = run(&["features"]);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(&*format!("{:#018x}", features().bits())));
    assert!(lines.eq(features().named().map(|(_, name)| name)));

    let json: serde_json::Value = serde_json::from_str(&run(&["features", "--json"])).expect("JSON");
    assert_eq!(json["mask"], format!("{:#018x}", features().bits()));
    for (feature, name) in Features::NAMES {
        assert_eq!(json["features"][*name], features().contains(*feature), "{name}");
    }
}

/// Image types of protocol 2.1 and later.
const LATER: [ImageKind; 3] = [ImageKind::Jpeg, ImageKind::JpegAlpha, ImageKind::ZlibGlzRgb];

#[test]
fn a_client_of_minor_0_never_gets_what_it_does_not_know() {
    let mut engine = Engine::new(Options::default());
    let gtk = || Profile::builtin("spice-gtk").expect("it is built in");
    let old = engine.connect(ClientOptions::new(gtk()).minor(0));
    let new = engine.connect(ClientOptions::new(gtk()));
    for _ in 0..2 {
        for kind in LATER {
            assert_eq!(engine.profile(old).expect("connected").image(kind), Set::NONE, "{kind:?}");
            assert_eq!(engine.profile(new).expect("connected").image(kind), gtk().image(kind), "{kind:?}");
        }
        // Not even when it is made another one.
        assert!(engine.set_profile(old, gtk()) && engine.set_profile(new, gtk()));
    }
}

#[test]
fn a_pinned_engine_uses_no_more_than_it_may() {
    let without =
        Features::CODEC_LZ4 | Features::CODEC_QUIC | Features::CAP_COMPOSITE | Features::WIRE_MINOR_1;
    let without = without | Features::WIRE_MINOR_2;
    let compat = Compat::version("0.1").expect("a version").and(Features::from_bits(!without.bits()));
    let all = DisplayCaps::COMPOSITE.union(DisplayCaps::A8_SURFACE);
    let capabilities = CapabilityPolicy::Fixed(all);
    let mut engine = Engine::new(Options { compat, capabilities, ..Options::default() });
    assert_eq!(engine.guest_capabilities(), DisplayCaps::A8_SURFACE);
    let profile = Profile::builtin("spice-gtk").expect("it is built in");
    let client = engine.connect(ClientOptions::new(profile.clone()));
    for _ in 0..2 {
        let found = engine.profile(client).expect("connected");
        for kind in LATER.into_iter().chain([ImageKind::Lz4, ImageKind::Quic]) {
            assert_eq!(found.image(kind), Set::NONE, "{kind:?}");
        }
        assert_eq!(found.image(ImageKind::LzRgb), profile.image(ImageKind::LzRgb));
        assert!(engine.set_profile(client, profile.clone()));
    }
}
