//! TP-Status: what became of a message, in the service centre's words (23.040 §9.2.3.15).
//!
//! Not here: what follows from it for a message of ours; the gateway's domain decides.

/// TP-ST as it was received.
///
/// ```
/// use pdu_codec::{Status, StatusClass};
///
/// assert_eq!(Status(0x00).class(), StatusClass::Completed);
/// assert_eq!(Status(0x46).class(), StatusClass::Permanent);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status(pub u8);

impl Status {
    /// What the number means for the message as a whole.
    pub const fn class(self) -> StatusClass {
        match self.0 {
            0x00..=0x1F => StatusClass::Completed,
            0x20..=0x3F => StatusClass::Temporary,
            0x40..=0x5F => StatusClass::Permanent,
            0x60..=0x7F => StatusClass::TemporaryFinal,
            0x80..=0xFF => StatusClass::Reserved,
        }
    }
}

/// The five ranges of TP-ST.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StatusClass {
    /// 00 to 1F: the transaction is completed; 00 is received by the handset, 01 forwarded, 02 replaced.
    Completed,
    /// 20 to 3F: a temporary error; the service centre still tries.
    Temporary,
    /// 40 to 5F: a permanent error; the service centre tries no more.
    Permanent,
    /// 60 to 7F: a temporary error; the service centre tries no more.
    TemporaryFinal,
    /// 80 to FF.
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_meet_without_a_gap() {
        let table = [
            (0x00, StatusClass::Completed),
            (0x1F, StatusClass::Completed),
            (0x20, StatusClass::Temporary),
            (0x3F, StatusClass::Temporary),
            (0x40, StatusClass::Permanent),
            (0x5F, StatusClass::Permanent),
            (0x60, StatusClass::TemporaryFinal),
            (0x7F, StatusClass::TemporaryFinal),
            (0x80, StatusClass::Reserved),
            (0xFF, StatusClass::Reserved),
        ];
        for (status, class) in table {
            assert_eq!(Status(status).class(), class, "{status:02X}");
        }
    }
}
