//! One client's view: what it announces, what it can really draw, and what it is sent.

pub mod caps;
pub mod encode;
pub mod planner;
pub mod profile;
