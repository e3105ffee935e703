//! An account at a provider that signs its requests: an id that is told and a secret that never is.
//!
//! Never: shows the secret, lets through an id that would end its field in a header.

use secrecy::SecretString;

use super::endpoint::InvalidEndpoint;
use super::templates::InvalidTemplates;

/// `AccessKeyId` and `AccessKeySecret`, or `SecretId` and `SecretKey`.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    id: String,
    pub(crate) secret: SecretString,
}

/// Why a section of a provider that knows templates only cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidSettings {
    #[error("account must be the id of an access key: letters, digits, - _ and .")]
    Account,
    #[error("region must be like cn-hangzhou: lower-case letters, digits and -")]
    Region,
    #[error("{0} must not be missing or empty")]
    Missing(&'static str),
    #[error("scheme_name must have at most 20 characters")]
    SchemeName,
    #[error("base_url: {0}")]
    BaseUrl(#[from] InvalidEndpoint),
    #[error(transparent)]
    Templates(#[from] InvalidTemplates),
}

impl Account {
    /// # Errors
    /// The id is empty or holds what would end its field in a header.
    pub(crate) fn new(id: String, secret: SecretString) -> Result<Self, InvalidSettings> {
        let is_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match !id.is_empty() && id.chars().all(is_id) {
            true => Ok(Self { id, secret }),
            false => Err(InvalidSettings::Account),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// A region's name, which becomes part of a host or of a header.
///
/// # Errors
/// It would make another host or header of it.
pub(crate) fn region(name: &str) -> Result<&str, InvalidSettings> {
    let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match name.chars().all(is_region) {
        true => Ok(name),
        false => Err(InvalidSettings::Region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_ends_no_field_of_a_header() {
        for id in [
            "",
            "LTAI,SignedHeaders=host",
            "AKID/2026",
            "a b",
            "a\r\nb",
            "é",
        ] {
            let refused = Account::new(id.to_owned(), "hunter2".into()).unwrap_err();
            assert_eq!(refused, InvalidSettings::Account, "{id}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let account = Account::new("LTAI5t".to_owned(), "hunter2".into()).unwrap();
        assert!(!format!("{account:?}").contains("hunter2"));
    }
}
