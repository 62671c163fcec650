//! The parser against the other side's layout, against damage, and against memory that changes.

use super::testing::{Chunking, GROUP, Laid, Layout, TestMemory, compat_form, forget_chunks};
use super::*;
use crate::qxl::testing::{Generator, Rng};
use crate::qxl::{Brush, Event, ImageData, Op, Ropd, SurfaceCmd, SurfaceCreate};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Counts reads and bytes, and notes which bytes were read.
struct Watched<'a> {
    memory: &'a TestMemory,
    seen: RefCell<Vec<(SlotId, u64, u64)>>,
}

impl GuestMemory for Watched<'_> {
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
        self.seen.borrow_mut().push((slot, offset, out.len() as u64));
        self.memory.read(slot, offset, out)
    }
}

/// Random commands that memory can say; no texts with 0 bytes.
fn command(generator: &mut Generator) -> Command {
    loop {
        match generator.event() {
            Event::Command(Command::Message(text)) => {
                return Command::Message(text.iter().map(|b| b | 1).collect::<Vec<_>>().into());
            }
            Event::Command(command) => return command,
            Event::Worker(_) => {}
        }
    }
}

const CHUNKINGS: [Chunking; 3] = [Chunking::AsRecorded, Chunking::Bytes, Chunking::Odd];

#[test]
fn what_is_laid_out_is_parsed() {
    for round in 0..30 {
        let rng = Rng::seeded(round);
        let seed = rng.0;
        let mut generator = Generator::new(rng);
        for chunking in CHUNKINGS {
            let mut layout = Layout::new(Rng(seed), chunking);
            for i in 0..60 {
                let native = command(&mut generator);
                for (command, compat) in [(Some(native.clone()), false), (compat_form(&native), true)] {
                    let Some(mut command) = command else { continue };
                    let place = format!("command {i} {chunking:?} compat {compat}, SPICE_RENDER_SEED={seed}");
                    let laid = layout.lay(&command, compat).expect(&place);
                    let parsed = Guest::new(&layout.slots, &layout.memory).parse(&laid.command);
                    let mut found = parsed.command.unwrap_or_else(|e| panic!("{place}: {e}"));
                    if chunking != Chunking::AsRecorded {
                        forget_chunks(&mut found);
                        forget_chunks(&mut command);
                    }
                    assert_eq!(found, command, "{place}");
                    let id = (command != Command::Nop).then_some(laid.release);
                    assert_eq!(parsed.release.id, id, "{place}");
                }
            }
        }
    }
}

#[test]
fn no_byte_is_read_twice() {
    let rng = Rng::seeded(4);
    let seed = rng.0;
    let mut generator = Generator::new(rng);
    for chunking in CHUNKINGS {
        let mut layout = Layout::new(Rng(seed), chunking);
        for _ in 0..200 {
            let native = command(&mut generator);
            for (command, compat) in [(Some(native.clone()), false), (compat_form(&native), true)] {
                let Some(laid) = command.and_then(|c| layout.lay(&c, compat)) else { continue };
                let watched = Watched { memory: &layout.memory, seen: RefCell::default() };
                Guest::new(&layout.slots, &watched).parse(&laid.command).command.expect("a good command");
                let mut seen = watched.seen.into_inner();
                seen.sort();
                for pair in seen.windows(2) {
                    let [(slot, at, len), (next_slot, next, _)] = pair else { unreachable!() };
                    assert!(slot != next_slot || at + len <= *next, "{pair:?}, SPICE_RENDER_SEED={seed}");
                }
            }
        }
    }
}

#[test]
fn primaries_are_parsed() {
    let mut rng = Rng::seeded(8);
    for keep in [0, 1] {
        let (width, height, stride) = (5, 7, -24);
        let data = if keep == 1 { rng.bytes(24 * 7).into() } else { bytes::Bytes::new() };
        let surface = PrimaryCreate {
            width,
            height,
            stride,
            format: crate::qxl::SurfaceFormat::X8R8G8B8,
            position: 1,
            mouse_mode: 2,
            flags: keep,
            kind: 4,
            data,
        };
        let mut layout = Layout::new(rng.clone(), Chunking::AsRecorded);
        let create = layout.lay_primary(&surface);
        let guest = Guest::new(&layout.slots, &layout.memory);
        let (found, range) = guest.primary(GROUP, &create).unwrap();
        assert_eq!(found, surface);
        assert_eq!(range.len, 24 * 7);
        let mut bad = create;
        bad[12] = 5;
        assert!(matches!(guest.primary(GROUP, &bad).unwrap_err().fault, Fault::Unknown { value: 5 }));
        let mut bad = create;
        bad[7] = 1; // a height of 16 million and more
        assert!(matches!(guest.primary(GROUP, &bad).unwrap_err().fault, Fault::OutOfSlot { .. }));
    }
}

/// One command of each kind, small enough to damage everywhere, with its layout.
fn small() -> Vec<(Layout, Laid)> {
    let mut generator = Generator::new(Rng(3));
    generator.side = 4;
    let mut kinds: BTreeMap<(String, bool), (usize, Layout, Laid)> = BTreeMap::new();
    for i in 0..600 {
        let native = command(&mut generator);
        let name = match &native {
            Command::Drawable(d) => format!("draw {}", d.op.kind().name()),
            Command::Cursor(c) => format!("cursor {:?}", std::mem::discriminant(c)),
            c => format!("command {:?}", std::mem::discriminant(c)),
        };
        for (command, compat) in [(Some(native.clone()), false), (compat_form(&native), true)] {
            let Some(command) = command else { continue };
            let mut layout = Layout::new(Rng(i), CHUNKINGS[i as usize % 3]);
            let Some(laid) = layout.lay(&command, compat) else { continue };
            let size: usize = layout.memory.0.iter().map(Vec::len).sum();
            // Of each kind the one with most in it, up to a bound.
            if size < 900 && kinds.get(&(name.clone(), compat)).is_none_or(|(best, ..)| *best < size) {
                kinds.insert((name.clone(), compat), (size, layout, laid));
            }
        }
    }
    assert!(kinds.len() >= 43, "{:?}", kinds.keys());
    kinds.into_values().map(|(_, layout, laid)| (layout, laid)).collect()
}

#[test]
fn no_damaged_byte_makes_it_panic_or_hang() {
    let (mut good, mut bad) = (0, 0);
    for (mut layout, laid) in small() {
        for slot in 0..layout.memory.0.len() {
            for at in 0..layout.memory.0[slot].len() {
                let was = layout.memory.0[slot][at];
                for with in [0x01, 0x80, 0xff, was, 0x7f ^ was] {
                    layout.memory.0[slot][at] = was ^ with;
                    let watched = Watched { memory: &layout.memory, seen: RefCell::default() };
                    let parsed = Guest::new(&layout.slots, &watched).parse(&laid.command);
                    match parsed.command {
                        Ok(_) => good += 1,
                        Err(e) => {
                            assert!(!e.to_string().is_empty());
                            bad += 1;
                        }
                    }
                    assert_eq!(parsed.release.address, laid.command.data);
                    assert!(watched.seen.borrow().len() < 2000);
                }
                layout.memory.0[slot][at] = was;
            }
        }
    }
    assert!(good > 10_000 && bad > 10_000, "{good} {bad}");
}

#[test]
fn every_damaged_ring_entry_gives_its_release_back() {
    for (layout, laid) in small() {
        for bit in 0..160 {
            let mut command = laid.command;
            match bit / 32 {
                0 | 1 => command.data ^= 1 << (bit % 64),
                2 => command.kind ^= 1 << (bit % 32),
                3 => command.group ^= 1 << (bit % 32),
                _ => command.flags ^= 1 << (bit % 32),
            }
            let parsed = Guest::new(&layout.slots, &layout.memory).parse(&command);
            assert_eq!((parsed.release.group, parsed.release.address), (command.group, command.data));
            if command.data == laid.command.data && command.group == GROUP && command.kind != 0 {
                let id = if laid.command.kind == 0 { parsed.release.id } else { Some(laid.release) };
                assert_eq!(parsed.release.id, id);
            }
        }
    }
}

/// Answers every read with other bytes: mostly what is there, some of it damaged anew each time.
struct Changing<'a> {
    memory: &'a TestMemory,
    rng: RefCell<Rng>,
    bytes: Cell<u64>,
    reads: Cell<u64>,
}

impl GuestMemory for Changing<'_> {
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
        let mut rng = self.rng.borrow_mut();
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + out.len() as u64);
        if rng.one_in(200) {
            return false;
        }
        if !self.memory.read(slot, offset, out) || out.is_empty() {
            return false;
        }
        for _ in 0..rng.below(3) {
            let at = rng.below(out.len() as u32) as usize;
            out[at] = match rng.below(4) {
                0 => rng.next_u32() as u8,
                1 => out[at] ^ (1 << rng.below(8)),
                _ => rng.pick(&[0, 1, 0xff, 0x7f]),
            };
        }
        true
    }

    fn append(&self, slot: SlotId, offset: u64, len: usize, out: &mut Vec<u8>) -> bool {
        let mut rng = self.rng.borrow_mut();
        let lie = rng.below(50);
        drop(rng);
        let before = out.len();
        out.resize(before + len, 0);
        let good = self.read(slot, offset, &mut out[before..]);
        match lie {
            0 => out.clear(),
            1 => out.push(0),
            2 => out.truncate(before),
            _ => {}
        }
        good
    }
}

#[test]
fn memory_that_changes_while_it_is_read_does_no_harm() {
    let seed = Rng::seeded(77).0;
    let (mut good, mut bad) = (0, 0);
    for (layout, laid) in small() {
        let all: u64 = layout.memory.0.iter().map(|slot| slot.len() as u64).sum();
        for round in 0..400 {
            let rng = RefCell::new(Rng(seed + round));
            let changing = Changing { memory: &layout.memory, rng, bytes: Cell::new(0), reads: Cell::new(0) };
            let limits = GuestLimits { max_chunks: 200, max_command_bytes: 20 * all, ..Default::default() };
            let parsed = Guest::new(&layout.slots, &changing).with_limits(limits).parse(&laid.command);
            match parsed.command {
                // A command is well-formed whatever the guest did.
                Ok(command) => {
                    well_formed(&command);
                    good += 1;
                }
                Err(_) => bad += 1,
            }
            assert!(changing.reads.get() < 3000 && changing.bytes.get() < 21 * all + 3000);
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} {bad}");
}

/// What the vocabulary promises: lists have their lengths.
fn well_formed(command: &Command) {
    match command {
        Command::Surface(SurfaceCmd::Create(s)) => {
            assert_eq!(s.data.is_some(), s.flags & SurfaceCreate::KEEP_DATA != 0);
            if let Some(data) = &s.data {
                assert_eq!(data.len() as u64, u64::from(s.stride.unsigned_abs()) * u64::from(s.height));
            }
        }
        Command::Drawable(d) => {
            for image in [d.op.src(), d.op.qmask().and_then(|mask| mask.image.as_ref())].into_iter().flatten()
            {
                if let ImageData::Bitmap(b) = &image.data {
                    assert_eq!(b.data.len() as u64, u64::from(b.stride) * u64::from(b.height));
                    assert_eq!(b.chunks.iter().map(|size| *size as usize).sum::<usize>(), {
                        if b.chunks.is_empty() { 0 } else { b.data.len() }
                    });
                }
            }
            if let Op::Text { str, .. } = &d.op {
                for glyph in &str.glyphs {
                    let row = (u64::from(glyph.width) * u64::from(str.depth().unwrap_or(0))).div_ceil(8);
                    assert_eq!(glyph.data.len() as u64, row * u64::from(glyph.height));
                }
            }
        }
        Command::Message(text) => assert!(!text.contains(&0)),
        _ => {}
    }
}

/// A memory of one slot (group 0, id 0) that begins at place 0, written by hand.
struct Hand {
    slots: MemSlots,
    memory: TestMemory,
}

impl Hand {
    fn new(len: usize) -> Self {
        let mut slots = MemSlots::qemu();
        slots
            .add(SlotId { group: 0, id: 0 }, Slot { generation: 0, start: 0, size: len as u64 })
            .expect("a slot that can be");
        Self { slots, memory: TestMemory(vec![vec![0; len]]) }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.memory.0[0][at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn chunk(&mut self, at: usize, size: u32, next: u64) {
        self.put(at, &size.to_le_bytes());
        self.put(at + 12, &next.to_le_bytes());
    }

    /// A FILL whose brush is a QUIC image at 0x200 with its chunk at 0x216.
    fn fill_of_quic(size: u32) -> Self {
        let mut hand = Self::new(0x1000);
        hand.put(0x10 + 13, &[1]);
        hand.put(0x10 + 123, &2u32.to_le_bytes());
        hand.put(0x10 + 127, &0x200u64.to_le_bytes());
        hand.put(0x208, &[1]);
        hand.put(0x212, &size.to_le_bytes());
        hand
    }

    fn error(&self, limits: GuestLimits, kind: u32) -> GuestError {
        let command = GuestCommand { data: 0x10, kind, group: 0, flags: 0 };
        let guest = Guest::new(&self.slots, &self.memory).with_limits(limits);
        *guest.parse(&command).command.expect_err("a bad command")
    }
}

#[test]
fn cycles_of_chunks_are_found() {
    // Chains of a tail and a loop, the chunks empty or not.
    for tail in [0u64, 1, 2, 7, 30] {
        for length in [1u64, 2, 3, 8, 50] {
            for size in [0, 1] {
                let mut hand = Hand::fill_of_quic(if size == 0 { 0 } else { 100_000 });
                let mut at = 0x216;
                for i in 1..=tail + length {
                    let next = if i == tail + length && tail == 0 {
                        0x216
                    } else {
                        0x300 + 24 * (i % (tail + length)).max(1)
                    };
                    let next = if i == tail + length && tail > 0 { 0x300 + 24 * tail } else { next };
                    hand.chunk(at, size, next);
                    at = next as usize;
                }
                let error = hand.error(GuestLimits::default(), 1);
                assert!(matches!(error.fault, Fault::Cycle { .. }), "{tail} {length} {size}: {error}");
                assert_eq!((error.structure, error.field), ("QXLDataChunk", "next_chunk"));
            }
        }
    }
}

#[test]
fn sizes_that_overflow_or_exceed_are_refused() {
    let limits = GuestLimits::default();
    let mut hand = Hand::fill_of_quic(50);
    hand.chunk(0x216, u32::MAX, 0);
    let found = hand.error(limits, 1).fault;
    assert_eq!(found, Fault::Size { found: u32::MAX.into(), expected: 50 });

    let mut hand = Hand::fill_of_quic(u32::MAX);
    hand.chunk(0x216, u32::MAX, 0);
    let found = hand.error(limits, 1).fault;
    assert_eq!(found, Fault::Limit { value: u32::MAX.into(), limit: limits.max_blob_bytes });

    let mut hand = Hand::fill_of_quic(5000);
    hand.chunk(0x216, 5000, 0);
    let found = hand.error(limits, 1);
    assert_eq!(found.fault, Fault::OutOfSlot { id: 0, len: 5000, room: 0x1000 - 0x22a });
    assert_eq!(
        found.to_string(),
        "DRAW command, QXLDataChunk at 0x216 of group 0, data_size: 5000 bytes are wanted but memory slot 0 has 3542 \
         there"
    );

    // Fewer than the guest said, and more.
    let mut hand = Hand::fill_of_quic(40);
    hand.chunk(0x216, 30, 0);
    assert_eq!(hand.error(limits, 1).fault, Fault::Size { found: 30, expected: 40 });
    hand.chunk(0x216, 30, 0x300);
    hand.chunk(0x300, 11, 0);
    assert_eq!(hand.error(limits, 1).fault, Fault::Size { found: 41, expected: 40 });

    // Long chains without a cycle: each chunk's data are the next one's header.
    let mut hand = Hand::fill_of_quic(3000);
    for i in 0..100 {
        hand.chunk(if i == 0 { 0x216 } else { 0x300 + i * 20 }, 20, 0x300 + (i as u64 + 1) * 20);
    }
    let few = GuestLimits { max_chunks: 64, ..limits };
    assert_eq!(hand.error(few, 1).fault, Fault::Limit { value: 65, limit: 64 });
    let little = GuestLimits { max_command_bytes: 100, ..limits };
    assert_eq!(hand.error(little, 1).fault, Fault::Limit { value: 120, limit: 100 });

    // A message without an end.
    let mut hand = Hand::new(1000);
    hand.put(0, &[7; 1000]);
    assert_eq!(hand.error(limits, 4).fault, Fault::OutOfSlot { id: 0, len: 1, room: 0 });
    let short = GuestLimits { max_message_bytes: 600, ..limits };
    assert_eq!(hand.error(short, 4).fault, Fault::Limit { value: 601, limit: 600 });
}

#[test]
fn numbers_without_meaning_are_named() {
    let at = |offset: usize, value: u8| {
        let mut hand = Hand::fill_of_quic(0);
        hand.put(offset, &[value]);
        let error = hand.error(GuestLimits::default(), 1);
        (error.structure, error.field, error.address, error.fault)
    };
    let unknown = |value| Fault::Unknown { value };
    assert_eq!(at(0x1d, 15), ("QXLDrawable", "type", 0x10, unknown(15)));
    assert_eq!(at(0x10 + 47, 2), ("QXLDrawable", "clip.type", 0x10, unknown(2)));
    assert_eq!(at(0x10 + 123, 3), ("QXLBrush", "type", 0x10, unknown(3)));
    assert_eq!(at(0x208, 100), ("QXLImage", "descriptor.type", 0x200, unknown(100)));
    assert_eq!(at(0x208, 0), ("QXLBitmap", "format", 0x200, unknown(0)));
    let error = Hand::new(100).error(GuestLimits::default(), 6);
    assert_eq!((error.command, error.field, error.fault), ("unknown", "type", unknown(6)));
}

#[test]
fn the_last_address_of_all_can_be_used_and_not_passed() {
    let mut slots = MemSlots::new(AddressBits::new(0, 0).unwrap(), 1, 1);
    let id = SlotId { group: 0, id: 0 };
    slots.add(id, Slot { generation: 0, start: u64::MAX - 16, size: 17 }).unwrap();
    let mut memory = TestMemory(vec![vec![0; 17]]);
    memory.0[0][12] = 1; // QXL_SURFACE_CMD_DESTROY
    let command = GuestCommand { data: u64::MAX - 16, kind: 5, group: 0, flags: 0 };
    let parsed = Guest::new(&slots, &memory).parse(&command);
    assert_eq!(parsed.command, Ok(Command::Surface(SurfaceCmd::Destroy { surface_id: 0, flags: 0 })));
    // To create it there would have to be more.
    memory.0[0][12] = 0;
    let error = Guest::new(&slots, &memory).parse(&command).command.unwrap_err();
    assert_eq!(error.fault, Fault::OutOfSlot { id: 0, len: 24, room: 0 });
}

#[test]
fn colours_of_16_bit_guests_are_widened() {
    for (from, to) in
        [(0, 0), (0x7fff, 0x00ff_ffff), (0x7c00, 0x00ff_0000), (0x03e0, 0xff00), (0x0421, 0x0008_0808)]
    {
        assert_eq!(drawable::color_16_to_32(from), to);
    }
    let fill = Op::Fill { brush: Brush::Solid(0x7c1f), rop: Ropd::PUT, mask: Default::default() };
    let mut generator = Generator::new(Rng(1));
    let drawable = crate::qxl::Drawable { op: fill, ..generator.drawable() };
    let command = compat_form(&Command::Drawable(drawable.into())).unwrap();
    let mut layout = Layout::new(Rng(2), Chunking::AsRecorded);
    let mut laid = layout.lay(&command, true).unwrap();
    laid.command.flags |= GuestCommand::COMPAT_16BPP;
    let parsed = Guest::new(&layout.slots, &layout.memory).parse(&laid.command).command;
    let Ok(Command::Drawable(found)) = parsed else { panic!("a drawable") };
    assert!(matches!(found.op, Op::Fill { brush: Brush::Solid(0x00ff_00ff), .. }));
}
