//! A progress bar over several captures, by bytes read; only where a person looks at a terminal.

use super::{At, Outcome, at};
use indicatif::{ProgressBar, ProgressStyle};
use spice_render::capture::{Limits, Reader};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// How far reading has come.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// For these captures; hidden when standard error is no terminal.
    pub(crate) fn new(captures: &[PathBuf]) -> Self {
        if !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
        let bar = ProgressBar::new(captures.iter().map(length).sum());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// For so many steps of work.
    pub(crate) fn steps(count: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Opens a capture (`-` is standard input) so that what is read of it counts.
    pub(crate) fn open(&self, path: &Path) -> Outcome<Reader<Box<dyn Read + Send>>> {
        let limits = Limits::default();
        if path.as_os_str() == "-" {
            return Ok(Reader::sniffed(io::stdin(), limits)?);
        }
        let file = File::open(path).map_err(|e| At(e.to_string()))?;
        if file.metadata().map_err(|e| at(path, e))?.is_dir() {
            return Err(At("is a folder".into()).into());
        }
        Ok(match self.bar.is_hidden() {
            true => Reader::from_file(file, limits)?,
            false => {
                let (bar, mut last) = (self.bar.clone(), 0);
                let moved = move |place: u64| {
                    bar.inc(place.saturating_sub(last));
                    last = place;
                };
                Reader::from_file_watched(file, limits, moved)?
            }
        })
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
