//! SMS-SUBMIT: a part that we give to the service centre (23.040 §9.2.2.2).
//!
//! Not here: what the modem wants around it; see [`envelope`](crate::envelope).

use alloc::vec::Vec;

use crate::address::Address;
use crate::dcs::{Alphabet, Class, DataCoding};
use crate::error::{DecodeError, EncodeError, Malformed};
use crate::language::NationalTables;
use crate::reader::Reader;
use crate::split::{AlphabetChoice, Room, Split};
use crate::tpdu::{MTI, MessageReference};
use crate::udh::{Concatenation, Ports, Reference, UserDataHeader};
use crate::user_data::{HeaderIndicator, UserData};
use crate::validity::Validity;

/// One part, as it is handed to the service centre.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Submit {
    /// TP-DA: who shall get it.
    pub destination: Address,
    /// TP-MR. Most modems put their own number here and tell it in the answer.
    pub message_reference: MessageReference,
    /// TP-SRR: a status report is wanted.
    pub request_report: bool,
    /// TP-RD: the service centre shall refuse a part it still has.
    pub reject_duplicates: bool,
    /// TP-RP: the answer may come by the same service centre.
    pub reply_path: bool,
    /// TP-PID.
    pub protocol_id: u8,
    /// TP-VP: until when to try; `None` leaves it to the service centre.
    pub validity: Option<Validity>,
    // These two belong together: the scheme says how the data is written.
    data_coding: DataCoding,
    user_data: UserData,
}

/// What may be said about a message besides its text. The default says nothing.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct SubmitOptions {
    /// TP-SRR, in every part.
    pub request_report: bool,
    /// TP-RD, in every part.
    pub reject_duplicates: bool,
    /// TP-RP, in every part.
    pub reply_path: bool,
    /// The message class; class 0 is shown at once and not kept.
    pub class: Option<Class>,
    /// TP-VP, in every part.
    pub validity: Option<Validity>,
    /// TP-MR, the same in every part.
    pub message_reference: MessageReference,
    /// TP-PID.
    pub protocol_id: u8,
    /// Application ports, in every part.
    pub ports: Option<Ports>,
    /// Tables of a language, used where GSM 7 bit is not enough without them; every part then names them.
    pub national: Option<NationalTables>,
    /// What the parts have in common; used only when there are several.
    pub reference: Reference,
}

impl Submit {
    pub(crate) const MTI: u8 = 1;

    /// One submit for each part of a text.
    ///
    /// ```
    /// use pdu_codec::{Address, AlphabetChoice, Reference, Submit, SubmitOptions};
    ///
    /// let to = Address::parse("+491701234567").unwrap();
    /// let options = SubmitOptions { reference: Reference::Eight(66), request_report: true, ..Default::default() };
    /// let parts = Submit::texts(&to, &"ab".repeat(81), AlphabetChoice::Auto, &options).unwrap();
    /// assert_eq!(parts.len(), 2);
    /// assert_eq!(parts[1].user_data().text(), Some("babababab"));
    /// assert_eq!(parts[1].user_data().concatenation().unwrap().part(), 2);
    /// ```
    pub fn texts(
        to: &Address,
        text: &str,
        choice: AlphabetChoice,
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, EncodeError> {
        let split = Split::plan_for(text, choice, options)?;
        let coding = DataCoding::general(split.alphabet(), options.class);
        let headers = options.headers(split.parts(), split.national())?;
        Ok(headers
            .zip(split.texts())
            .map(|(header, text)| {
                let user_data = UserData::of_text(header, split.text_alphabet(), text);
                options.submit(to, coding, user_data)
            })
            .collect())
    }

    /// One submit for each part of 8 bit data.
    pub fn data(
        to: &Address,
        data: &[u8],
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, EncodeError> {
        let coding = DataCoding::general(Alphabet::EightBit, options.class);
        let room = Room::for_data(options);
        let size = if data.len() <= room.alone {
            room.alone
        } else {
            room.concatenated
        };
        // No data at all is still one part.
        let parts = data.len().div_ceil(size).max(1);
        let pieces = data.chunks(size).chain(core::iter::repeat(&[][..]));
        let headers = options.headers(parts, None)?;
        Ok(headers
            .zip(pieces)
            .map(|(header, piece)| options.submit(to, coding, UserData::of_data(header, piece)))
            .collect())
    }

    /// TP-DCS: how the user data is written.
    pub fn data_coding(&self) -> DataCoding {
        self.data_coding
    }

    /// TP-UD: what it says.
    pub fn user_data(&self) -> &UserData {
        &self.user_data
    }

    /// Reads a submit.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        read(&mut Reader::new(octets)).map_err(|error| error.within("submit"))
    }

    /// The octets of the TPDU.
    ///
    /// Those of a submit that was decoded mean the same, but what was ignored in it is not written again.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(MOST_OCTETS);
        self.write(&mut octets);
        octets
    }

    /// What goes to a modem: the service centre, or the mark that leaves it to the modem, and the TPDU behind it; with
    /// the `<length>` that AT+CMGS wants, which counts the TPDU only (27.005 §3.1).
    ///
    /// The same as an [`Envelope`](crate::Envelope) around [`encode`](Self::encode), in one go.
    pub fn encode_for(&self, smsc: Option<&Address>) -> (Vec<u8>, usize) {
        let mut octets = Vec::with_capacity(12 + MOST_OCTETS);
        match smsc {
            Some(smsc) => smsc.write_service_centre(&mut octets),
            None => octets.push(0),
        }
        let prefix = octets.len();
        self.write(&mut octets);
        let length = octets.len() - prefix;
        (octets, length)
    }

    fn write(&self, octets: &mut Vec<u8>) {
        octets.push(self.first_octet());
        octets.push(self.message_reference.0);
        self.destination.write(octets);
        octets.push(self.protocol_id);
        octets.push(self.data_coding.0);
        if let Some(validity) = &self.validity {
            validity.write(octets);
        }
        self.user_data.write(octets);
    }

    fn first_octet(&self) -> u8 {
        let bit = |set: bool, mask: u8| if set { mask } else { 0 };
        Self::MTI
            | bit(self.reject_duplicates, REJECT_DUPLICATES)
            | self.validity.as_ref().map_or(0, Validity::format_bits)
            | bit(self.request_report, REQUEST_REPORT)
            | bit(self.user_data.header().is_some(), HeaderIndicator::BIT)
            | bit(self.reply_path, REPLY_PATH)
    }
}

/// 23.040 §9.2.2.2: two octets, an address of 12, PID and DCS, a validity of seven, TP-UDL and 140 octets.
const MOST_OCTETS: usize = 164;

const REJECT_DUPLICATES: u8 = 0x04;
const REQUEST_REPORT: u8 = 0x20;
const REPLY_PATH: u8 = 0x80;

fn read(reader: &mut Reader<'_>) -> Result<Submit, DecodeError> {
    let first = reader.octet("first")?;
    let mti = first & MTI;
    if mti != Submit::MTI {
        return Err(DecodeError::new(
            "mti",
            0,
            Malformed::OtherMessageType { mti },
        ));
    }
    let message_reference = MessageReference(reader.octet("mr")?);
    let destination = Address::read(reader).map_err(|error| error.within("da"))?;
    let protocol_id = reader.octet("pid")?;
    let data_coding = DataCoding(reader.octet("dcs")?);
    let validity = Validity::read(first, reader)?;
    let user_data = UserData::read(reader, data_coding, HeaderIndicator::of(first))?;
    Ok(Submit {
        destination,
        message_reference,
        request_report: first & REQUEST_REPORT != 0,
        reject_duplicates: first & REJECT_DUPLICATES != 0,
        reply_path: first & REPLY_PATH != 0,
        protocol_id,
        validity,
        data_coding,
        user_data,
    })
}

impl SubmitOptions {
    /// The header of each part. A message of one part is not concatenated.
    fn headers(
        &self,
        parts: usize,
        national: Option<NationalTables>,
    ) -> Result<impl Iterator<Item = Option<UserDataHeader>>, EncodeError> {
        let total = u8::try_from(parts).map_err(|_| EncodeError::TooManyParts { parts })?;
        let (reference, ports) = (self.reference, self.ports);
        Ok((1..=total).map(move |part| {
            let concatenation = Concatenation::new(reference, total, part).filter(|_| total > 1);
            UserDataHeader::of_part(concatenation, ports, national)
        }))
    }

    fn submit(&self, to: &Address, data_coding: DataCoding, user_data: UserData) -> Submit {
        Submit {
            destination: to.clone(),
            message_reference: self.message_reference,
            request_report: self.request_report,
            reject_duplicates: self.reject_duplicates,
            reply_path: self.reply_path,
            protocol_id: self.protocol_id,
            validity: self.validity,
            data_coding,
            user_data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Envelope, hex_from_octets};
    use crate::timestamp::{InvalidTimestamp, Timestamp};
    use crate::validity::{EnhancedValidity, RelativeValidity};

    #[track_caller]
    fn written(text: &str, options: &SubmitOptions) -> Vec<alloc::string::String> {
        let to = Address::parse("1002").unwrap();
        let submits = Submit::texts(&to, text, AlphabetChoice::Auto, options).unwrap();
        for smsc in [None, Some(to)] {
            let envelope = Envelope::new(smsc.clone(), submits[0].encode());
            let expected = (envelope.to_octets(), envelope.cmgs_length());
            assert_eq!(submits[0].encode_for(smsc.as_ref()), expected);
        }
        let hex = |submit: &Submit| hex_from_octets(&submit.encode());
        submits.iter().map(hex).collect()
    }

    #[test]
    fn every_option_has_its_place() {
        let none = SubmitOptions::default();
        let until = Timestamp::new(2013, 7, 10, 13, 39, 0, 8).unwrap();
        let ports = Ports::Sixteen {
            destination: 2948,
            source: 9200,
        };
        let table = [
            (none, "01000481012000000176"),
            (
                SubmitOptions {
                    request_report: true,
                    ..none
                },
                "21000481012000000176",
            ),
            (
                SubmitOptions {
                    reject_duplicates: true,
                    ..none
                },
                "05000481012000000176",
            ),
            (
                SubmitOptions {
                    reply_path: true,
                    ..none
                },
                "81000481012000000176",
            ),
            (
                SubmitOptions {
                    class: Some(Class::Zero),
                    ..none
                },
                "01000481012000100176",
            ),
            (
                SubmitOptions {
                    message_reference: MessageReference(13),
                    ..none
                },
                "010D0481012000000176",
            ),
            (
                SubmitOptions {
                    protocol_id: 0x41,
                    ..none
                },
                "01000481012041000176",
            ),
            (
                SubmitOptions {
                    validity: Some(Validity::Relative(RelativeValidity(167))),
                    ..none
                },
                "1100048101200000A70176",
            ),
            (
                SubmitOptions {
                    validity: Some(Validity::Absolute(Ok(until))),
                    ..none
                },
                "1900048101200000317001319300800176",
            ),
            (
                SubmitOptions {
                    validity: Some(Validity::Enhanced(EnhancedValidity([1, 2, 3, 4, 5, 6, 7]))),
                    ..none
                },
                "0900048101200000010203040506070176",
            ),
            (
                SubmitOptions {
                    ports: Some(ports),
                    ..none
                },
                "4100048101200000090605040B8423F076",
            ),
            // One part is not concatenated, whatever its reference.
            (
                SubmitOptions {
                    reference: Reference::Sixteen(9),
                    ..none
                },
                "01000481012000000176",
            ),
        ];
        for (options, expected) in table {
            let hex = written("v", &options);
            assert_eq!(hex, [expected]);
            let octets = crate::envelope::octets_from_hex(&hex[0]).unwrap();
            assert_eq!(Submit::decode(&octets).unwrap().validity, options.validity);
        }
    }

    #[test]
    fn parts_differ_in_their_number_and_text_only() {
        let options = SubmitOptions {
            reference: Reference::Eight(9),
            ..SubmitOptions::default()
        };
        let hex = written(&"ы".repeat(71), &options);
        assert_eq!(hex.len(), 2);
        assert_eq!(hex[0][..34], *"41000481012000088C050003090201044B");
        assert_eq!(hex[1], "41000481012000080E050003090202044B044B044B044B");
    }

    #[test]
    fn the_256th_part_is_refused() {
        let to = Address::parse("1002").unwrap();
        let options = SubmitOptions::default();
        let texts =
            |length| Submit::texts(&to, &"a".repeat(length), AlphabetChoice::Auto, &options);
        assert_eq!(texts(255 * 153).unwrap().len(), 255);
        let error = EncodeError::TooManyParts { parts: 256 };
        assert_eq!(texts(255 * 153 + 1), Err(error.clone()));
        let data = |length| Submit::data(&to, &alloc::vec![0; length], &options);
        assert_eq!(data(255 * 134).unwrap().len(), 255);
        assert_eq!(data(255 * 134 + 1), Err(error));
    }

    #[test]
    fn no_data_is_still_a_message() {
        let to = Address::parse("1002").unwrap();
        let submits = Submit::data(&to, &[], &SubmitOptions::default()).unwrap();
        assert_eq!(submits.len(), 1);
        assert_eq!(hex_from_octets(&submits[0].encode()), "010004810120000400");
    }

    #[test]
    fn a_validity_that_does_not_exist_does_not_lose_the_message() {
        let octets = [
            0x19, 0x00, 0x04, 0x81, 0x01, 0x20, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
            0xFF, 0x01, 0x76,
        ];
        let submit = Submit::decode(&octets).unwrap();
        let broken = Validity::Absolute(Err(InvalidTimestamp([0xFF; 7])));
        assert_eq!(submit.validity, Some(broken));
        assert_eq!(submit.encode(), octets);
        assert_eq!(submit.user_data().text(), Some("v"));
    }

    #[test]
    fn another_message_type_is_refused() {
        let error = Submit::decode(&[0x04, 0x00]).unwrap_err();
        assert_eq!(
            alloc::string::ToString::to_string(&error),
            "submit.mti at octet 0: message type 0 is another one"
        );
    }
}
