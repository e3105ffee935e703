//! What the network says became of a part it took (23.040 §9.2.3.15, semantics §2).

use pdu_codec::{MessageReference, Status};

use super::{SimId, UnixMillis};

/// A status report as a modem delivered it, in our words.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub sim: SimId,
    pub reference: MessageReference,
    /// The recipient's number as the service centre writes it: `+86…`, or national.
    pub recipient: String,
    /// TP-SCTS: when the service centre took the part.
    pub accepted_at: Option<UnixMillis>,
    /// TP-DT: when it was delivered or given up.
    pub discharged_at: Option<UnixMillis>,
    pub status: Status,
}

impl Report {
    /// The digits by which a recipient is recognised, however it is written: the last 8, or all there are.
    pub fn recipient_tail(&self) -> String {
        number_tail(&self.recipient)
    }
}

/// The last 8 digits of a number, or all when there are fewer.
pub fn number_tail(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(8)..].iter().collect()
}

/// What a TP-Status means for a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReportMeaning {
    /// 0x00, 0x03–0x1F.
    Delivered,
    /// 0x01: forwarded, and nobody will know more.
    Unconfirmed,
    /// 0x02: replaced by the service centre.
    Replaced,
    /// 0x20–0x3F and 0x80–0xFF: still trying.
    StillTrying,
    /// 0x40–0x7F except 0x46.
    Undelivered,
    /// 0x46: its validity was over.
    Expired,
}

impl ReportMeaning {
    pub fn of(status: Status) -> Self {
        match status.0 {
            0x01 => Self::Unconfirmed,
            0x02 => Self::Replaced,
            0x00 | 0x03..=0x1F => Self::Delivered,
            0x46 => Self::Expired,
            0x40..=0x7F => Self::Undelivered,
            0x20..=0x3F | 0x80..=0xFF => Self::StillTrying,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_meaning_of_the_contract() {
        use ReportMeaning::*;
        for (range, meaning) in [
            (0x00..=0x00, Delivered),
            (0x01..=0x01, Unconfirmed),
            (0x02..=0x02, Replaced),
            (0x03..=0x1F, Delivered),
            (0x20..=0x3F, StillTrying),
            (0x40..=0x45, Undelivered),
            (0x46..=0x46, Expired),
            (0x47..=0x7F, Undelivered),
            (0x80..=0xFF, StillTrying),
        ] {
            for status in range {
                assert_eq!(ReportMeaning::of(Status(status)), meaning, "{status:#04x}");
            }
        }
    }

    #[test]
    fn a_national_number_has_the_tail_of_the_international_one() {
        assert_eq!(number_tail("+8613800138000"), number_tail("013800138000"));
        assert_eq!(number_tail("10086"), "10086");
    }
}
