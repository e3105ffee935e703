//! Any text or data, any number, any options: what is written is read back, the parts are as full as they may be and
//! no fuller, and a plan says beforehand what becomes of it.

#![no_main]

use cellpost_fuzz::{Content, Request, UserDataOctets, octets_in_front};
use libfuzzer_sys::fuzz_target;
use pdu_codec::{
    Address, Alphabet, AlphabetChoice, EncodeError, Envelope, Ports, Reference, Split, Submit,
    SubmitOptions, Validity,
};

fuzz_target!(|octets: &[u8]| {
    let Some(request) = Request::read(octets) else {
        return;
    };
    let Some(to) = request.to() else {
        assert!(matches!(request.number.as_str(), "" | "+"));
        return;
    };
    assert_eq!(to.number(), request.number);
    match &request.content {
        Content::Text(text) => check_text(&request, &to, text),
        Content::Data(data) => check_data(&request, &to, data),
    }
});

fn check_text(request: &Request, to: &Address, text: &str) {
    let (choice, options) = (request.choice, &request.options);
    let split = Split::plan_for(text, choice, options);
    let submits = Submit::texts(to, text, choice, options);
    let (split, submits) = match (split, submits) {
        (Ok(split), Ok(submits)) => (split, submits),
        (Ok(split), Err(EncodeError::TooManyParts { parts })) => {
            assert!(parts > 255);
            assert_eq!(split.parts(), parts);
            return check_plan(&split, request, text);
        }
        (Err(planned), Err(EncodeError::NotEncodable(refused))) => {
            assert_eq!(choice, AlphabetChoice::Gsm7);
            assert_eq!(planned, refused);
            let mut places = text.chars().enumerate();
            for stranger in &refused.offending {
                let at = places.find(|(at, _)| *at == stranger.at);
                assert_eq!(at, Some((stranger.at, stranger.character)));
            }
            return;
        }
        (plan, made) => panic!("{plan:?} is not {made:?}"),
    };
    check_plan(&split, request, text);
    assert_eq!(split.parts(), submits.len());
    for (index, submit) in submits.iter().enumerate() {
        let piece = &split.pieces()[index];
        let octets = check_part(request, to, submit, (index + 1, submits.len()));
        assert_eq!(submit.data_coding().alphabet(), split.alphabet());
        let read = Submit::decode(&octets).expect("what was written can be read");
        assert_eq!(read.user_data().text(), Some(&text[piece.range.clone()]));
        let user_data = user_data(&octets, request);
        match split.alphabet() {
            Alphabet::Gsm7 => {
                let septets = user_data.septets();
                assert_eq!(septets.len(), piece.units);
                assert!(whole_escapes(&septets));
            }
            _ => assert_eq!(user_data.octets.len() - user_data.header, piece.units * 2),
        }
    }
}

fn check_data(request: &Request, to: &Address, data: &[u8]) {
    let options = &request.options;
    let room = |parts| 140 - header_octets(options, None, parts);
    match Submit::data(to, data, options) {
        Ok(submits) => {
            let mut joined = Vec::new();
            for (index, submit) in submits.iter().enumerate() {
                let octets = check_part(request, to, submit, (index + 1, submits.len()));
                let read = Submit::decode(&octets).expect("what was written can be read");
                let piece = read.user_data().data().expect("data");
                assert!(index + 1 == submits.len() || piece.len() == room(submits.len()));
                joined.extend_from_slice(piece);
            }
            assert_eq!(joined, data);
        }
        Err(EncodeError::TooManyParts { parts }) => {
            assert_eq!(parts, data.len().div_ceil(room(2)));
            assert!(parts > 255);
        }
        Err(error) => panic!("{error}"),
    }
}

/// What holds for a part whatever is in it; its octets.
fn check_part(
    request: &Request,
    to: &Address,
    submit: &Submit,
    (part, total): (usize, usize),
) -> Vec<u8> {
    let (octets, options) = (submit.encode(), &request.options);
    let read = Submit::decode(&octets).expect("what was written can be read");
    assert_eq!(&read, submit);
    assert_eq!(&read.destination, to);
    assert_eq!(read.message_reference, options.message_reference);
    assert_eq!(read.request_report, options.request_report);
    assert_eq!(read.reject_duplicates, options.reject_duplicates);
    assert_eq!(read.reply_path, options.reply_path);
    assert_eq!(read.protocol_id, options.protocol_id);
    assert_eq!(read.validity, options.validity);
    assert_eq!(read.data_coding().class(), options.class);
    assert_eq!(read.user_data().ports(), options.ports);
    assert!(!read.user_data().truncated());
    let concatenation = read.user_data().concatenation();
    let found = concatenation.map(|one| (one.reference(), one.part().into(), one.total().into()));
    assert_eq!(
        found,
        (total > 1).then_some((options.reference, part, total))
    );
    assert!(user_data(&octets, request).octets.len() <= 140);
    let envelope = Envelope::new(Some(to.clone()), octets.clone());
    assert_eq!(
        submit.encode_for(Some(to)),
        (envelope.to_octets(), octets.len())
    );
    assert_eq!(
        Envelope::from_hex(&envelope.to_hex()).as_ref(),
        Ok(&envelope)
    );
    octets
}

/// A plan covers the text, in the units of its alphabet; a part is full when another follows.
fn check_plan(split: &Split<'_>, request: &Request, text: &str) {
    let strangers = split.forced_by();
    let forced = request.choice == AlphabetChoice::Auto && split.alphabet() == Alphabet::Ucs2;
    assert_eq!(!strangers.is_empty(), forced);
    let header = header_octets(&request.options, split.national(), split.parts());
    let room = match split.alphabet() {
        Alphabet::Gsm7 => 160 - (header * 8).div_ceil(7),
        _ => (140 - header) / 2,
    };
    let mut end = 0;
    for (index, piece) in split.pieces().iter().enumerate() {
        assert_eq!(piece.range.start, end);
        end = piece.range.end;
        let held = &text[piece.range.clone()];
        assert_eq!(held.chars().count(), piece.characters);
        if split.alphabet() == Alphabet::Ucs2 {
            assert_eq!(held.encode_utf16().count(), piece.units);
        }
        // Only a character of two units may leave one free.
        assert!(piece.units <= room);
        assert!(index + 1 == split.parts() || piece.units + 1 >= room);
    }
    assert_eq!(end, text.len());
    let last = split.pieces().last().expect("one part at least");
    assert_eq!(split.units_left(), room - last.units);
}

fn header_octets(
    options: &SubmitOptions,
    national: Option<pdu_codec::NationalTables>,
    parts: usize,
) -> usize {
    let concatenation = match options.reference {
        _ if parts == 1 => 0,
        Reference::Eight(_) => 5,
        Reference::Sixteen(_) => 6,
    };
    let ports = match options.ports {
        None => 0,
        Some(Ports::Eight { .. }) => 4,
        Some(Ports::Sixteen { .. }) => 6,
    };
    let shifts = national.map_or(0, |tables| {
        3 * (tables.single_shift().iter().count() + tables.locking_shift().iter().count())
    });
    match concatenation + ports + shifts {
        0 => 0,
        elements => 1 + elements,
    }
}

fn user_data<'a>(octets: &'a [u8], request: &Request) -> UserDataOctets<'a> {
    let validity = match request.options.validity {
        None => 0,
        Some(Validity::Relative(_)) => 1,
        Some(_) => 7,
    };
    let digits = request.number.trim_start_matches('+').len();
    UserDataOctets::of(octets, octets_in_front(digits, validity))
}

/// Each escape has its septet in the same part.
fn whole_escapes(septets: &[u8]) -> bool {
    let mut septets = septets.iter();
    while septets.any(|septet| *septet == 0x1B) {
        if septets.next().is_none() {
            return false;
        }
    }
    true
}
