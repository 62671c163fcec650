//! A recording's file, out of which bitmaps are read when somebody draws with them.

use crate::qxl::Storage;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, OnceLock};

/// An uncompressed recording's file. Its cursor is that of whoever reads the recording through; bitmaps are read
/// without it.
#[derive(Debug)]
pub(super) struct RecordingFile {
    pub(super) file: Arc<File>,
    /// Its length when it was opened: only what is before that can be passed over unseen.
    pub(super) len: u64,
    /// Why a bitmap could not be read, and where.
    failed: OnceLock<(u64, io::Error)>,
}

impl RecordingFile {
    /// `None` if there is no reading at any place (pipes, devices, systems other than Unix).
    pub(super) fn new(file: &Arc<File>) -> Option<Self> {
        let meta = file.metadata().ok().filter(|meta| meta.is_file() && cfg!(unix))?;
        Some(Self { file: file.clone(), len: meta.len(), failed: OnceLock::new() })
    }

    /// Moves the cursor.
    pub(super) fn seek(&self, offset: u64) -> io::Result<()> {
        (&*self.file).seek(SeekFrom::Start(offset)).map(|_| ())
    }

    /// Why a bitmap could not be read, and where.
    pub(super) fn failed(&self) -> Option<(u64, io::Error)> {
        let (offset, error) = self.failed.get()?;
        Some((*offset, io::Error::new(error.kind(), error.to_string())))
    }
}

impl Storage for RecordingFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_exact_at(&self.file, out, offset).inspect_err(|error| {
            let _ = self.failed.set((offset, io::Error::new(error.kind(), error.to_string())));
        })
    }
}

/// A recording's file that tells how far its cursor has come: by reading, and by whoever else moves it.
pub(super) struct Watched<F> {
    pub(super) file: Arc<File>,
    pub(super) moved: F,
}

impl<F: FnMut(u64)> Read for Watched<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = (&*self.file).read(out)?;
        // Pipes have no place.
        if let Ok(place) = (&*self.file).stream_position() {
            (self.moved)(place);
        }
        Ok(read)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(not(unix))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests;
