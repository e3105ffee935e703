//! **Mobile**: a text that somebody out there writes to one of the SIMs, and how it comes.

use serde::{Deserialize, Serialize};

use crate::encode::{Content, Inbound, Pdu, Stamp, deliver, octets};
use crate::fault::Order;

/// One text to a SIM, whole: it is cut into parts where it has to be.
///
/// ```
/// let text: modem_sim::MobileText = serde_json::from_str(
///     r#"{"from":"Bank","text":"your code is 1234","class":0}"#,
/// ).unwrap();
/// assert_eq!(text.from, "Bank");
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MobileText {
    /// A number with or without `+`, or up to eleven letters.
    pub from: String,
    pub text: String,
    /// 8-bit data as hex, in place of a text.
    pub data: Option<String>,
    /// 0: to be shown and not stored.
    pub class: Option<u8>,
    /// With the Turkish single shift table, if it has every character.
    pub turkish: bool,
    /// Drawn in order when not given.
    pub reference: Option<u16>,
    /// A reference of 16 bits.
    pub wide: bool,
    pub order: Order,
    /// Parts that never come, counted from 1.
    pub missing: Vec<u8>,
    /// Parts that come twice.
    pub duplicated: Vec<u8>,
}

/// What the network adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting<'a> {
    pub(crate) service_centre: &'a str,
    pub(crate) time: Stamp,
    pub(crate) reference: u16,
    /// Decides the order of what is to be shuffled.
    pub(crate) shuffle: u64,
}

impl MobileText {
    pub fn new(from: &str, text: &str) -> Self {
        Self {
            from: from.to_owned(),
            text: text.to_owned(),
            ..Self::default()
        }
    }

    /// Whether it can be sent.
    pub(crate) fn check(&self) -> Result<(), Objection> {
        // The address field holds 20 digits or 11 letters.
        if self.from.trim().is_empty() || self.from.chars().count() > 21 {
            let number = self.from.clone();
            return Err(Objection::NotANumber { number });
        }
        let length = match &self.data {
            Some(data) => octets(data).ok_or(Objection::NoHex)?.len(),
            None => self.text.chars().count(),
        };
        match length {
            0 => Err(Objection::Length),
            length if length > LONGEST_TEXT => Err(Objection::Length),
            _ => Ok(()),
        }
    }

    /// The PDUs as they arrive.
    pub(crate) fn posted(&self, posting: Posting<'_>) -> Vec<Pdu> {
        let octets = self.data.as_deref().and_then(octets);
        let content = match &octets {
            Some(octets) => Content::Octets(octets),
            None if self.turkish => Content::Turkish(&self.text),
            None => Content::Text(&self.text),
        };
        let parts = deliver(&Inbound {
            service_centre: posting.service_centre,
            from: &self.from,
            content,
            class: self.class,
            time: posting.time,
            reference: self.reference.unwrap_or(posting.reference),
            wide: self.wide,
        });
        let total = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        let mut arriving = Vec::new();
        for number in self.arrival_order(total, posting.shuffle) {
            let pdu = &parts[usize::from(number) - 1];
            if self.missing.contains(&number) {
                continue;
            }
            let copies = if self.duplicated.contains(&number) {
                2
            } else {
                1
            };
            arriving.extend(std::iter::repeat_n(pdu.clone(), copies));
        }
        arriving
    }

    fn arrival_order(&self, total: u8, shuffle: u64) -> Vec<u8> {
        let straight: Vec<u8> = (1..=total).collect();
        match &self.order {
            Order::Straight => straight,
            Order::Reversed => straight.into_iter().rev().collect(),
            Order::Shuffled => {
                use rand::SeedableRng;
                use rand::seq::SliceRandom;
                let mut order = straight;
                order.shuffle(&mut rand::rngs::StdRng::seed_from_u64(shuffle));
                order
            }
            Order::Given(given) => {
                let mut order: Vec<u8> = Vec::new();
                let wanted = given.iter().copied().filter(|n| (1..=total).contains(n));
                for number in wanted.chain(straight) {
                    if !order.contains(&number) {
                        order.push(number);
                    }
                }
                order
            }
        }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum Objection {
    NotANumber { number: String },
    NoHex,
    Length,
}

/// 255 parts of 33 emoji, the fewest characters that fill all parts there can be.
const LONGEST_TEXT: usize = 255 * 33;

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &MobileText) -> Vec<u8> {
        let posting = Posting {
            service_centre: "+1",
            time: Stamp {
                unix_ms: 0,
                quarters: 0,
            },
            reference: 7,
            shuffle: 3,
        };
        let parts = text.posted(posting);
        parts
            .iter()
            .map(|pdu| {
                let envelope = pdu_codec::Envelope::from_hex(&pdu.hex).unwrap();
                let deliver = pdu_codec::Deliver::decode(&envelope.tpdu).unwrap();
                deliver.user_data.concatenation().unwrap().part()
            })
            .collect()
    }

    #[test]
    fn parts_come_in_the_order_that_was_asked_for_and_some_twice_or_never() {
        let mut text = MobileText::new("+1", &"a".repeat(600));
        assert_eq!(numbers(&text), [1, 2, 3, 4]);
        text.order = Order::Reversed;
        text.missing = vec![2];
        text.duplicated = vec![3];
        assert_eq!(numbers(&text), [4, 3, 3, 1]);
        text.order = Order::Given(vec![3, 9, 1]);
        assert_eq!(numbers(&text), [3, 3, 1, 4]);
        text.order = Order::Shuffled;
        let (mut once, again) = (numbers(&text), numbers(&text));
        assert_eq!(once, again, "drawn from the seed");
        once.sort_unstable();
        assert_eq!(once, [1, 3, 3, 4]);
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let check = |text: MobileText| text.check();
        assert_eq!(check(MobileText::new("+1", "x")), Ok(()));
        assert_eq!(check(MobileText::new("+1", "")), Err(Objection::Length));
        assert_eq!(
            check(MobileText::new(" ", "x")),
            Err(Objection::NotANumber { number: " ".into() })
        );
        let data = MobileText {
            data: Some("0G".into()),
            ..MobileText::new("+1", "")
        };
        assert_eq!(check(data), Err(Objection::NoHex));
    }
}
