//! Spans around what takes time, for an embedder's `tracing` subscriber. Without the feature `tracing` they are nothing.

/// Opens a span of level DEBUG that lasts to the end of the block: a name, then fields.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($($what:tt)*) => {
        let _span = tracing::debug_span!($($what)*).entered();
    };
}

/// Without `tracing`: nothing, and the fields are not evaluated.
#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($name:literal $(, $field:ident = $value:expr)*) => {
        $(let _ = || $value;)*
    };
}

pub(crate) use span;
