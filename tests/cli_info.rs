//! The program as its user meets it: output, errors, exit codes.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs the program with `input` on its standard input.
fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("the program ends")
}

const SMALL: &[u8] = b"SPICE_REPLAY 1\nevent 0 1 2 1000\nevent 1 0 0 2000000000\n";

#[test]
fn info_prints_tables_and_json() {
    let out = run(&["info", "-"], SMALL);
    assert_eq!(out.status.code(), Some(0));
    assert!(out.stderr.is_empty());
    let text = String::from_utf8(out.stdout).expect("text");
    assert!(text.starts_with("events       2\nduration     2.000 s\n"), "{text}");
    assert!(text.contains("1  worker WAKEUP"), "{text}");

    let out = run(&["info", "--json", "-"], SMALL);
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(json["event_count"], 2);
    assert_eq!(json["events"]["worker WAKEUP"], 1);
    assert_eq!(json["bytes"]["total"], SMALL.len());
    assert_eq!(json["container"], "plain");
}

#[test]
fn truncation_is_a_warning_or_with_strict_an_error() {
    let cut = &SMALL[..SMALL.len() - 3];
    let out = run(&["info", "-"], cut);
    assert_eq!(out.status.code(), Some(0));
    let warning = String::from_utf8(out.stderr).expect("text");
    assert_eq!(warning, "spice-render: warning: -: event 1 at byte 32 is incomplete\n");
    let out = run(&["info", "--strict", "-"], cut);
    assert_eq!(out.status.code(), Some(1));
    assert!(out.stdout.is_empty());
}

#[test]
fn wrong_input_and_wrong_usage_have_their_exit_codes() {
    let out = run(&["info", "-"], b"SPICE_REPLAY 1\nevent 0 0 1 5\ndrawable\nrect bbox 0 0 x");
    assert_eq!(out.status.code(), Some(1));
    let error = String::from_utf8(out.stderr).expect("text");
    assert_eq!(error, "spice-render: error: -: byte 52, event 0: rect bbox is not a number but \"x\"\n");
    assert_eq!(run(&["info"], b"").status.code(), Some(2));
    assert_eq!(run(&["nonsense"], b"").status.code(), Some(2));
    assert_eq!(run(&["info", "/nonexistent/capture"], b"").status.code(), Some(1));
    let help = run(&["info", "-h"], b"");
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Example:"));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .args(["info", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    child.stdin.take().expect("a pipe").write_all(SMALL).expect("read");
    let out = child.wait_with_output().expect("the program ends");
    assert_eq!(out.status.code(), Some(0));
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
}
