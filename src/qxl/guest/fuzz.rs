//! Damaged commands by the million, for fuzzers: nothing may panic, and what is accepted is well-formed.

use super::testing::{Chunking, GROUP, Laid, Layout, TestMemory, compat_form};
use super::{Guest, GuestCommand, GuestLimits, GuestMemory, MemSlots, Parsed, Slot, SlotId};
use crate::qxl::testing::{Generator, Rng};
use crate::qxl::{Clip, Command, Drawable, Event, Image, ImageData, Op, SurfaceCmd, SurfaceCreate};
use std::cell::{Cell, RefCell};

/// A memory that the guest writes to while it is read: mostly what is there, some of it damaged anew at each read,
/// and an embedder that sometimes cannot read it, or gives more or less than it was asked for.
#[derive(Debug)]
pub struct Changing<'a> {
    memory: &'a TestMemory,
    rng: RefCell<Rng>,
    /// Bytes that were asked for.
    pub bytes: Cell<u64>,
    /// How often it was asked.
    pub reads: Cell<u64>,
}

impl<'a> Changing<'a> {
    /// What changes is random.
    pub fn new(memory: &'a TestMemory, rng: Rng) -> Self {
        Self { memory, rng: RefCell::new(rng), bytes: Cell::new(0), reads: Cell::new(0) }
    }
}

impl GuestMemory for Changing<'_> {
    fn read(&self, slot: SlotId, offset: u64, out: &mut [u8]) -> bool {
        let mut rng = self.rng.borrow_mut();
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + out.len() as u64);
        if rng.one_in(200) || !self.memory.read(slot, offset, out) || out.is_empty() {
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
        let lie = self.rng.borrow_mut().below(50);
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

/// Holds a command to what the vocabulary promises: data are as long as their rows, lists as long as they say.
///
/// # Panics
/// If it is not so.
pub fn well_formed(command: &Command) {
    match command {
        Command::Surface(SurfaceCmd::Create(s)) => {
            assert_eq!(s.data.is_some(), s.flags & SurfaceCreate::KEEP_DATA != 0);
            if let Some(data) = &s.data {
                assert_eq!(data.len() as u64, u64::from(s.stride.unsigned_abs()) * u64::from(s.height));
            }
        }
        Command::Drawable(drawable) => well_formed_drawable(drawable),
        Command::Message(text) => assert!(!text.contains(&0)),
        _ => {}
    }
}

fn well_formed_drawable(d: &Drawable) {
    let image = |image: Option<&Image>| {
        if let Some(Image { data: ImageData::Bitmap(b), .. }) = image {
            assert_eq!(b.data.len() as u64, u64::from(b.stride) * u64::from(b.height));
            let chunks: usize = b.chunks.iter().map(|size| *size as usize).sum();
            assert!(b.chunks.is_empty() || chunks == b.data.len());
        }
    };
    d.op.images().into_iter().for_each(image);
    if let Op::Text { str, .. } = &d.op {
        for glyph in &str.glyphs {
            let row = (u64::from(glyph.width) * u64::from(str.depth().unwrap_or(0))).div_ceil(8);
            assert_eq!(glyph.data.len() as u64, row * u64::from(glyph.height));
        }
    }
    if let Clip::Rects(rects) = &d.clip {
        assert!(rects.len() as u64 <= u64::from(GuestLimits::default().max_clip_rects));
    }
}

fn judge(parsed: Parsed, command: &GuestCommand) -> bool {
    assert_eq!((parsed.release.address, parsed.release.group), (command.data, command.group));
    match parsed.command {
        Ok(command) => {
            well_formed(&command);
            true
        }
        Err(error) => {
            assert!(!error.structure.is_empty() && !error.field.is_empty());
            false
        }
    }
}

/// Damages commands that were good, a few places at a time.
#[derive(Debug)]
pub struct Fuzzer {
    pool: Vec<(Layout, Laid)>,
    rng: Rng,
    limits: GuestLimits,
    /// Damaged commands that were still commands.
    pub accepted: u64,
    /// Damaged commands that were refused.
    pub refused: u64,
}

impl Fuzzer {
    /// A fuzzer with a stock of that many random commands, each laid out in its own way.
    pub fn new(rng: Rng, stock: usize) -> Self {
        let mut generator = Generator::new(rng.clone());
        generator.side = 6;
        let mut pool = Vec::new();
        while pool.len() < stock {
            let Event::Command(native) = generator.event() else { continue };
            let chunking = generator.rng.pick(&[Chunking::AsRecorded, Chunking::Bytes, Chunking::Odd]);
            let compat = generator.rng.one_in(3);
            let Some(command) = (if compat { compat_form(&native) } else { Some(native) }) else { continue };
            let mut layout = Layout::new(Rng(generator.rng.next_u64()), chunking);
            if let Some(laid) = layout.lay(&command, compat) {
                pool.push((layout, laid));
            }
        }
        let limits = GuestLimits { max_command_bytes: 1 << 16, max_chunks: 1 << 9, ..Default::default() };
        Self { pool, rng, limits, accepted: 0, refused: 0 }
    }

    /// One execution: a command of the stock, damaged, is parsed, and repaired again.
    ///
    /// # Panics
    /// If what is accepted is not well-formed: that is what it looks for.
    pub fn step(&mut self) {
        let rng = &mut self.rng;
        let index = rng.below(self.pool.len() as u32) as usize;
        let (layout, laid) = &mut self.pool[index];
        let mut undo = Vec::new();
        for _ in 0..rng.pick(&[0, 1, 1, 1, 2, 3, 8]) {
            let slot = rng.below(layout.memory.0.len() as u32) as usize;
            let len = layout.memory.0[slot].len();
            if len == 0 {
                continue;
            }
            let at = rng.below(len as u32) as usize;
            // An address of something, a size, or any byte.
            let with: Vec<u8> = match rng.below(5) {
                0 => {
                    let id = rng.below(layout.memory.0.len() as u32);
                    let offset = u64::from(rng.below(layout.memory.0[id as usize].len() as u32 + 1));
                    let address = layout.slots.address(SlotId { group: GROUP, id }, offset);
                    address.unwrap_or(u64::MAX).to_le_bytes().to_vec()
                }
                1 => rng.pick(&[0u32, 1, 2, 0xff, 0x7fff_ffff, 0x8000_0000, u32::MAX]).to_le_bytes().to_vec(),
                2 => vec![layout.memory.0[slot][at] ^ (1 << rng.below(8))],
                3 => vec![rng.below(16) as u8],
                _ => vec![rng.next_u32() as u8],
            };
            let with = &with[..with.len().min(len - at)];
            let place = &mut layout.memory.0[slot][at..at + with.len()];
            undo.push((slot, at, place.to_vec()));
            place.copy_from_slice(with);
        }
        let mut command = laid.command;
        if rng.one_in(8) {
            command.kind = rng.below(7);
        }
        if rng.one_in(8) {
            command.flags = rng.below(4);
        }
        let (slots, memory) = (&layout.slots, &layout.memory);
        let parsed = if rng.one_in(4) {
            let changing = Changing::new(memory, Rng(rng.next_u64()));
            Guest::new(slots, &changing).with_limits(self.limits).parse(&command)
        } else {
            Guest::new(slots, memory).with_limits(self.limits).parse(&command)
        };
        *if judge(parsed, &command) { &mut self.accepted } else { &mut self.refused } += 1;
        for (slot, at, bytes) in undo.into_iter().rev() {
            layout.memory.0[slot][at..at + bytes.len()].copy_from_slice(&bytes);
        }
    }
}

/// One execution over any bytes: a head says what the command is and how the rest is divided into two slots.
///
/// The head is 4 bytes: kind, flags, where the first slot ends (in sixteenths of the rest), and where in it the command
/// lies. Both slots begin at place 0, so that small numbers and numbers with 1 as their top byte are addresses.
///
/// # Panics
/// If what is accepted is not well-formed: that is what it looks for.
pub fn once(bytes: &[u8]) {
    let Some((&[kind, flags, cut, place], rest)) = bytes.split_first_chunk() else { return };
    let (first, second) = rest.split_at(rest.len() * usize::from(cut % 17) / 16);
    let mut slots = MemSlots::qemu();
    for (id, memory) in [(0, first), (1, second)] {
        let slot = Slot { generation: 0, start: 0, size: memory.len() as u64 };
        slots.add(SlotId { group: GROUP, id }, slot).expect("a slot that can be");
    }
    let memory = TestMemory(vec![first.to_vec(), second.to_vec()]);
    let (kind, flags) = (u32::from(kind % 8), u32::from(flags));
    let command = GuestCommand { data: u64::from(place), kind, group: GROUP, flags };
    let limits = GuestLimits { max_command_bytes: 1 << 20, max_chunks: 1 << 10, ..Default::default() };
    judge(Guest::new(&slots, &memory).with_limits(limits).parse(&command), &command);
    let seed =
        rest.iter().fold(u64::from(flags), |seed, byte| seed.wrapping_mul(31).wrapping_add((*byte).into()));
    let changing = Changing::new(&memory, Rng(seed));
    judge(Guest::new(&slots, &changing).with_limits(limits).parse(&command), &command);
}
