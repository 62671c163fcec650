//! SPICE's own client library (spice-client-glib, which virt-viewer and Boxes are made of) as a peer.

use super::{Extent, each, extent, is_installed, say, scratch};
use crate::corpus::picture;
use crate::serving::Serving;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// The client in gtk.c, built once; `None` after saying why there is none.
pub(crate) fn client() -> Option<&'static Path> {
    static CLIENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match CLIENT.get_or_init(build) {
        Ok(path) => Some(path),
        Err(why) => {
            say(&format!("SKIPPED, spice-gtk: {why}"));
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    if extent() == Extent::None {
        return Err("SPICE_RENDER_PEERS=none".into());
    }
    compile(
        "gtk",
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/gtk.c"),
        &["spice-client-glib-2.0"],
    )
}

/// Compiles a program of one C file against libraries that pkg-config knows.
pub(crate) fn compile(name: &str, source: &Path, libraries: &[&str]) -> Result<PathBuf, String> {
    for program in ["gcc", "pkg-config"] {
        if !is_installed(program) {
            return Err(format!("{program} is not installed"));
        }
    }
    let flags = Command::new("pkg-config").args(["--cflags", "--libs"]).args(libraries).output();
    let flags = flags.ok().filter(|o| o.status.success());
    let flags = flags.ok_or_else(|| format!("pkg-config does not know {}", libraries.join(", ")))?;
    let flags = String::from_utf8_lossy(&flags.stdout).into_owned();
    let out = scratch().join(name);
    let built = Command::new("gcc")
        .args(["-O2", "-o"])
        .args([&out, source])
        .args(flags.split_whitespace())
        .output()
        .map_err(|e| format!("gcc: {e}"))?;
    // A peer that is there must be used: what does not build is a fault, no reason to skip.
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Ok(out)
}

/// A picture file as gtk.c reads it.
pub(crate) fn ppm(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let out = scratch().join(name + ".ppm");
    let (width, height, rgb) = picture(file);
    let head = format!("P6\n{width} {height}\n255\n");
    std::fs::write(&out, [head.as_bytes(), &rgb].concat()).expect("the target folder can be written");
    out
}

/// Starts the client; it ends when it shows the wanted picture.
pub(crate) fn start(client: &Path, port: u16, shown: &Path, wanted: &Path, seconds: u32) -> Child {
    Command::new(client)
        .args([&port.to_string()])
        .arg(shown)
        .arg(seconds.to_string())
        .arg(wanted)
        .env("SPICE_PASSWORD", "")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the client starts")
}

/// What the client found.
pub(crate) fn judge(output: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => Ok(()),
        code => Err(format!(
            "exit {code:?}, {} {}",
            said.trim(),
            String::from_utf8_lossy(&output.stderr).lines().take(5).collect::<Vec<_>>().join("; ")
        )),
    }
}

#[test]
fn spice_gtk_shows_every_picture() {
    let Some(client) = client() else { return };
    each(2, "spice-gtk", |_, _, case| {
        let serving = Serving::new(&case.recording, &["--speed", "max"]);
        let shown = scratch().join(format!("{}.gtk.ppm", case.name));
        let child = start(client, serving.port, &shown, &ppm(&case.picture), 60);
        judge(&child.wait_with_output().expect("a child can be waited for"))
    });
}

/// The same where every operation that the client library draws reaches it as such, whatever it costs.
#[test]
fn spice_gtk_draws_every_operation_itself() {
    let Some(client) = client() else { return };
    each(2, "spice-gtk, which is passed everything,", |_, _, case| {
        let serving = Serving::new(&case.recording, &["--speed", "max", "--pass-everything"]);
        let shown = scratch().join(format!("{}.gtk-passed.ppm", case.name));
        let child = start(client, serving.port, &shown, &ppm(&case.picture), 60);
        judge(&child.wait_with_output().expect("a child can be waited for"))
    });
}

/// The pointer that the last command of the recording sets, as gtk.c prints it: what the client library shows.
#[test]
fn spice_gtk_gets_the_pointer() {
    let Some(client) = client() else { return };
    let Some(case) = crate::corpus::cases().into_iter().find(|c| c.name == "19-cursor") else { return };
    let serving = Serving::new(&case.recording, &["--speed", "max"]);
    let shown = scratch().join("pointer.ppm");
    let output = start(client, serving.port, &shown, &ppm(&case.picture), 60).wait_with_output();
    let output = output.expect("a child can be waited for");
    judge(&output).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("cursor=16x24+9+12:"), "{said}");
}
