//! What came in: one TPDU of a text, and how it is known again.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::id::uuid_v7;
use super::redact::{Mask, Redacted, masked_number};
use super::{Body, ModemName, Reference, SimId, UnixMillis};

/// SHA-256 of a PDU as a modem gave it: names it between the modem and the store.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct PduDigest([u8; 32]);

impl PduDigest {
    pub fn of(pdu: &[u8]) -> Self {
        Self(Sha256::digest(pdu).into())
    }

    /// One that this gateway stored itself.
    pub fn stored(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PduDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PduDigest({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Who sent it: a number, or a name of up to eleven characters.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Sender(Redacted<Name>);

#[derive(Clone, Eq, Hash, PartialEq)]
struct Name(String);

impl Mask for Name {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked_number(&self.0))
    }
}

impl Sender {
    pub fn new(name: String) -> Self {
        Self(Redacted::new(Name(name)))
    }

    /// Personal data: leaves here for the store and for the caller who may read the inbox.
    pub fn expose(&self) -> &str {
        &self.0.expose().0
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a text was written in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum InboundEncoding {
    Gsm7,
    Ucs2,
    /// Data of an application; its text is hexadecimal.
    EightBit,
    /// A PDU that cannot be read; its text is the whole of it in hexadecimal.
    Raw,
}

impl InboundEncoding {
    const ALL: [Self; 4] = [Self::Gsm7, Self::Ucs2, Self::EightBit, Self::Raw];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
            Self::EightBit => "8bit",
            Self::Raw => "raw",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// Which part of which text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    pub reference: Reference,
    pub total: u8,
    /// Counted from 1, at most `total`.
    pub number: u8,
}

/// One TPDU of a text, read.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundPart {
    pub sim: SimId,
    pub modem: ModemName,
    /// The SIM's own number, when it tells it.
    pub to: Option<String>,
    /// `None`: it cannot be read.
    pub from: Option<Sender>,
    pub encoding: InboundEncoding,
    pub text: Body,
    /// TP-SCTS.
    pub smsc_at: Option<UnixMillis>,
    /// `None`: a text of one part.
    pub place: Option<Place>,
    pub pdu: PduDigest,
    /// When the gateway had it.
    pub at: UnixMillis,
}

impl InboundPart {
    /// By what a part is known when it comes a second time with another envelope (semantics §10): the same sender,
    /// service centre's time, text and part. `None` where a field is missing that tells two texts apart.
    pub fn identity(&self) -> Option<[u8; 32]> {
        let (from, smsc_at) = (self.from.as_ref()?, self.smsc_at?);
        let place = self.place.map_or([0; 5], |place| {
            let [width, high, low] = reference_octets(place.reference);
            [width, high, low, place.total, place.number]
        });
        let mut hash = Sha256::new();
        // With its length before it, so that no two lists of fields are the same octets.
        for field in [
            self.sim.as_str().as_bytes(),
            from.expose().as_bytes(),
            &smsc_at.0.to_be_bytes(),
            self.encoding.as_str().as_bytes(),
            &place,
            self.text.expose().as_bytes(),
        ] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Some(hash.finalize().into())
    }
}

fn reference_octets(reference: Reference) -> [u8; 3] {
    let [high, low] = reference.value().to_be_bytes();
    match reference {
        Reference::Eight(_) => [8, high, low],
        Reference::Sixteen(_) => [16, high, low],
    }
}

/// What callers know a received text by: `IN_` + a UUID of version 7. Opaque to them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct InboundId(Arc<str>);

impl InboundId {
    /// The id of the text whose first stored part has this digest. RFC 9562 §5.7: time first, then what tells it
    /// apart; that is the digest and the store's running number, so that the same work done again gives the same id.
    pub fn of(at: UnixMillis, pdu: &PduDigest, seq: i64) -> Self {
        let mut tail = Sha256::new();
        tail.update(pdu.0);
        tail.update(seq.to_be_bytes());
        let digest: [u8; 32] = tail.finalize().into();
        let mut tail = [0; 10];
        tail.copy_from_slice(&digest[..10]);
        let id = format!("IN_{}", uuid_v7(at, tail));
        Self(id.into())
    }

    /// Reads what a caller sent as an id; `None` for what can never have been one.
    pub fn parse(raw: &str) -> Option<Self> {
        let plausible = raw.len() == 39
            && raw.starts_with("IN_")
            && raw[3..]
                .bytes()
                .all(|octet| octet.is_ascii_hexdigit() || octet == b'-');
        plausible.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part() -> InboundPart {
        InboundPart {
            sim: SimId::parse("89860000000000000001").unwrap(),
            modem: ModemName::parse("m1").unwrap(),
            to: None,
            from: Some(Sender::new("+447700900123".into())),
            encoding: InboundEncoding::Gsm7,
            text: Body::stored("hi".into()),
            smsc_at: Some(UnixMillis(1_700_000_000_000)),
            place: None,
            pdu: PduDigest::of(b"one"),
            at: UnixMillis(1_700_000_001_000),
        }
    }

    #[test]
    fn a_part_is_known_again_by_what_it_says_and_not_by_its_envelope() {
        let first = part();
        let mut again = part();
        again.pdu = PduDigest::of(b"other flags");
        again.at = UnixMillis(1_700_000_099_000);
        again.modem = ModemName::parse("m2").unwrap();
        assert_eq!(first.identity(), again.identity());

        let place = |number| {
            Some(Place {
                reference: Reference::Eight(7),
                total: 2,
                number,
            })
        };
        let changes: [fn(&mut InboundPart); 4] = [
            |part| part.text = Body::stored("ho".into()),
            |part| part.smsc_at = Some(UnixMillis(1_700_000_001_000)),
            |part| part.from = Some(Sender::new("+447700900124".into())),
            |part| part.sim = SimId::parse("89860000000000000002").unwrap(),
        ];
        for change in changes {
            let mut other = part();
            change(&mut other);
            assert_ne!(first.identity(), other.identity());
        }
        let (mut one, mut two) = (part(), part());
        (one.place, two.place) = (place(1), place(2));
        assert_ne!(one.identity(), two.identity());
        assert_ne!(one.identity(), first.identity());
    }

    #[test]
    fn without_the_service_centres_time_two_texts_cannot_be_told_apart() {
        let mut part = part();
        part.smsc_at = None;
        assert_eq!(part.identity(), None);
    }

    #[test]
    fn an_id_is_a_uuid_that_begins_with_its_time() {
        let id = InboundId::of(UnixMillis(1_700_000_000_000), &PduDigest::of(b"x"), 1);
        assert!(id.as_str().starts_with("IN_018bcfe5-6800-7"), "{id:?}");
        assert_eq!(InboundId::parse(id.as_str()), Some(id.clone()));
        assert_ne!(
            id,
            InboundId::of(UnixMillis(1_700_000_000_000), &PduDigest::of(b"x"), 2)
        );
    }

    #[test]
    fn what_was_never_an_id_is_not_looked_up() {
        for raw in [
            "",
            "IN_",
            "MSG_20231114221320000042_001",
            "IN_ü",
            "IN_'; --",
        ] {
            assert_eq!(InboundId::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn neither_sender_nor_text_shows_itself_in_a_log() {
        let shown = format!("{:?}", part());
        assert!(
            !shown.contains("7700900123") && !shown.contains("\"hi\""),
            "{shown}"
        );
    }
}
