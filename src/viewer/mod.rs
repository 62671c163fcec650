//! A headless client.

pub mod images;
