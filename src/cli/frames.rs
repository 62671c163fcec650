//! Frames of a recording in the order of time: where they fall, and the folder that they go to.

use super::overlay::Overlay;
use super::picture::Picture;
use super::{At, Outcome, at};
use spice_render::capture::{Error, Record};
use spice_render::draw::SurfaceInfo;
use spice_render::qxl::{Command, Event};
use spice_render::replay::Replay;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The surface that it showed, and how many pixels had been drawn by then: without more the next shows the same.
    /// `None` if something else changed.
    seen: Option<(SurfaceInfo, u64)>,
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
        Self {
            replay,
            pace,
            last,
            cursor,
            overlay,
            waiting: None,
            start: None,
            shown: None,
            seen: None,
            made: 0,
            ended: false,
        }
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
            if self.cursor && matches!(record.event, Event::Command(Command::Cursor(_))) {
                self.seen = None;
            }
            self.replay.apply(&record);
        }
    }

    fn picture(&mut self) -> Result<Option<Arc<Picture>>, Error> {
        if self.replay.surface(0)?.is_none() {
            return Ok(None);
        }
        let drawn = self.replay.stats().total().drawn.pixels;
        let seen = self.replay.info(0).map(|info| (info, drawn));
        // Outlines show what was drawn since the frame before, and are gone in the next.
        if self.seen == seen && self.overlay.is_none() {
            return Ok(self.shown.clone());
        }
        self.seen = seen;
        // Drawn already: this only looks at it.
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

    /// Calls `take` with each picture and the numbers of the frames that show it, until there is an error.
    fn each(&mut self, mut take: impl FnMut(Shown) -> Outcome) -> Outcome {
        let mut shown: Option<Shown> = None;
        for number in 0.. {
            let next = self.next();
            match (&mut shown, &next) {
                (Some((picture, numbers)), Ok(Some(frame))) if Arc::ptr_eq(picture, &frame.picture) => {
                    numbers.end = number + 1;
                    continue;
                }
                _ => shown.take().map_or(Ok(()), &mut take)?,
            }
            let Some(frame) = next? else { break };
            shown = Some((frame.picture, number..number + 1));
        }
        Ok(())
    }
}

/// A picture and the numbers of the frames that show it.
type Shown = (Arc<Picture>, Range<usize>);

/// Threads that help to encode, at most: a picture is with each, and another may wait for it.
const HELPERS: usize = 7;

/// Writes every frame to `folder/000000.png` and on; gives the time that encoding took, on all threads together.
/// Up to `helpers` threads encode what is made; with more than they can take, the caller encodes too.
pub(crate) fn write<R: Read>(frames: &mut Frames<R>, folder: &Path, helpers: usize) -> Outcome<Duration> {
    std::fs::create_dir_all(folder).map_err(|e| at(folder, e))?;
    let helpers = helpers.min(HELPERS);
    let (sender, waiting) = sync_channel(helpers);
    let waiting = Arc::new(Mutex::new(waiting));
    std::thread::scope(|scope| {
        let spawn = |_| {
            let waiting = waiting.clone();
            scope.spawn(move || help(&waiting, folder))
        };
        let threads: Vec<_> = (0..helpers).map(spawn).collect();
        drop(waiting);
        let mut encode = Duration::ZERO;
        let made = frames.each(|shown| {
            if let Err(TrySendError::Full(shown) | TrySendError::Disconnected(shown)) = sender.try_send(shown)
            {
                encode += save(&shown, folder)?;
            }
            Ok(())
        });
        drop(sender);
        for thread in threads {
            encode += thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e))?;
        }
        made?;
        Ok(encode)
    })
}

/// Writes pictures as they come until there are no more; gives the time that it took.
fn help(waiting: &Mutex<Receiver<Shown>>, folder: &Path) -> Result<Duration, At> {
    let mut took = Duration::ZERO;
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(shown) = next else { return Ok(took) };
        took += save(&shown, folder)?;
    }
}

/// Writes a picture to all its files, encoded once; gives the time that it took.
fn save((picture, numbers): &Shown, folder: &Path) -> Result<Duration, At> {
    let start = Instant::now();
    let path = |number: usize| folder.join(format!("{number:06}.png"));
    let png = picture.png().map_err(|e| at(&path(numbers.start), e))?;
    numbers.clone().map(path).try_for_each(|p| std::fs::write(&p, &png).map_err(|e| at(&p, e)))?;
    Ok(start.elapsed())
}
