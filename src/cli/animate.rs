//! A recording as a moving picture: APNG or GIF.

use super::frames::Frames;
use super::{At, Outcome, at};
use image::codecs::gif::{GifEncoder, Repeat};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Milliseconds that the last frame stays.
const LAST: u64 = 2000;

/// Writes all frames, `speed` times as fast as they were recorded, to an `.apng`, `.png` or `.gif` file; gives the
/// time that encoding took. The first frame decides about the size.
pub(crate) fn write<R: Read>(frames: &mut Frames<R>, file: &Path, speed: f64) -> Outcome<Duration> {
    let Some(first) = frames.next()? else { return Err(At("there is no screen at any time".into()).into()) };
    let (width, height) = (first.picture.width(), first.picture.height());
    let end = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let start = Instant::now();
    let mut bytes = Vec::new();
    let mut movie = match end.as_str() {
        "gif" => Movie::gif(&mut bytes)?,
        "apng" | "png" => Movie::apng(&mut bytes, width, height)?,
        _ => return Err(at(file, "the name of a moving picture ends in .apng or .gif").into()),
    };
    let mut encode = start.elapsed();
    // A frame is written when it is known how long it stays.
    let (mut picture, mut since) = (first.picture, first.time);
    let mut shown = picture.rgb(width, height);
    let begin = since;
    let mut before: Option<Vec<u8>> = None;
    let mut count = 1;
    while let Some(frame) = frames.next()? {
        if Arc::ptr_eq(&frame.picture, &picture) {
            continue;
        }
        let start = Instant::now();
        let next = frame.picture.rgb(width, height);
        picture = frame.picture;
        if next != shown {
            // Whole units of the file, counted from the beginning: what is rounded off is not lost.
            let unit = movie.unit();
            let clock =
                |time: u64| (time.saturating_sub(begin) as f64 / 1e6 / speed / unit as f64).round() as u64;
            let stays = (clock(frame.time) - clock(since).min(clock(frame.time))) * unit;
            movie.frame(&shown, before.as_deref(), (width, height), stays)?;
            before = Some(std::mem::replace(&mut shown, next));
            since = frame.time;
            count += 1;
        }
        encode += start.elapsed();
    }
    let start = Instant::now();
    movie.frame(&shown, before.as_deref(), (width, height), LAST)?;
    drop(movie);
    if end != "gif" {
        set_frame_count(&mut bytes, count);
    }
    fs::write(file, bytes).map_err(|e| at(file, e))?;
    Ok(encode + start.elapsed())
}

enum Movie<'a> {
    Apng(Box<png::Writer<&'a mut Vec<u8>>>),
    Gif(Box<GifEncoder<&'a mut Vec<u8>>>),
}

impl<'a> Movie<'a> {
    fn apng(bytes: &'a mut Vec<u8>, width: u32, height: u32) -> Outcome<Self> {
        let mut encoder = png::Encoder::new(bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        // How many there are is known at the end.
        encoder.set_animated(u32::MAX, 0)?;
        Ok(Self::Apng(Box::new(encoder.write_header()?)))
    }

    fn gif(bytes: &'a mut Vec<u8>) -> Outcome<Self> {
        let mut encoder = GifEncoder::new_with_speed(bytes, 10);
        encoder.set_repeat(Repeat::Infinite)?;
        Ok(Self::Gif(Box::new(encoder)))
    }

    /// Milliseconds that a frame stays are a multiple of this.
    fn unit(&self) -> u64 {
        match self {
            Self::Apng(_) => 1,
            Self::Gif(_) => 10,
        }
    }

    /// Writes a picture that stays for so many milliseconds.
    fn frame(
        &mut self,
        rgb: &[u8],
        before: Option<&[u8]>,
        (width, height): (u32, u32),
        stays: u64,
    ) -> Outcome {
        match self {
            Self::Apng(writer) => {
                let stays = u16::try_from(stays).unwrap_or(u16::MAX);
                // Only the rectangle that changed is stored.
                let (left, top, right, bottom) =
                    before.map_or((0, 0, width, height), |before| changed(before, rgb, width, height));
                writer.reset_frame_position()?;
                writer.set_frame_dimension(right - left, bottom - top)?;
                writer.set_frame_position(left, top)?;
                writer.set_frame_delay(stays, 1000)?;
                let row = width as usize * 3;
                let (from, to) = (left as usize * 3, right as usize * 3);
                let part: Vec<u8> = rgb
                    .chunks_exact(row)
                    .take(bottom as usize)
                    .skip(top as usize)
                    .flat_map(|row| &row[from..to])
                    .copied()
                    .collect();
                writer.write_image_data(&part)?;
            }
            Self::Gif(encoder) => {
                let rgba: Vec<u8> = rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
                let picture = image::RgbaImage::from_raw(width, height, rgba)
                    .ok_or_else(|| At("a frame has another size than the first".into()))?;
                let delay = image::Delay::from_saturating_duration(Duration::from_millis(stays));
                encoder.encode_frame(image::Frame::from_parts(picture, 0, 0, delay))?;
            }
        }
        Ok(())
    }
}

/// The smallest rectangle (left, top, right, bottom) around all pixels that differ; one pixel if none does.
fn changed(a: &[u8], b: &[u8], width: u32, height: u32) -> (u32, u32, u32, u32) {
    let row = width as usize * 3;
    let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
    for (y, (a, b)) in a.chunks_exact(row).zip(b.chunks_exact(row)).enumerate() {
        let Some(first) = a.iter().zip(b).position(|(a, b)| a != b) else { continue };
        let last = a.iter().zip(b).rposition(|(a, b)| a != b).unwrap_or(first);
        left = left.min(first as u32 / 3);
        right = right.max(last as u32 / 3 + 1);
        top = top.min(y as u32);
        bottom = y as u32 + 1;
    }
    if right == 0 { (0, 0, 1, 1) } else { (left, top, right, bottom) }
}

/// Puts the number of frames into the animation control chunk.
fn set_frame_count(bytes: &mut [u8], count: u32) {
    let Some(at) = bytes.windows(4).position(|w| w == b"acTL") else { return };
    let Some(chunk) = bytes.get_mut(at..at + 16) else { return };
    chunk[4..8].copy_from_slice(&count.to_be_bytes());
    let crc = !chunk[..12].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 != 0 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    });
    chunk[12..].copy_from_slice(&crc.to_be_bytes());
}
