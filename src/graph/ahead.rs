//! Frames that are drawn, and looked at, while the commands of the next one are taken in.
//!
//! A frame is *planned* first: the walk takes out of the queue what it needs. To draw that, only the nodes and the
//! surfaces' pixels are wanted, and both leave the graph for as long; all else stays, and takes commands in meanwhile,
//! walks over them, and plans the next frame, on another thread. That thread is awake then, and so drawing is shared
//! with it, as soon as it is ready, where it would not be worth waking one.

use super::Graph;
use super::node::Node;
use super::pass::Aim;
use super::schedule::Drawing;
use super::spare::{Clearing, Clears};
use super::stats::Times;
use super::threads::Threads;
use crate::draw::surfaces::KeyMap;
use crate::draw::{Refusal, SurfaceInfo};
use crate::qxl::{Event, SurfaceId};
use spice_raster::{Region, Surface};

/// What a region of a surface depends on, out of the queue, but not drawn.
#[derive(Debug)]
pub(super) struct Plan {
    info: SurfaceInfo,
    /// What must be cleared first.
    clears: Clears,
    /// What is to be drawn, in its order, and whether nothing of it stays pending.
    nodes: Vec<(Node, bool)>,
}

impl Plan {
    fn draw(&self, drawing: &mut Drawing<'_>, pixels: &mut KeyMap<Surface>) {
        let mut clearing = Clearing::Now(drawing.raster, pixels);
        self.clears.iter().for_each(|(key, part)| clearing.clear(*key, part));
        drawing.all(&self.nodes.iter().map(|(node, _)| node).collect::<Vec<_>>(), pixels);
    }
}

/// Why an event was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It makes no sense, and changed nothing.
    Refused(Refusal),
    /// The queue is full, or the next frame is planned already. The event changed nothing, and may come again when the
    /// frame that is being drawn is ready.
    Later,
}

/// A graph while a frame of it is being drawn ([`Graph::render_beside`]).
#[derive(Debug)]
pub struct Ahead<'a> {
    graph: &'a mut Graph,
}

impl Ahead<'_> {
    /// As [`Graph::event`].
    ///
    /// # Errors
    /// See [`NotTaken`].
    pub fn event(&mut self, event: &Event) -> Result<(), NotTaken> {
        let graph = &mut *self.graph;
        let full = graph.pending() >= graph.bounds.nodes || graph.held >= graph.bounds.bytes;
        if full || graph.planned.is_some() {
            return Err(NotTaken::Later);
        }
        graph.take_event(event).map_err(NotTaken::Refused)?;
        if graph.queue.len() >= graph.next_nodes || graph.held >= graph.next_bytes {
            // Nothing is asked for, and so nothing is drawn: only what nobody sees goes.
            let drawn = graph.pass(Aim::Oldest(0), None);
            debug_assert_eq!(drawn, 0);
            graph.plan_next_pass();
        }
        Ok(())
    }

    /// As [`Graph::plan`]. No event is taken in after that.
    pub fn plan(&mut self, id: SurfaceId, region: &Region) -> bool {
        self.graph.planned.is_none() && self.graph.plan_now(id, region)
    }

    /// As [`Ahead::plan`], of all of a surface.
    pub fn plan_all(&mut self, id: SurfaceId) -> bool {
        self.info(id).is_some_and(|info| self.plan(id, &Region::from_rect(info.bounds())))
    }

    /// As [`Graph::info`].
    pub fn info(&self, id: SurfaceId) -> Option<SurfaceInfo> {
        self.graph.info(id)
    }
}

impl Graph {
    /// Finds what `region` of a surface depends on, to be drawn by the next [`Graph::render_beside`]. Whether there is
    /// such a surface.
    pub fn plan(&mut self, id: SurfaceId, region: &Region) -> bool {
        self.catch_up();
        self.plan_now(id, region)
    }

    fn plan_now(&mut self, id: SurfaceId, region: &Region) -> bool {
        let Some(info) = self.info(id) else { return false };
        let Some(slot) = self.slots.find(info.key) else { return false };
        self.stats.renders += 1;
        let (mut clears, mut nodes) = (Clears::new(), Vec::new());
        if let Some(walk) = self.ask(slot, region) {
            let mut queue = std::mem::take(&mut self.queue);
            let work = self.find(&mut queue, Aim::Asked, walk, Some(&mut clears));
            nodes.extend(work.jobs.into_iter().rev().filter_map(|job| match job.part {
                Some(part) => Some((*part, false)),
                None => Some((queue.take(job.place)?, true)),
            }));
            self.put_back(queue, Aim::Asked, work.walk);
        }
        // Without its pixels it is not shown.
        let _ = self.allocate(info);
        self.clear_rubbish(info, region, Some(&mut clears));
        self.planned = Some(Plan { info, clears, nodes });
        true
    }

    /// Draws what was planned and hands the surface, whose other pixels may be out of date, to `show`. Meanwhile `next`
    /// takes the commands of the next frame in and may plan it, on another thread of [`Execution::threads`], or after
    /// that if there is none. Gives what `show` does; `None` if nothing was planned or there is no memory for the surface.
    ///
    /// The pixels are those of [`Graph::render`]. It is worth its while where the next commands are there already, or
    /// where to show a frame takes long; another thread is woken for it, unless there is nothing to draw: then `show` comes
    /// first, and `next` after it on this thread.
    ///
    /// # Panics
    /// If `show` or `next` does; the pixels of all surfaces are lost then.
    ///
    /// ```
    /// # use spice_render::draw::Limits;
    /// # use spice_render::graph::{Execution, Graph, GraphLimits, NotTaken};
    /// # use spice_raster::Raster;
    /// # let mut reader = spice_render::capture::open("testdata/captures/qemu.rec.zst".as_ref(), Default::default())?;
    /// # let mut events = Vec::new();
    /// # while let Some(record) = reader.next_record()? { events.push(record.event); }
    /// let mut graph = Graph::new(Raster::new(), Limits::default(), GraphLimits::default(), Execution::default());
    /// let mut widths = Vec::new();
    /// // After the last frame's commands there are none, while that frame is drawn.
    /// for frame in events.chunks(50).chain([&[][..]]) {
    ///     let mut taken = 0;
    ///     let width = graph.render_beside(
    ///         |surface| surface.width(),
    ///         |ahead| {
    ///             taken = frame.iter().take_while(|event| ahead.event(event) != Err(NotTaken::Later)).count();
    ///             if taken == frame.len() {
    ///                 ahead.plan_all(0);
    ///             }
    ///         },
    ///     );
    ///     widths.extend(width);
    ///     // What there was no room for.
    ///     frame[taken..].iter().for_each(|event| drop(graph.event(event)));
    /// }
    /// assert_eq!((widths.len(), widths.last()), (events.chunks(50).len(), Some(&720)));
    /// # Ok::<(), spice_render::capture::Error>(())
    /// ```
    ///
    /// [`Execution::threads`]: super::Execution::threads
    pub fn render_beside<S>(
        &mut self,
        show: impl FnOnce(&Surface) -> S,
        next: impl FnOnce(&mut Ahead<'_>) + Send,
    ) -> Option<S> {
        let Some(plan) = self.planned.take() else {
            next(&mut Ahead { graph: self });
            return None;
        };
        let (raster, limits, execution) = (self.raster, self.state.limits().clone(), self.execution);
        let (mut pixels, pool) = (std::mem::take(&mut self.pixels), std::mem::take(&mut self.pool));
        let (mut times, mut shown) = (Times::default(), None);
        // To hand anything over takes longer than to draw nothing.
        let count = if plan.nodes.is_empty() { 1 } else { execution.threads };
        let threads = Threads { count, pool: &pool };
        let ahead = &mut Ahead { graph: self };
        let draw = || {
            let (limits, execution, times) = (&limits, &execution, &mut times);
            let mut drawing = Drawing { raster, limits, execution, threads, awake: true, times };
            plan.draw(&mut drawing, &mut pixels);
            shown = pixels.get(&plan.info.key).map(show);
        };
        threads.beside(draw, || next(ahead));
        pixels.extend(self.pixels.drain());
        (self.pixels, self.pool) = (pixels, pool);
        self.stats.times.draw += times.draw;
        self.stats.times.decode += times.decode;
        self.drawn(plan);
        shown
    }

    /// Draws what is planned, so that its surfaces are as they must be for anything else.
    #[inline]
    pub(super) fn catch_up(&mut self) {
        if self.planned.is_some() {
            self.draw_planned();
        }
    }

    #[cold]
    fn draw_planned(&mut self) {
        if let Some(plan) = self.planned.take() {
            let (mut drawing, pixels) = self.drawing();
            plan.draw(&mut drawing, pixels);
            self.drawn(plan);
        }
    }

    /// Lets go what was planned, and surfaces that have gone since.
    fn drawn(&mut self, plan: Plan) {
        plan.nodes.iter().filter(|(_, last)| *last).for_each(|(node, _)| self.release(node));
        for key in std::mem::take(&mut self.gone) {
            self.pixels.remove(&key).into_iter().for_each(|surface| self.spare.keep(surface));
        }
    }
}
