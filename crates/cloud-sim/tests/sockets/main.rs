//! The simulated cloud over real sockets: every answer has its provider's shape, every signature is checked, and every
//! fault does what its row says.

// The steps of a scenario are helper functions, which clippy's allow-unwrap-in-tests does not reach.
#![allow(clippy::unwrap_used)]

mod aliyun;
mod dypns;
mod faults;
mod generic;
mod house;
mod reports;
mod tencent;
mod twilio;
mod vonage;
