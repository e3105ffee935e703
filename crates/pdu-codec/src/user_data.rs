//! TP-User-Data: the header, if there is one, and the text or the octets behind it (23.040 §9.2.3.24).
//!
//! Not here: where the text of a message is cut into parts; see [`split`](crate::split).

use alloc::string::String;
use alloc::vec::Vec;

use crate::dcs::{Alphabet, DataCoding};
use crate::error::DecodeError;
use crate::gsm7::tables::Tables;
use crate::gsm7::{self, Septets, Unpacked};
use crate::language::NationalTables;
use crate::reader::Reader;
use crate::ucs2;
use crate::udh::{Concatenation, Ports, UserDataHeader};

/// The user data of one part.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct UserData {
    header: Option<UserDataHeader>,
    content: Content,
    truncated: bool,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Content {
    /// The septets are kept where the text does not say them: so it is written as it was read.
    Gsm7 {
        text: String,
        septets: Option<Vec<u8>>,
    },
    Ucs2(String),
    Octets(Vec<u8>),
}

impl UserData {
    /// The text; `None` for 8 bit data and for compressed content.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Gsm7 { text, .. } | Content::Ucs2(text) => Some(text),
            Content::Octets(_) => None,
        }
    }

    /// The octets behind the header, for 8 bit data and for compressed content.
    pub fn data(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Octets(octets) => Some(octets),
            Content::Gsm7 { .. } | Content::Ucs2(_) => None,
        }
    }

    /// The header; `None` when there is none, or when its elements do not fill it exactly.
    pub fn header(&self) -> Option<&UserDataHeader> {
        self.header.as_ref()
    }

    /// Which part of which message this is.
    pub fn concatenation(&self) -> Option<Concatenation> {
        self.header()?.concatenation()
    }

    /// The application ports.
    pub fn ports(&self) -> Option<Ports> {
        self.header()?.ports()
    }

    /// Whether TP-UDL promised more than was there. What is missing is not made up.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// A text of ours.
    pub(crate) fn of_text(
        header: Option<UserDataHeader>,
        alphabet: TextAlphabet,
        text: &str,
    ) -> Self {
        let text = String::from(text);
        let content = match alphabet {
            TextAlphabet::Gsm7(national) => Content::Gsm7 {
                septets: national.and_then(|tables| gsm7::encode(&text, Tables::of(Some(tables)))),
                text,
            },
            TextAlphabet::Ucs2 => Content::Ucs2(text),
        };
        Self {
            header,
            content,
            truncated: false,
        }
    }

    /// Octets of ours.
    pub(crate) fn of_data(header: Option<UserDataHeader>, data: &[u8]) -> Self {
        Self {
            header,
            content: Content::Octets(data.to_vec()),
            truncated: false,
        }
    }

    /// Reads TP-UDL and TP-UD, the end of the message; octets behind it are ignored, modems pad.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        coding: DataCoding,
        indicator: HeaderIndicator,
    ) -> Result<Self, DecodeError> {
        let length = usize::from(reader.octet("udl")?);
        let in_septets = coding.alphabet() == Alphabet::Gsm7 && !coding.is_compressed();
        let needed = if in_septets {
            Septets(length).octets()
        } else {
            length
        };
        let present = reader.rest();
        let truncated = present.len() < needed;
        let octets = present.get(..needed).unwrap_or(present);

        let (header, skipped) = match indicator {
            HeaderIndicator::Absent => (None, 0),
            HeaderIndicator::Present => header_of(octets),
        };
        let content = if in_septets {
            let unpacked = Unpacked::from(octets, Septets(length));
            let mut septets = unpacked.behind(skipped);
            if truncated {
                septets = gsm7::without_torn_escape(septets);
            }
            Content::of_septets(septets, tables_of(header.as_ref()))
        } else {
            let behind = octets.get(skipped..).unwrap_or_default();
            match coding.alphabet() {
                Alphabet::Ucs2 if !coding.is_compressed() => Content::Ucs2(ucs2::decode(behind)),
                _ => Content::Octets(behind.to_vec()),
            }
        };
        Ok(Self {
            header,
            content,
            truncated,
        })
    }

    /// Writes TP-UDL and TP-UD.
    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        let length_at = octets.len();
        octets.push(0);
        if let Some(header) = &self.header {
            header.write(octets);
        }
        let header = octets.len() - length_at - 1;
        let length = match &self.content {
            Content::Gsm7 { text, septets } => {
                let septets = match septets {
                    None => gsm7::pack_text(text, header, octets),
                    Some(septets) => {
                        gsm7::pack(septets, header, octets);
                        septets.len()
                    }
                };
                Septets::that_cover(header).0 + septets
            }
            Content::Ucs2(text) => {
                ucs2::write(text, octets);
                octets.len() - length_at - 1
            }
            Content::Octets(data) => {
                octets.extend_from_slice(data);
                octets.len() - length_at - 1
            }
        };
        // TP-UDL read it or a part's size bounds it, and it does not grow when it is written.
        octets[length_at] = u8::try_from(length).unwrap_or(u8::MAX);
    }
}

impl Content {
    fn of_septets(septets: &[u8], tables: Tables) -> Self {
        let (text, says_them) = gsm7::read(septets, tables);
        Self::Gsm7 {
            text,
            septets: (!says_them).then(|| septets.to_vec()),
        }
    }
}

/// TP-UDHI (23.040 §9.2.3.23), bit 6 of the first octet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeaderIndicator {
    Absent,
    Present,
}

impl HeaderIndicator {
    pub(crate) const BIT: u8 = 0x40;

    pub(crate) fn of(first_octet: u8) -> Self {
        if first_octet & Self::BIT == 0 {
            Self::Absent
        } else {
            Self::Present
        }
    }
}

/// The alphabets that a text can be written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TextAlphabet {
    /// With the tables of a language, where the default ones do not hold the text.
    Gsm7(Option<NationalTables>),
    Ucs2,
}

/// The header and the octets it takes up. One that does not add up is ignored, and skipped all the same.
fn header_of(octets: &[u8]) -> (Option<UserDataHeader>, usize) {
    let Some((&length, behind)) = octets.split_first() else {
        return (None, 0);
    };
    let length = usize::from(length);
    let header = behind.get(..length).and_then(UserDataHeader::decode);
    (header, 1 + length)
}

fn tables_of(header: Option<&UserDataHeader>) -> Tables {
    Tables::named_by(
        header.and_then(UserDataHeader::single_shift),
        header.and_then(UserDataHeader::locking_shift),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::udh::Reference;

    const GSM7: DataCoding = DataCoding(0x00);
    const EIGHT_BIT: DataCoding = DataCoding(0x04);
    const UCS2: DataCoding = DataCoding(0x08);
    const COMPRESSED: DataCoding = DataCoding(0x20);

    #[track_caller]
    fn read(coding: DataCoding, indicator: HeaderIndicator, octets: &[u8]) -> UserData {
        UserData::read(&mut Reader::new(octets), coding, indicator).unwrap()
    }

    #[test]
    fn the_text_ends_where_its_length_says() {
        let octets = [0x02, 0xF4, 0xF2, 0x9C, 0x0E, 0xFF];
        let user_data = read(GSM7, HeaderIndicator::Absent, &octets);
        assert_eq!(user_data.text(), Some("te"));
        assert_eq!(user_data.data(), None);
        assert!(!user_data.truncated());
    }

    #[test]
    fn text_behind_a_header_begins_on_a_septet_boundary() {
        let octets = [
            0x12, 0x05, 0x00, 0x03, 0x42, 0x03, 0x02, 0xE6, 0xE5, 0xF1, 0xDB, 0x4D, 0x06, 0xC1,
            0xC3, 0x72, 0x3A,
        ];
        let user_data = read(GSM7, HeaderIndicator::Present, &octets);
        assert_eq!(user_data.text(), Some("second part"));
        let concatenation = Concatenation::new(Reference::Eight(0x42), 3, 2);
        assert_eq!(user_data.concatenation(), concatenation);
    }

    #[test]
    fn a_header_that_does_not_add_up_is_ignored_and_skipped() {
        let table: [&[u8]; 4] = [
            // An element that is longer than the header.
            &[
                0x0A, 0x05, 0x00, 0xFF, 0x42, 0x02, 0x01, 0x00, 0x48, 0x00, 0x69,
            ],
            // An octet is left over behind the last element.
            &[
                0x0A, 0x05, 0x70, 0x02, 0x42, 0x02, 0x01, 0x00, 0x48, 0x00, 0x69,
            ],
            // An identifier without a length.
            &[0x06, 0x01, 0x00, 0x00, 0x48, 0x00, 0x69],
            &[0x05, 0x00, 0x00, 0x48, 0x00, 0x69],
        ];
        for octets in table {
            let user_data = read(UCS2, HeaderIndicator::Present, octets);
            assert_eq!(user_data.text(), Some("Hi"), "{octets:02X?}");
            assert_eq!(user_data.concatenation(), None);
            // Only a header without elements adds up.
            assert_eq!(user_data.header().is_some(), octets[1] == 0);
        }
    }

    #[test]
    fn a_header_longer_than_the_user_data_leaves_no_text() {
        let octets = [0x04, 0xFF, 0x00, 0x48, 0x00];
        for coding in [GSM7, UCS2] {
            let user_data = read(coding, HeaderIndicator::Present, &octets);
            assert_eq!(user_data.text(), Some(""));
            assert_eq!(user_data.header(), None);
        }
        let nothing = read(GSM7, HeaderIndicator::Present, &[0x00]);
        assert_eq!((nothing.text(), nothing.header()), (Some(""), None));
    }

    #[test]
    fn what_is_missing_is_not_made_up() {
        let table: [(DataCoding, &[u8], &str); 5] = [
            (GSM7, &[0x0A], ""),
            (GSM7, &[0x0A, 0xE8, 0x32], "he"),
            // The septet of a second euro sign is gone, and its escape goes with it.
            (GSM7, &[0x0A, 0x9B, 0x72, 0x70, 0x03], "€A"),
            (UCS2, &[0x8C, 0x00, 0x48, 0x00, 0x65, 0x00], "He"),
            (UCS2, &[0x8C], ""),
        ];
        for (coding, octets, text) in table {
            let user_data = read(coding, HeaderIndicator::Absent, octets);
            assert!(user_data.truncated());
            assert_eq!(user_data.text(), Some(text), "{octets:02X?}");
        }
    }

    #[test]
    fn compressed_content_and_octets_are_handed_over_as_they_are() {
        for coding in [EIGHT_BIT, COMPRESSED] {
            let user_data = read(
                coding,
                HeaderIndicator::Absent,
                &[0x03, 0x01, 0x80, 0xFF, 0x00],
            );
            assert_eq!(user_data.data(), Some(&[0x01, 0x80, 0xFF][..]));
            assert_eq!(user_data.text(), None);
        }
        let octets = [0x05, 0x02, 0x70, 0x00, 0xCA, 0xFE];
        let user_data = read(EIGHT_BIT, HeaderIndicator::Present, &octets);
        assert_eq!(user_data.data(), Some(&[0xCA, 0xFE][..]));
    }

    #[test]
    fn without_its_length_there_is_no_user_data() {
        let error = UserData::read(&mut Reader::new(&[]), GSM7, HeaderIndicator::Absent);
        let error = alloc::string::ToString::to_string(&error.unwrap_err());
        assert_eq!(error, "udl at octet 0: 1 octet wanted, 0 octets left");
    }

    #[test]
    fn what_was_read_is_written_again() {
        let table: [(DataCoding, &[u8]); 4] = [
            // An escape that leads nowhere stays one.
            (GSM7, &[0x02, 0x9B, 0x0D]),
            (
                GSM7,
                &[0x09, 0x05, 0x00, 0x03, 0x01, 0x02, 0x01, 0x82, 0x21],
            ),
            (
                UCS2,
                &[0x09, 0x04, 0x70, 0x02, 0xAB, 0xCD, 0xD8, 0x3D, 0xDE, 0x00],
            ),
            (EIGHT_BIT, &[0x02, 0x00, 0xFF]),
        ];
        for (coding, octets) in table {
            let header = [HeaderIndicator::Absent, HeaderIndicator::Present];
            let user_data = read(coding, header[usize::from(octets[0] == 0x09)], octets);
            let mut written = Vec::new();
            user_data.write(&mut written);
            assert_eq!(written, octets);
        }
    }
}
