//! Operations that draw the same colours as others.

use super::canvas::CANVAS;
use super::shown::IDENTITY;
use crate::draw::task::rop2;
use crate::draw::{Source, Task};
use crate::qxl::{self, Brush, Composite, Image, Op, OpKind, QMask, Rect, Ropd, ScaleMode, SurfaceFormat};
use spice_raster::Rop2;

/// What makes the same colours as an operation, whatever is there.
#[derive(Debug)]
pub(super) enum Equal {
    /// Nothing else.
    None,
    /// Drawing nothing at all.
    Nothing,
    /// Another operation.
    Op(Op),
}

/// The descriptor of a rop in an operation of a kind.
fn ropd(rop: Rop2, kind: OpKind) -> Option<Ropd> {
    use crate::client::profile::{Member, Rop2 as Named};
    Named::ALL.get(usize::from(rop.truth_table()))?.descriptor(kind)
}

/// What the truth table of an operand pair (s, d) is where the bits of s are all 0, or all 1; `None` where they are
/// neither and count.
fn of_colour(table: u8, colour: u32) -> Option<u8> {
    match colour & 0xff_ffff {
        0xff_ffff => Some(table >> 2 & 3),
        0 => Some(table & 3),
        _ if table >> 2 & 3 == table & 3 => Some(table & 3),
        _ => None,
    }
}

/// What draws the same colours as a task, whatever is on its surface.
pub(super) fn equal(task: &Task) -> Equal {
    let op = &task.drawable.op;
    let mask = || op.qmask().cloned().unwrap_or_default();
    let fill = |colour, rop| Equal::Op(Op::Fill { brush: Brush::Solid(colour), rop, mask: mask() });
    // The truth tables of a function of one operand.
    let dest_only = |table: u8| match table {
        0b00 => fill(0, Ropd::PUT),
        0b11 => fill(0xff_ffff, Ropd::PUT),
        0b01 => Equal::Op(Op::Invers { mask: mask() }),
        _ => Equal::Nothing,
    };
    match op {
        Op::Blackness { .. } => fill(0, Ropd::PUT),
        Op::Whiteness { .. } => fill(0xff_ffff, Ropd::PUT),
        Op::Invers { .. } => fill(0xff_ffff, Ropd(Ropd::OP_XOR)),
        Op::Fill { brush, rop, .. } => {
            let table = rop2(*rop, Ropd::INVERS_BRUSH, Ropd::INVERS_DEST).truth_table();
            match brush {
                Brush::Solid(colour) => match of_colour(table, *colour) {
                    Some(_) if *rop == Ropd::PUT => Equal::None,
                    Some(table) => dest_only(table),
                    // ~s is another colour.
                    None if table == 0b0011 => fill(!colour & 0xff_ffff, Ropd::PUT),
                    None => Equal::None,
                },
                _ if table >> 2 & 3 == table & 3 => dest_only(table & 3),
                _ => Equal::None,
            }
        }
        Op::Copy { rop, .. } => {
            let table = rop2(*rop, Ropd::INVERS_SRC, Ropd::INVERS_DEST).truth_table();
            if table >> 2 & 3 == table & 3 { dest_only(table & 3) } else { Equal::None }
        }
        Op::Blend { src, src_area, rop, scale_mode, .. } => Equal::Op(Op::Copy {
            src: src.clone(),
            src_area: *src_area,
            rop: *rop,
            scale_mode: *scale_mode,
            mask: mask(),
        }),
        Op::Opaque { src, src_area, brush, rop, scale_mode, .. } => {
            let table = rop2(*rop, Ropd::INVERS_BRUSH, Ropd::INVERS_SRC).truth_table();
            let one = match brush {
                Brush::Solid(colour) => of_colour(table, *colour),
                _ if table >> 2 & 3 == table & 3 => Some(table & 3),
                _ => None,
            };
            let copy = |rop| {
                let (src, src_area, scale_mode) = (src.clone(), *src_area, *scale_mode);
                Equal::Op(Op::Copy { src, src_area, rop, scale_mode, mask: mask() })
            };
            match one {
                Some(0b00) => fill(0, Ropd::PUT),
                Some(0b11) => fill(0xff_ffff, Ropd::PUT),
                Some(0b10) => copy(Ropd::PUT),
                Some(_) => copy(Ropd(Ropd::OP_PUT | Ropd::INVERS_SRC)),
                // The brush alone.
                None if table & 5 == table >> 1 & 5 => {
                    let rop = ropd(Rop2::from_truth_table(table), OpKind::Fill).unwrap_or(Ropd::PUT);
                    Equal::Op(Op::Fill { brush: brush.clone(), rop, mask: mask() })
                }
                None => Equal::None,
            }
        }
        Op::Rop3 { src, src_area, brush, rop3, scale_mode, .. } => {
            equal_rop3(task, src, *src_area, brush, *rop3, *scale_mode, mask())
        }
        Op::AlphaBlend { alpha: 255, src, src_area, alpha_flags } if !task.is_scaled() => {
            let opaque = match &task.src {
                Source::Surface(info) => info.format == SurfaceFormat::X8R8G8B8 && alpha_flags & 2 == 0,
                Source::Picture(picture) => picture.own_format(CANVAS) == Some(SurfaceFormat::X8R8G8B8),
                _ => false,
            };
            let (src, src_area, rop) = (src.clone(), *src_area, Ropd::PUT);
            let copy = || Op::Copy { src, src_area, rop, scale_mode: ScaleMode::NEAREST, mask: mask() };
            if opaque { Equal::Op(copy()) } else { Equal::None }
        }
        Op::Composite(c) => equal_composite(task, c),
        _ => Equal::None,
    }
}

#[allow(clippy::too_many_arguments, reason = "the operands of ROP3")]
fn equal_rop3(
    task: &Task,
    src: &Option<Image>,
    src_area: Rect,
    brush: &Brush,
    code: u8,
    scale_mode: ScaleMode,
    mask: QMask,
) -> Equal {
    // As a function of source and destination alone, where the pattern is all 0 or all 1, or does not count.
    let half = match brush {
        Brush::Solid(colour) if colour & 0xff_ffff == 0 => Some(code & 15),
        Brush::Solid(colour) if colour & 0xff_ffff == 0xff_ffff => Some(code >> 4),
        _ if code >> 4 == code & 15 => Some(code & 15),
        _ => None,
    };
    let fill = |brush, table: u8| match ropd(Rop2::from_truth_table(table), OpKind::Fill) {
        Some(rop) => Equal::Op(Op::Fill { brush, rop, mask: mask.clone() }),
        None => Equal::Nothing,
    };
    let uses_source = (code ^ code >> 2) & 0x33 != 0;
    match half {
        // The destination alone.
        Some(table) if table >> 2 == table & 3 => fill(Brush::Solid(0), table),
        Some(table) if !task.is_scaled() => match ropd(Rop2::from_truth_table(table), OpKind::Copy) {
            Some(rop) => Equal::Op(Op::Copy { src: src.clone(), src_area, rop, scale_mode, mask }),
            None => Equal::None,
        },
        Some(_) => Equal::None,
        // Pattern and destination: bits P D of minterms without S.
        None if !uses_source => fill(brush.clone(), code >> 2 & 12 | code & 3),
        // Pattern and source.
        None if (code ^ code >> 1) & 0x55 == 0 && !task.is_scaled() => {
            let bit = |minterm: u8, to: u8| (code >> minterm & 1) << to;
            let table = bit(6, 3) | bit(4, 2) | bit(2, 1) | bit(0, 0);
            match ropd(Rop2::from_truth_table(table), OpKind::Opaque) {
                Some(rop) => {
                    let (src, brush) = (src.clone(), brush.clone());
                    Equal::Op(Op::Opaque { src, src_area, brush, rop, scale_mode, mask })
                }
                None => Equal::None,
            }
        }
        None => Equal::None,
    }
}

/// A composite that only copies.
fn equal_composite(task: &Task, c: &Composite) -> Equal {
    const CLEAR: u8 = 0;
    const SRC: u8 = 1;
    const DST: u8 = 2;
    const OVER: u8 = 3;
    let bbox = task.drawable.bbox;
    let still = |t: Option<qxl::Transform>| t.is_none_or(|t| t == IDENTITY);
    let (size, opaque) = match &task.src {
        Source::Surface(info) => {
            let opaque =
                info.format == SurfaceFormat::X8R8G8B8 || c.flags & Composite::<Image>::SOURCE_OPAQUE != 0;
            ((info.width, info.height), (info.format != SurfaceFormat::A8).then_some(opaque))
        }
        Source::Picture(picture) => {
            let format = picture.image_format(CANVAS);
            ((picture.width(), picture.height()), format.map(|f| f == SurfaceFormat::X8R8G8B8))
        }
        _ => return Equal::None,
    };
    let Some(opaque) = opaque else { return Equal::None };
    let area = Rect::of_size(bbox.width(), bbox.height()).translate(c.src_origin.x, c.src_origin.y);
    let inside = Rect::of_size(size.0, size.1).contains(&area);
    let copies = c.mask.is_none() && still(c.src_transform) && inside;
    let mask = QMask::default;
    match c.operator() {
        CLEAR if c.mask.is_none() => {
            Equal::Op(Op::Fill { brush: Brush::Solid(0), rop: Ropd::PUT, mask: mask() })
        }
        DST => Equal::Nothing,
        SRC | OVER if copies && (opaque || c.operator() == SRC) => Equal::Op(Op::Copy {
            src: c.src.clone(),
            src_area: area,
            rop: Ropd::PUT,
            scale_mode: ScaleMode::NEAREST,
            mask: mask(),
        }),
        _ => Equal::None,
    }
}
