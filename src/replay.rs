//! A recording replayed to pixels: what the offline renderer does.

use crate::capture::{Error, Reader, Record, Truncation};
use crate::draw::{Cursor, Limits, Renderer};
use crate::qxl::{Command, Event, SurfaceId};
use spice_raster::{Raster, Surface};
use std::collections::BTreeSet;
use std::io::Read;

/// Reads a recording and draws what it says.
///
/// Commands that the reference drops are counted and otherwise ignored: a guest that draws nonsense is no fault of
/// the recording.
#[derive(Debug)]
pub struct Replay<R> {
    reader: Reader<R>,
    renderer: Renderer,
    cursor: Cursor,
    refused: u64,
    last_event: Option<u64>,
}

impl<R: Read> Replay<R> {
    /// Starts with nothing drawn.
    pub fn new(reader: Reader<R>, raster: Raster, limits: Limits) -> Self {
        let renderer = Renderer::new(raster, limits);
        Self { reader, renderer, cursor: Cursor::default(), refused: 0, last_event: None }
    }

    /// Draws the next event, and returns it; `None` at the end of the recording.
    ///
    /// # Errors
    /// Those of [`Reader::next_record`].
    pub fn step(&mut self) -> Result<Option<Record>, Error> {
        let Some(record) = self.reader.next_record()? else { return Ok(None) };
        if let Event::Command(Command::Cursor(command)) = &record.event {
            self.cursor.command(command);
        }
        if self.renderer.event(&record.event).is_err() {
            self.refused += 1;
        }
        self.last_event = Some(record.number);
        Ok(Some(record))
    }

    /// Draws everything up to and including event number `last`, or all of it.
    ///
    /// # Errors
    /// Those of [`Reader::next_record`].
    pub fn run(&mut self, last: Option<u64>) -> Result<(), Error> {
        while last.is_none_or(|last| self.last_event.is_none_or(|n| n < last)) && self.step()?.is_some() {}
        Ok(())
    }

    /// A surface as it is now. The primary surface (0) stays to be seen after its end, until there is another.
    pub fn surface(&self, id: SurfaceId) -> Option<&Surface> {
        self.renderer.surface(id).or_else(|| self.renderer.last_primary().filter(|_| id == 0))
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
        self.renderer.state().never_created()
    }

    /// Whether the recording ended in the middle of an event. Known once its end is reached.
    pub fn truncated(&self) -> Option<Truncation> {
        self.reader.truncated()
    }
}
