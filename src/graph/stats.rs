//! What the graph was asked for and what became of it.

use super::node::Node;
use crate::qxl::OpKind;
use spice_raster::Region;
use std::time::Duration;

/// Nodes and their pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Commands.
    pub nodes: u64,
    /// Pixels of their clips.
    pub pixels: u64,
}

impl Count {
    fn add(&mut self, nodes: u64, pixels: u64) {
        self.nodes += nodes;
        self.pixels += pixels;
    }
}

/// What became of one kind of operation. Pixels asked for are drawn, culled, trimmed or still pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpStats {
    /// Commands that draw something.
    pub asked: Count,
    /// Of these, drawn wholly or in part.
    pub drawn: Count,
    /// Never drawn at all, because nobody could see it; copies also because what they would have moved was drawn where
    /// it goes.
    pub culled: Count,
    /// Drawn in part: the pixels are those that nobody could see.
    pub trimmed: Count,
}

/// What a graph was asked for and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    ops: [OpStats; OpKind::ALL.len()],
    /// Walks over the pending nodes.
    pub passes: u64,
    /// Nodes that they met.
    pub visited: u64,
    /// Renders asked for.
    pub renders: u64,
    /// Nodes that were drawn only because the queue was full.
    pub pressed: u64,
    /// `COPY_BITS` that were not made, because what they would have moved was drawn where it goes.
    pub left_out: u64,
    /// Pixels of copies that were drawn with what would have been drawn at their source, which nobody needed then.
    pub lent: u64,
    /// The most nodes that were pending at a time.
    pub most_pending: u64,
    /// The most bytes that pending nodes kept alive.
    pub most_held: u64,
    /// Time by phase; zero unless it is measured.
    pub times: Times,
}

/// Time spent, by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Taking commands in and walking over the pending nodes.
    pub graph: Duration,
    /// Decoding and converting images.
    pub decode: Duration,
    /// Drawing.
    pub draw: Duration,
}

impl Stats {
    /// What became of one kind of operation.
    pub fn op(&self, kind: OpKind) -> &OpStats {
        &self.ops[kind as usize]
    }

    /// What became of all operations.
    pub fn total(&self) -> OpStats {
        let mut total = OpStats::default();
        for op in &self.ops {
            total.asked.add(op.asked.nodes, op.asked.pixels);
            total.drawn.add(op.drawn.nodes, op.drawn.pixels);
            total.culled.add(op.culled.nodes, op.culled.pixels);
            total.trimmed.add(op.trimmed.nodes, op.trimmed.pixels);
        }
        total
    }

    fn of(&mut self, node: &Node) -> &mut OpStats {
        &mut self.ops[node.kind as usize]
    }

    pub(super) fn asked(&mut self, node: &Node) {
        let pixels = node.task.clip.area();
        self.of(node).asked.add(1, pixels);
    }

    /// All that is left of a node is drawn.
    pub(super) fn drawn(&mut self, node: &Node) {
        let (first, pixels) = (u64::from(!node.begun), node.task.clip.area());
        self.of(node).drawn.add(first, pixels);
    }

    /// Nobody sees what is left of a node.
    pub(super) fn culled(&mut self, node: &Node) {
        let pixels = node.task.clip.area();
        let (begun, first) = (node.begun, u64::from(!node.trimmed));
        let op = self.of(node);
        if begun {
            op.trimmed.add(first, pixels);
        } else {
            op.culled.add(1, pixels);
        }
    }

    /// A part of a node is drawn.
    pub(super) fn drawn_part(&mut self, node: &mut Node, part: &Region) {
        let (first, pixels) = (u64::from(!node.begun), part.area());
        self.of(node).drawn.add(first, pixels);
        node.begun = true;
    }

    /// So many pixels that copies would have moved which were left out, and so counted as culled, are moved.
    pub(super) fn brought(&mut self, pixels: u64) {
        let op = &mut self.ops[OpKind::CopyBits as usize];
        let node = op.culled.nodes.min(1);
        op.culled = Count { nodes: op.culled.nodes - node, pixels: op.culled.pixels - pixels };
        op.drawn.add(node, pixels);
    }

    /// Nobody sees so many of a node's pixels.
    pub(super) fn trimmed(&mut self, node: &mut Node, pixels: u64) {
        if pixels > 0 {
            let first = u64::from(!node.trimmed);
            self.of(node).trimmed.add(first, pixels);
            node.trimmed = true;
        }
    }
}
