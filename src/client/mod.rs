//! One client's view: what it announces, what it can really draw, and the messages that keep its picture right.

mod candidate;
pub(crate) mod canvas;
pub mod caps;
mod damage;
pub mod encode;
mod filter;
mod gallery;
pub mod link;
pub mod metrics;
mod offer;
mod passing;
mod photos;
mod pieces;
mod plain;
pub mod planner;
mod planning;
mod pricing;
pub mod profile;
mod queue;
pub(crate) mod recipe;
mod reuse;
mod rewrite;
pub mod save;
mod sending;
pub(crate) mod session;
mod shown;
mod surfaces;
