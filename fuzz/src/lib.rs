//! What the targets share: the request that `encode` reads from its octets, and a second, naive reading of user data.
//!
//! Nothing here is built for speed or used by the codec: where both agree, each says the same in its own way.

mod plain;
mod request;

pub use plain::{UserDataOctets, octets_in_front, septets_of};
pub use request::{Content, DIGITS, FIXED, Request};
