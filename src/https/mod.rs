//! **Https**: the one way out to the internet.
//!
//! One client with one pool: compiled-in roots and those of `tls.ca_file`, no redirects, limits of size and time, a
//! proxy where one is set.
//!
//! Never: knows what is said over it, reads an answer's meaning, logs a header or a body, writes a request twice.
//! May use: nothing.
//! Read first: [`Client::call`].

mod proxy;
mod roots;
#[cfg(test)]
mod tests;
mod tunnel;
mod way;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub(crate) use proxy::InvalidProxy;
use proxy::Proxy;
pub(crate) use roots::InvalidRoots;
use way::Way;

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

/// What a client is made of.
#[derive(Default)]
pub(crate) struct Settings {
    /// The content of `tls.ca_file`: certificates in PEM that are trusted beside the compiled-in ones.
    pub(crate) ca_pem: Option<Vec<u8>>,
    /// `http://user:password@host:port`; everything goes through it then.
    pub(crate) proxy: Option<url::Url>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("ca_pem", &self.ca_pem.is_some())
            .field("proxy", &self.proxy.is_some())
            .finish()
    }
}

/// Why there can be no client with such settings.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("tls.ca_file: {0}")]
    Roots(#[from] InvalidRoots),
    #[error("proxy: {0}")]
    Proxy(#[from] InvalidProxy),
}

/// Octets of an answer's body that are read; more of it is nothing that a provider says.
const LONGEST_ANSWER: usize = 256 * 1024;

/// How long a connection without a request is kept. Providers close theirs after a minute or more, so ours is never the
/// one on which a request crosses the provider's farewell.
const IDLE: Duration = Duration::from_secs(30);

/// Connections to one host that may be idle: as many as a provider is given requests at a time, and a few more.
const IDLE_PER_HOST: usize = 8;

/// Octets of an answer's head, HTTP/1.1.
const LARGEST_HEAD: usize = 64 * 1024;

const OUR_NAME: &str = concat!("cellpost/", env!("CARGO_PKG_VERSION"));

type Connector = HttpsConnector<Way>;

/// Sends requests. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub(crate) struct Client {
    pool: legacy::Client<Connector, Full<Bytes>>,
    proxy: Option<Proxy>,
}

impl Client {
    /// # Errors
    /// [`Unusable`] names the setting and what is wrong with it.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Unusable> {
        let proxy = settings.proxy.as_ref().map(Proxy::parse).transpose()?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(roots::trusting(settings.ca_pem.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Way::new(proxy.as_ref()));
        // A request that waited for a connection which died is put on another one by this default of the pool, and only
        // that: hyper gives a request back solely while it stands in the queue before the connection (`TrySendError`
        // with a message). Once its head was begun it is gone, and the call is Lost.
        let pool = legacy::Client::builder(TokioExecutor::new())
            .retry_canceled_requests(true)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(LARGEST_HEAD)
            .build(connector);
        Ok(Self { pool, proxy })
    }

    /// Sends one request, once, and reads the whole answer. `limit` is for all of it: name, connection, TLS, answer.
    ///
    /// # Errors
    /// [`CallError`] says whether the request may have arrived.
    pub(crate) async fn call(
        &self,
        request: Request,
        limit: Duration,
    ) -> Result<Answer, CallError> {
        let peer = Peer::of(request.uri());
        let mut request = self.prepared(request);
        let connection = capture_connection(&mut request);
        let why = match tokio::time::timeout(limit, Box::pin(self.exchange(request))).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", limit.as_secs_f32()),
        };
        // The pool notes the connection before it hands the request over: without one, nothing was written.
        let had_connection = connection.connection_metadata().is_some();
        Err(match had_connection {
            true => CallError::Lost(format!("{peer}: {why}; the request may have arrived")),
            false => CallError::NotWritten(format!("{peer}: {why}; nothing was sent")),
        })
    }

    fn prepared(&self, request: Request) -> http::Request<Full<Bytes>> {
        let mut request = request.map(Full::new);
        let is_plain = request.uri().scheme() == Some(&Scheme::HTTP);
        let headers = request.headers_mut();
        if !headers.contains_key(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, HeaderValue::from_static(OUR_NAME));
        }
        // Inside a tunnel it would be the provider that reads the proxy's password.
        headers.remove(header::PROXY_AUTHORIZATION);
        let authorization = self.proxy.as_ref().and_then(Proxy::authorization);
        if let Some(authorization) = authorization.filter(|_| is_plain) {
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        if let Some(value) = headers.get_mut(header::AUTHORIZATION) {
            value.set_sensitive(true);
        }
        request
    }

    /// The error is words for a person.
    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<Answer, String> {
        let answer = self
            .pool
            .request(request)
            .await
            .map_err(|error| reason(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        match body {
            Ok(body) => Ok(Answer::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(format!(
                "its answer is longer than {} KiB",
                LONGEST_ANSWER / 1024
            )),
            Err(error) => Err(format!("its answer broke off: {}", reason(&*error))),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("proxy", &self.proxy)
            .finish()
    }
}

/// Host and port of a URL. Its path and its query may hold what nobody else is to read.
struct Peer {
    host: String,
    port: Option<u16>,
}

impl Peer {
    fn of(uri: &Uri) -> Self {
        let usual = match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        Self {
            host: uri.host().unwrap_or("a URL without a host").to_owned(),
            port: uri.port_u16().or(usual),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What lies at the bottom of an error: the layers above it say no more than that there is one. What fails in a
/// connection names no header, path or body.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let words = deepest.to_string();
    match words.contains("UnknownIssuer") {
        true => format!("{words} (is its authority missing in tls.ca_file?)"),
        false => words,
    }
}
