//! Where a provider is spoken to: its scheme, host and path, and a request that is made for it.
//!
//! Never: holds a credential, encodes a parameter, opens a connection.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use url::Url;

use super::Unfit;
use crate::https::Request;

/// A `base_url`, read once: everything of it that a request repeats or a signature covers.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Endpoint {
    scheme: String,
    /// As the `host` header has it: lower case, with the port unless it is the scheme's own.
    authority: String,
    /// `/`, or the path of the `base_url` without a slash at its end.
    path: String,
}

/// Why a `base_url` is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidEndpoint {
    #[error("this is not a URL ({0}); one looks like https://sms.example.com")]
    Unreadable(url::ParseError),
    #[error("the URL must begin with https:// (or http://, for a test)")]
    Scheme,
    #[error("the URL must not hold a user, a password, a query or a fragment")]
    Surplus,
}

impl Endpoint {
    pub(crate) fn parse(base_url: &str) -> Result<Self, InvalidEndpoint> {
        let url = Url::parse(base_url).map_err(InvalidEndpoint::Unreadable)?;
        let (Some(host), "http" | "https") = (url.host_str(), url.scheme()) else {
            return Err(InvalidEndpoint::Scheme);
        };
        if !is_bare(&url) {
            return Err(InvalidEndpoint::Surplus);
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = match url.path().trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        };
        Ok(Self {
            scheme: url.scheme().to_owned(),
            authority,
            path,
        })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A POST to this place. `query` is encoded already; the `host` header is set as signatures know it.
    ///
    /// # Errors
    /// A header or the URL holds what HTTP does not carry, or the URL is too long.
    pub(crate) fn post(
        &self,
        query: &str,
        headers: Vec<(&'static str, String)>,
        body: impl Into<Bytes>,
    ) -> Result<Request, Unfit> {
        let question_mark = if query.is_empty() { "" } else { "?" };
        let url = format!(
            "{}://{}{}{question_mark}{query}",
            self.scheme, self.authority, self.path
        );
        let mut request = http::Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::HOST, &self.authority)
            .body(body.into())
            .map_err(|_| Unfit("it is too long for the URL of a request".to_owned()))?;
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| Unfit(format!("the header {name} cannot hold its value")))?;
            // Whoever prints a request sees that there is one, and no more.
            value.set_sensitive(name == header::AUTHORIZATION.as_str());
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        Ok(request)
    }
}

/// A place below which requests may stand: no user, password, query or fragment.
pub(super) fn is_bare(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_read_as_host_headers_and_signatures_write_it() {
        for (base_url, authority, path) in [
            (
                "https://dysmsapi.aliyuncs.com",
                "dysmsapi.aliyuncs.com",
                "/",
            ),
            ("https://SMS.Example.com:443/", "sms.example.com", "/"),
            ("http://127.0.0.1:8080/aliyun/", "127.0.0.1:8080", "/aliyun"),
            ("http://[::1]:80", "[::1]", "/"),
        ] {
            let endpoint = Endpoint::parse(base_url).unwrap();
            assert_eq!((endpoint.authority(), endpoint.path()), (authority, path));
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_without_repeating_it() {
        for base_url in [
            "",
            "sms.example.com",
            "ftp://sms.example.com",
            "https://user:hunter2@sms.example.com",
            "https://sms.example.com/?key=hunter2",
            "https://sms.example.com/#hunter2",
            "https://hunter2 sms",
        ] {
            let error = Endpoint::parse(base_url).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_value_with_a_line_break_makes_no_request() {
        let endpoint = Endpoint::parse("https://sms.example.com").unwrap();
        let headers = vec![("x-acs-action", "SendSms\r\nx-evil: 1".to_owned())];
        assert!(endpoint.post("", headers, Bytes::new()).is_err());
    }
}
