//! The work is linear in the input, however it is made up.
//!
//! Nothing is timed. What is asked for is the size of what comes out, and that it comes: with work that grew as the
//! square of two million characters these tests would not end on the same day.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use pdu_codec::{
    Address, Alphabet, AlphabetChoice, DeliverReport, EncodeError, Envelope, Language, Malformed,
    NationalTables, ReferenceWidth, Shift, Split, Submit, SubmitOptions, Tpdu, UserData, Verdict,
    octets_from_hex, plain_typography,
};

/// A request line of the gateway's `pdu` command has up to 4 MiB.
const FOUR_MEBIBYTES: usize = 4 * 1024 * 1024;
const TWO_MILLION: usize = 2_000_000;

/// A deliver of 8 bit data with a header, all of it behind TP-UDL.
fn with_header(user_data: &[u8]) -> UserData {
    let front = [0x44, 0, 0x81, 0, 0x04, 0, 0, 0, 0, 0, 0, 0];
    let length = u8::try_from(user_data.len()).unwrap();
    let octets = [&front[..], &[length], user_data].concat();
    let Ok(Tpdu::Deliver(deliver)) = Tpdu::decode(&octets) else {
        panic!("a deliver");
    };
    deliver.user_data
}

#[test]
fn a_header_has_no_more_elements_than_fit_into_its_octets() {
    for length in 0..=254_u8 {
        let mut octets = vec![length];
        octets.resize(1 + usize::from(length), 0);
        // Elements without data: an identifier and a length each. An odd octet is left over, and the header ignored.
        let user_data = with_header(&octets);
        let elements = user_data.header().map(|header| header.elements().len());
        assert_eq!(
            elements,
            (length % 2 == 0).then_some(usize::from(length) / 2)
        );
        assert_eq!(user_data.data(), Some(&[][..]));
    }
}

#[test]
fn a_header_of_255_octets_that_does_not_add_up_is_one_that_is_ignored() {
    for filler in 0..=255_u8 {
        let octets = [&[254][..], &[filler; 254]].concat();
        let user_data = with_header(&octets);
        let element = 2 + usize::from(filler);
        let elements = user_data.header().map(|header| header.elements().len());
        assert_eq!(
            elements,
            (254 % element == 0).then_some(254 / element),
            "{filler}"
        );
    }
}

#[test]
fn of_four_mebibytes_of_hexadecimal_the_user_data_takes_255_octets() {
    let front = "000400810004000000000000".to_owned() + "00FF";
    let hex = front.clone() + &"5A".repeat((FOUR_MEBIBYTES - front.len()) / 2);
    let envelope = Envelope::from_hex(&hex).unwrap();
    assert_eq!(envelope.tpdu.len(), FOUR_MEBIBYTES / 2 - 1);
    let Ok(Tpdu::Deliver(deliver)) = Tpdu::decode(&envelope.tpdu) else {
        panic!("a deliver");
    };
    assert_eq!(deliver.user_data.data(), Some(&[0x5A; 255][..]));
    let error = octets_from_hex(&(hex + "G")).unwrap_err();
    assert_eq!(error.offset(), FOUR_MEBIBYTES / 2);
    assert_eq!(error.why(), &Malformed::NotHexadecimal);
    let white = octets_from_hex(&" ".repeat(FOUR_MEBIBYTES)).unwrap_err();
    assert_eq!(white.why(), &Malformed::Empty);
}

#[test]
fn a_report_that_promises_parameters_for_ever_ends_with_its_octets() {
    let mut octets = vec![0x80; TWO_MILLION];
    octets[0] = 0x00;
    let error = DeliverReport::decode(&octets, Verdict::Taken).unwrap_err();
    assert_eq!(error.offset(), TWO_MILLION);
}

#[test]
fn two_million_characters_are_planned_part_by_part() {
    let turkish = NationalTables::new(Language::Turkish, Shift::Single);
    // Characters in a part: 153 septets, 149 behind a national header, 67 units.
    let table = [
        ("a", TWO_MILLION, None, Alphabet::Gsm7, 153),
        ("€", TWO_MILLION, None, Alphabet::Gsm7, 76),
        ("ş", TWO_MILLION / 10, turkish, Alphabet::Gsm7, 74),
        ("😀", TWO_MILLION, None, Alphabet::Ucs2, 33),
    ];
    for (character, length, national, alphabet, in_a_part) in table {
        let text = character.repeat(length);
        let options = SubmitOptions {
            national,
            ..SubmitOptions::default()
        };
        let split = Split::plan_for(&text, AlphabetChoice::Auto, &options).unwrap();
        assert_eq!(split.alphabet(), alphabet);
        assert_eq!(split.parts(), length.div_ceil(in_a_part), "{character}");
        let characters = split.pieces().iter().map(|piece| piece.characters);
        assert_eq!(characters.sum::<usize>(), length);
        let strangers = if alphabet == Alphabet::Gsm7 {
            0
        } else {
            length
        };
        assert_eq!(split.forced_at().count(), strangers);
    }
}

#[test]
fn two_million_characters_are_refused_by_their_number_of_parts() {
    let to = Address::parse("1002").unwrap();
    let options = SubmitOptions::default();
    let texts = Submit::texts(
        &to,
        &"a".repeat(TWO_MILLION),
        AlphabetChoice::Auto,
        &options,
    );
    assert_eq!(texts, Err(EncodeError::TooManyParts { parts: 13_072 }));
    let data = Submit::data(&to, &vec![0; TWO_MILLION], &options);
    assert_eq!(data, Err(EncodeError::TooManyParts { parts: 14_926 }));
}

#[test]
fn every_character_there_is_is_named_once() {
    let all: String = (char::MIN..=char::MAX).collect();
    let split = Split::plan(&all, AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
    // 127 characters of the default alphabet and 10 of its extension.
    assert_eq!(split.forced_by().len(), 0x11_0000 - 0x800 - 137);
}

#[test]
fn two_million_quotation_marks_become_plain() {
    let plain = plain_typography(&"“".repeat(TWO_MILLION)).into_owned();
    assert_eq!(plain, "\"".repeat(TWO_MILLION));
}
