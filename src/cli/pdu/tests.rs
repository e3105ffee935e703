//! Requests as a peer writes them, and what comes back.

use serde_json::{Value, json};

use super::*;

/// The answers to `lines`, one a line.
#[track_caller]
fn answers(lines: &[u8]) -> Vec<Value> {
    let mut output = Vec::new();
    converse(lines, &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    assert!(output.is_empty() || output.ends_with('\n'));
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
fn answer(request: &str) -> Value {
    let mut answers = answers(format!("{request}\n").as_bytes());
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

#[test]
fn each_line_has_one_answer_in_its_place() {
    let lines = b"{\"op\":\"segment\",\"text\":\"a\",\"id\":1}\n\nnothing\n[]\n{\"id\":2,\"op\":\"segment\",\"text\":\"\"}";
    let answers = answers(lines);
    let oks: Vec<_> = answers.iter().map(|answer| answer["ok"].clone()).collect();
    assert_eq!(oks, [true, false, false, false, true]);
    assert_eq!(
        (&answers[0]["id"], &answers[4]["id"]),
        (&json!(1), &json!(2))
    );
    assert!(answers[1..4].iter().all(|answer| {
        answer.get("id").is_none()
            && answer["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty())
    }));
}

#[test]
fn an_id_comes_back_letter_for_letter() {
    for id in [
        "null",
        "1e400",
        "123456789012345678901234567890",
        "[1, {\"a\":\"\\u00e9\"}]",
        "\"x\"",
        "1.10",
    ] {
        for request in [
            format!("{{\"id\":{id},\"op\":\"segment\",\"text\":\"a\"}}"),
            format!("{{\"op\":\"nothing\",\"id\": {id} }}"),
        ] {
            let mut output = Vec::new();
            converse(request.as_bytes(), &mut output).unwrap();
            let output = String::from_utf8(output).unwrap();
            assert!(output.ends_with(&format!(",\"id\":{id}}}\n")), "{output}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_its_id_kept() {
    let table = [
        (r#"{"id":7}"#, "op is missing"),
        (r#"{"id":7,"op":3}"#, "op must be a string"),
        (
            r#"{"id":7,"op":"delete"}"#,
            "op must be decode, encode or segment",
        ),
        (r#"{"id":7,"op":"decode"}"#, "pdu is missing"),
        (r#"{"id":7,"op":"decode","pdu":null}"#, "pdu is missing"),
        (
            r#"{"id":7,"op":"decode","pdu":""}"#,
            "hex at octet 0: nothing there",
        ),
        (
            r#"{"id":7,"op":"decode","pdu":"00","smsc":"yes"}"#,
            "smsc must be true or false",
        ),
        (r#"{"id":7,"op":"encode","text":"a"}"#, "to is missing"),
        (
            r#"{"id":7,"op":"encode","to":"+","text":"a"}"#,
            "to: a number needs at least one digit",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1"}"#,
            "text or data is missing",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","data":"00"}"#,
            "text or data, not both",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","data":"0"}"#,
            "hex at octet 0: half an octet",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"mr":256}}"#,
            "options.mr must be 0 to 255",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"ref":256}}"#,
            "options.ref must be 0 to 255",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"ref":65536,"ref_bits":16}}"#,
            "options.ref must be 0 to 65535",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"ref_bits":7}}"#,
            "options.ref_bits must be 8 or 16",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"class":4}}"#,
            "options.class must be 0 to 3",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"smsc":"a"}}"#,
            "options.smsc: not a digit, * or # at position 0",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"validity_minutes":635041}}"#,
            "options.validity_minutes must be 1 to 635040, which are 63 weeks",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"validity_until":"soon"}}"#,
            "options.validity_until must be a time such as 2030-01-31T12:00:00+01:00",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"a","options":{"validity_until":"2030-01-31T12:00:00+01:00","validity_minutes":5}}"#,
            "options.validity_minutes or options.validity_until, not both",
        ),
        (
            r#"{"id":7,"op":"encode","to":"1","text":"ы","options":{"alphabet":"gsm7"}}"#,
            "1 character is not in the GSM 7 bit alphabet",
        ),
        (
            r#"{"id":7,"op":"segment","text":"a","options":{"alphabet":"8bit"}}"#,
            "options.alphabet must be auto, gsm7 or ucs2",
        ),
        (
            r#"{"id":7,"op":"segment","text":"a","options":{"lang":"de"}}"#,
            "options.lang must be tr, es or pt",
        ),
        (
            r#"{"id":7,"op":"segment","text":"a","options":{"lang":"tr","shift":"left"}}"#,
            "options.shift must be single, locking or both",
        ),
        (
            r#"{"id":7,"op":"segment","text":"a","options":{"lang":"es","shift":"both"}}"#,
            "unsupported",
        ),
    ];
    for (request, error) in table {
        let expected = json!({"ok": false, "error": error, "id": 7});
        assert_eq!(answer(request), expected, "{request}");
    }
    let wrong_type = answer(r#"{"id":7,"op":"segment","text":"a","options":[1]}"#);
    assert_eq!(
        (&wrong_type["ok"], &wrong_type["id"]),
        (&json!(false), &json!(7))
    );
}

#[test]
fn what_is_not_json_is_answered_too() {
    for line in [
        &b"\xFF\xFE"[..],
        b"{\"op\":\"segment\",\"text\":\"\\ud800\"}",
        b"{\"op\":\"segment\",\"text\":\"a\"",
        b"\"op\"",
        b"0",
        b"[\"decode\",\"00\"]",
    ] {
        let answers = answers(line);
        assert_eq!(answers.len(), 1, "{line:?}");
        assert_eq!(answers[0]["ok"], false);
    }
    let deep = format!("{{\"op\":{}", "[".repeat(100_000));
    assert_eq!(answers(deep.as_bytes())[0]["ok"], false);
}

#[test]
fn options_and_other_keys_may_be_null_or_unknown() {
    let request = r#"{"op":"segment","text":"a","options":null,"colour":"blue"}"#;
    let expected = json!({"ok": true, "alphabet": "gsm7", "parts": 1, "units": [1], "chars": [1]});
    assert_eq!(answer(request), expected);
    let request =
        r#"{"op":"segment","text":"a","options":{"alphabet":null,"lang":null,"colour":1}}"#;
    assert_eq!(answer(request), expected);
}

#[test]
fn a_text_is_cut_whatever_its_reference() {
    let request =
        r#"{"op":"segment","text":"a","options":{"ref":300,"mr":999,"ports":{"dst":1,"src":2}}}"#;
    let expected = json!({"ok": true, "alphabet": "gsm7", "parts": 1, "units": [1], "chars": [1]});
    assert_eq!(answer(request), expected);
}

#[test]
fn no_data_is_one_part_without_any() {
    let expected = json!({
        "ok": true, "alphabet": "8bit",
        "parts": [{"pdu": "00010004811002000400", "tpdu_len": 9}],
    });
    assert_eq!(answer(r#"{"op":"encode","to":"0120","data":""}"#), expected);
}

#[test]
fn a_text_of_more_than_255_parts_is_refused_and_not_repeated() {
    let text = "x".repeat(3_000_000);
    for request in [
        json!({"op": "segment", "text": text}),
        json!({"op": "encode", "to": "1", "text": text}),
    ] {
        let expected = json!({"ok": false, "error": "19608 parts needed, 255 at most"});
        assert_eq!(answer(&request.to_string()), expected);
    }
}

#[test]
fn a_line_without_end_is_answered_and_not_kept() {
    let mut lines = vec![b'x'; LONGEST_LINE + 70_000];
    lines.extend(b"\n{\"op\":\"segment\",\"text\":\"a\"}\n");
    let answers = answers(&lines);
    let error = format!("the line is longer than {LONGEST_LINE} octets");
    assert_eq!(answers[0], json!({"ok": false, "error": error}));
    assert_eq!(answers[1]["ok"], true);
}
