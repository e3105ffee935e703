//! The simulated cloud over real sockets: every answer has its provider's shape, every signature is checked, and every
//! fault does what its row says.

mod aliyun;
mod dypns;
mod faults;
mod generic;
mod house;
mod reports;
mod twilio;
