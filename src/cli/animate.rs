//! A recording as a moving picture: APNG or GIF.

use super::frames::Frames;
use super::{At, Outcome, at};
use rayon::prelude::*;
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
        "gif" => Movie::gif(&mut bytes, width, height)?,
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
            movie.frame(Part::new(&shown, before.as_deref(), (width, height), stays))?;
            before = Some(std::mem::replace(&mut shown, next));
            since = frame.time;
            count += 1;
        }
        encode += start.elapsed();
    }
    let start = Instant::now();
    movie.frame(Part::new(&shown, before.as_deref(), (width, height), LAST))?;
    movie.finish()?;
    if end != "gif" {
        set_frame_count(&mut bytes, count);
    }
    fs::write(file, bytes).map_err(|e| at(file, e))?;
    Ok(encode + start.elapsed())
}

/// The rectangle of a frame that is not as in the frame before: all that a file stores of it.
struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    /// R, G, B bytes, rows without padding.
    rgb: Vec<u8>,
    /// Milliseconds that the frame stays.
    stays: u64,
}

impl Part {
    /// Of a picture that follows `before`, both `width` by `height` pixels.
    fn new(rgb: &[u8], before: Option<&[u8]>, (width, height): (u32, u32), stays: u64) -> Self {
        let (left, top, right, bottom) =
            before.map_or((0, 0, width, height), |before| changed(before, rgb, width, height));
        let rows = rgb.chunks_exact(width as usize * 3).take(bottom as usize).skip(top as usize);
        let part: Vec<&[u8]> = rows.map(|row| &row[left as usize * 3..right as usize * 3]).collect();
        Self { left, top, width: right - left, height: bottom - top, rgb: part.concat(), stays }
    }

    /// In at most 256 colours: all of them, or chosen ones where there are more.
    fn gif(&self) -> gif::Frame<'static> {
        // No side is longer than that of the picture, which has been judged.
        let side = |n: u32| n as u16;
        let mut frame = gif::Frame::from_rgb_speed(side(self.width), side(self.height), &self.rgb, QUANTISE);
        (frame.left, frame.top) = (side(self.left), side(self.top));
        frame.dispose = gif::DisposalMethod::Keep;
        frame.delay = u16::try_from(self.stays / 10).unwrap_or(u16::MAX);
        frame.make_lzw_pre_encoded();
        frame
    }
}

/// How coarsely colours are chosen, from 1 to 30.
const QUANTISE: i32 = 10;

/// Parts that wait to be encoded side by side, at most,
const PARTS: usize = 16;
/// or bytes of them.
const PART_BYTES: usize = 32 << 20;

enum Movie<'a> {
    Apng(Box<png::Writer<&'a mut Vec<u8>>>),
    Gif(gif::Encoder<&'a mut Vec<u8>>, Vec<Part>),
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

    fn gif(bytes: &'a mut Vec<u8>, width: u32, height: u32) -> Outcome<Self> {
        let side = |n: u32| u16::try_from(n).map_err(|_| At(format!("a GIF has no side of {n} pixels")));
        let mut encoder = gif::Encoder::new(bytes, side(width)?, side(height)?, &[])?;
        encoder.set_repeat(gif::Repeat::Infinite)?;
        Ok(Self::Gif(encoder, Vec::new()))
    }

    /// Milliseconds that a frame stays are a multiple of this.
    fn unit(&self) -> u64 {
        match self {
            Self::Apng(_) => 1,
            Self::Gif(..) => 10,
        }
    }

    /// Takes the next frame.
    fn frame(&mut self, part: Part) -> Outcome {
        match self {
            Self::Apng(writer) => {
                writer.reset_frame_position()?;
                writer.set_frame_dimension(part.width, part.height)?;
                writer.set_frame_position(part.left, part.top)?;
                writer.set_frame_delay(u16::try_from(part.stays).unwrap_or(u16::MAX), 1000)?;
                writer.write_image_data(&part.rgb)?;
            }
            Self::Gif(encoder, parts) => {
                parts.push(part);
                if parts.len() == PARTS || parts.iter().map(|p| p.rgb.len()).sum::<usize>() >= PART_BYTES {
                    write_parts(encoder, parts)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what is left.
    fn finish(self) -> Outcome {
        match self {
            // Its end is written when it is dropped: `finish` would count the frames, which were not known.
            Self::Apng(_) => Ok(()),
            Self::Gif(mut encoder, mut parts) => write_parts(&mut encoder, &mut parts),
        }
    }
}

/// Writes parts in their order, encoded side by side: choosing colours takes much longer than making a frame.
fn write_parts(encoder: &mut gif::Encoder<&mut Vec<u8>>, parts: &mut Vec<Part>) -> Outcome {
    let frames: Vec<gif::Frame> = parts.par_drain(..).map(|part| part.gif()).collect();
    Ok(frames.iter().try_for_each(|frame| encoder.write_lzw_pre_encoded_frame(frame))?)
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
