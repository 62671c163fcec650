//! The invariant: when a client was sent everything, it shows what the engine shows, whatever the client lacks.
//!
//! Recordings are testdata/ and, where `SPICE_RENDER_CORPUS` names a folder laid out like it, that folder too;
//! `SPICE_RENDER_ONLY=part-of-a-name` picks some. `SPICE_RENDER_SEED` replays a failing random test.

#[path = "../corpus/recordings.rs"]
mod corpus;
mod lossy;
mod migration;
mod operations;
mod peer;
mod random;
mod recordings;
mod saving;
mod sending;
mod waiting;
