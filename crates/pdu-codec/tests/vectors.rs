//! Every vector of `tests/vectors/`, against the public types.
//!
//! The answers are built here as the gateway's `pdu` command gives them, so that the files can be read unchanged.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use pdu_codec::{
    Address, Alphabet, AlphabetChoice, Class, DataCoding, Envelope, InvalidTimestamp, Language,
    NationalTables, Ports, Reference, ReferenceWidth, RelativeValidity, Shift, Split, StatusClass,
    Submit, SubmitOptions, Timestamp, Tpdu, UserData, Validity, WaitingKind, hex_from_octets,
    octets_from_hex,
};
use serde_json::{Value, json};

#[test]
fn what_is_received_is_read_as_the_vectors_say() {
    for vector in vectors("decode.json", 138) {
        let answer = decode(&vector["request"]);
        assert_eq!(answer["ok"], true, "{}: {answer}", vector["id"]);
        assert_holds(&vector, &vector["expect"], &answer);
        assert_one_of(&vector, &vector["expect_any"], &answer);
        assert_makes_sense(&vector, &answer);
    }
}

#[test]
fn what_is_sent_is_written_as_the_vectors_say() {
    for vector in vectors("encode.json", 46) {
        let answer = encode(&vector["request"]);
        assert_holds(&vector, &vector["expect"], &answer);
    }
}

#[test]
fn a_text_is_cut_as_the_vectors_say() {
    for vector in vectors("segments.json", 39) {
        let answer = segment(&vector["request"]);
        assert_holds(&vector, &vector["expect"], &answer);
    }
}

#[test]
fn broken_input_has_one_of_the_acceptable_answers() {
    for vector in vectors("malformed.json", 198) {
        let answer = decode(&vector["request"]);
        let ok = answer["ok"] == true;
        let acceptable = match vector["accept"].as_str().unwrap() {
            "error" => !ok,
            "error_or_truncated" => !ok || answer["truncated"] == true,
            "decode" => ok,
            "any" => true,
            other => panic!("unknown: {other}"),
        };
        assert!(acceptable, "{}: {answer}", vector["id"]);
        if !ok {
            continue;
        }
        assert_holds(&vector, &vector["if_ok"], &answer);
        assert_one_of(&vector, &vector["if_ok_any"], &answer);
        assert_makes_sense(&vector, &answer);
    }
}

#[track_caller]
fn vectors(file: &str, count: usize) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), count);
    vectors
}

fn at<'a>(answer: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(answer, |value, key| &value[key])
}

#[track_caller]
fn assert_holds(vector: &Value, expected: &Value, answer: &Value) {
    let differences = differences(expected, answer, "");
    assert!(
        differences.is_empty(),
        "{} ({}): {differences:#?}\nanswer: {answer}",
        vector["id"],
        vector["title"]
    );
}

/// Where the specification or the practice leaves a choice.
#[track_caller]
fn assert_one_of(vector: &Value, any: &Value, answer: &Value) {
    let Some(any) = any.as_object() else {
        return;
    };
    for (path, values) in any {
        let values = values.as_array().unwrap();
        let value = at(answer, path);
        assert!(values.contains(value), "{} {path}: {value}", vector["id"]);
    }
}

/// Every key given must match, also of objects within; a key with dots goes into an object.
fn differences(expected: &Value, answer: &Value, name: &str) -> Vec<String> {
    match (expected, answer) {
        (Value::Object(keys), Value::Object(_)) => keys
            .iter()
            .flat_map(|(key, value)| differences(value, at(answer, key), key))
            .collect(),
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => wanted
            .iter()
            .zip(got)
            .flat_map(|(wanted, got)| differences(wanted, got, name))
            .collect(),
        (Value::String(wanted), Value::String(got))
            if matches!(name, "pdu" | "data" | "raw") && wanted.eq_ignore_ascii_case(got) =>
        {
            vec![]
        }
        (Value::Null, _) if name.is_empty() => vec![],
        _ if expected == answer => vec![],
        _ => vec![format!("{name}: expected {expected}, got {answer}")],
    }
}

/// What holds for every answer, also to broken input.
#[track_caller]
fn assert_makes_sense(vector: &Value, answer: &Value) {
    let octets = vector["request"]["pdu"].as_str().unwrap().trim().len() / 2;
    if let Some(text) = answer["text"].as_str() {
        assert!(text.chars().count() <= octets * 8 / 7, "{}", vector["id"]);
    }
    let concat = &answer["concat"];
    if !concat.is_null() {
        let (total, seq) = (concat["total"].as_u64(), concat["seq"].as_u64());
        assert!(Some(1) <= seq && seq <= total && total <= Some(255));
    }
    for key in ["timestamp", "discharge"] {
        if let Some(time) = answer[key].as_str() {
            assert!(Timestamp::parse(time).is_some(), "{time}");
        }
    }
}

fn failure(error: impl std::fmt::Display) -> Value {
    json!({"ok": false, "error": error.to_string()})
}

fn decode(request: &Value) -> Value {
    let pdu = request["pdu"].as_str().unwrap();
    let envelope = if request["smsc"] == false {
        octets_from_hex(pdu).map(|octets| Envelope::new(None, octets))
    } else {
        Envelope::from_hex(pdu)
    };
    let decoded = envelope.and_then(|envelope| Ok((Tpdu::decode(&envelope.tpdu)?, envelope)));
    let (tpdu, envelope) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return failure(error),
    };
    let mut answer = json!({"ok": true, "smsc": envelope.smsc.as_ref().map(address)});
    let fields = match &tpdu {
        Tpdu::Deliver(deliver) => {
            merge(
                &mut answer,
                content(deliver.data_coding, &deliver.user_data),
            );
            json!({
                "type": "deliver",
                "address": address(&deliver.originator),
                "more_messages": deliver.more_messages,
                "reply_path": deliver.reply_path,
                "sr_flag": deliver.status_report_indication,
                "pid": deliver.protocol_id,
                "timestamp": time(deliver.service_centre_time),
            })
        }
        Tpdu::Submit(submit) => {
            merge(
                &mut answer,
                content(submit.data_coding(), submit.user_data()),
            );
            json!({
                "type": "submit",
                "address": address(&submit.destination),
                "reply_path": submit.reply_path,
                "reject_duplicates": submit.reject_duplicates,
                "sr_flag": submit.request_report,
                "mr": submit.message_reference.0,
                "pid": submit.protocol_id,
                "validity": submit.validity.map(validity),
            })
        }
        Tpdu::StatusReport(report) => json!({
            "type": "status_report",
            "address": address(&report.recipient),
            "more_messages": report.more_messages,
            "sr_flag": report.status_report_qualifier,
            "mr": report.message_reference.0,
            "timestamp": time(report.service_centre_time),
            "discharge": time(report.discharge_time),
            "status": report.status.0,
            "status_class": match report.status.class() {
                StatusClass::Completed => "completed",
                StatusClass::Temporary => "temporary",
                StatusClass::Permanent => "permanent",
                StatusClass::TemporaryFinal => "temporary_final",
                StatusClass::Reserved => "reserved",
            },
        }),
    };
    merge(&mut answer, fields);
    answer
}

fn merge(answer: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else {
        panic!("fields")
    };
    answer.as_object_mut().unwrap().extend(fields);
}

fn address(address: &Address) -> Value {
    json!({
        "number": address.number(),
        "ton": address.type_of_number().bits(),
        "npi": address.numbering_plan().bits(),
    })
}

fn time(stamp: Result<Timestamp, InvalidTimestamp>) -> Value {
    json!(stamp.ok().map(|stamp| stamp.to_string()))
}

fn validity(validity: Validity) -> Value {
    match validity {
        Validity::Relative(period) => json!({"format": "relative", "minutes": period.minutes()}),
        Validity::Absolute(Ok(until)) => {
            json!({"format": "absolute", "time": until.to_string()})
        }
        Validity::Absolute(Err(_)) => Value::Null,
        Validity::Enhanced(enhanced) => {
            json!({"format": "enhanced", "raw": hex_from_octets(&enhanced.0)})
        }
    }
}

fn content(coding: DataCoding, user_data: &UserData) -> Value {
    let header = user_data.header();
    let udh = header.map(|header| {
        let element = |element: &pdu_codec::Element| json!({"iei": element.iei, "data": hex_from_octets(&element.data)});
        header.elements().iter().map(element).collect::<Vec<_>>()
    });
    let concat = user_data.concatenation().map(|concat| {
        let (reference, bits) = bits(concat.reference());
        json!({"ref": reference, "total": concat.total(), "seq": concat.part(), "bits": bits})
    });
    let ports = user_data.ports().map(|ports| {
        let bits = if matches!(ports, Ports::Eight { .. }) {
            8
        } else {
            16
        };
        json!({"dst": ports.destination(), "src": ports.source(), "bits": bits})
    });
    let single = header.and_then(pdu_codec::UserDataHeader::single_shift);
    let locking = header.and_then(pdu_codec::UserDataHeader::locking_shift);
    let lang = (single.is_some() || locking.is_some())
        .then(|| json!({"single": single, "locking": locking}));
    let mwi = coding.waiting().map(|waiting| {
        let kind = match waiting.kind {
            WaitingKind::Voicemail => "voicemail",
            WaitingKind::Fax => "fax",
            WaitingKind::Email => "email",
            WaitingKind::Other => "other",
        };
        json!({"type": kind, "active": waiting.active, "store": waiting.store})
    });
    json!({
        "dcs": coding.0,
        "alphabet": alphabet(coding.alphabet()),
        "class": coding.class().map(Class::number),
        "compressed": coding.is_compressed(),
        "mwi": mwi,
        "udh": udh,
        "concat": concat,
        "ports": ports,
        "lang": lang,
        "text": user_data.text(),
        "data": user_data.data().map(hex_from_octets),
        "truncated": user_data.truncated(),
    })
}

fn bits(reference: Reference) -> (u16, u8) {
    match reference {
        Reference::Eight(value) => (u16::from(value), 8),
        Reference::Sixteen(value) => (value, 16),
    }
}

fn alphabet(alphabet: Alphabet) -> &'static str {
    match alphabet {
        Alphabet::Gsm7 => "gsm7",
        Alphabet::EightBit => "8bit",
        Alphabet::Ucs2 => "ucs2",
    }
}

fn choice(options: &Value) -> AlphabetChoice {
    match options["alphabet"].as_str() {
        None | Some("auto") => AlphabetChoice::Auto,
        Some("gsm7") => AlphabetChoice::Gsm7,
        Some("ucs2") => AlphabetChoice::Ucs2,
        Some(other) => panic!("unknown: {other}"),
    }
}

fn width(options: &Value) -> ReferenceWidth {
    if options["ref_bits"] == 16 {
        ReferenceWidth::Sixteen
    } else {
        ReferenceWidth::Eight
    }
}

fn encode(request: &Value) -> Value {
    let options = &request["options"];
    let to = match Address::parse(request["to"].as_str().unwrap()) {
        Ok(to) => to,
        Err(error) => return failure(error),
    };
    let smsc = options["smsc"].as_str().map(Address::parse).transpose();
    let submits = match request["data"].as_str() {
        Some(data) => match octets_from_hex(data) {
            Ok(data) => Submit::data(&to, &data, &submit_options(options)),
            Err(error) => return failure(error),
        },
        None => {
            let text = request["text"].as_str().unwrap();
            Submit::texts(&to, text, choice(options), &submit_options(options))
        }
    };
    let (smsc, submits) = match (smsc, submits) {
        (Ok(smsc), Ok(submits)) => (smsc, submits),
        (Err(error), _) => return failure(error),
        (_, Err(error)) => return failure(error),
    };
    let parts: Vec<Value> = submits
        .iter()
        .map(|submit| {
            let envelope = Envelope::new(smsc.clone(), submit.encode());
            json!({"pdu": envelope.to_hex(), "tpdu_len": envelope.cmgs_length()})
        })
        .collect();
    let alphabet = alphabet(submits[0].data_coding().alphabet());
    json!({"ok": true, "alphabet": alphabet, "parts": parts})
}

fn submit_options(options: &Value) -> SubmitOptions {
    let flag = |key: &str| options[key] == true;
    let number = |key: &str| options[key].as_u64().unwrap_or_default();
    let octet = |key: &str| u8::try_from(number(key)).unwrap();
    let port = |key: &str| u16::try_from(options["ports"][key].as_u64().unwrap()).unwrap();
    let relative = options["validity_minutes"].as_u64().map(|minutes| {
        let period = RelativeValidity::at_least(u32::try_from(minutes).unwrap());
        assert_eq!(u64::from(period.minutes()), minutes, "held exactly");
        Validity::Relative(period)
    });
    let absolute = options["validity_until"]
        .as_str()
        .map(|until| Validity::Absolute(Ok(Timestamp::parse(until).unwrap())));
    SubmitOptions {
        request_report: flag("request_report"),
        reject_duplicates: flag("reject_duplicates"),
        reply_path: flag("reply_path"),
        class: options["class"]
            .as_u64()
            .map(|class| Class::of(u8::try_from(class).unwrap()).unwrap()),
        validity: relative.or(absolute),
        message_reference: pdu_codec::MessageReference(octet("mr")),
        protocol_id: octet("pid"),
        ports: options["ports"].is_object().then(|| Ports::Sixteen {
            destination: port("dst"),
            source: port("src"),
        }),
        reference: match width(options) {
            ReferenceWidth::Eight => Reference::Eight(octet("ref")),
            ReferenceWidth::Sixteen => Reference::Sixteen(u16::try_from(number("ref")).unwrap()),
        },
        national: national(options),
    }
}

fn national(options: &Value) -> Option<NationalTables> {
    let language = match options["lang"].as_str()? {
        "tr" => Language::Turkish,
        "es" => Language::Spanish,
        "pt" => Language::Portuguese,
        other => panic!("unknown: {other}"),
    };
    let shift = match options["shift"].as_str().unwrap_or("single") {
        "single" => Shift::Single,
        "locking" => Shift::Locking,
        "both" => Shift::Both,
        other => panic!("unknown: {other}"),
    };
    Some(NationalTables::new(language, shift).unwrap())
}

fn segment(request: &Value) -> Value {
    let options = &request["options"];
    let text = request["text"].as_str().unwrap();
    match Split::plan_for(text, choice(options), &submit_options(options)) {
        Err(error) => failure(error),
        Ok(split) => {
            let pieces = split.pieces();
            json!({
                "ok": true,
                "alphabet": alphabet(split.alphabet()),
                "parts": split.parts(),
                "units": pieces.iter().map(|piece| piece.units).collect::<Vec<_>>(),
                "chars": pieces.iter().map(|piece| piece.characters).collect::<Vec<_>>(),
            })
        }
    }
}
