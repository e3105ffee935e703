//! SMS providers that can be told to misbehave, on a loopback port.
//!
//! ```text
//!  gateway ─► server ─► world ─► twilio · aliyun · dypns · tencent · vonage · generic ─► ledger
//!  gateway ◄─ push ◄──── world (what is due)
//!  you ─────► control · Sim
//! ```
//!
//! - [`start`] opens a port and serves from a thread of its own; [`Sim`] orders faults and tells what was taken.
//! - Every provider is under its own prefix (`/twilio`), and without one where a request shows whose it is.
//! - `world` and the providers are pure: a request and the time in, an answer and what is to be told later out.
//! - Signatures are checked, and reports signed, by code of its own.
//!
//! Never: shares code with the gateway, sends a text, opens a connection to anything but a callback's address.

mod account;
mod acs3;
mod aliyun;
mod calendar;
mod call;
mod control;
mod draw;
mod dress;
mod dypns;
mod error;
mod fault;
mod generic;
mod hash;
mod kit;
mod ledger;
mod magic;
mod nonces;
mod push;
mod refusal;
mod report;
mod segments;
mod server;
mod settings;
mod sim;
mod tc3;
mod tencent;
mod twilio;
mod vonage;
mod world;

pub use account::{
    AliyunAccount, GenericAccount, Provider, TencentAccount, TwilioAccount, VonageAccount,
    VonageReports,
};
pub use error::CloudSimError;
pub use fault::{Fault, Listed, Order, Why};
pub use kit::{CALLBACK_SECRET, Kit};
pub use ledger::{CallMade, ReportMade, State, Text};
pub use magic::{MAGIC, Magic};
pub use refusal::{Refusal, refusals};
pub use settings::Settings;
pub use sim::{Sim, start};
