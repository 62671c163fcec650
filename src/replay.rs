//! A recording replayed to pixels: what the offline renderer does.

use crate::capture::{Error, Reader, Record, Truncation};
use crate::draw::{Cursor, Effect, Limits, SurfaceInfo};
use crate::graph::{Execution, Graph, GraphLimits, Stats};
use crate::qxl::{Command, Event, OpKind, SurfaceId};
use spice_raster::{Raster, Region, Surface};
use std::collections::BTreeSet;
use std::io::Read;
use std::time::{Duration, Instant};

/// Reads a recording and draws what it says.
///
/// Commands that the reference drops are counted and otherwise ignored: a guest that draws nonsense is no fault of
/// the recording.
#[derive(Debug)]
pub struct Replay<R> {
    reader: Reader<R>,
    graph: Graph,
    timing: bool,
    read_time: Duration,
    drawn: Option<Vec<(OpKind, Region)>>,
    cursor: Cursor,
    refused: u64,
    last_event: Option<u64>,
}

impl<R: Read> Replay<R> {
    /// Starts with nothing drawn, to be drawn as [`Execution::once`] does.
    pub fn new(reader: Reader<R>, raster: Raster, limits: Limits) -> Self {
        Self::with_execution(reader, raster, limits, Execution::once())
    }

    /// Starts with nothing drawn; time is measured if `execution` says so.
    pub fn with_execution(
        mut reader: Reader<R>,
        raster: Raster,
        limits: Limits,
        execution: Execution,
    ) -> Self {
        reader.discard_unused();
        Self {
            reader,
            graph: Graph::new(raster, limits, GraphLimits::default(), execution),
            timing: execution.timing,
            read_time: Duration::ZERO,
            drawn: None,
            cursor: Cursor::default(),
            refused: 0,
            last_event: None,
        }
    }

    /// Reads the next event without doing anything with it; `None` at the end of the recording.
    ///
    /// # Errors
    /// Those of [`Reader::next_record`], and [`Reader::unread`].
    pub fn read(&mut self) -> Result<Option<Record>, Error> {
        if let Some(error) = self.reader.unread() {
            return Err(error);
        }
        let start = self.timing.then(Instant::now);
        let record = self.reader.next_record();
        self.read_time += start.map(|s| s.elapsed()).unwrap_or_default();
        record
    }

    /// Takes an event in; it is drawn when it is seen.
    pub fn apply(&mut self, record: &Record) {
        if let Event::Command(Command::Cursor(command)) = &record.event {
            self.cursor.command(command);
        }
        let done = match &mut self.drawn {
            None => self.graph.event(&record.event),
            Some(drawn) => self.graph.resolve(&record.event).and_then(|effect| {
                if let Effect::Draw(task) = &effect
                    && task.drawable.surface_id == 0
                {
                    drawn.push((task.drawable.op.kind(), task.clip.clone()));
                }
                self.graph.apply(effect)
            }),
        };
        if done.is_err() {
            self.refused += 1;
        }
        self.last_event = Some(record.number);
    }

    /// Takes the next event in, and returns it; `None` at the end of the recording.
    ///
    /// # Errors
    /// Those of [`Replay::read`].
    pub fn step(&mut self) -> Result<Option<Record>, Error> {
        let Some(record) = self.read()? else { return Ok(None) };
        self.apply(&record);
        Ok(Some(record))
    }

    /// Starts to remember what is drawn on the screen (surface 0), and gives what was remembered: the operations
    /// and where they draw, in their order.
    pub fn take_drawn(&mut self) -> Vec<(OpKind, Region)> {
        self.drawn.replace(Vec::new()).unwrap_or_default()
    }

    /// Whether there is anything for [`Replay::take_drawn`] to give.
    pub fn drew(&self) -> bool {
        self.drawn.as_ref().is_some_and(|drawn| !drawn.is_empty())
    }

    /// What was asked for and what became of it.
    pub fn stats(&self) -> &Stats {
        self.graph.stats()
    }

    /// Time spent reading; zero unless it is measured.
    pub fn read_time(&self) -> Duration {
        self.read_time
    }

    /// Draws everything up to and including event number `last`, or all of it.
    ///
    /// # Errors
    /// Those of [`Replay::read`].
    pub fn run(&mut self, last: Option<u64>) -> Result<(), Error> {
        while last.is_none_or(|last| self.last_event.is_none_or(|n| n < last)) && self.step()?.is_some() {}
        Ok(())
    }

    /// A surface as it is now; `None` if there is no such surface. The primary surface (0) stays to be seen after its
    /// end, until there is another.
    ///
    /// # Errors
    /// [`Reader::unread`]: the recording's file is not what it was any more.
    pub fn surface(&mut self, id: SurfaceId) -> Result<Option<&Surface>, Error> {
        let surface = self.graph.render_all(id);
        self.reader.unread().map_or(Ok(surface), Err)
    }

    /// What [`Replay::surface`] shows under an id.
    pub fn info(&self, id: SurfaceId) -> Option<SurfaceInfo> {
        self.graph.info(id)
    }

    /// The mouse pointer as it is now.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The number of the last event drawn.
    pub fn last_event(&self) -> Option<u64> {
        self.last_event
    }

    /// Commands that drew nothing because they made no sense.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Surfaces that commands named but the recording never made; they read as black.
    pub fn never_created(&self) -> &BTreeSet<SurfaceId> {
        self.graph.state().never_created()
    }

    /// Whether the recording ended in the middle of an event. Known once its end is reached.
    pub fn truncated(&self) -> Option<Truncation> {
        self.reader.truncated()
    }
}
