//! Names of things: how they are shown and read.

use std::fmt;
use std::sync::Arc;

use super::UnixMillis;

/// What callers know a message by: `MSG_` + UTC time + six digits + `_` + index in its batch. Opaque to them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(Arc<str>);

/// The longest id that is ever given out.
const LONGEST_ID: usize = 64;

impl MessageId {
    /// The id of the message with running number `seq`, accepted alone at `at`.
    pub fn of_single(seq: MessageSeq, at: UnixMillis) -> Self {
        Self::in_batch(seq, at, 1)
    }

    /// The id of message `index` (from 1) of the batch whose first message has the running number `first`.
    pub fn in_batch(first: MessageSeq, at: UnixMillis, index: usize) -> Self {
        Self(format!("MSG_{}_{index:03}", digits(first, at)).into())
    }

    /// Reads what a caller sent as an id; `None` for what can never have been one.
    pub fn parse(raw: &str) -> Option<Self> {
        let plausible = raw.len() <= LONGEST_ID
            && raw.starts_with("MSG_")
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        plausible.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// UTC time and a counter of the store: what the ids of a batch and of its messages share.
fn digits(seq: MessageSeq, at: UnixMillis) -> String {
    let counter = seq.0.rem_euclid(1_000_000);
    format!("{}{counter:06}", at.compact())
}

/// What callers know a batch by: `SMS_BATCH_` + the digits of its messages' ids. Opaque to them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BatchId(Arc<str>);

impl BatchId {
    /// The id of the batch whose first message has the running number `first`.
    pub fn of(first: MessageSeq, at: UnixMillis) -> Self {
        Self(format!("SMS_BATCH_{}", digits(first, at)).into())
    }

    /// The id of the batch that this message came with; only for a message that came with one.
    pub fn of_message(id: &MessageId) -> Self {
        let digits = id.as_str().split('_').nth(1).unwrap_or_default();
        Self(format!("SMS_BATCH_{digits}").into())
    }

    /// Reads what a caller sent as an id; `None` for what can never have been one.
    pub fn parse(raw: &str) -> Option<Self> {
        let digits = raw.strip_prefix("SMS_BATCH_")?;
        let plausible = raw.len() <= LONGEST_ID && digits.bytes().all(|b| b.is_ascii_digit());
        plausible.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The store's running number of a message: the order of acceptance. Never shown to callers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageSeq(pub i64);

/// Which part of its message, counted from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PartNumber(pub u8);

/// A modem's name: NAME of `[modem.NAME]`, the same over restarts and replugs.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ModemName(Arc<str>);

impl ModemName {
    /// Letters, digits, `-` and `_`, 1 to 32 of them.
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = (1..=32).contains(&raw.len())
            && raw
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How a message's `route` names this modem: `modem:m1`.
    pub fn route(&self) -> String {
        format!("modem:{}", self.0)
    }
}

impl fmt::Display for ModemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SIM: its ICCID, or its IMSI where the modem does not tell the ICCID. Digits only.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SimId(Arc<str>);

impl SimId {
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = (5..=22).contains(&raw.len())
            && raw
                .bytes()
                .all(|b| b.is_ascii_digit() || b.eq_ignore_ascii_case(&b'f'));
        fits.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A UUID of version 7 (RFC 9562 §5.7): the time first, so that ids sort by it, then what tells it apart.
pub fn uuid_v7(at: UnixMillis, tail: [u8; 10]) -> String {
    let mut octets = [0; 16];
    octets[..6].copy_from_slice(&at.0.to_be_bytes()[2..]);
    octets[6..].copy_from_slice(&tail);
    octets[6] = octets[6] & 0x0F | 0x70;
    octets[8] = octets[8] & 0x3F | 0x80;
    let mut uuid = String::with_capacity(36);
    for (at, octet) in octets.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        uuid.push_str(&format!("{octet:02x}"));
    }
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_carries_its_time_and_its_number() {
        let id = MessageId::of_single(MessageSeq(1_000_042), UnixMillis(1_700_000_000_000));
        assert_eq!(id.as_str(), "MSG_20231114221320000042_001");
        assert_eq!(MessageId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn the_ids_of_a_batch_and_its_messages_share_their_digits() {
        let (first, at) = (MessageSeq(1_000_042), UnixMillis(1_700_000_000_000));
        let batch = BatchId::of(first, at);
        assert_eq!(batch.as_str(), "SMS_BATCH_20231114221320000042");
        let last = MessageId::in_batch(first, at, 1000);
        assert_eq!(last.as_str(), "MSG_20231114221320000042_1000");
        assert_eq!(BatchId::of_message(&last), batch);
        assert_eq!(BatchId::parse(batch.as_str()), Some(batch));
        for raw in ["", "SMS_BATCH", "MSG_1_001", "SMS_BATCH_1'--"] {
            assert_eq!(BatchId::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn what_was_never_an_id_is_not_looked_up() {
        for raw in ["", "MSG", "SMS_1", "MSG_1'--", &"MSG_1".repeat(20)] {
            assert_eq!(MessageId::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_modem_name_is_short_and_plain() {
        assert!(ModemName::parse("m1").is_some());
        for raw in ["", "a b", "ü", "x\n", &"m".repeat(33)] {
            assert_eq!(ModemName::parse(raw), None, "{raw}");
        }
    }
}
