//! What holds for every text, every option and any octets whatsoever.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use pdu_codec::{
    Address, AlphabetChoice, Class, DataCoding, DeliverReport, EncodeError, EnhancedValidity,
    Envelope, FailureCause, Language, MessageReference, NationalTables, Parameters, Ports,
    Reference, RelativeValidity, Shift, Split, Submit, SubmitOptions, SubmitReport, Timestamp,
    Tpdu, Validity, Verdict, plain_typography,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Characters of every width: one septet, two septets, one unit, two units.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        8 => proptest::char::range(' ', 'z'),
        2 => proptest::sample::select("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉäöñüà§¿¡".chars().collect::<Vec<_>>()),
        3 => proptest::sample::select("\u{C}^{}\\[~]|€".chars().collect::<Vec<_>>()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let of = |characters| characters_to_text(vec(characters, 0..700));
    let national =
        proptest::sample::select("şŞğĞıİçÇáíóúÁÊÔãõâ∞ªºन मস্ઐ௹۰ڌ".chars().collect::<Vec<_>>());
    prop_oneof![
        3 => of(character().boxed()),
        2 => of(prop_oneof![9 => character(), 1 => national].boxed()),
        2 => of(prop_oneof![9 => character(), 1 => any::<char>()].boxed()),
        1 => of(any::<char>().boxed()),
    ]
}

fn characters_to_text(
    characters: impl Strategy<Value = Vec<char>>,
) -> impl Strategy<Value = String> {
    characters.prop_map(String::from_iter)
}

fn number() -> impl Strategy<Value = Address> {
    "\\+?[0-9*#]{1,20}".prop_map(|number| Address::parse(&number).unwrap())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    let date = (1990..=2089_u16, 1..=12_u8, 1..=28_u8);
    let time = (0..24_u8, 0..60_u8, 0..60_u8, -79..=79_i8);
    (date, time).prop_map(
        |((year, month, day), (hour, minute, second, quarter_hours))| {
            Timestamp::new(year, month, day, hour, minute, second, quarter_hours).unwrap()
        },
    )
}

fn validity() -> impl Strategy<Value = Validity> {
    prop_oneof![
        any::<u8>().prop_map(|value| Validity::Relative(RelativeValidity(value))),
        timestamp().prop_map(|until| Validity::Absolute(Ok(until))),
        any::<[u8; 7]>().prop_map(|raw| Validity::Enhanced(EnhancedValidity(raw))),
    ]
}

fn options() -> impl Strategy<Value = SubmitOptions> {
    let ports = prop_oneof![
        any::<(u8, u8)>().prop_map(|(destination, source)| Ports::Eight {
            destination,
            source
        }),
        any::<(u16, u16)>().prop_map(|(destination, source)| Ports::Sixteen {
            destination,
            source
        }),
    ];
    let reference = prop_oneof![
        any::<u8>().prop_map(Reference::Eight),
        any::<u16>().prop_map(Reference::Sixteen),
    ];
    let class = option::of((0..4_u8).prop_map(|class| Class::of(class).unwrap()));
    let flags = any::<(bool, bool, bool)>();
    let octets = any::<(u8, u8)>();
    let headers = (option::of(ports), reference, option::of(national()));
    let rest = (option::of(validity()), class);
    (flags, octets, headers, rest).prop_map(
        |(flags, octets, (ports, reference, national), (validity, class))| SubmitOptions {
            request_report: flags.0,
            reject_duplicates: flags.1,
            reply_path: flags.2,
            class,
            validity,
            message_reference: MessageReference(octets.0),
            protocol_id: octets.1,
            ports,
            reference,
            national,
        },
    )
}

fn national() -> impl Strategy<Value = NationalTables> {
    let shift = prop_oneof![Just(Shift::Single), Just(Shift::Locking), Just(Shift::Both)];
    (proptest::sample::select(&Language::ALL[..]), shift)
        .prop_filter_map("Spanish has no locking table", |(language, shift)| {
            NationalTables::new(language, shift)
        })
}

fn choice() -> impl Strategy<Value = AlphabetChoice> {
    prop_oneof![
        3 => Just(AlphabetChoice::Auto),
        1 => Just(AlphabetChoice::Gsm7),
        1 => Just(AlphabetChoice::Ucs2),
    ]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_text_comes_back_from_its_parts(to in number(), text in text(), choice in choice(), options in options()) {
        let submits = match Submit::texts(&to, &text, choice, &options) {
            Ok(submits) => submits,
            Err(EncodeError::NotEncodable(_)) if choice == AlphabetChoice::Gsm7 => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let mut joined = String::new();
        for (index, submit) in submits.iter().enumerate() {
            let read = Submit::decode(&submit.encode()).unwrap();
            prop_assert_eq!(&read, submit);
            prop_assert_eq!(&read.destination, &to);
            let user_data = read.user_data();
            prop_assert_eq!(user_data.ports(), options.ports);
            let part = user_data.concatenation().map(|concat| (concat.reference(), concat.total(), concat.part()));
            let expected = (submits.len() > 1).then(|| {
                (options.reference, u8::try_from(submits.len()).unwrap(), u8::try_from(index + 1).unwrap())
            });
            prop_assert_eq!(part, expected);
            joined.push_str(user_data.text().unwrap());
        }
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn data_comes_back_from_its_parts(to in number(), data in vec(any::<u8>(), 0..1000), options in options()) {
        let submits = Submit::data(&to, &data, &options).unwrap();
        let mut joined = vec![];
        for submit in &submits {
            let read = Submit::decode(&submit.encode()).unwrap();
            prop_assert_eq!(&read, submit);
            joined.extend_from_slice(read.user_data().data().unwrap());
        }
        prop_assert_eq!(joined, data);
    }

    #[test]
    fn a_part_never_has_more_than_140_octets_of_user_data(text in text(), choice in choice(), options in options()) {
        let to = Address::parse("12").unwrap();
        for submit in Submit::texts(&to, &text, choice, &options).unwrap_or_default() {
            let validity = match options.validity {
                None => 0,
                Some(Validity::Relative(_)) => 1,
                Some(_) => 7,
            };
            // First octet, reference, an address of three octets, protocol, coding, length.
            let in_front = 1 + 1 + 3 + 1 + 1 + validity + 1;
            prop_assert!(submit.encode().len() - in_front <= 140);
        }
    }

    #[test]
    fn a_plan_covers_the_text_and_cuts_no_escape_and_no_surrogate_pair(
        text in text(),
        choice in choice(),
        options in options(),
    ) {
        let Ok(split) = Split::plan_for(&text, choice, &options) else { return Ok(()) };
        let to = Address::parse("12").unwrap();
        let submits = Submit::texts(&to, &text, choice, &options).unwrap();
        prop_assert_eq!(split.parts(), submits.len());
        let mut end = 0;
        for (piece, submit) in split.pieces().iter().zip(&submits) {
            prop_assert_eq!(piece.range.start, end);
            end = piece.range.end;
            let piece_text = &text[piece.range.clone()];
            prop_assert_eq!(piece_text.chars().count(), piece.characters);
            // Read from its octets alone: half a pair would show as something else.
            let read = Submit::decode(&submit.encode()).unwrap();
            prop_assert_eq!(read.user_data().text(), Some(piece_text));
        }
        prop_assert_eq!(end, text.len());
    }

    #[test]
    fn a_part_is_full_when_another_follows(text in text(), choice in choice(), options in options()) {
        let Ok(split) = Split::plan_for(&text, choice, &options) else { return Ok(()) };
        let ports = options.ports.map_or(0, |ports| if matches!(ports, Ports::Eight { .. }) { 4 } else { 6 });
        let concatenation = if matches!(options.reference, Reference::Eight(_)) { 5 } else { 6 };
        let national = split.national().map_or(0, |tables| {
            3 * (usize::from(tables.single_shift().is_some()) + usize::from(tables.locking_shift().is_some()))
        });
        let octets = 140 - 1 - concatenation - ports - national;
        let room = match split.alphabet() {
            pdu_codec::Alphabet::Gsm7 => octets * 8 / 7,
            _ => octets / 2,
        };
        for pair in split.pieces().windows(2) {
            // Only a character of two units may leave one free.
            prop_assert!(pair[0].units == room || pair[0].units == room - 1);
        }
        prop_assert!(split.pieces().iter().all(|piece| split.parts() == 1 || piece.units <= room));
    }

    #[test]
    fn what_forces_ucs2_is_what_the_alphabet_lacks(text in text(), options in options()) {
        let auto = Split::plan_for(&text, AlphabetChoice::Auto, &options).unwrap();
        let demanded = Split::plan_for(&text, AlphabetChoice::Gsm7, &options);
        prop_assert_eq!(auto.forced_by().is_empty(), demanded.is_ok());
        for stranger in auto.forced_at() {
            prop_assert_eq!(text.chars().nth(stranger.at), Some(stranger.character));
        }
        if let Err(error) = demanded {
            prop_assert_eq!(error.offending, auto.forced_by());
        }
    }

    #[test]
    fn plain_typography_is_plain_and_changes_nothing_twice(text in any::<String>()) {
        let once = plain_typography(&text).into_owned();
        prop_assert_eq!(plain_typography(&once), once.as_str());
    }

    #[test]
    fn a_report_comes_back_from_its_octets(
        cause in option::of(0x80..=0xFF_u8),
        pid in option::of(any::<u8>()),
        stamp in any::<[u8; 7]>(),
        text in option::of("[ -Z]{0,60}"),
    ) {
        let to = Address::parse("12").unwrap();
        let user_data = text.map(|text| {
            let submits = Submit::texts(&to, &text, AlphabetChoice::Gsm7, &SubmitOptions::default());
            submits.unwrap()[0].user_data().clone()
        });
        let parameters = Parameters {
            protocol_id: pid,
            data_coding: user_data.as_ref().map(|_| DataCoding(0)),
            user_data,
        };
        let failure_cause = cause.map(FailureCause);
        let verdict = if cause.is_some() { Verdict::Refused } else { Verdict::Taken };
        let deliver = DeliverReport { failure_cause, parameters: parameters.clone() };
        prop_assert_eq!(DeliverReport::decode(&deliver.encode(), verdict), Ok(deliver));
        let octets = [&[0x01, 0x00][..], &stamp].concat();
        let service_centre_time = SubmitReport::decode(&octets, Verdict::Taken).unwrap().service_centre_time;
        let submit = SubmitReport { failure_cause, service_centre_time, parameters };
        prop_assert_eq!(SubmitReport::decode(&submit.encode(), verdict), Ok(submit));
    }

    #[test]
    fn any_octets_have_an_answer(octets in vec(any::<u8>(), 0..300)) {
        let _ = Tpdu::decode(&octets);
        let _ = Envelope::from_octets(&octets).map(|envelope| Tpdu::decode(&envelope.tpdu));
        for verdict in [Verdict::Taken, Verdict::Refused] {
            let _ = DeliverReport::decode(&octets, verdict);
            let _ = SubmitReport::decode(&octets, verdict);
        }
    }

    #[test]
    fn any_text_in_the_place_of_hexadecimal_has_an_answer(text in any::<String>()) {
        let _ = Envelope::from_hex(&text);
    }

    #[test]
    fn octets_behind_a_believable_beginning_have_an_answer(
        first in any::<u8>(),
        address in 0..21_u8,
        octets in vec(any::<u8>(), 0..250),
    ) {
        let mut deliver = vec![first & !3, address];
        deliver.extend(&octets);
        let _ = Tpdu::decode(&deliver);
        let mut submit = vec![first & !3 | 1, 0, address];
        submit.extend(&octets);
        let Ok(Tpdu::Submit(read)) = Tpdu::decode(&submit) else { return Ok(()) };
        // What was read can be written, and still means the same.
        let again = Submit::decode(&read.encode()).unwrap();
        prop_assert_eq!(&again.destination, &read.destination);
        prop_assert_eq!(again.validity, read.validity);
        prop_assert_eq!(again.user_data().text(), read.user_data().text());
        prop_assert_eq!(again.user_data().data(), read.user_data().data());
        prop_assert_eq!(again.user_data().header(), read.user_data().header());
        prop_assert!(!again.user_data().truncated());
    }

    #[test]
    fn a_message_cut_short_is_an_error_or_says_so(
        text in text(),
        options in options(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let to = Address::parse("+491701234567").unwrap();
        for submit in Submit::texts(&to, &text, AlphabetChoice::Auto, &options).unwrap() {
            let octets = submit.encode();
            let left = &octets[..cut.index(octets.len())];
            if let Ok(read) = Submit::decode(left) {
                prop_assert!(read.user_data().truncated());
                let (read, whole) = (read.user_data().text().unwrap(), submit.user_data().text().unwrap());
                // A surrogate that lost its partner.
                let shown = read.trim_end_matches('\u{FFFD}');
                prop_assert!(whole.starts_with(shown), "{:?} {:?}", read, whole);
            }
        }
    }

    #[test]
    fn an_envelope_comes_back_from_its_hexadecimal(smsc in option::of(number()), tpdu in vec(any::<u8>(), 0..200)) {
        let envelope = Envelope::new(smsc, tpdu);
        prop_assert_eq!(Envelope::from_hex(&envelope.to_hex()), Ok(envelope.clone()));
        let padded = format!("\r\n {} \n", envelope.to_hex().to_lowercase());
        prop_assert_eq!(Envelope::from_hex(&padded), Ok(envelope));
    }

    #[test]
    fn a_stamp_comes_back_from_its_text_and_from_its_moment(stamp in timestamp()) {
        prop_assert_eq!(Timestamp::parse(&stamp.to_string()), Some(stamp));
        prop_assert_eq!(Timestamp::from_unix_seconds(stamp.unix_seconds(), stamp.quarter_hours()), Some(stamp));
    }

    #[test]
    fn a_period_is_never_shorter_than_asked_up_to_63_weeks(minutes in 0..=635_040_u32) {
        let period = RelativeValidity::at_least(minutes);
        prop_assert!(period.minutes() >= minutes);
        if let Some(shorter) = period.0.checked_sub(1) {
            prop_assert!(RelativeValidity(shorter).minutes() < minutes);
        }
    }
}
