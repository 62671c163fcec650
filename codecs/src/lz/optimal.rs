//! The optimal LZ parse.

use super::unit::Unit;
use super::writer::Writer;
use crate::EncodeError;

#[derive(Clone, Debug, Default)]
pub(super) struct Parser {
    table: super::fast::Table,
}

impl Parser {
    pub(super) fn pass<U: Unit>(
        &mut self,
        px: &[u32],
        _row: usize,
        _best: bool,
        out: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        super::fast::pass::<U>(px, &mut self.table, out)
    }
}
