//! Whole strokes.
