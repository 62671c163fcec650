//! The committed header says what the code says. It is written anew by
//! `SPICE_RENDER_BLESS=1 cargo test --manifest-path capi/header/Cargo.toml`.

use std::path::Path;

#[test]
fn the_committed_header_is_the_codes() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("capi");
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml");
    // It finds the modules from there by itself.
    let builder = cbindgen::Builder::new().with_config(config).with_src(here.join("src/lib.rs"));
    let mut made = Vec::new();
    builder.generate().expect("a header").write(&mut made);
    // Sections for Rust callers mean nothing to C.
    let made = without_safety(&String::from_utf8(made).expect("UTF-8"));
    let path = here.join("../include/spice-render.h");
    if std::env::var_os("SPICE_RENDER_BLESS").is_some() {
        std::fs::write(&path, &made).expect("include/spice-render.h");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == committed,
        "include/spice-render.h is old: see the top of this test"
    );
}

/// Every function that the library exports is in the header, once, and documented there.
#[test]
fn every_function_is_declared_once_with_its_description() {
    let capi = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("capi");
    let header = std::fs::read_to_string(capi.join("../include/spice-render.h")).expect("a header");
    let lines: Vec<_> = header.lines().collect();
    let mut count = 0;
    for file in std::fs::read_dir(capi.join("src")).expect("src") {
        let source = std::fs::read_to_string(file.expect("a file").path()).expect("UTF-8");
        for (_, rest) in source.match_indices("extern \"C\" fn ").map(|(at, begin)| (at, &source[at + begin.len()..])) {
            let name = rest.split('(').next().expect("a name");
            let comment = |line: &str| line.trim_start().starts_with(['/', '*']);
            let declares = |line: &str| !comment(line) && line.contains(&format!("{name}("));
            let places: Vec<_> = (0..lines.len()).filter(|i| declares(lines[*i])).collect();
            assert_eq!(places.len(), 1, "{name} is declared so often");
            assert!(lines[places[0] - 1].starts_with("// "), "{name} has no description");
            count += 1;
        }
    }
    assert!(count > 30, "{count} functions");
}

#[test]
fn the_versions_are_one() {
    let capi = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("capi");
    let lib = std::fs::read_to_string(capi.join("src/lib.rs")).expect("lib.rs");
    let workspace = std::fs::read_to_string(capi.join("../Cargo.toml")).expect("Cargo.toml");
    let version = workspace.lines().find_map(|l| l.strip_prefix("version = \"")).expect("a version");
    let parts: Vec<u32> =
        version.trim_end_matches('"').split('.').map(|p| p.parse().expect("a number")).collect();
    let line = format!("SPICE_RENDER_VERSION: u32 = {:#08x};", parts[0] << 16 | parts[1] << 8 | parts[2]);
    assert!(lib.contains(&line), "{line}");
}

/// Turns "# Safety" headings into plain words: what follows is what C callers must keep to, too.
fn without_safety(header: &str) -> String {
    header.replace("// # Safety\n", "// The caller must see to this:\n")
}
