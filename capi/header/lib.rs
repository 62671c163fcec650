//! Nothing but a test: see tests/header.rs.
