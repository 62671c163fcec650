//! What a recording is compressed with.

use super::limits::Limits;
#[cfg(feature = "capture-compression")]
use std::io::BufReader;
use std::io::{self, Cursor, Read};

/// How the bytes of a recording are packed, told by the file's first bytes and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// Not at all.
    Plain,
    /// Zstandard (`.zst`), also several frames one after the other.
    Zstd,
    /// gzip (`.gz`), also several members.
    Gzip,
    /// xz (`.xz`), also several streams.
    Xz,
    /// LZ4 frames (`.lz4`), also several.
    Lz4,
}

impl Container {
    /// Its usual name, as in `zstd`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
        }
    }

    /// The container that begins with these bytes; six are enough.
    pub fn sniff(head: &[u8]) -> Self {
        match head {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame, as pzstd puts before its data.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            _ => Self::Plain,
        }
    }
}

/// Sniffs the container and gives its decompressed bytes.
pub(super) fn open<'a>(
    mut inner: impl Read + Send + 'a,
    limits: &Limits,
) -> io::Result<(Container, Box<dyn Read + Send + 'a>)> {
    let mut head = Vec::new();
    inner.by_ref().take(6).read_to_end(&mut head)?;
    let container = Container::sniff(&head);
    let whole = Cursor::new(head).chain(inner);
    Ok((container, unpack(container, whole, limits)?))
}

#[cfg(not(feature = "capture-compression"))]
fn unpack<'a>(
    container: Container,
    whole: impl Read + Send + 'a,
    _: &Limits,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    match container {
        Container::Plain => Ok(Box::new(whole)),
        packed => {
            let why = format!("it is compressed with {}, which this build does not have", packed.name());
            Err(io::Error::new(io::ErrorKind::Unsupported, why))
        }
    }
}

#[cfg(feature = "capture-compression")]
fn unpack<'a>(
    container: Container,
    whole: impl Read + Send + 'a,
    limits: &Limits,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let window = limits.max_window_bytes;
    Ok(match container {
        Container::Plain => Box::new(whole),
        Container::Zstd => {
            let mut decoder = zstd::Decoder::new(whole)?;
            decoder.window_log_max(window.max(1 << 10).ilog2().min(31))?;
            Box::new(decoder)
        }
        Container::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        Container::Xz => {
            // The decoder's own tables come on top of the window.
            let kib = u32::try_from(window.saturating_add(1 << 20) >> 10).unwrap_or(u32::MAX);
            Box::new(lzma_rust2::XzReader::new_mem_limit(BufReader::new(whole), true, kib))
        }
        Container::Lz4 => Box::new(Lz4Frames::new(BufReader::with_capacity(64 << 10, whole))),
    })
}

#[cfg(feature = "capture-compression")]
/// Several LZ4 frames read as one stream, where the decoder itself stops after each; and a frame that breaks off
/// between two blocks told from one that ends, where the decoder takes both for an end.
struct Lz4Frames<R: Read>(lz4_flex::frame::FrameDecoder<Watch<R>>);

#[cfg(feature = "capture-compression")]
impl<R: Read> Lz4Frames<R> {
    fn new(inner: R) -> Self {
        let watch = Watch { inner, header: false, ended: false, cut: false };
        Self(lz4_flex::frame::FrameDecoder::new(watch))
    }
}

#[cfg(feature = "capture-compression")]
impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            let len = self.0.read(out)?;
            if len > 0 {
                return Ok(len);
            }
            if self.0.get_ref().cut {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.0.get_ref().ended {
                break;
            }
        }
        Ok(0)
    }
}

#[cfg(feature = "capture-compression")]
/// What the LZ4 decoder asks for tells where it is: it tries (`read`) whether another frame's header follows, and
/// insists (`read_exact`) on everything after that. So an end is an end only where it tries first.
struct Watch<R> {
    inner: R,
    /// Bytes of a header were read.
    header: bool,
    /// There is no other frame.
    ended: bool,
    /// There should be more.
    cut: bool,
}

#[cfg(feature = "capture-compression")]
impl<R: Read> Read for Watch<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(out)?;
        self.ended = len == 0;
        self.cut |= self.ended && self.header;
        self.header = true;
        Ok(len)
    }

    fn read_exact(&mut self, out: &mut [u8]) -> io::Result<()> {
        self.header = false;
        let result = self.inner.read_exact(out);
        self.cut |= result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
        result
    }
}
