//! What the render graph saves and costs, capture by capture: `cargo run --release --example graph_table [FILE...]`.
//!
//! Without files, those of `$SPICE_RENDER_CORPUS/captures`, else testdata/captures. Times are medians in
//! milliseconds of runs that take turns; reading and parsing are not counted. *state* is what both drawing at once and
//! the graph pay before any pixel; *two thr's* what two threads gain at arithmetic between these runs, which bounds what
//! they can gain at drawing. With several threads times are those on the wall; *gain* is that of two threads that draw
//! each frame before its next command is taken in, *ahead* that of two where those of the next frame are taken in
//! meanwhile (`Graph::render_beside`). `FINAL=1` measures final frames only.
//!
//! Commands were all read before, and left the cache, which both ways of drawing pay for; but for *as read*, the gain
//! where each 256 commands are read just before they are taken in (between the times that count), as a server does.
//! Then drawing at once finds them in the cache and gives their memory to the next ones, and the graph does not.

#[path = "../benches/recordings/beside.rs"]
mod beside;

use spice_raster::{Raster, Region};
use spice_render::capture;
use spice_render::draw::{Limits, Renderer, State};
use spice_render::graph::{Execution, Graph, GraphLimits};
use spice_render::qxl::{Command, Event};
use std::hint::black_box;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time that this thread was on a processor: others may use the machine too.
#[cfg(unix)]
fn cpu() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock").into()
}

/// Time on the wall, where the system does not tell that of a thread.
#[cfg(not(unix))]
fn cpu() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// A recorded command and its time in nanoseconds.
type Timed = (u64, Event);

/// The next commands of a recording, so many at most.
fn read(reader: &mut capture::Reader<impl Read>, most: usize) -> Vec<Timed> {
    let records = std::iter::from_fn(|| reader.next_record().ok().flatten());
    records.take(most).map(|record| (record.time_ns, record.event)).collect()
}

/// Commands that a run takes in.
#[derive(Clone, Copy)]
enum Feed<'a> {
    /// They were read long before.
    Held(&'a [Timed]),
    /// They are read, a few at a time, out of an uncompressed recording.
    AsRead(&'a [u8]),
}

/// Commands that are read at a time.
const AT_A_TIME: usize = 256;

/// Time on the wall and of this thread's processor.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    /// Does something, which takes time.
    fn on(&mut self, work: impl FnOnce()) {
        let (wall, start) = (Instant::now(), cpu());
        work();
        self.wall += wall.elapsed();
        self.cpu += cpu() - start;
    }
}

impl Feed<'_> {
    /// Gives each command to `take`; tells how long that took.
    fn run(self, mut take: impl FnMut(&Timed)) -> Spent {
        let mut spent = Spent::default();
        match self {
            Feed::Held(events) => spent.on(|| events.iter().for_each(&mut take)),
            Feed::AsRead(bytes) => {
                let mut reader = capture::Reader::new(Cursor::new(bytes)).expect("a capture");
                loop {
                    let mut events = read(&mut reader, AT_A_TIME);
                    if events.is_empty() {
                        break;
                    }
                    spent.on(|| events.drain(..).for_each(|event| take(&event)));
                }
            }
        }
        spent
    }
}

fn immediate(feed: Feed<'_>) -> Duration {
    let mut renderer = Renderer::new(Raster::new(), Limits::default());
    let spent = feed.run(|(_, event)| drop(renderer.event(event)));
    black_box(renderer.surface(0).is_some());
    spent.cpu
}

/// What both pay: ids, caches, clips and checks, without a pixel.
fn resolve(events: &[Timed]) -> Duration {
    let mut state = State::new(Limits::default());
    let spent = Feed::Held(events).run(|(_, event)| {
        black_box(match event {
            Event::Command(command) => state.command(command).is_ok(),
            Event::Worker(message) => state.worker(message).is_ok(),
        });
    });
    spent.cpu
}

fn new_graph(threads: usize, bounds: GraphLimits) -> Graph {
    let mut execution = Execution { threads, ..Execution::default() };
    if let Some(pixels) = std::env::var("INLINE").ok().and_then(|n| n.parse().ok()) {
        execution.inline_pixels = pixels;
    }
    if let Some(bytes) = std::env::var("BAND").ok().and_then(|n| n.parse().ok()) {
        execution.band_bytes = bytes;
    }
    Graph::new(Raster::new(), Limits::default(), bounds, execution)
}

/// The default bounds, or others for a trial: `NODES` and `BYTES` (and `INLINE`, pixels drawn by one thread, and
/// `BAND`, bytes of a band).
fn bounds() -> GraphLimits {
    let from = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let default = GraphLimits::default();
    let nodes = from("NODES").map_or(default.nodes, |n| n as usize);
    GraphLimits { nodes, bytes: from("BYTES").unwrap_or(default.bytes) }
}

/// A replay: what it took, and its graph.
struct Run {
    spent: Spent,
    graph: Graph,
}

/// Replays with a frame each so many nanoseconds, or one at the end.
fn graph(feed: Feed<'_>, mut graph: Graph, every: Option<u64>) -> Run {
    let mut next = 0;
    let mut spent = feed.run(|(time, event)| {
        if let Some(every) = every
            && *time >= next
        {
            graph.render_all(0);
            next = time + every;
        }
        let _ = graph.event(event);
    });
    spent.on(|| {
        black_box(graph.render_all(0).is_some());
    });
    Run { spent, graph }
}

/// As [`graph`] with frames, of which each is drawn while the next one's commands are taken in.
fn ahead(events: &[Timed], mut graph: Graph) -> Run {
    let mut spent = Spent::default();
    spent.on(|| beside::replay(events, &mut graph, FRAME.unwrap_or(u64::MAX)));
    Run { spent, graph }
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// Nanoseconds to take one drawing command in, and bytes that one keeps alive, images apart.
fn build(events: &[Timed]) -> (f64, f64) {
    let mut times: Vec<f64> = Vec::new();
    let mut bytes = 0.0;
    for _ in 0..5 {
        let mut graph = new_graph(1, GraphLimits { nodes: 1 << 30, bytes: 1 << 40 });
        let draws = events.iter().filter(|(_, e)| matches!(e, Event::Command(Command::Drawable(_)))).count();
        let spent = Feed::Held(events).run(|(_, event)| drop(graph.event(event)));
        times.push(spent.cpu.as_secs_f64() * 1e9 / draws.max(1) as f64);
        bytes = graph.own_bytes() as f64 / graph.pending().max(1) as f64;
    }
    times.sort_by(f64::total_cmp);
    (times[2], bytes)
}

/// Arithmetic in registers, some 8 ms: a virtual machine may leave both of its processors on one for a while.
fn arithmetic() -> u64 {
    let mut lanes = black_box([1u64, 2, 3, 4]);
    for i in 0..5_000_000 {
        lanes
            .iter_mut()
            .for_each(|x| *x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i) ^ (*x >> 7));
    }
    lanes.iter().sum()
}

/// Times on the wall of as much arithmetic for one thread and for two: what the machine itself lets two threads gain,
/// whose processors may share a core, or be others' for a while.
fn machine(two: &rayon::ThreadPool) -> [Duration; 2] {
    two.install(|| {
        let start = Instant::now();
        black_box((arithmetic(), arithmetic()));
        let one = start.elapsed();
        let start = Instant::now();
        black_box(rayon::join(arithmetic, arithmetic));
        [one, start.elapsed()]
    })
}

/// An uncompressed recording of these commands.
fn written(events: &[Timed]) -> Vec<u8> {
    let mut writer = capture::Writer::new(Vec::new()).expect("memory");
    events.iter().for_each(|(time, event)| writer.write(*time, event).expect("memory"));
    writer.finish().expect("memory")
}

/// From frame to frame, in nanoseconds.
const FRAME: Option<u64> = Some(1_000_000_000 / 30);

/// One recording's row of the table; `bytes` are what it is read from.
fn row(name: &str, events: &[Timed], bytes: Option<&[u8]>, two: &rayon::ThreadPool) {
    let held = Feed::Held(events);
    let [mut immed, mut state, mut last, mut last_two] = [const { Vec::new() }; 4];
    let [mut read_immed, mut read_last] = [const { Vec::new() }; 2];
    let [mut frames, mut one_wall, mut two_wall, mut beside_wall, mut alone, mut both] =
        [const { Vec::new() }; 6];
    let mut total = None;
    let started = Instant::now();
    let final_only = std::env::var_os("FINAL").is_some();
    while immed.len() < 5 || (immed.len() < 31 && started.elapsed() < Duration::from_secs(4)) {
        immed.push(immediate(held));
        state.push(resolve(events));
        let run = graph(held, new_graph(1, bounds()), None);
        last.push(run.spent.cpu);
        total = Some(run.graph.stats().total());
        // As a thread of a server draws, with rayon's own pool beside it.
        last_two.push(graph(held, new_graph(0, bounds()), None).spent.wall);
        if let Some(bytes) = bytes {
            read_immed.push(immediate(Feed::AsRead(bytes)));
            read_last.push(graph(Feed::AsRead(bytes), new_graph(1, bounds()), None).spent.cpu);
        }
        let [one, other] = machine(two);
        alone.push(one);
        both.push(other);
        if final_only {
            continue;
        }
        // As a program's own thread of the pool, which draws too. With one thread as well: its memory is that of
        // another arena of the allocator than the main thread's. In turns: each finds in the cache what the one before
        // it left there.
        for turn in 0..3 {
            match (turn + immed.len()) % 3 {
                0 => {
                    let run = two.install(|| graph(held, new_graph(1, bounds()), FRAME));
                    frames.push(run.spent.cpu);
                    one_wall.push(run.spent.wall);
                }
                1 => {
                    let run = two.install(|| graph(held, new_graph(0, bounds()), FRAME));
                    two_wall.push(run.spent.wall);
                }
                _ => {
                    let run = two.install(|| ahead(events, new_graph(0, bounds())));
                    beside_wall.push(run.spent.wall);
                }
            }
        }
    }
    let [immed, state, last, last_two, alone, both] =
        [&mut immed, &mut state, &mut last, &mut last_two, &mut alone, &mut both].map(|t| median(t));
    print!(
        "{name:16} | {:5.2}x | {immed:6.2} {state:6.2} {last:6.2} {:5.2}x {last_two:6.2} {:5.2}x",
        alone / both,
        immed / last,
        immed / last_two,
    );
    match bytes {
        Some(_) => print!(" {:5.2}x", median(&mut read_immed) / median(&mut read_last)),
        None => print!("       "),
    }
    if final_only {
        return println!();
    }
    let [frames, one, two, ahead] =
        [&mut frames, &mut one_wall, &mut two_wall, &mut beside_wall].map(|t| median(t));
    let timed = Execution { threads: 1, timing: true, ..Execution::default() };
    let timed = Graph::new(Raster::new(), Limits::default(), bounds(), timed);
    let run = graph(held, timed, FRAME);
    let times = run.graph.stats().times;
    let share = 100.0 * (times.draw + times.decode).as_secs_f64() / run.spent.cpu.as_secs_f64();
    let t = total.expect("ran");
    let (ns, bytes) = build(events);
    let m = |n: u64| n as f64 / 1e6;
    println!(
        " | {one:6.2} {two:6.2} {:5.2}x {:5.2}x {share:4.0}% {:5.2}x   | {:6.1} {:6.1} {:6.1} {:5.1} | {ns:4.0} {bytes:4.0}",
        one / two,
        one / ahead,
        immed / frames,
        m(t.asked.pixels),
        m(t.drawn.pixels),
        m(t.culled.pixels),
        m(t.trimmed.pixels),
    );
}

/// What is drawn for a final frame and at 30 fps.
fn counts(file: &Path, events: &[Timed]) {
    for (mode, every) in [("final", None), ("30 fps", FRAME)] {
        let run = graph(Feed::Held(events), new_graph(1, bounds()), every);
        let (stats, t) = (run.graph.stats(), run.graph.stats().total());
        println!(
            "{} {mode}: {} renders, {} passes, {} visits of {} nodes; drawn {} of {} pixels, culled {}, trimmed {}",
            file.file_name().unwrap_or_default().display(),
            stats.renders,
            stats.passes,
            stats.visited,
            t.asked.nodes,
            t.drawn.pixels,
            t.asked.pixels,
            t.culled.pixels,
            t.trimmed.pixels,
        );
    }
}

fn main() {
    spice_render::memory::keep_freed();
    let mut files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        let root = std::env::var_os("SPICE_RENDER_CORPUS").map_or_else(|| "testdata".into(), PathBuf::from);
        let all = std::fs::read_dir(root.join("captures")).expect("a folder of captures");
        files.extend(
            all.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.to_string_lossy().ends_with(".rec.zst")),
        );
        files.sort();
    }
    println!(
        "                 | two    |  final frame               all threads   as   |  30 fps                                   | pixels (M)              | build"
    );
    println!(
        "capture          | thr's  | immed  state  graph  gain   wall  gain   read | 1 thr  2 thr  gain ahead   draw  vs imm   | asked  drawn  cull trim | ns   B"
    );
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    for file in files {
        let mut reader = capture::open(&file, capture::Limits::default()).expect("a capture");
        let events = read(&mut reader, usize::MAX);
        if std::env::var_os("COUNTS").is_some() {
            counts(&file, &events);
            continue;
        }
        if let Some(runs) = std::env::var("GRAPH_ONLY").ok().and_then(|n| n.parse().ok()) {
            let bytes = std::env::var_os("AS_READ").map(|_| written(&events));
            let feed = bytes.as_deref().map_or(Feed::Held(&events), Feed::AsRead);
            for _ in 0..runs {
                black_box(match std::env::var("ONLY").as_deref() {
                    Ok("immediate") => immediate(feed),
                    Ok("state") => resolve(&events),
                    Ok("frames") => graph(feed, new_graph(1, bounds()), FRAME).spent.cpu,
                    _ => graph(feed, new_graph(1, bounds()), None).spent.cpu,
                });
            }
            continue;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().replace(".rec.zst", "");
        row(name.trim_end_matches(".rec"), &events, Some(&written(&events)), &two);
    }
    if std::env::var_os("GRAPH_ONLY").is_none() && std::env::var_os("FINAL").is_none() {
        row("made-up windows", &windows(), None, &two);
    }
    if ["GRAPH_ONLY", "NODES", "FINAL"].iter().all(|name| std::env::var_os(name).is_none()) {
        growth();
    }
}

/// What no recording at hand has, frames of much to draw: 24 translucent windows in each of 20 on a large screen.
fn windows() -> Vec<Timed> {
    use spice_render::qxl::testing::{Rng, drawn};
    use spice_render::qxl::{
        Bitmap, BitmapFormat, Composite, Image, ImageData, Op, Point, PrimaryCreate, Rect, SurfaceFormat,
        WorkerMessage,
    };
    const OVER: u32 = 3;
    let (width, height) = (640, 480);
    let mut rng = Rng::seeded(1);
    let data = vec![0x40u8; (width * height * 4) as usize].into();
    let bitmap = Bitmap {
        format: BitmapFormat::Rgba,
        flags: Bitmap::TOP_DOWN,
        width,
        height,
        stride: width * 4,
        palette: None,
        data,
        chunks: Vec::new(),
    };
    let image = Image { id: 0, flags: 0, width, height, data: ImageData::Bitmap(bitmap) };
    let surface = PrimaryCreate::new(2560, 1440, SurfaceFormat::X8R8G8B8);
    let mut events = vec![(0, Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface }))];
    for i in 0..20 * 24 {
        let (x, y) = (rng.range(0, 1900), rng.range(0, 950));
        let over = Composite {
            flags: OVER,
            src: Some(image.clone()),
            src_transform: None,
            mask: None,
            mask_transform: None,
            src_origin: Point::default(),
            mask_origin: Point::default(),
        };
        let bbox = Rect::new(x, y, x + width as i32, y + height as i32);
        events.push((i / 24 * 33_333_334, drawn(bbox, Op::Composite(Box::new(over)))));
    }
    events
}

/// What a command costs with many pending: small fills side by side, so that nothing is culled.
fn growth() {
    use spice_render::qxl::testing::side_by_side;
    use spice_render::qxl::{Event, PrimaryCreate, Rect, SurfaceFormat, WorkerMessage};
    println!("\npending    submit ns  render ns (per command)");
    for count in [1_000u32, 10_000, 100_000, 1_000_000] {
        let surface = PrimaryCreate::new(4096, 4096, SurfaceFormat::X8R8G8B8);
        let mut graph = new_graph(1, GraphLimits { nodes: 1 << 30, bytes: 1 << 40 });
        let _ = graph.event(&Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface }));
        let commands: Vec<Event> = side_by_side(count).collect();
        let start = cpu();
        commands.iter().for_each(|event| drop(graph.event(event)));
        let submit = cpu() - start;
        let start = cpu();
        black_box(graph.render(0, &Region::from_rect(Rect::new(0, 0, 4096, 4096))).is_some());
        let per = |t: Duration| t.as_secs_f64() * 1e9 / f64::from(count);
        println!("{count:9} {:9.0} {:9.0}", per(submit), per(cpu() - start));
    }
}
