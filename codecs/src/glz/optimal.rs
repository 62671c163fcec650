//! The optimal GLZ parse.

use super::dictionary::{Entry, GlzDictionary};
use super::fast;
use crate::EncodeError;
use crate::lz::unit::Unit;
use crate::lz::writer::Writer;

#[derive(Clone, Debug, Default)]
pub(super) struct Parser {}

impl Parser {
    pub(super) fn pass<U: Unit>(
        &mut self,
        dictionary: &mut GlzDictionary,
        entry: &Entry,
        _row: usize,
        _best: bool,
        out: &mut Writer<'_>,
    ) -> Result<(), EncodeError> {
        fast::pass::<U>(dictionary, entry, out)
    }
}
