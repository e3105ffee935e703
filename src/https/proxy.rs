//! The proxy of a section: where it stands and what it is told.
//!
//! Never: shows its user or password.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use url::Url;

/// A proxy that speaks HTTP: CONNECT for `https`, the whole URL in the request's line for `http`.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: Uri,
    authorization: Option<HeaderValue>,
}

/// Why a URL is no proxy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidProxy {
    #[error("the URL must begin with http://; proxies that speak TLS or SOCKS are not supported")]
    Scheme,
    #[error("the URL has no host; one looks like http://user:password@proxy.example.com:3128")]
    Host,
    #[error("the URL must hold no path, query or fragment after the port")]
    Surplus,
    #[error(
        "user or password is not readable: each % must be followed by two hexadecimal digits of UTF-8"
    )]
    Credentials,
}

impl Proxy {
    pub(crate) fn parse(url: &Url) -> Result<Self, InvalidProxy> {
        if url.scheme() != "http" {
            return Err(InvalidProxy::Scheme);
        }
        let host = url.host_str().ok_or(InvalidProxy::Host)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidProxy::Surplus);
        }
        let port = url.port().unwrap_or(80);
        let address = format!("http://{host}:{port}/");
        Ok(Self {
            address: address.parse().map_err(|_| InvalidProxy::Host)?,
            authorization: authorization(url)?,
        })
    }

    pub(crate) fn address(&self) -> &Uri {
        &self.address
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

/// Basic (RFC 7617), of what the URL has percent-encoded.
fn authorization(url: &Url) -> Result<Option<HeaderValue>, InvalidProxy> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let user = decoded(url.username())?;
    let password = decoded(url.password().unwrap_or_default())?;
    let token = STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {token}"))
        .expect("base64 is letters, digits and signs");
    value.set_sensitive(true);
    Ok(Some(value))
}

fn decoded(text: &str) -> Result<String, InvalidProxy> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| InvalidProxy::Credentials)
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Proxy, InvalidProxy> {
        Proxy::parse(&url.parse().unwrap())
    }

    #[test]
    fn a_proxy_is_an_http_url_with_a_user_perhaps() {
        let proxy = parse("http://bob:p%40ss@Proxy.example.com:3128").unwrap();
        assert_eq!(proxy.address(), "http://proxy.example.com:3128/");
        assert_eq!(proxy.authorization().unwrap(), "Basic Ym9iOnBAc3M=");
        let plain = parse("http://10.0.0.1").unwrap();
        assert_eq!(plain.address(), "http://10.0.0.1:80/");
        assert_eq!(plain.authorization(), None);
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for (url, why) in [
            ("https://proxy.example.com", InvalidProxy::Scheme),
            ("socks5://proxy.example.com:1080", InvalidProxy::Scheme),
            ("http://proxy.example.com/way", InvalidProxy::Surplus),
            ("http://proxy.example.com/?a=1", InvalidProxy::Surplus),
            (
                "http://bob:%ff@proxy.example.com",
                InvalidProxy::Credentials,
            ),
        ] {
            assert_eq!(parse(url).unwrap_err(), why, "{url}");
        }
    }

    #[test]
    fn a_proxys_password_is_not_shown() {
        let proxy = parse("http://bob:hunter2@proxy.example.com:3128").unwrap();
        let shown = format!("{proxy:?} {:?}", proxy.authorization());
        assert!(
            !shown.contains("hunter2") && !shown.contains("Basic"),
            "{shown}"
        );
    }
}
