//! TP-Validity-Period: until when the service centre shall try (23.040 §9.2.3.12).
//!
//! Not here: how long is sensible; that is the caller's policy.

use alloc::vec::Vec;

use crate::error::DecodeError;
use crate::reader::Reader;
use crate::semi_octet::two_digits;
use crate::timestamp::{self, InvalidTimestamp, Timestamp};

/// A validity period in one of its three formats (23.040 §9.2.3.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Validity {
    /// So long after the service centre took it.
    Relative(RelativeValidity),
    /// Until then; the octets when that is not a date and time.
    Absolute(Result<Timestamp, InvalidTimestamp>),
    /// The enhanced format.
    Enhanced(EnhancedValidity),
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

    /// Reads what the first octet announces. An absolute time that does not exist is no error.
    pub(crate) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
    ) -> Result<Option<Self>, DecodeError> {
        Ok(match first_octet & ABSOLUTE {
            RELATIVE => Some(Self::Relative(RelativeValidity(reader.octet("vp")?))),
            ABSOLUTE => Some(Self::Absolute(Timestamp::decode(reader.array("vp")?))),
            ENHANCED => Some(Self::Enhanced(EnhancedValidity(reader.array("vp")?))),
            _ => None,
        })
    }

    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Relative(relative) => octets.push(relative.0),
            Self::Absolute(until) => timestamp::write(*until, octets),
            Self::Enhanced(enhanced) => octets.extend(enhanced.0),
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

/// The enhanced format: seven octets, of which the first says how the others are read (23.040 §9.2.3.12.3).
///
/// ```
/// use pdu_codec::{EnhancedPeriod, EnhancedValidity};
///
/// let validity = EnhancedValidity([0x42, 30, 0, 0, 0, 0, 0]);
/// assert!(validity.is_single_shot());
/// assert_eq!(validity.period(), EnhancedPeriod::Seconds(30));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EnhancedValidity(pub [u8; 7]);

/// How long an enhanced validity period is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EnhancedPeriod {
    /// It does not say.
    None,
    /// As in the relative format.
    Relative(RelativeValidity),
    /// So many seconds, up to 99:59:59.
    Seconds(u32),
    /// A value or a format that is reserved.
    Reserved,
}

impl EnhancedValidity {
    /// Whether the service centre shall try once only.
    pub fn is_single_shot(self) -> bool {
        self.0[0] & 0x40 != 0
    }

    /// How long it is.
    pub fn period(self) -> EnhancedPeriod {
        let mut indicator = 0;
        // Bit 7 promises another functionality indicator; the period stands behind the last.
        while self.0.get(indicator).is_some_and(|octet| octet & 0x80 != 0) {
            indicator += 1;
        }
        let behind = self.0.get(indicator + 1..).unwrap_or_default();
        match (self.0[0] & 0x07, behind) {
            (0, _) => EnhancedPeriod::None,
            (1, &[value, ..]) => EnhancedPeriod::Relative(RelativeValidity(value)),
            (2, &[seconds, ..]) if seconds > 0 => EnhancedPeriod::Seconds(seconds.into()),
            (3, &[hours, minutes, seconds, ..]) => {
                let fields = [hours, minutes, seconds].map(two_digits);
                match fields {
                    [Some(hours), Some(minutes @ ..=59), Some(seconds @ ..=59)] => {
                        let minutes = u32::from(hours) * 60 + u32::from(minutes);
                        EnhancedPeriod::Seconds(minutes * 60 + u32::from(seconds))
                    }
                    _ => EnhancedPeriod::Reserved,
                }
            }
            _ => EnhancedPeriod::Reserved,
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

    #[test]
    fn an_enhanced_period_is_read_by_its_indicator() {
        let table = [
            ([0x00, 9, 9, 9, 9, 9, 9], false, EnhancedPeriod::None),
            (
                [0x01, 167, 0, 0, 0, 0, 0],
                false,
                EnhancedPeriod::Relative(RelativeValidity(167)),
            ),
            ([0x42, 30, 0, 0, 0, 0, 0], true, EnhancedPeriod::Seconds(30)),
            ([0x02, 0, 0, 0, 0, 0, 0], false, EnhancedPeriod::Reserved),
            // 12 hours, 34 minutes, 56 seconds in semi-octets.
            (
                [0x03, 0x21, 0x43, 0x65, 0, 0, 0],
                false,
                EnhancedPeriod::Seconds(45_296),
            ),
            (
                [0x03, 0x21, 0x06, 0, 0, 0, 0],
                false,
                EnhancedPeriod::Reserved,
            ),
            ([0x03, 0xFF, 0, 0, 0, 0, 0], false, EnhancedPeriod::Reserved),
            ([0x04, 1, 1, 1, 1, 1, 1], false, EnhancedPeriod::Reserved),
            // A second indicator stands before the period.
            (
                [0x82, 0x00, 45, 0, 0, 0, 0],
                false,
                EnhancedPeriod::Seconds(45),
            ),
            ([0x82; 7], false, EnhancedPeriod::Reserved),
        ];
        for (octets, single_shot, period) in table {
            let validity = EnhancedValidity(octets);
            assert_eq!(validity.is_single_shot(), single_shot, "{octets:02X?}");
            assert_eq!(validity.period(), period, "{octets:02X?}");
        }
    }
}
