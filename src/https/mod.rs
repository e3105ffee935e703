//! **Https**: the one way out to the internet.
//!
//! One client with one pool: compiled-in roots and those of `tls.ca_file`, no redirects, limits of size and time, a
//! proxy where one is set.
//!
//! Never: knows what is said over it, reads an answer's meaning, logs a header or a body.
//! May use: nothing.
//! Read first: [`Client::call`].

use bytes::Bytes;

/// Why a request has no answer. What matters is whether it may have arrived.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// No octet of the request was written: the name was not found, nobody listens, TLS failed.
    #[error("{0}")]
    NotWritten(String),
    /// It may have arrived: a timeout, a reset, an answer that is too long or none.
    #[error("{0}")]
    Lost(String),
}

pub(crate) type Request = http::Request<Bytes>;
/// Whole: an answer that is too long is [`CallError::Lost`].
pub(crate) type Answer = http::Response<Bytes>;
