//! TP-Data-Coding-Scheme: which alphabet, which class, which lamp to light (23.038 §4).
//!
//! Not here: the alphabets themselves; see [`gsm7`](crate::gsm7) and `ucs2`.

/// TP-DCS as it was received. Every value has a meaning: what is reserved is read as the specification asks.
///
/// ```
/// use pdu_codec::{Alphabet, Class, DataCoding};
///
/// assert_eq!(DataCoding(0x18).alphabet(), Alphabet::Ucs2);
/// assert_eq!(DataCoding(0x18).class(), Some(Class::Zero));
/// assert!(DataCoding(0xC8).waiting().unwrap().active);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct DataCoding(pub u8);

impl DataCoding {
    /// The scheme of what we send: 00, 04, 08 without a class, 10, 14, 18 and the class with one (hexadecimal).
    pub fn general(alphabet: Alphabet, class: Option<Class>) -> Self {
        let alphabet = match alphabet {
            Alphabet::Gsm7 => 0x00,
            Alphabet::EightBit => 0x04,
            Alphabet::Ucs2 => 0x08,
        };
        let class = class.map_or(0, |class| 0x10 | class.number());
        Self(alphabet | class)
    }

    /// The alphabet. Reserved groups and the reserved value are GSM 7 bit.
    pub fn alphabet(self) -> Alphabet {
        match self.group() {
            Group::General => match self.0 >> 2 & 0x03 {
                1 => Alphabet::EightBit,
                2 => Alphabet::Ucs2,
                _ => Alphabet::Gsm7,
            },
            Group::Class if self.0 & 0x04 != 0 => Alphabet::EightBit,
            Group::WaitingUcs2 => Alphabet::Ucs2,
            Group::Class | Group::Reserved | Group::WaitingDiscard | Group::WaitingStore => {
                Alphabet::Gsm7
            }
        }
    }

    /// The message class, where the scheme has one.
    pub fn class(self) -> Option<Class> {
        let present = match self.group() {
            Group::General => self.0 & 0x10 != 0,
            Group::Class => true,
            _ => false,
        };
        present.then(|| Class::of_bits(self.0))
    }

    /// Whether the user data is compressed (23.042). It is handed over as it is, octets for octets.
    pub fn is_compressed(self) -> bool {
        matches!(self.group(), Group::General) && self.0 & 0x20 != 0
    }

    /// What a message waiting indication says, where the scheme is one.
    pub fn waiting(self) -> Option<MessageWaiting> {
        let store = match self.group() {
            Group::WaitingDiscard => false,
            Group::WaitingStore | Group::WaitingUcs2 => true,
            _ => return None,
        };
        let kind = match self.0 & 0x03 {
            0 => WaitingKind::Voicemail,
            1 => WaitingKind::Fax,
            2 => WaitingKind::Email,
            _ => WaitingKind::Other,
        };
        let active = self.0 & 0x08 != 0;
        Some(MessageWaiting {
            kind,
            active,
            store,
        })
    }

    fn group(self) -> Group {
        match self.0 >> 4 {
            // 01xx also asks for deletion after reading; nothing else is different.
            0..=7 => Group::General,
            8..=11 => Group::Reserved,
            12 => Group::WaitingDiscard,
            13 => Group::WaitingStore,
            14 => Group::WaitingUcs2,
            _ => Group::Class,
        }
    }
}

/// The coding groups of 23.038 §4, bits 7 to 4.
enum Group {
    General,
    Reserved,
    WaitingDiscard,
    WaitingStore,
    WaitingUcs2,
    Class,
}

/// How user data is written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Alphabet {
    /// The GSM 7 bit default alphabet (23.038 §6.2.1).
    Gsm7,
    /// Octets without a meaning of their own.
    EightBit,
    /// UTF-16, big endian.
    Ucs2,
}

/// Message class (23.038 §4): where a handset keeps it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// Shown at once and not kept.
    Zero,
    /// Kept in the mobile equipment.
    One,
    /// Kept on the SIM.
    Two,
    /// For the terminal equipment behind it.
    Three,
}

impl Class {
    /// The class of a number from 0 to 3.
    pub fn of(number: u8) -> Option<Self> {
        (number <= 3).then(|| Self::of_bits(number))
    }

    /// 0 to 3.
    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    fn of_bits(bits: u8) -> Self {
        match bits & 0x03 {
            0 => Self::Zero,
            1 => Self::One,
            2 => Self::Two,
            _ => Self::Three,
        }
    }
}

/// A message waiting indication of the data coding scheme.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct MessageWaiting {
    /// What waits.
    pub kind: WaitingKind,
    /// Whether the lamp goes on or off.
    pub active: bool,
    /// Whether the text is to be kept.
    pub store: bool,
}

/// What a message waiting indication is about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum WaitingKind {
    /// A voice message.
    Voicemail,
    /// A fax.
    Fax,
    /// An electronic mail.
    Email,
    /// Something else.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_its_alphabet_and_class() {
        use Alphabet::{EightBit, Gsm7, Ucs2};
        let table = [
            (0x00, Gsm7, None, false),
            (0x03, Gsm7, None, false),
            (0x04, EightBit, None, false),
            (0x08, Ucs2, None, false),
            (0x0C, Gsm7, None, false),
            (0x11, Gsm7, Some(Class::One), false),
            (0x16, EightBit, Some(Class::Two), false),
            (0x1B, Ucs2, Some(Class::Three), false),
            (0x20, Gsm7, None, true),
            (0x38, Ucs2, Some(Class::Zero), true),
            (0x48, Ucs2, None, false),
            (0x50, Gsm7, Some(Class::Zero), false),
            (0x80, Gsm7, None, false),
            (0xB5, Gsm7, None, false),
            (0xC8, Gsm7, None, false),
            (0xD4, Gsm7, None, false),
            (0xE0, Ucs2, None, false),
            (0xF0, Gsm7, Some(Class::Zero), false),
            (0xF5, EightBit, Some(Class::One), false),
            (0xFA, Gsm7, Some(Class::Two), false),
        ];
        for (dcs, alphabet, class, compressed) in table {
            let coding = DataCoding(dcs);
            assert_eq!(coding.alphabet(), alphabet, "{dcs:02X}");
            assert_eq!(coding.class(), class, "{dcs:02X}");
            assert_eq!(coding.is_compressed(), compressed, "{dcs:02X}");
        }
    }

    #[test]
    fn a_lamp_goes_on_or_off_and_its_text_is_kept_or_not() {
        let table = [
            (0xC8, WaitingKind::Voicemail, true, false),
            (0xC0, WaitingKind::Voicemail, false, false),
            (0xD9, WaitingKind::Fax, true, true),
            (0xEA, WaitingKind::Email, true, true),
            (0xD3, WaitingKind::Other, false, true),
        ];
        for (dcs, kind, active, store) in table {
            let waiting = MessageWaiting {
                kind,
                active,
                store,
            };
            assert_eq!(DataCoding(dcs).waiting(), Some(waiting), "{dcs:02X}");
        }
        assert_eq!(DataCoding(0xF8).waiting(), None);
    }

    #[test]
    fn what_we_send_is_coded_in_the_general_group() {
        let table = [
            (Alphabet::Gsm7, None, 0x00),
            (Alphabet::EightBit, None, 0x04),
            (Alphabet::Ucs2, None, 0x08),
            (Alphabet::Gsm7, Some(Class::Zero), 0x10),
            (Alphabet::EightBit, Some(Class::One), 0x15),
            (Alphabet::Ucs2, Some(Class::Three), 0x1B),
        ];
        for (alphabet, class, dcs) in table {
            assert_eq!(DataCoding::general(alphabet, class), DataCoding(dcs));
        }
    }
}
