//! **Telemetry**: how the gateway is seen from outside.
//!
//! What happens is told as events with fields; here they become lines: for the journal, for a terminal, as JSON.
//!
//! Never: decides what is worth telling, unwraps what is redacted, writes to standard output.
//! May use: `domain`.
//! Read first: [`log`].

mod log;
mod printer;

pub(crate) use log::{Form, Logging, init};
