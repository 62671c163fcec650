//! Frames of a recording in the order of time: where they fall, and the folder that they go to.

use super::overlay::Overlay;
use super::picture::Picture;
use super::{At, Outcome, at};
use rayon::prelude::*;
use spice_render::capture::{Error, Record};
use spice_render::replay::Replay;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where frames fall.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many a recorded second.
    PerSecond(f64),
    /// One after so many events.
    Every(u64),
}

/// A frame of a recording.
pub(crate) struct Frame {
    /// Nanoseconds from the recording's first event.
    pub(crate) time: u64,
    /// The picture; the very same as the frame's before if it shows the same.
    pub(crate) picture: Arc<Picture>,
}

/// Cuts a recording into frames.
pub(crate) struct Frames<R> {
    pub(crate) replay: Replay<R>,
    pace: Pace,
    last: Option<u64>,
    cursor: bool,
    overlay: Option<Overlay>,
    /// Read, but later than the frame before it.
    waiting: Option<Record>,
    start: Option<u64>,
    /// What the last frame showed.
    shown: Option<Arc<Picture>>,
    made: u64,
    ended: bool,
}

impl<R: Read> Frames<R> {
    pub(crate) fn new(
        mut replay: Replay<R>,
        pace: Pace,
        last: Option<u64>,
        cursor: bool,
        overlay: Option<Overlay>,
    ) -> Self {
        if overlay.is_some() {
            replay.take_drawn();
        }
        let (waiting, start, shown) = (None, None, None);
        Self { replay, pace, last, cursor, overlay, waiting, start, shown, made: 0, ended: false }
    }

    /// The next frame; times without a screen have none. The last one shows the end of the recording.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Error> {
        while !self.ended {
            let time = self.advance()?;
            if let Some(picture) = self.picture()? {
                return Ok(Some(Frame { time, picture }));
            }
        }
        Ok(None)
    }

    /// The next frame before which something was drawn, or the last one.
    pub(crate) fn next_changed(&mut self) -> Result<Option<Frame>, Error> {
        while !self.ended {
            let time = self.advance()?;
            if self.replay.drew()
                && let Some(picture) = self.picture()?
            {
                return Ok(Some(Frame { time, picture }));
            }
        }
        Ok(None)
    }

    /// Goes on to the next frame and tells its time.
    fn advance(&mut self) -> Result<u64, Error> {
        self.made += 1;
        let mut events = 0;
        let mut now = 0;
        loop {
            let record = match self.waiting.take() {
                Some(record) => Some(record),
                None => self.replay.read()?.filter(|r| self.last.is_none_or(|last| r.number <= last)),
            };
            let Some(record) = record else {
                self.ended = true;
                return Ok(now);
            };
            let time = record.time_ns.saturating_sub(*self.start.get_or_insert(record.time_ns));
            match self.pace {
                Pace::PerSecond(fps) => {
                    let until = (self.made as f64 * 1e9 / fps) as u64;
                    if time >= until {
                        self.waiting = Some(record);
                        return Ok(until);
                    }
                }
                Pace::Every(count) if events == count => {
                    self.waiting = Some(record);
                    return Ok(now);
                }
                Pace::Every(_) => events += 1,
            }
            now = time;
            self.replay.apply(&record);
        }
    }

    fn picture(&mut self) -> Result<Option<Arc<Picture>>, Error> {
        let Some(surface) = self.replay.surface(0)? else { return Ok(None) };
        let mut picture = Picture::new(surface.view(), true);
        if self.cursor {
            picture.draw_cursor(self.replay.cursor());
        }
        if let Some(overlay) = self.overlay {
            overlay.draw(&mut picture, &self.replay.take_drawn());
        }
        if self.shown.as_deref() != Some(&picture) {
            self.shown = Some(Arc::new(picture));
        }
        Ok(self.shown.clone())
    }

    /// The next frames, numbered from `first` on: as many pictures as there are threads to encode them, each with the
    /// numbers of the frames that show it.
    fn pictures(&mut self, first: usize) -> Result<Vec<Shown>, Error> {
        let most = rayon::current_num_threads().clamp(2, PICTURES);
        let mut pictures: Vec<Shown> = Vec::new();
        for number in first.. {
            if pictures.len() == most {
                break;
            }
            let Some(frame) = self.next()? else { break };
            match pictures.last_mut() {
                Some((picture, numbers)) if Arc::ptr_eq(picture, &frame.picture) => numbers.end = number + 1,
                _ => pictures.push((frame.picture, number..number + 1)),
            }
        }
        Ok(pictures)
    }
}

/// A picture and the numbers of the frames that show it.
type Shown = (Arc<Picture>, Range<usize>);

/// Pictures that are at most taken at a time; as many again may be waiting to be written.
const PICTURES: usize = 8;

/// Writes every frame to `folder/000000.png` and on; gives the time that encoding took. While some are encoded, side by
/// side, the next ones are made.
pub(crate) fn write<R: Read>(frames: &mut Frames<R>, folder: &Path) -> Outcome<Duration> {
    std::fs::create_dir_all(folder).map_err(|e| at(folder, e))?;
    let mut encode = Duration::ZERO;
    let mut pictures = frames.pictures(0)?;
    while let Some((_, last)) = pictures.last() {
        let first = last.end;
        let mut saved = Ok(Duration::ZERO);
        let next = rayon::in_place_scope(|scope| {
            scope.spawn(|_| saved = save(&pictures, folder));
            frames.pictures(first)
        });
        encode += saved?;
        pictures = next?;
    }
    Ok(encode)
}

/// Writes frames, each picture encoded once; gives the time that it took.
fn save(pictures: &[Shown], folder: &Path) -> Result<Duration, At> {
    let start = Instant::now();
    let path = |number: usize| folder.join(format!("{number:06}.png"));
    pictures.par_iter().try_for_each(|(picture, numbers)| {
        let png = picture.png().map_err(|e| at(&path(numbers.start), e))?;
        numbers.clone().map(path).try_for_each(|p| std::fs::write(&p, &png).map_err(|e| at(&p, e)))
    })?;
    Ok(start.elapsed())
}
