//! Parts of texts that came in, put together. Pure: which text a part belongs to, and what is there so far.

use std::time::Duration;

use super::{InboundEncoding, Place, UnixMillis};

/// A text some of whose parts have come; all carry the same sender, SIM, reference, its width, and number of parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembly {
    /// Names it: the store's number of the part that came first.
    pub id: i64,
    pub parts: Vec<Held>,
}

/// One part that has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub number: u8,
    /// TP-SCTS.
    pub smsc_at: Option<UnixMillis>,
    pub received_at: UnixMillis,
}

/// Senders count their references in eight bits and use each again. Parts further apart than this are of two texts;
/// a service centre keeps parts for a phone that is off, but it stamps them when they are sent.
const OF_ONE_TEXT: Duration = Duration::from_secs(24 * 3600);

/// The text that a part belongs to: of those that lack it the one whose parts were stamped nearest to it.
/// `None`: it begins one of its own.
pub fn home_of(
    place: Place,
    smsc_at: Option<UnixMillis>,
    at: UnixMillis,
    candidates: &[Assembly],
) -> Option<i64> {
    let distance = |assembly: &Assembly| {
        let parts = assembly.parts.iter();
        // Stamps with stamps, arrivals with arrivals: the two clocks have nothing to do with each other.
        let spans = parts.map(|held| match (smsc_at, held.smsc_at) {
            (Some(one), Some(other)) => one.since(other).max(other.since(one)),
            _ => at.since(held.received_at),
        });
        spans.min()
    };
    candidates
        .iter()
        .filter(|assembly| {
            assembly
                .parts
                .iter()
                .all(|held| held.number != place.number)
        })
        .filter_map(|assembly| Some((distance(assembly)?, assembly.id)))
        .filter(|(distance, _)| *distance <= OF_ONE_TEXT)
        // Of two that are as near the one begun last.
        .min_by_key(|(distance, id)| (*distance, std::cmp::Reverse(*id)))
        .map(|(_, id)| id)
}

/// Stands where a part is missing.
pub const GAP: &str = "[…]";

/// A text as far as it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    pub text: String,
    pub encoding: InboundEncoding,
    pub is_complete: bool,
}

/// Joins parts, whatever their order. `parts`: number, alphabet and text of each, no number twice.
pub fn join(total: u8, parts: &[(u8, InboundEncoding, String)]) -> Joined {
    let mut text = String::new();
    let mut in_gap = false;
    let mut present = 0;
    for number in 1..=total {
        match parts.iter().find(|(held, ..)| *held == number) {
            Some((_, _, part)) => {
                text.push_str(part);
                present += 1;
                in_gap = false;
            }
            None if in_gap => {}
            None => {
                text.push_str(GAP);
                in_gap = true;
            }
        }
    }
    Joined {
        text,
        encoding: alphabet(parts),
        is_complete: present == total,
    }
}

/// Phones write the parts of one text in different alphabets: it is in the larger of them.
fn alphabet(parts: &[(u8, InboundEncoding, String)]) -> InboundEncoding {
    let any = |wanted| parts.iter().any(|(_, encoding, _)| *encoding == wanted);
    match () {
        () if any(InboundEncoding::EightBit) => InboundEncoding::EightBit,
        () if any(InboundEncoding::Ucs2) => InboundEncoding::Ucs2,
        () => InboundEncoding::Gsm7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reference;

    const MINUTE: i64 = 60_000;

    fn place(number: u8) -> Place {
        Place {
            reference: Reference::Eight(7),
            total: 3,
            number,
        }
    }

    fn assembly(id: i64, numbers: &[u8], stamped: Option<i64>, received: i64) -> Assembly {
        let held = |number: &u8| Held {
            number: *number,
            smsc_at: stamped.map(UnixMillis),
            received_at: UnixMillis(received),
        };
        Assembly {
            id,
            parts: numbers.iter().map(held).collect(),
        }
    }

    fn home(number: u8, stamped: Option<i64>, at: i64, candidates: &[Assembly]) -> Option<i64> {
        home_of(
            place(number),
            stamped.map(UnixMillis),
            UnixMillis(at),
            candidates,
        )
    }

    #[test]
    fn a_part_joins_the_text_that_lacks_it() {
        let begun = [assembly(1, &[3], Some(0), 0)];
        assert_eq!(home(1, Some(1_000), MINUTE, &begun), Some(1));
        assert_eq!(home(3, Some(1_000), MINUTE, &begun), None);
        assert_eq!(home(1, Some(0), 0, &[]), None);
    }

    #[test]
    fn a_reference_used_again_begins_another_text() {
        let old = assembly(1, &[1, 3], Some(0), 0);
        let new = assembly(5, &[1], Some(90 * MINUTE), 90 * MINUTE);
        let both = [old, new];
        // Each goes to the text that was sent when it was.
        assert_eq!(home(2, Some(90 * MINUTE), 91 * MINUTE, &both), Some(5));
        assert_eq!(home(2, Some(0), 91 * MINUTE, &both), Some(1));
        assert_eq!(home(3, Some(90 * MINUTE), 91 * MINUTE, &both), Some(5));
    }

    #[test]
    fn a_day_later_it_is_another_text() {
        let begun = [assembly(1, &[1], Some(0), 0)];
        let day = 24 * 60 * MINUTE;
        assert_eq!(home(2, Some(day), day, &begun), Some(1));
        assert_eq!(home(2, Some(day + 1), day, &begun), None);
        assert_eq!(home(2, None, day + 1, &begun), None);
    }

    #[test]
    fn a_part_that_the_network_held_back_is_known_by_its_stamp() {
        let begun = [assembly(1, &[1], Some(0), 0)];
        let three_days_later = 3 * 24 * 60 * MINUTE;
        assert_eq!(home(2, Some(1_000), three_days_later, &begun), Some(1));
    }

    #[test]
    fn parts_are_joined_in_their_order_and_a_gap_is_shown_once() {
        let part = |number, text: &str| (number, InboundEncoding::Gsm7, text.to_owned());
        for (total, parts, text, is_complete) in [
            (
                3,
                vec![part(2, "b"), part(3, "c"), part(1, "a")],
                "abc",
                true,
            ),
            (3, vec![part(3, "c"), part(1, "a")], "a[…]c", false),
            (4, vec![part(4, "d")], "[…]d", false),
            (2, vec![part(1, "a")], "a[…]", false),
        ] {
            let joined = join(total, &parts);
            assert_eq!(
                (joined.text.as_str(), joined.is_complete),
                (text, is_complete)
            );
        }
    }

    #[test]
    fn a_text_is_in_the_largest_alphabet_of_its_parts() {
        let parts = [
            (1, InboundEncoding::Gsm7, "a".to_owned()),
            (2, InboundEncoding::Ucs2, "é".to_owned()),
        ];
        assert_eq!(join(2, &parts).encoding, InboundEncoding::Ucs2);
        assert_eq!(join(1, &parts[..1]).encoding, InboundEncoding::Gsm7);
    }
}
