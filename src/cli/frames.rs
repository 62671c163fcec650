//! Frames of a recording in the order of time: where they fall, and the folder that they go to.

use super::overlay::Overlay;
use super::picture::Picture;
use super::{At, Outcome, at};
use rayon::prelude::*;
use spice_render::capture::{Error, Record};
use spice_render::replay::Replay;
use std::io::Read;
use std::path::Path;
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
    /// The picture.
    pub(crate) picture: Picture,
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
        Self { replay, pace, last, cursor, overlay, waiting: None, start: None, made: 0, ended: false }
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

    fn picture(&mut self) -> Result<Option<Picture>, Error> {
        let Some(surface) = self.replay.surface(0)? else { return Ok(None) };
        let mut picture = Picture::new(surface.view(), true);
        if self.cursor {
            picture.draw_cursor(self.replay.cursor());
        }
        if let Some(overlay) = self.overlay {
            overlay.draw(&mut picture, &self.replay.take_drawn());
        }
        Ok(Some(picture))
    }
}

/// Pictures that are encoded side by side.
const BATCH: usize = 8;

/// Writes every frame to `folder/000000.png` and on; gives the time that encoding took.
pub(crate) fn write<R: Read>(frames: &mut Frames<R>, folder: &Path) -> Outcome<Duration> {
    std::fs::create_dir_all(folder).map_err(|e| at(folder, e))?;
    let mut encode = Duration::ZERO;
    let mut number = 0;
    loop {
        let mut batch: Vec<(u64, Frame)> = Vec::new();
        while batch.len() < BATCH {
            let Some(frame) = frames.next()? else { break };
            batch.push((number, frame));
            number += 1;
        }
        let start = Instant::now();
        let saved: Result<(), At> = batch.par_iter().try_for_each(|(number, frame)| {
            let path = folder.join(format!("{number:06}.png"));
            frame.picture.save(&path).map_err(|e| at(&path, e))
        });
        saved?;
        encode += start.elapsed();
        if batch.len() < BATCH {
            return Ok(encode);
        }
    }
}
