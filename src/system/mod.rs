//! **System**: the host that the gateway runs on.
//!
//! Its clocks are read and watched; signals from outside become values; what the service manager wants to hear is said to it.
//!
//! Never: decides what a signal means, knows of messages or modems.
//! May use: nothing.
//! Read first: [`Signal`].

pub(crate) mod clock;
pub(crate) mod notify;
mod signals;

pub(crate) use signals::{Signal, Signals};
