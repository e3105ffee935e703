//! The user data header: elements in front of the text, such as "part 2 of 3" (23.040 §9.2.3.24).
//!
//! Not here: the text behind it, see [`user_data`](crate::user_data); joining parts, which is the inbox's work.

use alloc::vec::Vec;

use crate::language::{Language, NationalTables};

/// The elements of a header in the order in which they stand, known or not.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct UserDataHeader {
    elements: Vec<Element>,
}

/// One information element.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Element {
    /// Information element identifier.
    pub iei: u8,
    /// What it says.
    pub data: Vec<u8>,
}

impl UserDataHeader {
    /// The elements, as received.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// Which part of which message this is.
    ///
    /// Of several the last one counts; one of the wrong size, or that says "part 3 of 2", is ignored
    /// (23.040 §9.2.3.24.1, §9.2.3.24.8).
    pub fn concatenation(&self) -> Option<Concatenation> {
        self.last(|element| match (element.iei, element.data.as_slice()) {
            (CONCATENATION_8, &[reference, total, part]) => {
                Concatenation::new(Reference::Eight(reference), total, part)
            }
            (CONCATENATION_16, &[high, low, total, part]) => {
                let reference = Reference::Sixteen(u16::from_be_bytes([high, low]));
                Concatenation::new(reference, total, part)
            }
            _ => None,
        })
    }

    /// The application ports; of several the last ones count (23.040 §9.2.3.24.3, §9.2.3.24.4).
    pub fn ports(&self) -> Option<Ports> {
        self.last(|element| match (element.iei, element.data.as_slice()) {
            (PORTS_8, &[destination, source]) => Some(Ports::Eight {
                destination,
                source,
            }),
            (PORTS_16, &[a, b, c, d]) => Some(Ports::Sixteen {
                destination: u16::from_be_bytes([a, b]),
                source: u16::from_be_bytes([c, d]),
            }),
            _ => None,
        })
    }

    /// The national language of the extension table (23.040 §9.2.3.24.15).
    pub fn single_shift(&self) -> Option<u8> {
        self.last(|element| element.language(SINGLE_SHIFT))
    }

    /// The national language of the main table (23.040 §9.2.3.24.16).
    pub fn locking_shift(&self) -> Option<u8> {
        self.last(|element| element.language(LOCKING_SHIFT))
    }

    /// Octets of the whole header, its length octet included.
    pub(crate) fn octets(&self) -> usize {
        let elements = self.elements.iter().map(|element| 2 + element.data.len());
        1 + elements.sum::<usize>()
    }

    /// Reads the octets behind the length octet; `None` when the elements do not fill them exactly.
    pub(crate) fn decode(mut octets: &[u8]) -> Option<Self> {
        let mut elements = Vec::new();
        while let [iei, length, rest @ ..] = octets {
            let (data, behind) = rest.split_at_checked(usize::from(*length))?;
            elements.push(Element {
                iei: *iei,
                data: data.to_vec(),
            });
            octets = behind;
        }
        octets.is_empty().then_some(Self { elements })
    }

    /// The header of a part that we send; `None` when it needs none.
    pub(crate) fn of_part(
        concatenation: Option<Concatenation>,
        ports: Option<Ports>,
        national: Option<NationalTables>,
    ) -> Option<Self> {
        if concatenation.is_none() && ports.is_none() && national.is_none() {
            return None;
        }
        let shift = |iei, language: Option<Language>| {
            language.map(|language| Element {
                iei,
                data: Vec::from([language.identifier()]),
            })
        };
        let elements = concatenation
            .map(Concatenation::element)
            .into_iter()
            .chain(ports.map(Ports::element))
            .chain(national.and_then(|national| shift(SINGLE_SHIFT, national.single_shift())))
            .chain(national.and_then(|national| shift(LOCKING_SHIFT, national.locking_shift())))
            .collect();
        Some(Self { elements })
    }

    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        octets.push(one_octet(self.octets() - 1));
        for element in &self.elements {
            octets.push(element.iei);
            octets.push(one_octet(element.data.len()));
            octets.extend(&element.data);
        }
    }

    fn last<T>(&self, read: impl Fn(&Element) -> Option<T>) -> Option<T> {
        self.elements.iter().rev().find_map(read)
    }
}

/// Octets that the elements of a part take up besides its concatenation.
pub(crate) fn octets_beside(ports: Option<Ports>, national: Option<NationalTables>) -> usize {
    let ports = match ports {
        None => 0,
        Some(Ports::Eight { .. }) => 4,
        Some(Ports::Sixteen { .. }) => 6,
    };
    let shifts = national.map_or(0, |national| {
        usize::from(national.single_shift().is_some())
            + usize::from(national.locking_shift().is_some())
    });
    ports + 3 * shifts
}

/// Octets of the concatenation element with such a reference.
pub(crate) fn octets_of(reference: Reference) -> usize {
    match reference {
        Reference::Eight(_) => 5,
        Reference::Sixteen(_) => 6,
    }
}

impl Element {
    fn language(&self, iei: u8) -> Option<u8> {
        match self.data.as_slice() {
            &[language] if self.iei == iei => Some(language),
            _ => None,
        }
    }
}

/// A length octet read it or it is an element of ours, so it fits.
fn one_octet(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

const CONCATENATION_8: u8 = 0x00;
const PORTS_8: u8 = 0x04;
const PORTS_16: u8 = 0x05;
const CONCATENATION_16: u8 = 0x08;
const SINGLE_SHIFT: u8 = 0x24;
const LOCKING_SHIFT: u8 = 0x25;

/// Which part of which message: `1 <= part <= total`.
///
/// ```
/// use pdu_codec::{Concatenation, Reference};
///
/// assert!(Concatenation::new(Reference::Eight(66), 2, 1).is_some());
/// assert!(Concatenation::new(Reference::Eight(66), 2, 3).is_none());
/// assert!(Concatenation::new(Reference::Eight(66), 0, 0).is_none());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Concatenation {
    reference: Reference,
    total: u8,
    part: u8,
}

impl Concatenation {
    /// `None` when there is no such part.
    pub fn new(reference: Reference, total: u8, part: u8) -> Option<Self> {
        (1..=total).contains(&part).then_some(Self {
            reference,
            total,
            part,
        })
    }

    /// The sender's name for the message.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// How many parts the message has.
    pub fn total(&self) -> u8 {
        self.total
    }

    /// Which one this is, counted from 1.
    pub fn part(&self) -> u8 {
        self.part
    }

    fn element(self) -> Element {
        let (iei, mut data) = match self.reference {
            Reference::Eight(reference) => (CONCATENATION_8, Vec::from([reference])),
            Reference::Sixteen(reference) => (CONCATENATION_16, Vec::from(reference.to_be_bytes())),
        };
        data.extend([self.total, self.part]);
        Element { iei, data }
    }
}

/// What parts of one message have in common. An 8 bit and a 16 bit reference of the same value are different.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reference {
    /// 23.040 §9.2.3.24.1.
    Eight(u8),
    /// 23.040 §9.2.3.24.8.
    Sixteen(u16),
}

impl Reference {
    /// Its value, whatever its width.
    pub fn value(self) -> u16 {
        match self {
            Self::Eight(value) => u16::from(value),
            Self::Sixteen(value) => value,
        }
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::Eight(0)
    }
}

/// Application ports.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ports {
    /// 23.040 §9.2.3.24.3.
    Eight {
        /// To.
        destination: u8,
        /// From.
        source: u8,
    },
    /// 23.040 §9.2.3.24.4.
    Sixteen {
        /// To.
        destination: u16,
        /// From.
        source: u16,
    },
}

impl Ports {
    /// The port that it goes to.
    pub fn destination(self) -> u16 {
        match self {
            Self::Eight { destination, .. } => u16::from(destination),
            Self::Sixteen { destination, .. } => destination,
        }
    }

    /// The port that it comes from.
    pub fn source(self) -> u16 {
        match self {
            Self::Eight { source, .. } => u16::from(source),
            Self::Sixteen { source, .. } => source,
        }
    }

    fn element(self) -> Element {
        match self {
            Self::Eight {
                destination,
                source,
            } => Element {
                iei: PORTS_8,
                data: Vec::from([destination, source]),
            },
            Self::Sixteen {
                destination,
                source,
            } => {
                let [a, b] = destination.to_be_bytes();
                let [c, d] = source.to_be_bytes();
                Element {
                    iei: PORTS_16,
                    data: Vec::from([a, b, c, d]),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Shift;

    #[track_caller]
    fn header(octets: &[u8]) -> UserDataHeader {
        UserDataHeader::decode(octets).unwrap()
    }

    #[test]
    fn of_repeated_elements_the_last_valid_one_counts() {
        let eight =
            |reference, total, part| Concatenation::new(Reference::Eight(reference), total, part);
        let sixteen =
            |reference, total, part| Concatenation::new(Reference::Sixteen(reference), total, part);
        let table: [(&[u8], Option<Concatenation>); 9] = [
            (&[], None),
            (&[0x00, 3, 7, 2, 1], eight(7, 2, 1)),
            (&[0x08, 4, 0x12, 0x34, 2, 1], sixteen(0x1234, 2, 1)),
            (&[0x00, 3, 7, 2, 1, 0x00, 3, 8, 3, 3], eight(8, 3, 3)),
            (&[0x00, 3, 7, 2, 1, 0x08, 4, 0, 9, 2, 2], sixteen(9, 2, 2)),
            (&[0x08, 4, 0, 9, 2, 2, 0x00, 3, 7, 2, 1], eight(7, 2, 1)),
            // The last one is of the wrong size, or says what cannot be.
            (&[0x00, 3, 7, 2, 1, 0x00, 2, 8, 3], eight(7, 2, 1)),
            (&[0x00, 3, 7, 1, 2], None),
            (&[0x00, 3, 7, 0, 0, 0x08, 4, 0, 9, 2, 0], None),
        ];
        for (octets, concatenation) in table {
            assert_eq!(
                header(octets).concatenation(),
                concatenation,
                "{octets:02X?}"
            );
        }
    }

    #[test]
    fn ports_are_destination_first() {
        let table = [
            (&[0x05, 4, 0x0B, 0x84, 0x23, 0xF0][..], Some((2948, 9200))),
            (&[0x04, 2, 0xF0, 0x01], Some((240, 1))),
            (&[0x05, 4, 0, 1, 0, 2, 0x04, 2, 3, 4], Some((3, 4))),
            (&[0x05, 3, 0, 1, 0], None),
            (&[0x70, 1, 0], None),
        ];
        for (octets, ports) in table {
            let found = header(octets).ports();
            let found = found.map(|ports| (ports.destination(), ports.source()));
            assert_eq!(found, ports, "{octets:02X?}");
        }
    }

    #[test]
    fn languages_are_reported_whether_they_are_known_or_not() {
        let both = header(&[0x24, 1, 1, 0x25, 1, 99]);
        assert_eq!(
            (both.single_shift(), both.locking_shift()),
            (Some(1), Some(99))
        );
        let wrong_size = header(&[0x24, 2, 1, 1, 0x25, 0]);
        assert_eq!(
            (wrong_size.single_shift(), wrong_size.locking_shift()),
            (None, None)
        );
    }

    #[test]
    fn unknown_elements_are_kept_in_their_order() {
        let octets = [0x70, 2, 0xAB, 0xCD, 0x0A, 0, 0x70, 1, 0x01];
        let header = header(&octets);
        let found: Vec<(u8, &[u8])> = header
            .elements()
            .iter()
            .map(|element| (element.iei, element.data.as_slice()))
            .collect();
        assert_eq!(
            found,
            [(0x70, &[0xAB, 0xCD][..]), (0x0A, &[]), (0x70, &[0x01])]
        );
        let mut written = Vec::new();
        header.write(&mut written);
        assert_eq!(written[0], 9);
        assert_eq!(written[1..], octets);
    }

    #[test]
    fn elements_that_do_not_fill_the_header_make_none() {
        for octets in [&[0x00][..], &[0x00, 3, 7, 2], &[0x00, 3, 7, 2, 1, 0x70]] {
            assert_eq!(UserDataHeader::decode(octets), None, "{octets:02X?}");
        }
    }

    #[test]
    fn a_part_has_its_number_then_its_ports_then_its_language() {
        let concatenation = Concatenation::new(Reference::Sixteen(0x1234), 2, 1);
        let ports = Ports::Sixteen {
            destination: 2948,
            source: 9200,
        };
        let mut written = Vec::new();
        let national = NationalTables::new(Language::Turkish, Shift::Both);
        UserDataHeader::of_part(concatenation, Some(ports), national)
            .unwrap()
            .write(&mut written);
        assert_eq!(
            written,
            [
                0x12, 0x08, 4, 0x12, 0x34, 2, 1, 0x05, 4, 0x0B, 0x84, 0x23, 0xF0, 0x24, 1, 1, 0x25,
                1, 1
            ]
        );
        assert_eq!(UserDataHeader::of_part(None, None, None), None);
    }
}
