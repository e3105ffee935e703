//! Any octets: an answer, never a panic; what was read makes sense, and where it can be written it means the same.

#![no_main]

use cellpost_fuzz::septets_of;
use libfuzzer_sys::fuzz_target;
use pdu_codec::{
    Address, Alphabet, DataCoding, DecodeError, DeliverReport, Envelope, InvalidTimestamp,
    Parameters, Submit, SubmitReport, Timestamp, Tpdu, UserData, Verdict, hex_from_octets,
    octets_from_hex,
};

fuzz_target!(|octets: &[u8]| {
    check_tpdu(octets);
    check_envelope(octets);
    for verdict in [Verdict::Taken, Verdict::Refused] {
        check_deliver_report(octets, verdict);
        check_submit_report(octets, verdict);
    }
    check_hex(octets);
    check_septets(octets);
});

fn check_envelope(octets: &[u8]) {
    let envelope = match Envelope::from_octets(octets) {
        Ok(envelope) => envelope,
        Err(error) => return check_error(&error, octets),
    };
    assert_eq!(
        Envelope::from_hex(&hex_from_octets(octets)).as_ref(),
        Ok(&envelope)
    );
    assert_eq!(
        Envelope::from_octets(&envelope.to_octets()).as_ref(),
        Ok(&envelope)
    );
    if let Some(smsc) = &envelope.smsc {
        check_address(smsc, octets.len());
    }
    check_tpdu(&envelope.tpdu);
}

fn check_tpdu(octets: &[u8]) {
    let tpdu = match Tpdu::decode(octets) {
        Ok(tpdu) => tpdu,
        Err(error) => return check_error(&error, octets),
    };
    match tpdu {
        Tpdu::Deliver(deliver) => {
            check_address(&deliver.originator, octets.len());
            check_stamp(deliver.service_centre_time);
            check_user_data(&deliver.user_data, deliver.data_coding, octets);
        }
        Tpdu::Submit(submit) => check_submit(&submit, octets),
        Tpdu::StatusReport(report) => {
            check_address(&report.recipient, octets.len());
            check_stamp(report.service_centre_time);
            check_stamp(report.discharge_time);
            let _ = report.status.class();
        }
    }
}

fn check_submit(submit: &Submit, octets: &[u8]) {
    check_address(&submit.destination, octets.len());
    check_user_data(submit.user_data(), submit.data_coding(), octets);
    let again = Submit::decode(&submit.encode()).expect("what was read can be written");
    assert_eq!(again.destination, submit.destination);
    assert_eq!(again.message_reference, submit.message_reference);
    assert_eq!(again.validity, submit.validity);
    assert_eq!(again.data_coding(), submit.data_coding());
    assert_same(again.user_data(), submit.user_data());
    // Once is enough: what was written is written again.
    assert_eq!(again.encode(), submit.encode());
}

fn check_deliver_report(octets: &[u8], verdict: Verdict) {
    match DeliverReport::decode(octets, verdict) {
        Ok(report) => {
            let again = DeliverReport::decode(&report.encode(), verdict);
            let again = again.expect("what was read can be written");
            assert_eq!(again.failure_cause, report.failure_cause);
            check_parameters(&again.parameters, &report.parameters, octets);
        }
        Err(error) => check_error(&error, octets),
    }
}

fn check_submit_report(octets: &[u8], verdict: Verdict) {
    match SubmitReport::decode(octets, verdict) {
        Ok(report) => {
            let again = SubmitReport::decode(&report.encode(), verdict);
            let again = again.expect("what was read can be written");
            assert_eq!(again.failure_cause, report.failure_cause);
            assert_eq!(again.service_centre_time, report.service_centre_time);
            check_stamp(report.service_centre_time);
            check_parameters(&again.parameters, &report.parameters, octets);
        }
        Err(error) => check_error(&error, octets),
    }
}

fn check_parameters(again: &Parameters, first: &Parameters, octets: &[u8]) {
    assert_eq!(again.protocol_id, first.protocol_id);
    assert_eq!(again.data_coding, first.data_coding);
    let first_coding = first.data_coding.unwrap_or_default();
    match (&again.user_data, &first.user_data) {
        (Some(again), Some(first)) => {
            assert_same(again, first);
            check_user_data(first, first_coding, octets);
        }
        (again, first) => assert_eq!(again, first),
    }
}

/// What the octets say of themselves: not more text than there is room for, parts that exist.
fn check_user_data(user_data: &UserData, coding: DataCoding, octets: &[u8]) {
    let in_text = user_data.text().is_some();
    let expected = coding.alphabet() != Alphabet::EightBit && !coding.is_compressed();
    assert_eq!(in_text, expected);
    assert_ne!(in_text, user_data.data().is_some());
    if let Some(text) = user_data.text() {
        assert!(text.chars().count() <= octets.len() * 8 / 7);
    }
    if let Some(concatenation) = user_data.concatenation() {
        assert!((1..=concatenation.total()).contains(&concatenation.part()));
    }
    if let Some(header) = user_data.header() {
        let elements = header
            .elements()
            .iter()
            .map(|element| 2 + element.data.len());
        assert!(elements.sum::<usize>() <= octets.len());
    }
}

fn assert_same(again: &UserData, first: &UserData) {
    assert_eq!(again.text(), first.text());
    assert_eq!(again.data(), first.data());
    assert_eq!(again.header(), first.header());
    assert!(!again.truncated());
}

fn check_address(address: &Address, octets: usize) {
    let number = address.number();
    assert!(number.chars().count() <= 1 + octets * 2);
    // A number that a client could write is read as the same number again.
    if let Ok(parsed) = Address::parse(&number) {
        assert_eq!(parsed.number(), number);
    }
}

fn check_stamp(stamp: Result<Timestamp, InvalidTimestamp>) {
    if let Ok(stamp) = stamp {
        assert_eq!(Timestamp::parse(&stamp.to_string()), Some(stamp));
        let (seconds, quarters) = (stamp.unix_seconds(), stamp.quarter_hours());
        assert_eq!(Timestamp::from_unix_seconds(seconds, quarters), Some(stamp));
    }
}

fn check_error(error: &DecodeError, octets: &[u8]) {
    assert!(error.offset() <= octets.len());
    assert!(!error.path().is_empty() && !error.to_string().is_empty());
}

fn check_hex(octets: &[u8]) {
    assert_eq!(
        octets_from_hex(&hex_from_octets(octets)).ok(),
        (!octets.is_empty()).then(|| octets.to_vec())
    );
    if let Ok(text) = str::from_utf8(octets)
        && let Ok(read) = octets_from_hex(text)
    {
        assert!(text.trim().eq_ignore_ascii_case(&hex_from_octets(&read)));
    }
}

/// A text in the default alphabet is the same when its septets are read bit by bit.
fn check_septets(octets: &[u8]) {
    let octets = &octets[..octets.len().min(140)];
    let length = octets.len() * 8 / 7;
    let deliver = [
        &[0x04, 0x00, 0x81, 0x00, 0x00, 0, 0, 0, 0, 0, 0, 0],
        &[length as u8][..],
        octets,
    ]
    .concat();
    let Ok(Tpdu::Deliver(deliver)) = Tpdu::decode(&deliver) else {
        panic!("a deliver");
    };
    let text: Vec<char> = deliver.user_data.text().expect("a text").chars().collect();
    let septets = septets_of(octets, length);
    if !septets.contains(&0x1B) {
        assert_eq!(text.len(), septets.len());
    }
    for (septet, character) in septets
        .iter()
        .take_while(|septet| **septet != 0x1B)
        .zip(text)
    {
        if let b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b' ' = septet {
            assert_eq!(char::from(*septet), character);
        } else {
            assert!(!character.is_ascii_alphanumeric());
        }
    }
}
