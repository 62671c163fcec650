//! The pointer, for clients that are there and those that join.

use crate::qxl::CursorCmd;
use crate::wire::{CursorImage, CursorMessage};

/// The pointer as the capture has it now.
#[derive(Default)]
pub(super) struct CursorState {
    set: Option<CursorCmd>,
    position: crate::qxl::Point,
    visible: bool,
}

impl CursorState {
    /// Takes a command in, and says what a client is told.
    pub(super) fn take(&mut self, command: &CursorCmd) -> CursorMessage {
        match command {
            CursorCmd::Set { position, visible, .. } => {
                (self.position, self.visible) = (*position, *visible);
                self.set = Some(command.clone());
                CursorMessage::Set { position: *position, visible: *visible, cursor: self.image() }
            }
            CursorCmd::Move { position } => {
                (self.position, self.visible) = (*position, true);
                CursorMessage::Move { position: *position }
            }
            CursorCmd::Hide => {
                self.visible = false;
                CursorMessage::Hide
            }
            CursorCmd::Trail { length, frequency } => {
                CursorMessage::Trail { length: *length, frequency: *frequency }
            }
        }
    }

    fn image(&self) -> CursorImage {
        match &self.set {
            // Sent anew each time: shapes are small, and no client's cache has to be kept in mind.
            Some(CursorCmd::Set { shape: Some(shape), .. }) => {
                CursorImage::Shape { shape: shape.clone(), cache: false }
            }
            _ => CursorImage::None,
        }
    }

    /// For somebody who joins.
    pub(super) fn init(&self) -> CursorMessage {
        let (position, visible, cursor) = (self.position, self.visible, self.image());
        CursorMessage::Init { position, trail_length: 0, trail_frequency: 0, visible, cursor }
    }
}
