//! libspice-server as a peer: what our client sees of it, with each of its compressions.
//!
//! The server is driven by the rig's replay program, which is built from `SPICE_RENDER_CORPUS/rig/ref-replay.c`.

use super::gtk::compile;
use super::{Extent, each, extent, say, scratch};
use crate::corpus::{Case, picture};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A compression of the server, and its arguments.
type Mode = (&'static str, &'static [&'static str]);

const LOSSLESS: [Mode; 7] = [
    ("off", &["--compression", "1"]),
    ("auto_glz", &["--compression", "2"]),
    ("quic", &["--compression", "4"]),
    ("glz", &["--compression", "5"]),
    ("lz", &["--compression", "6"]),
    ("lz4", &["--compression", "7"]),
    ("zlib_glz", &["--compression", "5", "--zlib", "2"]),
];

const LOSSY: Mode = ("jpeg", &["--compression", "2", "--jpeg", "2"]);

fn server() -> Result<PathBuf, String> {
    if extent() == Extent::None {
        return Err("SPICE_RENDER_PEERS=none".into());
    }
    let corpus = std::env::var_os("SPICE_RENDER_CORPUS").ok_or("SPICE_RENDER_CORPUS is not set")?;
    let source = Path::new(&corpus).join("rig/ref-replay.c");
    if !source.exists() {
        return Err(format!("there is no {}", source.display()));
    }
    compile("ref-replay", &source, &["spice-server", "glib-2.0"])
}

/// libspice-server with a recording; ended when dropped.
struct Replay(Child, u16);

impl Replay {
    fn new(program: &Path, case: &Case, mode: &Mode, number: usize) -> Self {
        let plain = scratch().join(format!("{}.rec", case.name));
        if !plain.exists() {
            let packed = std::fs::File::open(&case.recording).expect("the recording can be read");
            // Its own name first: two cases may want it at once.
            let half = scratch().join(format!("{}.{number}.part", case.name));
            let out = std::fs::File::create(&half).expect("the target folder can be written");
            zstd::stream::copy_decode(packed, out).expect("the recording can be unpacked");
            std::fs::rename(&half, &plain).expect("the target folder can be written");
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let ready = scratch().join(format!("ready.{port}"));
        let _ = std::fs::remove_file(&ready);
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--wait", "--linger", "60", "--quiet", "--ready-file"]);
        command.arg(&ready).args(mode.1);
        // Its device events act when they are read, ahead of the drawing: this one must be fed slowly.
        if case.name == "22-primary-change" {
            command.args(["--slow", "3000"]);
        }
        let child = command.arg(&plain).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let replay = Self(child.expect("the program starts"), port);
        for _ in 0..200 {
            if ready.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = std::fs::remove_file(&ready);
        replay
    }

    /// Whether it ended by itself.
    fn is_dead(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn screenshot(port: u16, out: &Path) -> Result<(), String> {
    let _ = std::fs::remove_file(out);
    let taken = Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .args(["screenshot", &format!("spice://127.0.0.1:{port}"), "-o"])
        .arg(out)
        .output()
        .expect("the program starts");
    match taken.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&taken.stderr).trim().to_owned()),
    }
}

/// The cells of a sheet whose pixels depend on how its images were compressed: left, top, right, bottom.
fn sensitive(case: &Case) -> Vec<[u64; 4]> {
    let file = case.recording.to_string_lossy().replace(".rec.zst", ".json");
    let Ok(text) = std::fs::read_to_string(file) else { return Vec::new() };
    let json: serde_json::Value = serde_json::from_str(&text).expect("the sheet's JSON can be read");
    let cells = json["cells"].as_array().into_iter().flatten();
    let marked =
        cells.filter(|c| c["compression_sensitive"] == true || c["params"]["compression_sensitive"] == true);
    marked
        .filter_map(|c| {
            let n = |i: usize| c["rect"][i].as_u64();
            Some([n(0)?, n(1)?, n(0)? + n(2)?, n(1)? + n(3)?])
        })
        .collect()
}

/// How many pixels differ outside of some cells, and the root of the mean square of the differences there.
fn difference(a: &Path, b: &Path, but: &[[u64; 4]]) -> Result<(usize, f64), String> {
    let ((width, height, a), (other_width, other_height, b)) = (picture(a), picture(b));
    if (width, height) != (other_width, other_height) {
        return Err(format!("{width}x{height} pixels instead of {other_width}x{other_height}"));
    }
    let out = |n: usize| {
        let (x, y) = (n as u64 % u64::from(width), n as u64 / u64::from(width));
        !but.iter().any(|[l, t, r, b]| (*l..*r).contains(&x) && (*t..*b).contains(&y))
    };
    let wrong = (0..a.len() / 3).filter(|n| a[n * 3..n * 3 + 3] != b[n * 3..n * 3 + 3] && out(*n)).count();
    let squares = |n: usize| {
        let bytes = a[n * 3..].iter().zip(&b[n * 3..]).take(3);
        bytes.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>()
    };
    let squares: u64 = (0..a.len() / 3).filter(|n| out(*n)).map(squares).sum();
    Ok((wrong, (squares as f64 / a.len() as f64).sqrt()))
}

/// The server's own encoders stop it where chunks of a bitmap end within a row.
fn aborts(case: &Case, mode: &Mode) -> bool {
    case.name == "23-chunks" && !matches!(mode.0, "off")
}

/// A recording through the server in one mode: what is wrong with our picture.
fn run(program: &Path, case: &Case, mode: &Mode, number: usize) -> Result<f64, String> {
    let out = scratch().join(format!("{}.{}.png", case.name, mode.0));
    let mut replay = Replay::new(program, case, mode, number);
    let taken = screenshot(replay.1, &out);
    if aborts(case, mode) {
        let dead = replay.is_dead();
        say(&format!(
            "{} with {}: libspice-server {}",
            case.name,
            mode.0,
            if dead { "aborts" } else { "lives" }
        ));
        return Ok(0.0);
    }
    taken?;
    // What the server sends leaks nothing between our operations: the stateless picture is ours.
    let but = if mode.0 == "off" { Vec::new() } else { sensitive(case) };
    let (wrong, error) = difference(&out, &case.picture, &but)?;
    if mode.0 != LOSSY.0 && wrong > 0 {
        return Err(format!("{wrong} pixels differ"));
    }
    Ok(error)
}

#[test]
fn libspice_server_is_seen_as_it_is() {
    let program = match server() {
        Ok(program) => program,
        Err(why) => return say(&format!("SKIPPED, libspice-server: {why}")),
    };
    each(3, "libspice-server, through screenshot,", |thread, number, case| {
        let one = number % LOSSLESS.len();
        let modes: &[Mode] = if extent() == Extent::All { &LOSSLESS } else { &LOSSLESS[one..=one] };
        for mode in modes {
            run(&program, case, mode, thread).map_err(|e| format!("{}: {e}", mode.0))?;
        }
        if extent() == Extent::Every && number % 4 > 0 {
            return Ok(());
        }
        match run(&program, case, &LOSSY, thread) {
            Ok(error) if error > 20.0 => Err(format!("jpeg: an error of {error:.1} is more than JPEG makes")),
            Ok(_) => Ok(()),
            Err(e) => Err(format!("jpeg: {e}")),
        }
    });
}
