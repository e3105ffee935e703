//! The secret in the path of a callback that nobody signs: `/callbacks/<provider>/<secret>`.
//!
//! Never: shows the secret, tells by its time how much of a guess was right.

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Callback, Disbelief, percent};

/// Lets through a POST whose path ends with the secret.
///
/// # Errors
/// [`Disbelief::NoSuchPath`] without a secret: then nobody was told to call here. [`Disbelief::Unproven`] with another.
pub(crate) fn prove(
    callback: &Callback<'_>,
    secret: Option<&SecretString>,
) -> Result<(), Disbelief> {
    let secret = secret
        .filter(|secret| !secret.expose_secret().is_empty())
        .ok_or(Disbelief::NoSuchPath)?;
    if !is_told(callback, secret) {
        return Err(Disbelief::Unproven);
    }
    match *callback.method == Method::POST {
        true => Ok(()),
        false => Err(Disbelief::Unreadable),
    }
}

/// Whether the path ends with the secret, whatever the method.
pub(crate) fn is_told(callback: &Callback<'_>, secret: &SecretString) -> bool {
    let told: Vec<u8> = percent::decoded(callback.tail);
    // Hashes are of one length, so that not even the length of the secret can be measured.
    let is_same: bool = Sha256::digest(told)
        .ct_eq(&Sha256::digest(secret.expose_secret().as_bytes()))
        .into();
    is_same && !secret.expose_secret().is_empty()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::domain::UnixMillis;

    fn proved(method: &Method, tail: &str, secret: &str) -> Result<(), Disbelief> {
        let headers = HeaderMap::new();
        let callback = Callback {
            method,
            url: "https://sms.example.com/callbacks/aliyun/x",
            tail,
            query: "",
            headers: &headers,
            body: b"[]",
            now: UnixMillis(0),
        };
        prove(&callback, Some(&secret.into()))
    }

    #[test]
    fn only_the_whole_secret_proves_a_callback() {
        assert_eq!(proved(&Method::POST, "s3cret/1", "s3cret/1"), Ok(()));
        assert_eq!(proved(&Method::POST, "s3cret%2F1", "s3cret/1"), Ok(()));
        for tail in [
            "",
            "s3cret",
            "s3cret/",
            "s3cret/1/",
            "S3CRET/1",
            "s3cret%2F1%00",
        ] {
            let answer = proved(&Method::POST, tail, "s3cret/1");
            assert_eq!(answer, Err(Disbelief::Unproven), "{tail}");
        }
    }

    #[test]
    fn without_a_secret_nobody_can_call_back() {
        assert_eq!(proved(&Method::POST, "", ""), Err(Disbelief::NoSuchPath));
    }

    #[test]
    fn a_proven_callback_that_posts_nothing_cannot_be_read() {
        assert_eq!(
            proved(&Method::GET, "s3cret", "s3cret"),
            Err(Disbelief::Unreadable)
        );
    }
}
