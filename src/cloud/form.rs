//! Pairs of a name and a value as forms and queries have them (`application/x-www-form-urlencoded`, WHATWG URL §5).
//!
//! Names may repeat, and their order is kept. Never: lets a value become another pair.

use std::fmt;

use url::form_urlencoded;

/// What is posted or asked. `Debug` shows the names only: the values are numbers, texts and secrets.
#[derive(Clone, Default, Eq, PartialEq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body or a query. Whatever is no UTF-8 becomes `U+FFFD`.
    pub(crate) fn parse(octets: &[u8]) -> Self {
        Self(form_urlencoded::parse(octets).into_owned().collect())
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The first value of a name.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.as_str())
    }

    /// As [`Form::first`], but an empty value is none.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.pairs())
            .finish()
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_repeat_and_keep_their_order() {
        let form = Form::parse(b"b=2&a=1&b=+%2B&empty=&bare");
        let pairs: Vec<_> = form.pairs().collect();
        assert_eq!(
            pairs,
            [
                ("b", "2"),
                ("a", "1"),
                ("b", " +"),
                ("empty", ""),
                ("bare", "")
            ]
        );
        assert_eq!(
            (form.first("b"), form.first("empty")),
            (Some("2"), Some(""))
        );
        assert_eq!((form.filled("empty"), form.first("none")), (None, None));
    }

    #[test]
    fn a_form_shows_its_names_only() {
        let form = Form::default().with("Body", "code 4711");
        assert_eq!(format!("{form:?}"), r#"["Body"]"#);
    }

    proptest! {
        #[test]
        fn no_value_becomes_another_pair(name in any::<String>(), value in any::<String>(), last in any::<String>()) {
            let form = Form::default().with(&name, value.as_str()).with("Body", last.as_str());
            let encoded = form.encoded();
            prop_assert_eq!(Form::parse(encoded.as_bytes()), form);
            prop_assert!(encoded.bytes().all(|octet| octet.is_ascii_graphic()));
        }
    }
}
