//! **Call**: a request as the providers read it, and what becomes of its connection.

use std::time::Duration;

use hyper::HeaderMap;
use serde_json::Value;

use crate::report::Push;

/// One request, whole.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// As it came, nothing decoded.
    pub(crate) full_path: String,
    /// Behind the provider's prefix, with a slash in front.
    pub(crate) path: String,
    /// Without the question mark, nothing decoded.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// Empty when there is none, or none that is text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub(crate) fn query_fields(&self) -> Fields {
        Fields::parse(self.query.as_bytes())
    }

    pub(crate) fn form(&self) -> Fields {
        Fields::parse(&self.body)
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type").starts_with("application/json")
    }

    /// User and password of `Authorization: Basic`.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let given = self.header("authorization").strip_prefix("Basic ")?;
        let given = String::from_utf8(crate::hash::from_base64(given)?).ok()?;
        let (user, password) = given.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// Names and values of a query or a form, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl Fields {
    fn parse(octets: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(octets).into_owned().collect())
    }

    /// The first of this name that is not empty.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(one, _)| one == name);
        let value = values.find(|(_, value)| !value.is_empty());
        value.map(|(_, value)| value.as_str())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.value(name).map(str::to_owned)
    }
}

/// What is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// What becomes of a connection after a request.
#[derive(Debug)]
pub(crate) struct Reaction {
    /// Called back before anything else happens.
    pub(crate) early: Vec<Push>,
    pub(crate) wait: Duration,
    pub(crate) deed: Deed,
}

#[derive(Debug)]
pub(crate) enum Deed {
    Answer(Answer),
    Close,
    /// It stays open, and nothing comes.
    Hang,
}

impl From<Answer> for Reaction {
    fn from(answer: Answer) -> Self {
        Self {
            early: Vec::new(),
            wait: Duration::ZERO,
            deed: Deed::Answer(answer),
        }
    }
}
