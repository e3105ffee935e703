//! **Handset**: the phones out there, by number, and what each has received.
//!
//! Joins parts as a phone does: same originator, reference, reference width and total. Parts of a set that
//! never completes stay apart and are forgotten when too many such sets pile up.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A text as its reader sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Received {
    /// The number of the SIM that sent it.
    pub from: String,
    /// The joined text; 8-bit data as upper-case hex.
    pub text: String,
    /// How many parts it came in.
    pub parts: u8,
    pub received_at_unix_ms: i64,
}

/// The place of one part in a longer text.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub(crate) struct Place {
    #[serde(rename = "ref")]
    pub(crate) reference: u16,
    /// Width of the reference: 8 or 16.
    pub(crate) bits: u8,
    pub(crate) total: u8,
    pub(crate) part: u8,
}

#[derive(Debug, Default)]
pub(crate) struct Handsets {
    by_number: HashMap<String, Handset>,
    /// Numbers in the order they were first seen, to forget the oldest.
    order: VecDeque<String>,
    /// How often each text has been received, by a digest of number and text: a soak asks for many.
    tally: HashMap<u64, u32>,
    totals: Totals,
}

/// What all handsets have received since the simulation began.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Totals {
    /// Whole texts, each time one arrived.
    pub received: u64,
    /// Of those, the ones that their handset had received before.
    pub repeated: u64,
}

#[derive(Debug, Default)]
struct Handset {
    texts: VecDeque<Received>,
    incomplete: VecDeque<Incomplete>,
    /// The modem that wrote last: the one that gets a reply.
    last_sender: Option<usize>,
}

#[derive(Debug)]
struct Incomplete {
    from: String,
    reference: u16,
    bits: u8,
    total: u8,
    parts: BTreeMap<u8, String>,
}

/// One part as the network brings it.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) modem: usize,
    pub(crate) from: &'a str,
    pub(crate) text: &'a str,
    pub(crate) place: Option<&'a Place>,
    pub(crate) unix_ms: i64,
}

impl Handsets {
    /// The whole text, when this part makes one.
    pub(crate) fn receive(&mut self, number: &str, arrival: &Arrival<'_>) -> Option<String> {
        if !self.by_number.contains_key(number) {
            if self.by_number.len() == MOST_HANDSETS
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_number.remove(&oldest);
            }
            self.order.push_back(number.to_owned());
        }
        let handset = self.by_number.entry(number.to_owned()).or_default();
        handset.last_sender = Some(arrival.modem);
        let text = handset.receive(arrival)?.to_owned();
        self.count(digest(number, &text));
        Some(text)
    }

    fn count(&mut self, digest: u64) {
        self.totals.received += 1;
        if self.tally.len() >= MOST_TALLIED && !self.tally.contains_key(&digest) {
            return;
        }
        let times = self.tally.entry(digest).or_default();
        *times += 1;
        self.totals.repeated += u64::from(*times > 1);
    }

    /// How often a handset has received exactly this text.
    pub(crate) fn times(&self, number: &str, text: &str) -> u32 {
        let times = self.tally.get(&digest(number, text));
        times.copied().unwrap_or(0)
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    pub(crate) fn texts(&self, number: &str) -> Vec<Received> {
        let handset = self.by_number.get(number);
        handset.map_or_else(Vec::new, |handset| handset.texts.iter().cloned().collect())
    }

    pub(crate) fn last_sender(&self, number: &str) -> Option<usize> {
        self.by_number.get(number)?.last_sender
    }
}

impl Handset {
    /// The whole text, when there is one now.
    fn receive(&mut self, arrival: &Arrival<'_>) -> Option<&str> {
        let joined = match arrival.place {
            Some(place) if place.total > 1 => self.join(arrival, place),
            _ => Some((arrival.text.to_owned(), 1)),
        };
        let (text, parts) = joined?;
        if self.texts.len() == MOST_TEXTS {
            self.texts.pop_front();
        }
        self.texts.push_back(Received {
            from: arrival.from.to_owned(),
            text,
            parts,
            received_at_unix_ms: arrival.unix_ms,
        });
        self.texts.back().map(|received| received.text.as_str())
    }

    /// The whole text when this was the last part missing.
    fn join(&mut self, arrival: &Arrival<'_>, place: &Place) -> Option<(String, u8)> {
        if place.part == 0 || place.part > place.total {
            return Some((arrival.text.to_owned(), 1)); // 23.040 §9.2.3.24.1: such an element is ignored
        }
        let known = self.incomplete.iter().position(|set| {
            set.from == arrival.from
                && (set.reference, set.bits, set.total)
                    == (place.reference, place.bits, place.total)
        });
        let at = known.unwrap_or_else(|| {
            if self.incomplete.len() == MOST_INCOMPLETE {
                self.incomplete.pop_front();
            }
            self.incomplete.push_back(Incomplete {
                from: arrival.from.to_owned(),
                reference: place.reference,
                bits: place.bits,
                total: place.total,
                parts: BTreeMap::new(),
            });
            self.incomplete.len() - 1
        });
        let set = &mut self.incomplete[at];
        set.parts.insert(place.part, arrival.text.to_owned());
        if set.parts.len() < usize::from(set.total) {
            return None;
        }
        let set = self.incomplete.remove(at)?;
        Some((set.parts.into_values().collect(), set.total))
    }
}

/// With keys that are the same in every run.
fn digest(number: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (number, text).hash(&mut hasher);
    hasher.finish()
}

/// Texts that are told apart: 16 octets each and what the table needs; more are counted in the total only.
const MOST_TALLIED: usize = 1_000_000;
/// A phone's memory; the oldest text goes.
const MOST_TEXTS: usize = 200;
/// Sets that wait for a part, per phone; the oldest goes.
const MOST_INCOMPLETE: usize = 50;
/// Phones; the one first seen is forgotten.
const MOST_HANDSETS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(handsets: &mut Handsets, from: &str, text: &str, place: Option<(u16, u8, u8)>) {
        let place = place.map(|(reference, total, part)| Place {
            reference,
            bits: 8,
            total,
            part,
        });
        let arrival = Arrival {
            modem: 3,
            from,
            text,
            place: place.as_ref(),
            unix_ms: 5,
        };
        handsets.receive("+100", &arrival);
    }

    #[test]
    fn parts_are_joined_in_any_order_and_by_sender() {
        let mut handsets = Handsets::default();
        arrive(&mut handsets, "+1", "c", Some((7, 3, 3)));
        arrive(&mut handsets, "+2", "x", Some((7, 3, 1)));
        arrive(&mut handsets, "+1", "a", Some((7, 3, 1)));
        arrive(&mut handsets, "+1", "a", Some((7, 3, 1)));
        assert_eq!(handsets.texts("+100"), []);
        arrive(&mut handsets, "+1", "b", Some((7, 3, 2)));
        let texts = handsets.texts("+100");
        assert_eq!(texts.len(), 1);
        assert_eq!((texts[0].text.as_str(), texts[0].parts), ("abc", 3));
        assert_eq!(handsets.last_sender("+100"), Some(3));
    }

    #[test]
    fn a_reference_may_be_used_again_once_its_text_is_complete() {
        let mut handsets = Handsets::default();
        for text in ["a", "b", "c", "d"] {
            let part = if text == "a" || text == "c" { 1 } else { 2 };
            arrive(&mut handsets, "+1", text, Some((7, 2, part)));
        }
        let texts = handsets.texts("+100");
        assert_eq!(texts[0].text, "ab");
        assert_eq!(texts[1].text, "cd");
    }

    #[test]
    fn it_is_counted_how_often_each_text_came() {
        let mut handsets = Handsets::default();
        arrive(&mut handsets, "+1", "a", None);
        arrive(&mut handsets, "+2", "a", None);
        arrive(&mut handsets, "+1", "b", None);
        let times = |text| handsets.times("+100", text);
        assert_eq!((times("a"), times("b"), times("c")), (2, 1, 0));
        let (received, repeated) = (3, 1);
        assert_eq!(handsets.totals(), Totals { received, repeated });
    }

    #[test]
    fn a_phone_keeps_its_last_200_texts() {
        let mut handsets = Handsets::default();
        for n in 0..201 {
            arrive(&mut handsets, "+1", &n.to_string(), None);
        }
        let texts = handsets.texts("+100");
        assert_eq!((texts.len(), texts[0].text.as_str()), (200, "1"));
    }
}
