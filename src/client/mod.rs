//! One client's view: what it announces, and what it can really draw.

pub mod caps;
pub mod planner;
pub mod profile;
