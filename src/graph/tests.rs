//! The graph against the immediate renderer.

mod beside;
mod stream;

use super::{Execution, Graph, GraphLimits, Stats};
use crate::draw::{Limits, Renderer};
use crate::qxl::SurfaceId;
use spice_raster::{Raster, Region, Surface};
use stream::{Maker, Rng, Step};

/// What the graph is told, beside the stream.
#[derive(Clone, Copy, Debug)]
struct Setting {
    bounds: GraphLimits,
    execution: Execution,
    /// Whether renders walk over tiles only; the walk over the whole queue is the slow twin.
    by_tiles: bool,
    /// Whether looks are planned, and drawn while what follows is taken in.
    beside: bool,
}

impl Setting {
    fn of(rng: &mut Rng) -> Self {
        let bounds = match rng.below(3) {
            0 => GraphLimits { nodes: rng.pick(&[0, 1, 3, 10]), bytes: 1 << 30 },
            1 => GraphLimits { nodes: 1 << 20, bytes: rng.pick(&[0, 2000, 10_000]) },
            _ => GraphLimits::default(),
        };
        let threads = rng.pick(&[1, 2, 2, 4]);
        let execution = Execution {
            threads,
            band_bytes: rng.pick(&[1, 1000, 2000, 1 << 18]),
            inline_pixels: rng.pick(&[0, 0, 100, 1 << 16]),
            alone_pixels: 0,
            culling: !rng.one_in(5),
            timing: rng.one_in(8),
        };
        Self { bounds, execution, by_tiles: rng.one_in(2), beside: false }
    }
}

/// The first difference of two surfaces in a region.
fn difference(graph: &Surface, plain: &Surface, region: &Region) -> Option<String> {
    if (graph.format(), graph.bounds()) != (plain.format(), plain.bounds()) {
        return Some("another surface".into());
    }
    for r in region.rects() {
        for y in r.top..r.bottom {
            for x in r.left..r.right {
                let (a, b) = (graph.view().pixel(x, y), plain.view().pixel(x, y));
                if a != b {
                    return Some(format!("pixel ({x}, {y}) is {a:x?}, must be {b:x?}"));
                }
            }
        }
    }
    None
}

fn shown(plain: &Renderer, id: SurfaceId) -> Option<&Surface> {
    plain.surface(id).or_else(|| plain.last_primary().filter(|_| id == 0))
}

fn look(graph: &mut Graph, plain: &Renderer, id: SurfaceId, region: &Region) -> Result<(), String> {
    match (graph.render(id, region), shown(plain, id)) {
        (None, None) => Ok(()),
        (Some(got), Some(want)) => {
            let mut inside = region.clone();
            inside.intersect_rect(want.bounds());
            difference(got, want, &inside).map_or(Ok(()), |what| Err(format!("surface {id}: {what}")))
        }
        (got, _) => {
            Err(format!("surface {id} is {} in the graph", if got.is_some() { "there" } else { "missing" }))
        }
    }
}

/// Whether both say the same of an event.
fn agree<T: PartialEq + std::fmt::Debug>(graph: T, plain: T) -> Result<(), String> {
    if graph == plain { Ok(()) } else { Err(format!("{graph:?}, must be {plain:?}")) }
}

/// One step of a stream on both.
fn play_step(step: &Step, graph: &mut Graph, plain: &mut Renderer) -> Result<(), String> {
    match step {
        Step::Event(event) => agree(graph.event(event), plain.event(event))?,
        Step::Look(id, region) => look(graph, plain, *id, region)?,
        Step::LookAtAll => {
            for id in 0..4 {
                let Some(surface) = shown(plain, id) else { continue };
                look(graph, plain, id, &Region::from_rect(surface.bounds()))?;
            }
        }
        Step::Flush => graph.flush(),
    }
    if graph.pending() > graph.bounds.nodes {
        return Err(format!("{} nodes are pending", graph.pending()));
    }
    let recount: u64 = graph.recount();
    if graph.held_bytes() != recount {
        return Err(format!("{} bytes held, counted {recount}", graph.held_bytes()));
    }
    Ok(())
}

/// Plays a stream on both.
fn play(steps: &[Step], setting: Setting) -> Result<Graph, String> {
    let raster = Raster::new();
    let mut plain = Renderer::new(raster, Limits::default());
    let mut graph = Graph::new(raster, Limits::default(), setting.bounds, setting.execution);
    if setting.by_tiles {
        graph.index_from = 0;
    }
    if setting.beside {
        beside::play(steps, &mut graph, &mut plain)?;
    } else {
        for (index, step) in steps.iter().enumerate() {
            play_step(step, &mut graph, &mut plain).map_err(|what| format!("step {index}: {what}"))?;
        }
    }
    let total = graph.stats().total();
    let pending: u64 = graph.queue.iter().map(|n| n.task.clip.area()).sum();
    let after = total.drawn.pixels + total.culled.pixels + total.trimmed.pixels + pending;
    if total.asked.pixels != after {
        return Err(format!("{total:?} and {pending} pending pixels do not add up"));
    }
    Ok(graph)
}

/// The smallest stream that still differs, as far as leaving steps out finds it.
fn shrink(mut steps: Vec<Step>, setting: Setting) -> Vec<Step> {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + size).min(steps.len()));
            if play(&fewer, setting).is_err() {
                steps = fewer;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    steps
}

/// One line for each step; pixel data is left out.
fn listing(steps: &[Step]) -> String {
    let line = |step: &Step| {
        let mut text = format!("{step:?}");
        for (from, until) in [("b\"", '"'), ("entries: [", ']')] {
            while let Some(at) = text.find(from) {
                let rest = &text[at + from.len()..];
                let end = rest.match_indices(until).find(|(i, _)| !rest[..*i].ends_with('\\'));
                let end = end.map_or(rest.len(), |(i, _)| i + 1);
                text = format!("{}..{}", &text[..at], &rest[end..]);
            }
        }
        text + "\n"
    };
    steps.iter().map(line).collect()
}

fn check(seed: u64) {
    check_of(seed, Maker::stream);
}

/// Plays the stream that `make` makes with a seed. Gives how it was drawn.
fn check_of(seed: u64, make: impl Fn(&mut Maker, usize) -> Vec<Step>) -> Stats {
    let mut maker = Maker::new(seed);
    let setting = Setting::of(&mut maker.rng);
    let length = 10 + maker.rng.below(120) as usize;
    let steps = make(&mut maker, length);
    let check = |setting| match play(&steps, setting) {
        Ok(graph) => *graph.stats(),
        Err(what) => {
            let small = shrink(steps.clone(), setting);
            let again = play(&small, setting).err().unwrap_or_default();
            panic!("SPICE_RENDER_SEED={seed}: {what}\nshrunk: {again}\n{setting:?}\n{}", listing(&small));
        }
    };
    check(Setting { beside: true, ..setting });
    check(setting)
}

/// The seed of a failing run, or so many of them.
fn seeds(many: u64) -> std::ops::Range<u64> {
    match std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..std::env::var("SPICE_RENDER_CASES").ok().and_then(|s| s.parse().ok()).unwrap_or(many),
    }
}

#[test]
fn random_streams_show_what_immediate_drawing_shows() {
    seeds(1500).for_each(check);
}

/// Plays streams; gives what was counted in all, and how many they were.
fn count_of(make: fn(&mut Maker, usize) -> Vec<Step>, count: fn(Stats) -> u64) -> (u64, u64) {
    seeds(1000).fold((0, 0), |(sum, many), seed| (sum + count(check_of(seed, make)), many + 1))
}

/// Some of the copies are left out, and nobody sees that.
#[test]
fn windows_that_are_scrolled_show_what_immediate_drawing_shows() {
    let (left_out, many) = count_of(Maker::scrolls, |stats| stats.left_out);
    assert!(many < 1000 || left_out > many / 4, "{left_out} copies were left out of {many} streams");
}

/// Some of what is copied is not drawn where it comes from, and nobody sees that.
#[test]
fn windows_that_are_copied_show_what_immediate_drawing_shows() {
    let (lent, many) = count_of(Maker::copies, |stats| stats.lent);
    assert!(many < 1000 || lent > 20 * many, "{lent} pixels were lent in {many} streams");
}

/// A copy onto its own surface that reads again what it has written needs all that it writes over; cut into several
/// rectangles it would be another one. Glyphs whose box is partly drawn over at once need all that it held.
#[test]
fn streams_that_differed_once_do_not_any_more() {
    [3472, 20_800, 167_868].into_iter().for_each(check);
    for seed in [45_097, 62_372] {
        check_of(seed, Maker::scrolls);
    }
}

#[test]
fn a_graph_can_move_between_threads() {
    fn sendable<T: Send>(_: &T) {}
    let (bounds, execution) = (GraphLimits::default(), Execution::default());
    sendable(&Graph::new(Raster::new(), Limits::default(), bounds, execution));
}

/// A million commands that nobody looks at stay within the bounds, whether they hide each other or not.
#[test]
fn a_long_stream_stays_within_its_bounds() {
    use crate::qxl::testing::filled;
    use crate::qxl::{Event, PrimaryCreate, Rect, Ropd, SurfaceFormat, WorkerMessage};
    let bounds = GraphLimits { nodes: 1000, bytes: 4 << 20 };
    let execution = Execution { threads: 1, ..Execution::default() };
    for rop in [Ropd::PUT, Ropd(Ropd::OP_XOR)] {
        let mut graph = Graph::new(Raster::new(), Limits::default(), bounds, execution);
        let surface = PrimaryCreate::new(64, 64, SurfaceFormat::X8R8G8B8);
        graph.event(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
        let mut want = 0;
        for i in 0..1_000_000u32 {
            graph.event(&filled(Rect::new(3, 3, 5, 5), i, rop)).unwrap();
            assert!(graph.pending() <= bounds.nodes && graph.held_bytes() <= bounds.bytes);
            want = if rop == Ropd::PUT { i } else { want ^ i };
        }
        assert_eq!(graph.render_all(0).and_then(|s| s.view().pixel(3, 4)), Some(want));
        let drawn = graph.stats().total().drawn.nodes;
        assert_eq!(drawn, if rop == Ropd::PUT { 1 } else { 1_000_000 });
    }
}

/// A graph with the screen and surface 1, each of 64 by 64 pixels.
fn two_surfaces() -> Graph {
    use crate::qxl::{Event, PrimaryCreate, SurfaceFormat, WorkerMessage};
    let (format, execution) = (SurfaceFormat::X8R8G8B8, Execution { threads: 1, ..Execution::default() });
    let mut graph = Graph::new(Raster::new(), Limits::default(), GraphLimits::default(), execution);
    let surface = PrimaryCreate::new(64, 64, format);
    graph.event(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface })).unwrap();
    make(&mut graph, 1);
    graph
}

/// Makes a surface of the same size.
fn make(graph: &mut Graph, surface_id: SurfaceId) {
    use crate::qxl::{Command, Event, SurfaceCmd, SurfaceCreate, SurfaceFormat};
    let (format, width, height, stride) = (SurfaceFormat::X8R8G8B8, 64, 64, 256);
    let made = SurfaceCreate { surface_id, flags: 0, format, width, height, stride, data: None };
    graph.event(&Event::Command(Command::Surface(SurfaceCmd::Create(made)))).unwrap();
}

/// Fills a column of pixels of a surface.
fn column(graph: &mut Graph, surface_id: SurfaceId, x: i32) {
    use crate::qxl::testing::drawn_on;
    use crate::qxl::{Brush, Op, QMask, Rect, Ropd};
    let fill = Op::Fill { brush: Brush::Solid(7), rop: Ropd::PUT, mask: QMask::default() };
    graph.event(&drawn_on(surface_id, Rect::new(x, 0, x + 1, 64), fill)).unwrap();
}

/// A copy of all of one of them.
fn copy_of(surface_id: SurfaceId) -> crate::qxl::Op {
    use crate::qxl::{Image, ImageData, Op, QMask, Rect, Ropd, ScaleMode};
    let src = Some(Image { id: 0, flags: 0, width: 64, height: 64, data: ImageData::Surface(surface_id) });
    let (src_area, mask) = (Rect::new(0, 0, 64, 64), QMask::default());
    Op::Copy { src, src_area, rop: Ropd::PUT, scale_mode: ScaleMode::INTERPOLATE, mask }
}

/// A frame of the screen looks at nothing that was drawn on a surface which nothing on the screen reads; once
/// something does, it looks at that too. What was drawn there lends its colours, and waits for who looks there.
#[test]
fn a_frame_skips_what_it_has_nothing_to_do_with() {
    use crate::qxl::Rect;
    use crate::qxl::testing::drawn;
    let mut graph = two_surfaces();
    for x in 0..5 {
        column(&mut graph, 1, x);
        column(&mut graph, 0, x);
    }
    // A queue that grows is looked at as a whole, too.
    let before = graph.stats().visited;
    graph.render_all(0);
    assert_eq!((graph.stats().visited - before, graph.pending()), (5, 5));
    graph.event(&drawn(Rect::new(0, 0, 64, 64), copy_of(1))).unwrap();
    let before = graph.stats().visited;
    let screen = graph.render_all(0).unwrap();
    assert_eq!([0, 4, 5].map(|x| screen.view().pixel(x, 9)), [Some(7), Some(7), Some(0)]);
    assert_eq!((graph.stats().visited - before, graph.pending()), (6, 5));
}

/// A copy that nobody asks for is made where what it reads changes, and nowhere else.
#[test]
fn a_copy_is_made_only_where_its_source_changes() {
    use crate::qxl::testing::{drawn_on, filled};
    use crate::qxl::{Rect, Ropd};
    let mut graph = two_surfaces();
    let all = Rect::new(0, 0, 64, 64);
    graph.event(&filled(all, 5, Ropd::PUT)).unwrap();
    graph.render_all(0);
    graph.event(&drawn_on(1, all, copy_of(0))).unwrap();
    column(&mut graph, 0, 3);
    graph.render_all(0);
    assert_eq!((graph.stats().total().drawn.pixels, graph.pending()), (64 * 64 + 2 * 64, 1));
    let copied = graph.render_all(1).unwrap();
    assert_eq!([2, 3, 4].map(|x| copied.view().pixel(x, 9)), [Some(5); 3]);
    assert_eq!(graph.stats().total().drawn.pixels, 2 * 64 * 64 + 64);
}

/// What is copied from where it has yet to be drawn, by way of other copies too, is drawn once, and the surfaces on the
/// way not at all.
#[test]
fn a_copy_is_drawn_with_what_its_source_would_be() {
    use crate::qxl::testing::{drawn, drawn_on};
    use crate::qxl::{Brush, Op, QMask, Rect, Ropd};
    let mut graph = two_surfaces();
    make(&mut graph, 2);
    let all = Rect::new(0, 0, 64, 64);
    let fill = |color| Op::Fill { brush: Brush::Solid(color), rop: Ropd::PUT, mask: QMask::default() };
    graph.event(&drawn_on(1, all, fill(4))).unwrap();
    column(&mut graph, 1, 9);
    graph.event(&drawn_on(2, all, copy_of(1))).unwrap();
    // What is drawn there later is not what was copied.
    graph.event(&drawn_on(1, all, fill(8))).unwrap();
    graph.event(&drawn(all, copy_of(2))).unwrap();
    graph.event(&drawn_on(2, all, fill(9))).unwrap();
    let screen = graph.render_all(0).unwrap();
    assert_eq!([8, 9, 10].map(|x| screen.view().pixel(x, 0)), [Some(4), Some(7), Some(4)]);
    let stats = graph.stats();
    assert_eq!((stats.total().drawn.pixels, stats.lent, graph.pending()), (64 * 64, 64 * 64, 5));
    assert_eq!(graph.surface_bytes(), 64 * 64 * 4);
    let later = [1, 2].map(|id| graph.render_all(id).and_then(|s| s.view().pixel(9, 0)));
    assert_eq!(later, [Some(8), Some(9)]);
}

/// What is drawn over at once is forgotten when it is drawn over, unless something read it in between.
#[test]
fn what_is_drawn_over_at_once_never_waits() {
    use crate::qxl::testing::drawn;
    use crate::qxl::{Op, Point, Rect};
    let mut graph = two_surfaces();
    [3, 3, 9, 3].into_iter().for_each(|x| column(&mut graph, 0, x));
    assert_eq!((graph.pending(), graph.stats().total().culled.nodes), (2, 2));
    let moved = Op::CopyBits { src_pos: Point::new(3, 0) };
    graph.event(&drawn(Rect::new(20, 0, 21, 64), moved)).unwrap();
    [3, 9].into_iter().for_each(|x| column(&mut graph, 0, x));
    assert_eq!(graph.pending(), 5);
    let screen = graph.render_all(0).unwrap();
    assert_eq!([3, 9, 20, 21].map(|x| screen.view().pixel(x, 0)), [Some(7), Some(7), Some(7), Some(0)]);
}

/// The first pixel of a text's glyphs decides what becomes of the others' x bytes: nothing that it was is forgotten.
#[test]
fn what_decides_about_others_is_not_forgotten() {
    use crate::qxl::testing::{drawn, filled};
    use crate::qxl::{Brush, Glyph, Op, Point, Rect, Ropd, Str};
    let mut graph = two_surfaces();
    let at = |x, y| Rect::new(x, y, x + 1, y + 1);
    let glyph = Glyph {
        render_pos: Point::new(10, 0),
        origin: Point::default(),
        width: 1,
        height: 2,
        data: vec![0; 2].into(),
    };
    let text = Op::Text {
        str: Str { flags: Str::RASTER_A1, glyphs: vec![glyph] },
        back_area: Rect::default(),
        fore_brush: Brush::Solid(0),
        back_brush: Brush::None,
        fore_mode: Ropd::PUT,
        back_mode: Ropd::PUT,
    };
    for event in [
        filled(at(10, 1), 0xff00_0001, Ropd::PUT),
        filled(at(10, 0), 0xff00_0002, Ropd::PUT),
        drawn(at(40, 0), text),
        filled(at(10, 0), 7, Ropd::PUT),
    ] {
        graph.event(&event).unwrap();
    }
    let screen = graph.render_all(0).unwrap();
    assert_eq!([0, 1].map(|y| screen.view().pixel(10, y)), [Some(7), Some(1)]);
}

/// A window that scrolls by a line again and again, each time with a line drawn at its end: no line is moved, and each
/// pixel that is seen is drawn once. What was there before is moved once.
#[test]
fn what_scrolls_is_drawn_where_it_ends() {
    use crate::qxl::testing::{drawn, filled};
    use crate::qxl::{Op, Point, Rect, Ropd};
    let line = |graph: &mut Graph, y: i32| {
        graph.event(&filled(Rect::new(0, y, 64, y + 4), y as u32 + 1, Ropd::PUT)).unwrap();
    };
    let scroll = |graph: &mut Graph, colour: i32| {
        let up = Op::CopyBits { src_pos: Point::new(0, 4) };
        graph.event(&drawn(Rect::new(0, 0, 64, 60), up)).unwrap();
        graph.event(&filled(Rect::new(0, 60, 64, 64), colour as u32, Ropd::PUT)).unwrap();
    };
    let mut graph = two_surfaces();
    (0..64).step_by(4).for_each(|y| line(&mut graph, y));
    graph.render_all(0);
    let before = graph.stats().total().drawn.pixels;
    (100..106).for_each(|colour| scroll(&mut graph, colour));
    let screen = graph.render_all(0).unwrap();
    let lines = [0, 36, 40, 44, 60].map(|y| screen.view().pixel(63, y));
    assert_eq!(lines, [Some(25), Some(61), Some(100), Some(101), Some(105)]);
    assert_eq!((graph.stats().left_out, graph.stats().total().drawn.pixels - before), (6, 64 * 64));
}
