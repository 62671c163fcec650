//! The programs in examples/c: built by the machine's C compiler, run, and run again under valgrind. Each part that
//! the machine has no tool for says that it was skipped.

use std::path::Path;
use std::process::Command;

fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success())
}

/// Runs a target of the Makefile and gives what it printed.
fn make(target: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/c");
    let mut make = Command::new("make");
    make.arg("-C").arg(folder).arg(target).arg(format!("CARGO={}", env!("CARGO")));
    // The folder that this test was built to: DEPS/../.. is it, whoever chose it.
    let me = std::env::current_exe().expect("this test");
    let target_dir = me.ancestors().nth(3).expect("target directory");
    make.arg(format!("CARGO_TARGET_DIR={}", target_dir.display())).env("CARGO_TARGET_DIR", target_dir);
    let output = make.output().expect("make runs");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "make {target}:\n{text}");
    text
}

#[test]
fn the_c_examples_do_what_they_say() {
    if !(has("make") && has("cc")) {
        eprintln!("skipped: the C examples need make and cc");
        return;
    }
    let text = make("check");
    assert!(text.contains("pictures as expected"), "{text}");
    assert!(text.contains("guest-memory") && text.contains(" capi "), "{text}");
    assert!(text.contains("refused: DRAW command"), "{text}");
    if !has("valgrind") {
        eprintln!("skipped: there is no valgrind");
        return;
    }
    make("valgrind");
}

/// Debian's QXL driver for X draws with the engine where libspice-server was: see examples/c/xspice.
#[test]
#[ignore = "starts X servers"]
fn a_foreign_device_draws_with_the_engine() {
    let needed = [
        "/usr/lib/xorg/modules/drivers/spiceqxl_drv.so",
        "/usr/include/spice-server/spice.h",
        "/usr/bin/Xvfb",
        "/usr/bin/xterm",
        "/usr/bin/x11perf",
    ];
    if let Some(missing) = needed.iter().find(|path| !Path::new(path).exists()) {
        eprintln!(
            "skipped: there is no {missing} (xserver-xspice, libspice-server-dev, xvfb, xterm, x11-apps)"
        );
        return;
    }
    let text = make("xspice");
    for server in ["xspice", "xvfb"] {
        let line = text.lines().find(|line| line.starts_with(&format!("engine and {server}:")));
        assert!(line.is_some_and(|line| line.ends_with(" 0 different")), "{text}");
    }
}
