//! The `spice-render` program.

fn main() {}
