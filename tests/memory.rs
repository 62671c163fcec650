//! What rendering takes of memory does not grow with the recording.

use spice_render::capture::{self, Writer};
use std::io::BufWriter;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What a render may take beside the surfaces that exist, all the same how long the recording is.
const BOUND: u64 = 64 << 20;

/// The most memory that a process had so far, in bytes; `None` where the system does not tell.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Renders a recording that repeats another, which comes through a pipe so that the program still waits for its end
/// when it is asked for its memory.
fn render_repeated(name: &str, times: u64) -> Option<u64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name);
    let output = std::env::temp_dir().join(format!("spice-render-memory-{}-{name}.png", std::process::id()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .args(["render", "-", "-o"])
        .arg(&output)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let input = child.stdin.take().expect("its input is piped");
    let mut writer = Writer::new(BufWriter::new(input)).expect("it reads");
    let (mut start, mut most) = (0, None);
    for _ in 0..times {
        let mut reader = capture::open(&path, capture::Limits::default()).expect("a recording");
        let mut last = 0;
        while let Some(record) = reader.next_record().expect("it is sound") {
            writer.write(start + record.time_ns, &record.event).expect("it reads");
            last = record.time_ns;
        }
        start += last;
        most = most.max(peak(&child));
    }
    let input = writer.finish().expect("it reads").into_inner().expect("it reads");
    // All but a pipe's worth is read.
    most = most.max(peak(&child));
    drop(input);
    let status = child.wait().expect("it ends");
    let _ = std::fs::remove_file(&output);
    assert!(status.success(), "{name}: {status}");
    most
}

#[test]
fn a_long_recording_takes_no_more_memory_than_a_short_one() {
    // 180 MB of recording, most of it images; and many off-screen surfaces that come and go.
    for (name, times, surfaces) in [("xterm.rec.zst", 12, 3 << 20), ("c_xops_fresh.rec.zst", 4, 16 << 20)] {
        let Some(most) = render_repeated(name, times) else {
            println!("this system does not tell a process's memory: skipped");
            return;
        };
        println!("{name} {times} times: {} KiB", most >> 10);
        assert!(most < BOUND + surfaces, "{name}: {} MiB", most >> 20);
    }
}
