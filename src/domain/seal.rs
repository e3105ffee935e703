//! Texts of category otp as they rest: ChaCha20-Poly1305 under a key derived from the pepper (semantics §7).
//!
//! A text is opened only at the hand-over to a carrier. Whoever holds the database, its WAL or a backup but
//! not the pepper file reads no code.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::code::{Code, CodeMac};

/// The 32 octets of `pepper.key` and the keys derived from them.
#[derive(Clone)]
pub struct Pepper {
    seal: Key,
    idempotency: [u8; 32],
    pin: [u8; 32],
    code: [u8; 32],
    number: [u8; 32],
    limit: [u8; 32],
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// A sealed text: nonce, then ciphertext with its tag.
#[derive(Clone, PartialEq)]
pub struct Sealed(Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} octets)", self.0.len())
    }
}

/// A sealed text that this pepper does not open: the pepper was changed, or the row was.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a sealed text does not open: pepper.key is not the one it was sealed with")]
pub struct SealBroken;

const NONCE_OCTETS: usize = 12;

impl Pepper {
    pub const OCTETS: usize = 32;

    pub fn new(secret: &[u8; Self::OCTETS]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        let derive = |purpose: &[u8]| {
            let mut key = [0; 32];
            hkdf.expand(purpose, &mut key)
                .expect("32 octets are fewer than HKDF-SHA256 can give");
            key
        };
        Self {
            seal: derive(b"cellpost sealed text").into(),
            idempotency: derive(b"cellpost idempotency body"),
            pin: derive(b"cellpost pin of a sim"),
            code: derive(b"cellpost code of a verification"),
            number: derive(b"cellpost forgotten number"),
            limit: derive(b"cellpost limit entry"),
        }
    }

    /// Seals `text` for the message whose id is `owner`; it opens for no other. `nonce` must never repeat.
    pub fn seal(&self, text: &str, owner: &str, nonce: [u8; NONCE_OCTETS]) -> Sealed {
        let payload = Payload {
            msg: text.as_bytes(),
            aad: owner.as_bytes(),
        };
        let ciphertext = ChaCha20Poly1305::new(&self.seal)
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("a text is far shorter than the cipher's limit of 256 GiB");
        Sealed([&nonce[..], &ciphertext].concat())
    }

    /// # Errors
    /// When it was sealed under another pepper, for another owner, or has been altered.
    pub fn open(&self, sealed: &Sealed, owner: &str) -> Result<String, SealBroken> {
        let (nonce, ciphertext) = sealed.0.split_at_checked(NONCE_OCTETS).ok_or(SealBroken)?;
        let payload = Payload {
            msg: ciphertext,
            aad: owner.as_bytes(),
        };
        let text = ChaCha20Poly1305::new(&self.seal)
            .decrypt(Nonce::from_slice(nonce), payload)
            .map_err(|_| SealBroken)?;
        String::from_utf8(text).map_err(|_| SealBroken)
    }

    /// HMAC-SHA256 of a PIN and the SIM (or modem) it belongs to: remembers that it was tried without remembering it.
    pub fn pin_mac(&self, owner: &str, pin: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.pin)
            .expect("HMAC takes a key of any length");
        mac.update(owner.as_bytes());
        mac.update(&[0]);
        mac.update(pin.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA256 of a code and the verification it belongs to: what is kept of the code.
    pub fn code_mac(&self, verification: &str, code: &Code) -> CodeMac {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.code)
            .expect("HMAC takes a key of any length");
        mac.update(verification.as_bytes());
        mac.update(&[0]);
        mac.update(code.expose().as_bytes());
        CodeMac(mac.finalize().into_bytes().into())
    }

    /// HMAC-SHA256 of a number that is to be forgotten: tells that two messages went to the same one.
    pub fn number_mac(&self, number: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.number)
            .expect("HMAC takes a key of any length");
        mac.update(number.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The first half of an HMAC-SHA256 of what a limit counts by, word by word: the log of a limit tells nobody's number.
    pub fn limit_mac(&self, words: &[&str]) -> [u8; 16] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.limit)
            .expect("HMAC takes a key of any length");
        for word in words {
            mac.update(word.as_bytes());
            mac.update(&[0]);
        }
        let mac: [u8; 32] = mac.finalize().into_bytes().into();
        let (half, _) = mac.split_first_chunk().expect("16 octets of 32");
        *half
    }

    /// HMAC-SHA256 of a request body: tells a repeated request from another one with the same key, and gives
    /// away nothing of a code in it.
    pub fn body_mac(&self, body: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.idempotency)
            .expect("HMAC takes keys of any length");
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

impl Sealed {
    pub fn from_octets(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_for_its_message_and_its_pepper_only() {
        let pepper = Pepper::new(&[7; 32]);
        let sealed = pepper.seal("Your code is 123456", "MSG_1", [1; 12]);
        assert!(!sealed.octets().windows(6).any(|six| six == b"123456"));
        assert_eq!(
            pepper.open(&sealed, "MSG_1").as_deref(),
            Ok("Your code is 123456")
        );
        assert_eq!(pepper.open(&sealed, "MSG_2"), Err(SealBroken));
        assert_eq!(
            Pepper::new(&[8; 32]).open(&sealed, "MSG_1"),
            Err(SealBroken)
        );
        assert_eq!(
            pepper.open(&Sealed::from_octets(vec![1, 2]), "MSG_1"),
            Err(SealBroken)
        );
    }

    #[test]
    fn a_code_is_recognised_by_its_mac_for_its_own_verification() {
        let pepper = Pepper::new(&[7; 32]);
        let mac = |id: &str, code: &str| pepper.code_mac(id, &Code::typed(code));
        assert!(mac("ver_1", "123456").is(&mac("ver_1", "123 456")));
        assert!(!mac("ver_1", "123456").is(&mac("ver_2", "123456")));
        assert!(!mac("ver_1", "123456").is(&mac("ver_1", "123457")));
    }

    #[test]
    fn what_a_limit_counts_by_is_told_apart_word_by_word() {
        let pepper = Pepper::new(&[7; 32]);
        let mac = |words: &[&str]| pepper.limit_mac(words);
        assert_eq!(mac(&["direct", "+49170"]), mac(&["direct", "+49170"]));
        assert_ne!(mac(&["direct", "+49170"]), mac(&["ceiling", "+49170"]));
        assert_ne!(mac(&["direct", "+49170"]), mac(&["direct+", "49170"]));
        assert_ne!(
            mac(&["direct", "+49170"]),
            Pepper::new(&[8; 32]).limit_mac(&["direct", "+49170"])
        );
    }

    #[test]
    fn a_body_is_recognised_by_its_mac() {
        let pepper = Pepper::new(&[7; 32]);
        assert_eq!(pepper.body_mac(b"{}"), pepper.body_mac(b"{}"));
        assert_ne!(pepper.body_mac(b"{}"), pepper.body_mac(b"{ }"));
        assert_ne!(
            pepper.body_mac(b"{}"),
            Pepper::new(&[8; 32]).body_mac(b"{}")
        );
    }
}
