//! TP-Validity-Period: until when the service centre shall try (23.040 §9.2.3.12).
//!
//! Not here: how long is sensible; that is the caller's policy.

use alloc::vec::Vec;

use crate::error::DecodeError;
use crate::reader::Reader;
use crate::timestamp::Timestamp;

/// A validity period in one of its three formats (23.040 §9.2.3.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Validity {
    /// So long after the service centre took it.
    Relative(RelativeValidity),
    /// Until then.
    Absolute(Timestamp),
    /// The enhanced format, not taken apart (23.040 §9.2.3.12.3).
    Enhanced([u8; 7]),
}

impl Validity {
    /// TP-VPF as it stands in the first octet, bits 4 and 3.
    pub(crate) fn format_bits(&self) -> u8 {
        match self {
            Self::Relative(_) => RELATIVE,
            Self::Absolute(_) => ABSOLUTE,
            Self::Enhanced(_) => ENHANCED,
        }
    }

    /// Reads what the first octet announces. An absolute time that does not exist is no validity, and no error.
    pub(crate) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(match first_octet & ABSOLUTE {
            RELATIVE => Some(Self::Relative(RelativeValidity(reader.octet("vp")?))),
            ABSOLUTE => Timestamp::decode(reader.array("vp")?).map(Self::Absolute),
            ENHANCED => Some(Self::Enhanced(reader.array("vp")?)),
            _ => None,
        })
    }

    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Relative(relative) => octets.push(relative.0),
            Self::Absolute(until) => until.write(octets),
            Self::Enhanced(raw) => octets.extend(raw),
        }
    }
}

const RELATIVE: u8 = 0x10;
const ENHANCED: u8 = 0x08;
const ABSOLUTE: u8 = RELATIVE | ENHANCED;

/// The relative format: one octet from 5 minutes to 63 weeks (23.040 §9.2.3.12.1).
///
/// ```
/// use pdu_codec::RelativeValidity;
///
/// assert_eq!(RelativeValidity::at_least(7).minutes(), 10);
/// assert_eq!(RelativeValidity::at_least(24 * 60), RelativeValidity(167));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RelativeValidity(pub u8);

impl RelativeValidity {
    /// The shortest period that is not shorter than this; 63 weeks when there is none.
    pub fn at_least(minutes: u32) -> Self {
        let value = match minutes {
            0..=720 => minutes.div_ceil(5).max(1) - 1,
            721..=1_440 => 143 + (minutes - 720).div_ceil(30),
            1_441..=43_200 => 166 + minutes.div_ceil(DAY),
            _ => 192 + minutes.div_ceil(WEEK).max(5),
        };
        Self(u8::try_from(value).unwrap_or(u8::MAX))
    }

    /// How long it is.
    pub fn minutes(self) -> u32 {
        let value = u32::from(self.0);
        match value {
            0..=143 => (value + 1) * 5,
            144..=167 => 720 + (value - 143) * 30,
            168..=196 => (value - 166) * DAY,
            _ => (value - 192) * WEEK,
        }
    }
}

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_a_period_and_comes_back() {
        let table = [
            (0, 5),
            (143, 720),
            (144, 750),
            (167, 1_440),
            (168, 2_880),
            (196, 43_200),
            (197, 50_400),
            (255, 635_040),
        ];
        for (value, minutes) in table {
            assert_eq!(RelativeValidity(value).minutes(), minutes);
        }
        for value in 0..=255 {
            let period = RelativeValidity(value);
            assert_eq!(RelativeValidity::at_least(period.minutes()), period);
        }
    }

    #[test]
    fn a_period_is_rounded_up_and_never_down_except_at_the_end() {
        let table = [
            (0, 5),
            (1, 5),
            (6, 10),
            (721, 750),
            (1_441, 2_880),
            (43_201, 50_400),
            (50_401, 60_480),
            (635_041, 635_040),
            (u32::MAX, 635_040),
        ];
        for (wanted, minutes) in table {
            assert_eq!(
                RelativeValidity::at_least(wanted).minutes(),
                minutes,
                "{wanted}"
            );
        }
    }
}
