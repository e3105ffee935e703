//! Cellpost: a self-hosted SMS gateway. USB GSM modems behind an HTTP API.
//!
//! One room, one purpose; a room looks only into those that stand above it here (`tests/tidy.toml`).

pub mod domain;

mod at;
mod store;

mod modem;

mod dispatch;
mod inbox;
