//! Pictures as files.

use spice_raster::SurfaceRef;
use spice_render::draw::{self, to_rgb, to_straight_rgba};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// A picture on its way to a PNG file.
#[derive(PartialEq)]
pub(crate) struct Picture {
    width: u32,
    height: u32,
    color: image::ExtendedColorType,
    bytes: Vec<u8>,
}

impl Picture {
    /// A surface as a screen shows it (`opaque`), or with its alpha if it has one.
    pub(crate) fn new(surface: SurfaceRef<'_>, opaque: bool) -> Self {
        let (width, height) = (surface.width(), surface.height());
        let has_alpha = surface.format() == spice_raster::SurfaceFormat::A8R8G8B8 && !opaque;
        let (color, bytes) = match has_alpha.then(|| to_straight_rgba(surface)).flatten() {
            Some(rgba) => (image::ExtendedColorType::Rgba8, rgba),
            None => (image::ExtendedColorType::Rgb8, to_rgb(surface)),
        };
        Self { width, height, color, bytes }
    }

    /// Draws the mouse pointer on an opaque picture.
    pub(crate) fn draw_cursor(&mut self, cursor: &draw::Cursor) {
        if self.color == image::ExtendedColorType::Rgb8 {
            cursor.draw(&mut self.bytes, self.width, self.height);
        }
    }

    /// Columns.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// R, G, B bytes of the part that lies in `width` by `height` pixels, black where there is none. For opaque
    /// pictures.
    pub(crate) fn rgb(&self, width: u32, height: u32) -> Vec<u8> {
        let (row, wanted) = (self.width as usize * 3, width as usize * 3);
        let mut out = vec![0; wanted * height as usize];
        let shared = row.min(wanted);
        for (to, from) in out.chunks_exact_mut(wanted.max(1)).zip(self.bytes.chunks_exact(row.max(1))) {
            to[..shared].copy_from_slice(&from[..shared]);
        }
        out
    }

    /// Puts a layer of the same size over an opaque picture.
    pub(crate) fn over(&mut self, layer: &tiny_skia::Pixmap) {
        if self.color != image::ExtendedColorType::Rgb8 {
            return;
        }
        for (pixel, over) in self.bytes.chunks_exact_mut(3).zip(layer.pixels()) {
            let rest = 255 - u32::from(over.alpha());
            for (c, o) in pixel.iter_mut().zip([over.red(), over.green(), over.blue()]) {
                *c = o.saturating_add(((u32::from(*c) * rest + 127) / 255) as u8);
            }
        }
    }

    /// The bytes of a PNG file.
    pub(crate) fn png(&self) -> Result<Vec<u8>, image::ImageError> {
        let (mut png, format) = (Cursor::new(Vec::new()), image::ImageFormat::Png);
        image::write_buffer_with_format(&mut png, &self.bytes, self.width, self.height, self.color, format)?;
        Ok(png.into_inner())
    }

    /// Writes it as PNG.
    pub(crate) fn save(&self, path: &Path) -> Result<(), image::ImageError> {
        Ok(std::fs::write(path, self.png()?)?)
    }
}

/// A capture's name without folder and endings: `xterm` for `captures/xterm.rec.zst`, `capture` for `-`.
pub(crate) fn name_of(capture: &Path) -> PathBuf {
    let file = capture.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut name = file.as_str();
    for end in [".zst", ".gz", ".xz", ".lz4", ".rec"] {
        name = name.strip_suffix(end).unwrap_or(name);
    }
    if name == "-" || name.is_empty() { "capture".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::name_of;
    use std::path::Path;

    #[test]
    fn names_lose_folder_and_endings() {
        for (capture, name) in [
            ("a/xterm.rec.zst", "xterm"),
            ("b.rec", "b"),
            ("c.d.rec.gz", "c.d"),
            ("-", "capture"),
            (".rec", "capture"),
        ] {
            assert_eq!(name_of(Path::new(capture)), Path::new(name));
        }
    }
}
