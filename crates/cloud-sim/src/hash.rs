//! **Hash**: digests and what they are written as.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

pub(crate) fn sha256(octets: &[u8]) -> Vec<u8> {
    Sha256::digest(octets).to_vec()
}

macro_rules! keyed {
    ($($name:ident $digest:ty),*) => {
        $(pub(crate) fn $name(key: &[u8], octets: &[u8]) -> Vec<u8> {
            // HMAC takes a key of any length (RFC 2104 §3).
            let mut mac = <Hmac<$digest>>::new_from_slice(key).expect("any length is a key");
            mac.update(octets);
            mac.finalize().into_bytes().to_vec()
        })*
    };
}

keyed!(hmac_md5 Md5, hmac_sha1 Sha1, hmac_sha256 Sha256, hmac_sha512 Sha512);

/// Lower case.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The standard alphabet, with padding.
pub(crate) fn base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
