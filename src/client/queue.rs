//! What waits for a client: operations that might be passed on, and messages that are encoded.

use super::profile::Profile;
use super::session::Touched;
use crate::draw::{SurfaceInfo, Task};
use crate::wire::{EncodeError, Framing, ServerMessage};
use bytes::Bytes;
use std::collections::VecDeque;

/// Encoded messages, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: VecDeque<Bytes>,
    bytes: usize,
}

impl Outbox {
    /// Encodes a message behind the others; its bytes.
    pub(crate) fn push(&mut self, message: &ServerMessage) -> Result<usize, EncodeError> {
        let mut bytes = Vec::new();
        message.encode(Framing::Mini, &mut bytes)?;
        let len = bytes.len();
        self.bytes += len;
        self.messages.push_back(bytes.into());
        Ok(len)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first messages that fit the budget, at least one.
    pub(crate) fn take(&mut self, budget: usize) -> Vec<Bytes> {
        let mut taken = Vec::new();
        let mut left = budget;
        while let Some(first) = self.messages.front() {
            if budget == 0 || first.len() > left && !taken.is_empty() {
                break;
            }
            left = left.saturating_sub(first.len());
            self.bytes -= first.len();
            taken.extend(self.messages.pop_front());
        }
        taken
    }
}

/// Operations since the last poll that the client could draw itself, in order, within a bound.
#[derive(Debug)]
pub(crate) struct Passing {
    tasks: Vec<(Task, Touched)>,
    bound: u64,
}

impl Default for Passing {
    fn default() -> Self {
        Self { tasks: Vec::new(), bound: 1 << 20 }
    }
}

impl Passing {
    pub(crate) fn set_bound(&mut self, bytes: u64) {
        self.bound = bytes;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Keeps a task that could be passed; false if it must be folded.
    pub(crate) fn take(
        &mut self,
        profile: &Profile,
        target: SurfaceInfo,
        task: &Task,
        touched: Touched,
    ) -> bool {
        let _ = (profile, target, task, touched);
        false
    }

    /// Everything that waits; nothing does any more.
    pub(crate) fn drain(&mut self) -> Vec<(Task, Touched)> {
        std::mem::take(&mut self.tasks)
    }
}
