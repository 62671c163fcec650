//! What waits for a client: messages that are encoded.

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
        self.put(bytes.into());
        Ok(len)
    }

    /// A message that is encoded already.
    pub(crate) fn put(&mut self, message: Bytes) {
        self.bytes += message.len();
        self.messages.push_back(message);
    }

    /// What waits.
    pub(crate) fn messages(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.messages.iter()
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
