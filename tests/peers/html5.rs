//! spice-html5 in headless Chromium as a peer.

use super::{Extent, each, extent, is_installed, say, scratch};
use crate::corpus::picture;
use crate::serving::{Serving, signal};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A browser with one page, driven by html5.py.
pub(crate) struct Page {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Page {
    /// Starts a browser; `None` after saying why there is none.
    pub(crate) fn open() -> Option<Self> {
        let missing = match extent() {
            Extent::None => Some("SPICE_RENDER_PEERS=none"),
            _ if !is_installed("chromium") => Some("chromium is not installed"),
            _ if !is_installed("python3") => Some("python3 is not installed"),
            _ if !Path::new("/usr/share/spice-html5/spice_auto.html").exists() => {
                Some("spice-html5 is not installed")
            }
            _ => None,
        };
        if let Some(why) = missing {
            say(&format!("SKIPPED, spice-html5: {why}"));
            return None;
        }
        let mut child = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/html5.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Self { child, input, output })
    }

    /// Shows a server's picture until it is the wanted one.
    pub(crate) fn show(
        &mut self,
        port: u16,
        seconds: u32,
        wanted: &Path,
        shown: &Path,
    ) -> Result<(), String> {
        let line = format!("{port} {seconds} {:08x} {}\n", sum(wanted), shown.display());
        let input = self.input.as_mut().ok_or("the page is closed")?;
        input.write_all(line.as_bytes()).map_err(|e| format!("html5.py: {e}"))?;
        let mut answer = String::new();
        self.output.read_line(&mut answer).map_err(|e| format!("html5.py: {e}"))?;
        match answer.trim() {
            "right" => Ok(()),
            "" => Err("html5.py ended".into()),
            other => Err(other.to_owned()),
        }
    }
}

impl Drop for Page {
    /// The driver ends its browser when its input ends.
    fn drop(&mut self) {
        self.input = None;
        if std::thread::panicking() {
            signal("TERM", self.child.id());
        }
        let _ = self.child.wait();
    }
}

/// A picture's sum, as html5.py says.
fn sum(file: &Path) -> u32 {
    let (width, height, rgb) = picture(file);
    let pixels = rgb.chunks_exact(3).map(|p| u32::from_le_bytes([p[0], p[1], p[2], 0]));
    [width, height].into_iter().chain(pixels).fold(0x811c_9dc5, |sum, v| (sum ^ v).wrapping_mul(0x0100_0193))
}

#[test]
fn spice_html5_shows_every_picture() {
    let Some(page) = Page::open() else { return };
    let page = std::sync::Mutex::new(page);
    each(1, "spice-html5", |_, _, case| {
        let serving = Serving::new(&case.recording, &["--speed", "max"]);
        let shown = scratch().join(format!("{}.html5.png", case.name));
        let mut page = page.lock().map_err(|_| "another case panicked")?;
        page.show(serving.port, 60, &case.picture, &shown)
    });
}
