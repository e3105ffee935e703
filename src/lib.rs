//! Cellpost: a self-hosted SMS gateway. USB GSM modems behind an HTTP API.
//!
//! One room, one purpose; a room looks only into those that stand above it here (`tests/tidy.toml`).

#[macro_use]
mod crash;

pub mod domain;

mod at;
mod config;
mod store;
mod system;
mod telemetry;
mod usb;

mod doctor;
mod modem;

mod cloud;
mod https;

mod care;
mod dispatch;
mod inbox;
mod verify;

mod http;

mod app;
pub mod cli;
pub mod embed;
