//! Requests to a provider's `base_url`.
//!
//! Never: puts into a URL what was not encoded for it, shows a credential.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::endpoint::is_bare;
use super::form::Form;
use crate::https::Request;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A `base_url` without a slash at its end, and how we prove there who we are.
#[derive(Clone)]
pub(crate) struct Base {
    url: String,
    authorization: HeaderValue,
}

/// Why a `base_url` is none. It is not repeated: it may hold a secret by mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidBase {
    #[error("base_url is not a URL; one looks like https://api.example.com")]
    Unreadable,
    #[error("base_url must begin with https:// or http://")]
    Scheme,
    #[error("base_url must hold no user, password, query or fragment")]
    Surplus,
}

impl Base {
    /// With Basic credentials (RFC 7617).
    pub(crate) fn basic(
        base_url: &str,
        user: &str,
        secret: &SecretString,
    ) -> Result<Self, InvalidBase> {
        Ok(Self {
            url: base(base_url)?,
            authorization: basic(user, secret),
        })
    }

    /// `path` is encoded already and begins with a slash.
    pub(crate) fn get(&self, path: &str, query: &Form) -> Option<Request> {
        let query = query.encoded();
        let mark = if query.is_empty() { "" } else { "?" };
        self.request(Method::GET, &format!("{path}{mark}{query}"), Bytes::new())
    }

    /// `path` is encoded already and begins with a slash. `None`: the path does not fit into a URL.
    pub(crate) fn post(&self, path: &str, form: &Form) -> Option<Request> {
        let mut request = self.request(Method::POST, path, form.encoded().into())?;
        request.headers_mut().insert(header::CONTENT_TYPE, FORM);
        Some(request)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Option<Request> {
        http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, self.authorization.clone())
            .body(body)
            .ok()
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Base").field(&self.url).finish()
    }
}

fn base(base_url: &str) -> Result<String, InvalidBase> {
    let url = Url::parse(base_url).map_err(|_| InvalidBase::Unreadable)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(InvalidBase::Scheme);
    }
    match is_bare(&url) {
        true => Ok(url.as_str().trim_end_matches('/').to_owned()),
        false => Err(InvalidBase::Surplus),
    }
}

/// The value of `Authorization`.
pub(crate) fn basic(user: &str, secret: &SecretString) -> HeaderValue {
    let token = STANDARD.encode(format!("{user}:{}", secret.expose_secret()));
    let mut value = HeaderValue::from_str(&format!("Basic {token}"))
        .expect("base64 is letters, digits and signs");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stands_below_the_base_and_shows_no_credential() {
        let base = Base::basic("https://GW.example.com/twilio/", "AC1", &"hunter2".into()).unwrap();
        let query = Form::default().with("To", "+1&a=2");
        let request = base.get("/Messages.json", &query).unwrap();
        assert_eq!(
            request.uri(),
            "https://gw.example.com/twilio/Messages.json?To=%2B1%26a%3D2"
        );
        let shown = format!("{base:?} {:?}", request.headers());
        assert!(
            !shown.contains("Basic") && !shown.contains("hunter2"),
            "{shown}"
        );
        assert!(base.get("/a b", &Form::default()).is_none());
    }

    #[test]
    fn what_is_no_base_is_refused() {
        for (base_url, why) in [
            ("", InvalidBase::Unreadable),
            ("api.example.com", InvalidBase::Unreadable),
            ("ftp://api.example.com", InvalidBase::Scheme),
            ("https://a:b@api.example.com", InvalidBase::Surplus),
            ("https://api.example.com/?a=1", InvalidBase::Surplus),
        ] {
            assert_eq!(super::base(base_url), Err(why), "{base_url}");
        }
    }
}
