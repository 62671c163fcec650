//! `spice-render serve` as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of ours; ended by Ctrl-C when dropped.
pub(crate) struct Serving {
    child: Child,
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
}

/// What a server said on standard error, and how it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Serving {
    /// Serves a recording; `more` are further arguments.
    pub(crate) fn new(recording: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spice-render"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(more)
            .arg(recording)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = Vec::new();
        let stderr = child.stderr.as_mut().expect("a pipe");
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            match stderr.read(&mut byte) {
                Ok(1) => line.extend(byte),
                _ => break,
            }
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let port = line.trim().rsplit(':').next().and_then(|p| p.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("spice-render serve said {line:?}")) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The most memory that it had, in KiB; `None` where the system does not say.
    pub(crate) fn peak_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Presses Ctrl-C and waits for the end, at most ten seconds.
    pub(crate) fn interrupt(mut self) -> Ended {
        signal("INT", self.child.id());
        let begin = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status.code();
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "Ctrl-C did not end the server");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut said = String::new();
        let stderr = self.child.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr);
        while lines.read_line(&mut said).is_ok_and(|n| n > 0) {}
        Ended { code, said }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal (INT, STOP, CONT, TERM) to a process that a test started.
pub(crate) fn signal(name: &str, process: u32) {
    let _ = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
}
