//! Commands, but for drawables.

use super::error::Fault;
use super::input::{Fields, Input, Res, What};
use super::{GuestMemory, GuestRange};
use crate::qxl::{
    CursorCmd, CursorShape, PrimaryCreate, SurfaceCmd, SurfaceCreate, UpdateCmd, surface_format_from_number,
};
use bytes::Bytes;
use std::sync::Arc;

/// Size of `QXLReleaseInfo`, which every command begins with.
pub(super) const RELEASE: usize = 8;

const UPDATE: What = What { structure: "QXLUpdateCmd", field: "data" };
const CURSOR: What = What { structure: "QXLCursorCmd", field: "data" };
const SURFACE: What = What { structure: "QXLSurfaceCmd", field: "data" };
const MESSAGE: What = What { structure: "QXLMessage", field: "data" };

impl<M: GuestMemory + ?Sized> Input<'_, M> {
    /// `QXLUpdateCmd` or `QXLCompatUpdateCmd`, with the release info's id.
    pub(super) fn update(&mut self, address: u64, id: &mut Option<u64>) -> Res<UpdateCmd> {
        let (head, place) = self.read::<28>(UPDATE, address)?;
        let mut head = Fields::new(head);
        *id = Some(head.u64());
        let (area, update_id) = (head.rect(), head.u32());
        head.done();
        let surface_id = match self.compat {
            true => 0,
            false => u32::from_le_bytes(self.next(UPDATE, place)?.0),
        };
        Ok(UpdateCmd { area, update_id, surface_id })
    }

    /// `QXLMessage`: a text that ends at its first 0 byte.
    pub(super) fn message(&mut self, address: u64, id: &mut Option<u64>) -> Res<Bytes> {
        let (release, mut place) = self.read::<RELEASE>(MESSAGE, address)?;
        *id = Some(u64::from_le_bytes(release));
        let mut text = Vec::new();
        loop {
            let left = u64::from(self.limits.max_message_bytes).saturating_sub(text.len() as u64);
            // As much as there is, a little at a time; at the slot's end this asks for a byte that is not there.
            let len = place.room().clamp(1, 256).min(left);
            if len == 0 {
                let (value, limit) = (text.len() as u64 + 1, self.limits.max_message_bytes.into());
                return self.fail(MESSAGE.structure, "data", address, Fault::Limit { value, limit });
            }
            place = self.after(MESSAGE, place, len)?;
            let before = text.len();
            self.append(MESSAGE, place, &mut text)?;
            if let Some(end) = text[before..].iter().position(|byte| *byte == 0) {
                text.truncate(before + end);
                return Ok(text.into());
            }
        }
    }

    /// `QXLCursorCmd`.
    pub(super) fn cursor(&mut self, address: u64, id: &mut Option<u64>) -> Res<CursorCmd> {
        let (head, place) = self.read::<9>(CURSOR, address)?;
        let mut head = Fields::new(head);
        *id = Some(head.u64());
        let kind = head.u8();
        head.done();
        match kind {
            0 => {
                let mut set = Fields::new(self.next::<13>(CURSOR, place)?.0);
                let (position, visible, shape) = (set.point16(), set.u8() != 0, set.u64());
                set.done();
                let shape = if shape == 0 { None } else { Some(Arc::new(self.cursor_shape(shape)?)) };
                Ok(CursorCmd::Set { position, visible, shape })
            }
            1 => Ok(CursorCmd::Move { position: Fields::new(self.next::<4>(CURSOR, place)?.0).point16() }),
            2 => Ok(CursorCmd::Hide),
            3 => {
                let mut trail = Fields::new(self.next::<4>(CURSOR, place)?.0);
                Ok(CursorCmd::Trail { length: trail.u16(), frequency: trail.u16() })
            }
            kind => self.fail(CURSOR.structure, "type", address, Fault::Unknown { value: kind.into() }),
        }
    }

    fn cursor_shape(&mut self, address: u64) -> Res<CursorShape> {
        const SHAPE: What = What { structure: "QXLCursor", field: "u.set.shape" };
        let (head, place) = self.read::<22>(SHAPE, address)?;
        let mut head = Fields::new(head);
        let unique = head.u64();
        let (kind, width, height) = (head.u16(), head.u16(), head.u16());
        let (hot_spot_x, hot_spot_y) = (head.u16(), head.u16());
        // What the guest says; the chunks say what it really gives.
        let _data_size = head.u32();
        head.done();
        let data = self.inline_chunks(SHAPE, place, None)?.into();
        Ok(CursorShape { unique, kind, width, height, hot_spot_x, hot_spot_y, data })
    }

    /// `QXLSurfaceCmd`; where the guest keeps the pixels goes to `backing`.
    pub(super) fn surface(
        &mut self,
        address: u64,
        id: &mut Option<u64>,
        backing: &mut Option<GuestRange>,
    ) -> Res<SurfaceCmd> {
        let (head, place) = self.read::<17>(SURFACE, address)?;
        let mut head = Fields::new(head);
        *id = Some(head.u64());
        let (surface_id, kind, flags) = (head.u32(), head.u8(), head.u32());
        head.done();
        match kind {
            0 => {
                let mut create = Fields::new(self.next::<24>(SURFACE, place)?.0);
                let (format, width, height) = (create.u32(), create.u32(), create.u32());
                let (stride, data) = (create.i32(), create.u64());
                create.done();
                let Some(format) = surface_format_from_number(format) else {
                    let fault = Fault::Unknown { value: format };
                    return self.fail(SURFACE.structure, "u.surface_create.format", address, fault);
                };
                let what = What { structure: "QXLSurface", field: "u.surface_create.data" };
                let keep = flags & SurfaceCreate::KEEP_DATA != 0;
                let (range, data) = self.rows(what, data, stride, height, keep)?;
                *backing = Some(range);
                Ok(SurfaceCmd::Create(SurfaceCreate {
                    surface_id,
                    flags,
                    format,
                    width,
                    height,
                    stride,
                    data: keep.then_some(data),
                }))
            }
            1 => Ok(SurfaceCmd::Destroy { surface_id, flags }),
            kind => self.fail(SURFACE.structure, "type", address, Fault::Unknown { value: kind.into() }),
        }
    }

    /// The memory of a surface, and a copy of what it holds if that is wanted.
    fn rows(
        &mut self,
        what: What,
        address: u64,
        stride: i32,
        height: u32,
        keep: bool,
    ) -> Res<(GuestRange, Bytes)> {
        let len = u64::from(stride.unsigned_abs()) * u64::from(height);
        let place = self.find(what, address, len)?;
        let data = if keep { self.flat(what, address, len)? } else { Vec::new() };
        Ok((place.range(), data.into()))
    }

    /// `QXLSurfaceCreate` of a primary surface.
    pub(super) fn primary(&mut self, create: &[u8; 40]) -> Res<(PrimaryCreate, GuestRange)> {
        let mut create = Fields::new(*create);
        let (width, height, stride, format) = (create.u32(), create.u32(), create.i32(), create.u32());
        let (position, mouse_mode, flags) = (create.u32(), create.u32(), create.u32());
        let (kind, address) = (create.u32(), create.u64());
        create.done();
        let what = What { structure: "QXLSurfaceCreate", field: "mem" };
        let Some(format) = surface_format_from_number(format) else {
            return self.fail(what.structure, "format", address, Fault::Unknown { value: format });
        };
        let keep = flags & SurfaceCreate::KEEP_DATA != 0;
        let (range, data) = self.rows(what, address, stride, height, keep)?;
        Ok((PrimaryCreate { width, height, stride, format, position, mouse_mode, flags, kind, data }, range))
    }
}
