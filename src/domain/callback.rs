//! What providers tell us of themselves: a request to `/callbacks/<provider>/…`, and whether it is believed.
//!
//! Whoever takes the request and whoever knows the provider meet here.

use std::fmt;

use http::{HeaderMap, Method};

use super::UnixMillis;
use super::attempt::Delivery;

/// A request to `/callbacks/<provider>/…`.
#[derive(Clone, Debug)]
pub struct Callback<'a> {
    pub method: &'a Method,
    /// The URL as the provider knows it: `server.public_url`, path and query, nothing decoded.
    pub url: &'a str,
    /// What follows `/callbacks/<provider>/`, nothing decoded; empty when nothing does.
    pub tail: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub now: UnixMillis,
}

/// Why a callback is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Disbelief {
    /// 401: no signature or secret, or a wrong one.
    #[error("a callback is not signed as its section says")]
    Unproven,
    /// 404: this provider calls nobody back here.
    #[error("this provider has no callbacks here")]
    NoSuchPath,
    /// 400: it is proven, and cannot be read.
    #[error("a callback cannot be read")]
    Unreadable,
}

/// What a provider is answered when its callback was kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Thanks {
    pub status: u16,
    pub content_type: &'static str,
    pub body: &'static str,
}

impl Thanks {
    pub const EMPTY: Self = Self {
        status: 204,
        content_type: "",
        body: "",
    };
}

/// Knows how a provider signs, and what its words mean.
pub trait CallbackReader: fmt::Debug + Send + Sync {
    /// What a callback says, once it is proven.
    ///
    /// # Errors
    /// [`Disbelief`]: nothing of it counts.
    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief>;

    /// What a callback that was kept is answered.
    fn thanks(&self) -> Thanks;
}
