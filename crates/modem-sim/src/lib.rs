//! A GSM modem and its network that can be told to misbehave, over real ptys or in memory.
//!
//! ```text
//!  host ─► door · pty · duplex ─► run ─► world ─┬─► modem ─► personality, script, storage
//!  you ──► control · client · memory ─────────►  ├─► network ─► line, handset, mobile, encode
//!          scenario                              └─► ledger
//! ```
//!
//! - [`start`] puts modems behind ptys in a folder, with a control socket and a ledger; [`client::Client`] talks
//!   to it from any process.
//! - [`in_memory`] gives the same modems as pipes on the caller's runtime, for tests with a paused clock.
//! - `world`, `modem` and `network` are pure cores: octets, requests and time in, octets and entries out.
//! - [`Replay`] plays a recorded [`Transcript`] as the modem, without any of the above.
//! - `submission` reads SMS-SUBMIT with `pdu-codec`; nothing else of it is used, and `encode` is its own.
//!
//! Never: shares code with the gateway's AT engine, polls, or wakes up when nothing is due.

mod alphabet;
pub mod client;
mod control;
mod decode;
mod diary;
mod door;
mod duplex;
mod encode;
mod error;
mod fate;
mod fault;
mod folder;
mod handset;
mod identity;
mod ledger;
mod memory;
mod mobile;
mod modem;
mod moment;
mod network;
mod personality;
mod pty;
mod replay;
mod run;
mod scenario;
mod script;
mod settings;
mod sim;
mod storage;
mod submission;
mod syntax;
mod timeline;
mod transcript;
mod verbs;
mod wire;
mod world;

pub use diary::{Befell, Note};
pub use error::SimError;
pub use fault::{Fault, Listed, Order};
pub use handset::{Received, Totals};
pub use memory::{SimInMemory, in_memory};
pub use mobile::MobileText;
pub use personality::{
    EmptySlot, Escape, LineEnds, PERSONALITIES, ReadForm, RegistrationForm, Technology, UssdForm,
};
pub use replay::{Departure, Replay};
pub use scenario::{Scenario, ScenarioError};
pub use settings::{NetworkSettings, Settings};
pub use sim::{Sim, start};
pub use transcript::{HostLine, ModemLine, Transcript, TranscriptError, Turn};
pub use verbs::ModemStats;
