use super::*;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n.max(1))) as u32
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn between(&mut self, from: i32, to: i32) -> i32 {
        from + self.below((to - from).max(1) as u32) as i32
    }

    fn rect(&mut self, bounds: Rect) -> Rect {
        let left = self.between(bounds.left, bounds.right);
        let top = self.between(bounds.top, bounds.bottom);
        let (mut w, mut h) =
            (self.between(1, bounds.right - left + 1), self.between(1, bounds.bottom - top + 1));
        if self.one_in(3) {
            (w, h) = (w.min(1 + self.between(0, 20)), h.min(1 + self.between(0, 20)));
        }
        Rect::new(left, top, left + w, top + h)
    }
}

/// Pixels as plain values, row by row: the slow twin of a surface.
#[derive(Clone, PartialEq)]
struct Pixels {
    format: SurfaceFormat,
    width: i32,
    height: i32,
    values: Vec<u32>,
}

impl Pixels {
    fn new(format: SurfaceFormat, width: i32, height: i32, value: u32) -> Self {
        Self { format, width, height, values: vec![value; (width * height) as usize] }
    }

    fn bounds(&self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }

    fn get(&self, x: i32, y: i32) -> u32 {
        self.values[(y * self.width + x) as usize]
    }

    fn set(&mut self, x: i32, y: i32, value: u32) {
        self.values[(y * self.width + x) as usize] = value;
    }

    fn fill(&mut self, rect: Rect, mut value: impl FnMut(i32, i32) -> u32) {
        let r = rect.intersect(&self.bounds());
        for y in r.top..r.bottom {
            for x in r.left..r.right {
                let value = value(x, y);
                self.set(x, y, value);
            }
        }
    }

    /// What can be seen of a value.
    fn visible(&self, value: u32) -> u32 {
        match self.format {
            SurfaceFormat::X8R8G8B8 => value & 0xff_ffff,
            _ => value,
        }
    }

    fn random_value(&self, random: &mut Random) -> u32 {
        let bits = self.format.bits_per_pixel();
        let all = if bits == 32 { u32::MAX } else { (1 << bits) - 1 };
        all & match random.below(4) {
            0 => 0,
            1 => all,
            _ => random.next() as u32,
        }
    }

    fn to_surface(&self) -> Surface {
        let mut surface =
            Surface::new(self.format, self.width as u32, self.height as u32, u64::MAX).expect("small");
        let mut view = surface.view_mut();
        for y in 0..self.height {
            for x in 0..self.width {
                let (at, v) = (x as usize, self.get(x, y));
                match self.format.bits_per_pixel() {
                    1 => view.bytes_of_row(y as u32)[at / 8] |= (v as u8) << (at % 8),
                    8 => view.row8(y as u32)[at] = v as u8,
                    16 => view.row16(y as u32)[at] = v as u16,
                    _ => view.row(y as u32)[at] = v,
                }
            }
        }
        surface
    }
}

/// Draws the pieces as a client would, and checks each of them and the result.
fn check(truth: &Pixels, shadow: Option<&Pixels>, input: &PlanInput<'_>, pieces: &[Piece]) {
    let bounds = truth.bounds();
    let mut client =
        shadow.cloned().unwrap_or_else(|| Pixels::new(truth.format, truth.width, truth.height, 0));
    let mut known = Pixels::new(truth.format, truth.width, truth.height, u32::from(shadow.is_some()));
    for r in input.unknown.rects() {
        known.fill(*r, |_, _| 0);
    }
    let before = client.clone();
    let allowed = input.area.union(input.spill);
    for (i, piece) in pieces.iter().enumerate() {
        let r = piece.rect;
        assert!(!r.is_empty() && bounds.contains(&r), "{piece:?}");
        assert!(allowed.contains_rect(&r), "{piece:?} is outside");
        let old = client.clone();
        match piece.kind {
            PieceKind::Fill(value) => {
                assert!(input.can_fill);
                client.fill(r, |_, _| value);
            }
            PieceKind::Move { src } => {
                assert!(input.can_move);
                assert!(pieces[..i].iter().all(|p| matches!(p.kind, PieceKind::Move { .. })), "a late move");
                let (dx, dy) = (src.x - r.left, src.y - r.top);
                assert!(bounds.contains(&r.translate(dx, dy)), "{piece:?} reads outside");
                assert!(input.area.contains_rect(&r));
                client.fill(r, |x, y| {
                    assert_eq!(known.get(x + dx, y + dy), 1, "{piece:?} reads what is unknown");
                    old.get(x + dx, y + dy)
                });
            }
            PieceKind::Image => {
                assert!(r.area() <= u64::from(input.max_piece_pixels.max(1)));
                client.fill(r, |x, y| truth.get(x, y));
            }
        }
        known.fill(r, |_, _| 1);
    }
    for y in 0..truth.height {
        for x in 0..truth.width {
            let pixel = Rect::new(x, y, x + 1, y + 1);
            let shown = client.visible(client.get(x, y));
            let right = shown == truth.visible(truth.get(x, y));
            if input.area.contains_rect(&pixel) {
                assert!(right && known.get(x, y) == 1, "wrong at {x}, {y}");
            } else if !(right && input.spill.contains_rect(&pixel)) {
                assert_eq!(shown, before.visible(before.get(x, y)), "touched at {x}, {y}");
            }
        }
    }
}

/// A plan for whole surfaces with everything allowed.
fn input<'a>(
    truth: SurfaceRef<'a>,
    shadow: SurfaceRef<'a>,
    area: &'a Region,
    none: &'a Region,
) -> PlanInput<'a> {
    PlanInput {
        truth,
        shadow: Some(shadow),
        area,
        unknown: none,
        spill: none,
        hints: &[],
        can_fill: true,
        can_move: true,
        costs: Costs::LOSSLESS,
        max_piece_pixels: u32::MAX,
    }
}

/// Plans from `shadow` to `truth` over everything, and checks it.
fn plan(shadow: &Pixels, truth: &Pixels) -> (Vec<Piece>, PlanStats) {
    let (area, none) = (Region::from_rect(truth.bounds()), Region::new());
    let (t, s) = (truth.to_surface(), shadow.to_surface());
    let input = input(t.view(), s.view(), &area, &none);
    let mut pieces = Vec::new();
    let stats = Planner::new().plan(&input, &mut pieces);
    check(truth, Some(shadow), &input, &pieces);
    (pieces, stats)
}

/// Rows of made-up glyphs in two colours.
fn text(pixels: &mut Pixels, rect: Rect, seed: u64, colours: [u32; 2]) {
    let hash = |x: i32, y: i32| Random(seed ^ (x as u64) << 32 ^ y as u64).next();
    pixels.fill(rect, |x, y| {
        let (x, y) = (x - rect.left, y - rect.top);
        let (gx, gy) = (x % 7, y % 13);
        let ink = gx < 5 && (2..11).contains(&gy) && hash(x / 7, y / 13) >> (gx / 2 + gy / 2 * 3) & 1 == 1;
        colours[usize::from(ink)]
    });
}

fn shift(pixels: &mut Pixels, rect: Rect, dx: i32, dy: i32) {
    let old = pixels.clone();
    let dst = rect.translate(dx, dy).intersect(&rect);
    pixels.fill(dst, |x, y| old.get(x - dx, y - dy));
}

fn screen(width: i32, height: i32) -> Pixels {
    let mut pixels = Pixels::new(SurfaceFormat::X8R8G8B8, width, height, 0x3a_6ea5);
    pixels.fill(Rect::new(20, 10, width - 20, height - 10), |_, _| 0xff_ffff);
    text(&mut pixels, Rect::new(24, 14, width - 24, height - 14), 1, [0xff_ffff, 0]);
    pixels
}

#[test]
fn identical_pictures_need_nothing() {
    let shadow = screen(320, 200);
    let mut truth = shadow.clone();
    truth.values.iter_mut().for_each(|v| *v |= 0xaa00_0000); // the invisible byte
    assert_eq!(plan(&shadow, &truth), (vec![], PlanStats::default()));
}

#[test]
fn a_cursor_that_blinks_is_its_own_box() {
    let shadow = screen(320, 200);
    let mut truth = shadow.clone();
    let cursor = Rect::new(101, 40, 103, 53);
    truth.fill(cursor, |_, _| 0x12_3456);
    let (pieces, _) = plan(&shadow, &truth);
    assert_eq!(pieces, [Piece { rect: cursor, kind: PieceKind::Fill(0x12_3456) }]);
}

#[test]
fn a_clear_is_one_fill() {
    let shadow = screen(321, 203);
    let truth = Pixels::new(shadow.format, 321, 203, 0xff00_0000);
    let (pieces, stats) = plan(&shadow, &truth);
    assert_eq!(pieces.len(), 1, "{pieces:?}");
    assert_eq!(pieces[0].kind, PieceKind::Fill(0));
    assert_eq!((stats.fills, stats.images, stats.moves), (1, 0, 0));
}

#[test]
fn a_scroll_is_one_move_and_one_strip() {
    let inside = Rect::new(24, 14, 300, 230);
    for (dx, dy) in [(0, -13), (0, 39), (-17, 0), (40, 0), (-5, 9)] {
        let shadow = screen(330, 244);
        let mut truth = shadow.clone();
        shift(&mut truth, inside, dx, dy);
        let moved = inside.translate(dx, dy).intersect(&inside);
        for strip in Region::from_rect(inside).subtract(&Region::from_rect(moved)).rects() {
            text(&mut truth, *strip, 77, [0xff_ffff, 0]);
        }
        let (pieces, stats) = plan(&shadow, &truth);
        assert_eq!(stats.moves, 1, "{dx} {dy}: {pieces:?}");
        let PieceKind::Move { src } = pieces[0].kind else { panic!("{pieces:?}") };
        assert_eq!((pieces[0].rect.left - src.x, pieces[0].rect.top - src.y), (dx, dy));
        let strips = if dx != 0 && dy != 0 { 2 } else { 1 };
        assert!(pieces.len() <= 1 + strips, "{dx} {dy}: {pieces:?}");
    }
}

#[test]
fn a_moved_window_is_one_move() {
    let mut behind = Pixels::new(SurfaceFormat::X8R8G8B8, 400, 300, 0x3a_6ea5);
    let mut random = Random(5);
    behind.fill(Rect::new(0, 200, 400, 300), |_, _| random.next() as u32);
    for (from, to) in
        [((30, 40), (60, 70)), ((100, 90), (81, 85)), ((10, 10), (230, 120)), ((50, 51), (50, 48))]
    {
        let draw = |(x, y): (i32, i32)| {
            let mut pixels = behind.clone();
            let window = Rect::new(x, y, x + 150, y + 101);
            pixels.fill(window, |_, _| 0x44_4444);
            text(&mut pixels, Rect::new(x + 3, y + 20, x + 147, y + 98), 9, [0xee_eeee, 0x11_2233]);
            pixels
        };
        let (pieces, stats) = plan(&draw(from), &draw(to));
        assert_eq!(stats.moves, 1, "{pieces:?}");
        // The whole window, but for pixels that were right already.
        let saved = pieces[0].rect.intersect(&Rect::new(to.0, to.1, to.0 + 150, to.1 + 101));
        assert!(saved.area() >= 144 * 78, "{pieces:?}");
    }
}

#[test]
fn hints_are_believed_only_where_they_are_true() {
    let shadow = screen(200, 120);
    let mut truth = shadow.clone();
    let inside = Rect::new(24, 14, 170, 100);
    shift(&mut truth, inside, 0, -6);
    let (area, none) = (Region::from_rect(truth.bounds()), Region::new());
    let (t, s) = (truth.to_surface(), shadow.to_surface());
    let twice = MoveHint { dst: Rect::new(24, 14, 170, 97), src: Point::new(24, 17) };
    let wrong = MoveHint { dst: Rect::new(0, 0, 100, 100), src: Point::new(i32::MAX, i32::MIN) };
    let hints = [wrong, twice, twice];
    let input = PlanInput { hints: &hints, ..input(t.view(), s.view(), &area, &none) };
    let mut pieces = Vec::new();
    let stats = Planner::new().plan(&input, &mut pieces);
    check(&truth, Some(&shadow), &input, &pieces);
    assert_eq!(stats.moves, 1, "{pieces:?}");
}

#[test]
fn apart_is_sent_apart_and_near_is_sent_together() {
    let shadow = screen(600, 400);
    let mut truth = shadow.clone();
    text(&mut truth, Rect::new(40, 40, 60, 50), 3, [0xff_ffff, 0xff]);
    text(&mut truth, Rect::new(70, 41, 90, 52), 4, [0xff_ffff, 0xff]);
    text(&mut truth, Rect::new(400, 300, 440, 312), 4, [0xff_ffff, 0xff]);
    let (pieces, stats) = plan(&shadow, &truth);
    assert_eq!((stats.images, pieces.len()), (2, 2), "{pieces:?}");
}

#[test]
fn no_shadow_means_everything() {
    let truth = screen(100, 60);
    let t = truth.to_surface();
    let (area, none) = (Region::from_rect(Rect::new(-5, -5, 50, 1000)), Region::new());
    let input = PlanInput { shadow: None, ..input(t.view(), t.view(), &area, &none) };
    let mut pieces = Vec::new();
    let stats = Planner::new().plan(&input, &mut pieces);
    assert_eq!(stats.changed_pixels, 50 * 60);
    let area = Region::from_rect(Rect::new(0, 0, 50, 60));
    check(&truth, None, &PlanInput { area: &area, ..input }, &pieces);
}

const FORMATS: [SurfaceFormat; 6] = [
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::A8,
    SurfaceFormat::A1,
];

/// Draws something somewhere, as guests do; maybe with a hint.
fn scribble(pixels: &mut Pixels, random: &mut Random, hints: &mut Vec<MoveHint>) {
    let rect = random.rect(pixels.bounds());
    let colours = [pixels.random_value(random), pixels.random_value(random)];
    match random.below(8) {
        0 => pixels.fill(rect, |_, _| colours[0]),
        1 | 2 => text(pixels, rect, random.next() % 3, colours),
        3 => {
            let format = pixels.clone();
            pixels.fill(rect, |_, _| format.random_value(random));
        }
        4 | 5 => {
            let (dx, dy) = match random.below(3) {
                0 => (0, random.between(-40, 40)),
                1 => (random.between(-40, 40), 0),
                _ => (random.between(-20, 20), random.between(-20, 20)),
            };
            let dst = rect.translate(dx, dy).intersect(&rect);
            shift(pixels, rect, dx, dy);
            if random.one_in(2) {
                hints.push(MoveHint { dst, src: Point::new(dst.left - dx, dst.top - dy) });
            }
        }
        6 => {
            // A window: its pixels elsewhere.
            let old = pixels.clone();
            let to = random.rect(pixels.bounds());
            let to = Rect::new(to.left, to.top, to.left + rect.width() as i32, to.top + rect.height() as i32)
                .intersect(&pixels.bounds());
            let (dx, dy) = (rect.left - to.left, rect.top - to.top);
            pixels.fill(to, |x, y| old.get(x + dx, y + dy));
        }
        _ => {
            let at = Point::new(rect.left, rect.top);
            pixels.set(at.x, at.y, colours[0]);
        }
    }
}

fn region(random: &mut Random, bounds: Rect) -> Region {
    match random.below(4) {
        0 => Region::from_rect(bounds),
        1 => Region::from_rect(random.rect(bounds)),
        n => (0..n * 3 - 4).map(|_| random.rect(bounds)).collect(),
    }
}

fn random_case(seed: u64, planner: &mut Planner) {
    let mut random = Random(seed);
    let random = &mut random;
    let format = FORMATS[random.below(9).saturating_sub(3) as usize];
    let size = |random: &mut Random| match random.below(3) {
        0 => random.between(1, 40),
        1 => random.between(1, 12) * 16,
        _ => random.between(40, 200),
    };
    let mut shadow = Pixels::new(format, size(random), size(random), 0);
    let mut hints = Vec::new();
    (0..random.below(8)).for_each(|_| scribble(&mut shadow, random, &mut hints));
    hints.clear();
    let mut truth = shadow.clone();
    (0..random.below(5)).for_each(|_| scribble(&mut truth, random, &mut hints));
    if format == SurfaceFormat::X8R8G8B8 && random.one_in(2) {
        truth.values.iter_mut().for_each(|v| *v ^= (random.next() as u32) << 24);
    }
    if random.one_in(8) {
        hints.push(MoveHint {
            dst: Rect::new(i32::MIN, 0, i32::MAX, i32::MAX),
            src: Point::new(random.next() as i32, random.next() as i32),
        });
    }
    let bounds = truth.bounds();
    let area = region(random, bounds);
    let (none, all) = (Region::new(), Region::from_rect(bounds));
    let unknown = if random.one_in(2) { Region::new() } else { region(random, bounds) };
    let spill = if random.one_in(2) { &none } else { &all };
    let has_shadow = !random.one_in(10);
    let (t, s) = (truth.to_surface(), shadow.to_surface());
    let input = PlanInput {
        shadow: has_shadow.then(|| s.view()),
        unknown: &unknown,
        spill,
        hints: &hints,
        can_fill: !random.one_in(4),
        can_move: !random.one_in(4),
        costs: if random.one_in(4) { Costs::RAW } else { Costs::LOSSLESS },
        max_piece_pixels: if random.one_in(3) { random.below(3000) } else { u32::MAX },
        ..input(t.view(), s.view(), &area, &none)
    };
    let mut pieces = Vec::new();
    let stats = planner.plan(&input, &mut pieces);
    check(&truth, has_shadow.then_some(&shadow), &input, &pieces);
    let mut again = Vec::new();
    assert_eq!(Planner::new().plan(&input, &mut again), stats);
    assert_eq!(again, pieces, "depends on earlier plans");
}

#[test]
fn random_scenes_end_up_true() {
    let one = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok());
    let seeds = one.map_or(0..3000, |s: u64| s..s + 1);
    let mut planner = Planner::new();
    for seed in seeds {
        let case = std::panic::AssertUnwindSafe(|| random_case(seed, &mut planner));
        if let Err(panic) = std::panic::catch_unwind(case) {
            eprintln!("SPICE_RENDER_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
