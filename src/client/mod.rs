//! One client's view: what it announces, what it can really draw, and the messages that keep its picture right.

pub mod caps;
mod damage;
pub mod encode;
mod filter;
pub mod link;
pub mod metrics;
mod passing;
mod photos;
pub mod planner;
pub mod profile;
mod queue;
pub(crate) mod recipe;
mod reuse;
mod rewrite;
pub mod save;
pub(crate) mod session;
mod surfaces;
