//! **Line**: what the network knows of one SIM, and what waits for it.

use std::collections::VecDeque;

use crate::encode::{Parcel, Pdu, Stamp, address};
use crate::fault::{Fault, Order};
use crate::mobile::{MobileText, Posting};
use crate::moment::Moment;

#[derive(Debug)]
pub(crate) struct Line {
    number: String,
    texts: VecDeque<Pdu>,
    reports: VecDeque<Pdu>,
    zone: Zone,
    /// How the next long texts come.
    parts: Option<(Manner, u32)>,
    /// So many of the next texts are of class 0.
    class0: u32,
}

/// The clock of the centre that serves this SIM.
#[derive(Clone, Copy, Debug)]
struct Zone {
    quarters: i8,
    wrong_by_ms: i64,
}

#[derive(Clone, Debug)]
struct Manner {
    order: Order,
    missing: Vec<u8>,
    duplicated: Vec<u8>,
    wide: bool,
    reference: Option<u16>,
}

impl Line {
    pub(super) fn new(number: String) -> Self {
        Self {
            number,
            texts: VecDeque::new(),
            reports: VecDeque::new(),
            zone: CHINA,
            parts: None,
            class0: 0,
        }
    }

    pub(super) fn number(&self) -> &str {
        &self.number
    }

    /// Two SIMs trade places: a number goes with its SIM, and so do the texts that wait for it.
    pub(super) fn trade_numbers(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.number, &mut other.number);
        std::mem::swap(&mut self.texts, &mut other.texts);
    }

    pub(super) fn order(&mut self, fault: &Fault) {
        match fault {
            Fault::Parts {
                order,
                missing,
                duplicated,
                wide,
                reference,
                times,
            } => {
                let manner = Manner {
                    order: order.clone(),
                    missing: missing.clone(),
                    duplicated: duplicated.clone(),
                    wide: *wide,
                    reference: *reference,
                };
                self.parts = Some((manner, *times));
            }
            Fault::Class0 { times } => self.class0 = *times,
            Fault::ClockOffset { quarters, seconds } => {
                // Two digits of quarters are all there is room for.
                let quarters = (*quarters).clamp(-79, 79);
                let wrong_by_ms = seconds.saturating_mul(1000);
                self.zone = Zone {
                    quarters,
                    wrong_by_ms,
                };
            }
            Fault::Clear => {
                self.zone = CHINA;
                self.parts = None;
                self.class0 = 0;
            }
            _ => {}
        }
    }

    pub(super) fn stamp(&self, unix_ms: i64) -> Stamp {
        Stamp {
            unix_ms: unix_ms.saturating_add(self.zone.wrong_by_ms),
            quarters: self.zone.quarters,
        }
    }

    /// `false` when too much waits already.
    pub(super) fn post(
        &mut self,
        now: Moment,
        text: &MobileText,
        reference: u16,
        shuffle: u64,
    ) -> bool {
        let posting = Posting {
            service_centre: SERVICE_CENTRE,
            time: self.stamp(now.unix_ms),
            reference,
            shuffle,
        };
        let mut text = text.clone();
        if self.class0 > 0 {
            text.class = Some(0);
        }
        let mut pdus = text.posted(posting);
        let in_manner = pdus.len() > 1 && self.parts.is_some();
        if in_manner && let Some((manner, _)) = &self.parts {
            let manner = manner.clone();
            text.order = manner.order;
            text.missing = manner.missing;
            text.duplicated = manner.duplicated;
            text.wide = manner.wide;
            text.reference = manner.reference.or(text.reference);
            pdus = text.posted(posting);
        }
        if self.texts.len() + pdus.len() > MOST_WAITING {
            return false;
        }
        self.class0 = self.class0.saturating_sub(1);
        if in_manner {
            self.parts = self.parts.take().and_then(|(manner, left)| {
                let left = left.saturating_sub(1);
                (left > 0).then_some((manner, left))
            });
        }
        self.texts.extend(pdus);
        true
    }

    pub(super) fn report(&mut self, pdu: Pdu) {
        if self.reports.len() == MOST_WAITING {
            self.reports.pop_front();
        }
        self.reports.push_back(pdu);
    }

    pub(super) fn put_back(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Text(pdu) => self.texts.push_front(pdu),
            Parcel::Report(pdu) => self.reports.push_front(pdu),
        }
    }

    pub(crate) fn next_text(&self) -> Option<&Pdu> {
        self.texts.front()
    }

    pub(crate) fn take_text(&mut self) -> Option<Pdu> {
        self.texts.pop_front()
    }

    pub(crate) fn take_report(&mut self) -> Option<Pdu> {
        self.reports.pop_front()
    }

    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.texts.len(), self.reports.len())
    }
}

/// A recipient's address as a centre at home writes it: without the country's code.
pub(super) fn national(number: &str) -> Vec<u8> {
    let digits = number.trim_start_matches('+');
    match digits.strip_prefix("86") {
        Some(mobile) => address(mobile),
        // Two digits of country, and the trunk prefix in their place.
        None => address(&format!("0{}", digits.get(2..).unwrap_or(digits))),
    }
}

/// The network's own; a text says which centre it came through, whatever `+CSCA` holds.
pub(super) const SERVICE_CENTRE: &str = "+8613800100500";

/// Quarters of an hour east of Greenwich: China's +8 hours.
const CHINA: Zone = Zone {
    quarters: 32,
    wrong_by_ms: 0,
};

/// What a service centre keeps per SIM and kind: the oldest report goes, a new text is refused.
const MOST_WAITING: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_at_home_has_no_country() {
        assert_eq!(national("+447700900123"), address("07700900123"));
        assert_eq!(national("+8613800138000"), address("13800138000"));
        assert_eq!(address("07700900123")[1], 0x81);
    }
}
