//! Vonage's requests, answers and reports.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cloud::specimens::{
    ATTEMPT, answer, body, cases, moment as now, number, outgoing, posted, refused, vectors,
};
use crate::domain::Body;

const CALLBACKS: &str = "https://gw.example.com/callbacks/v";

fn settings() -> Settings {
    Settings {
        account: "a1b2c3d4".to_owned(),
        secret: "AbCdEf0123456789".into(),
        from: "Vonage".to_owned(),
        base_url: BASE_URL.to_owned(),
        callbacks: Some(CALLBACKS.to_owned()),
        callback_secret: Some("sigSecret0123456".into()),
        currency: "EUR".to_owned(),
    }
}

fn vonage() -> Vonage {
    Vonage::new(settings()).unwrap()
}

#[test]
fn a_request_is_what_vonages_library_sends() {
    for vector in vectors(include_str!("../vectors/vonage_sms.json")) {
        let vonage = Vonage::new(Settings {
            from: vector.told("from_").to_owned(),
            ..settings()
        })
        .unwrap();
        let to = number(&format!("+{}", vector.told("to")));
        let text = body(vector.told("text"));
        let request = vonage.send(&outgoing(&to, &text), &now()).unwrap();
        // What the vector's caller chose and we do not.
        vector.assert_fits(
            &request,
            &["ttl", "client-ref", "status-report-req", "callback"],
        );
        let form = Form::parse(request.body());
        assert_eq!(form.first("ttl"), Some("300000"));
        assert_eq!(form.first("client-ref"), Some("2a-1f"));
        assert_eq!(
            form.first("callback"),
            Some(format!("{CALLBACKS}/sigSecret0123456").as_str())
        );
    }
}

#[test]
fn a_text_is_unicode_when_it_must_and_flashes_when_it_is_to() {
    let to = number("+447700900000");
    for (text, kind) in [("€ [ok]", None), ("ж", Some("unicode"))] {
        let text = body(text);
        let mut text = outgoing(&to, &text);
        text.flash = true;
        text.wants_report = false;
        text.validity = Duration::from_secs(1);
        let form = Form::parse(vonage().send(&text, &now()).unwrap().body());
        assert_eq!(
            (form.first("type"), form.first("message-class")),
            (kind, Some("0"))
        );
        assert_eq!(
            (form.first("ttl"), form.first("callback")),
            (Some("20000"), None)
        );
        assert_eq!(form.first("status-report-req"), Some("0"));
    }
}

#[test]
fn documented_answers_come_to_their_verdicts() {
    for case in cases(include_str!("../vectors/vonage_answers.json")) {
        let verdict = vonage().verdict(&case.answer());
        case.assert_outcome(&verdict);
        // It has no code for a clock that is wrong.
        let is_clock = |refusal: &Refusal| refusal.cause == Cause::Clock;
        assert!(!matches!(&verdict, Verdict::Refused(refusal) if is_clock(refusal)));
    }
}

fn parts(statuses: &[(&str, &str)]) -> Answer {
    let parts = statuses.iter().enumerate().map(|(at, (status, words))| {
        json!({"status": status, "message-id": format!("ID{at}"), "message-price": "0.03330000", "error-text": words})
    });
    let body =
        json!({"message-count": statuses.len().to_string(), "messages": parts.collect::<Vec<_>>()});
    answer(200, body.to_string())
}

#[test]
fn each_part_has_its_id_and_the_price_is_their_sum() {
    let Verdict::Accepted(taken) = vonage().verdict(&parts(&[("0", ""), ("0", "")])) else {
        panic!()
    };
    assert_eq!(taken.ids, ["ID0", "ID1"]);
    assert_eq!(taken.price, Some(Money(666)));
}

#[test]
fn each_status_of_the_table_has_its_cause() {
    for (status, words, cause) in [
        (
            "1",
            "Throughput Rate Exceeded - please wait [ 250 ] and retry",
            Cause::Busy,
        ),
        ("2", "Missing to param", Cause::Number),
        ("2", "Missing text param", Cause::Params),
        ("3", "Invalid value for parameter: to", Cause::Number),
        ("3", "Unable to read parameter: ttl", Cause::Params),
        ("4", "Bad Credentials", Cause::Config),
        ("6", "Un-routable message - rejected", Cause::Number),
        ("7", "Number barred", Cause::OptedOut),
        ("8", "Partner account barred", Cause::Config),
        ("9", "Partner quota exceeded", Cause::Funds),
        ("10", "Too many existing binds", Cause::Busy),
        ("14", "Invalid signature", Cause::Config),
        ("15", "Illegal sender address", Cause::Config),
        ("99", "", Cause::Other),
    ] {
        let verdict = vonage().verdict(&parts(&[(status, words)]));
        assert_eq!(refused(verdict), cause, "{status} {words}");
    }
    let Verdict::Refused(throttled) = vonage().verdict(&parts(&[("1", "wait [ 250 ]")])) else {
        panic!()
    };
    assert_eq!(throttled.wait, Some(Duration::from_millis(250)));
}

#[test]
fn what_left_in_part_cannot_be_called_refused() {
    let Verdict::Unknown(why) = vonage().verdict(&parts(&[("0", ""), ("9", "quota")])) else {
        panic!()
    };
    assert_eq!(
        why,
        "1 of 2 parts were taken; part 2 was not: status 9: quota"
    );
    for answer in [
        parts(&[("5", "Internal Error")]),
        parts(&[("9", "quota"), ("5", "Internal Error")]),
        answer(200, r#"{"message-count":"0","messages":[]}"#),
        answer(200, ""),
        answer(500, ""),
    ] {
        let verdict = vonage().verdict(&answer);
        assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
    }
    assert_eq!(refused(vonage().verdict(&answer(401, ""))), Cause::Config);
    assert_eq!(refused(vonage().verdict(&answer(429, ""))), Cause::Busy);
}

const REPORT: &str = "msisdn=447700900000&to=AcmeInc&network-code=12345&messageId=0A0000001234567B&price=0.03330000\
                      &status=delivered&scts=2601020304&err-code=0&api-key=a1b2c3d4\
                      &message-timestamp=2026-01-02+03%3A04%3A05&timestamp=1767323045";
/// Of Vonage's library, HMAC-SHA256.
const SIG: &str = "a610377cdca0dcd6dce5aadf7f21485f47ee956a837aee7579148601206cd40d";

#[test]
fn a_signed_report_is_believed_by_query_form_and_json() {
    let headers = HeaderMap::new();
    let fields = format!("{REPORT}&sig={SIG}");
    let url = format!("{CALLBACKS}?{fields}");
    let get = Callback {
        method: &Method::GET,
        ..posted(&url, &headers, b"")
    };
    let form = posted(CALLBACKS, &headers, fields.as_bytes());
    let pairs = Form::parse(fields.as_bytes());
    let map: serde_json::Map<_, _> = pairs
        .pairs()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let json = serde_json::to_vec(&map).unwrap();
    for callback in [get, form, posted(CALLBACKS, &headers, &json)] {
        let read = vonage().read(&callback).unwrap();
        assert_eq!(read[0].id.as_deref(), Some("0A0000001234567B"));
        assert_eq!(
            (read[0].fate, read[0].at),
            (Fate::Delivered, Some(now().now))
        );
        assert_eq!(read[0].recipient.as_ref().unwrap().expose(), "447700900000");
    }
    let unsigned = vonage().read(&posted(CALLBACKS, &headers, REPORT.as_bytes()));
    assert_eq!(unsigned, Err(Disbelief::Unproven));
}

#[test]
fn the_secret_path_proves_a_report_too() {
    let headers = HeaderMap::new();
    let url = format!("{CALLBACKS}/sigSecret0123456");
    for (status, fate) in [
        ("delivered", Fate::Delivered),
        ("accepted", Fate::Sent),
        ("buffered", Fate::Sent),
        ("unknown", Fate::Sent),
        ("expired", Fate::Undelivered),
        ("failed", Fate::Undelivered),
        ("rejected", Fate::Undelivered),
    ] {
        let fields = format!("messageId=A1&status={status}&client-ref=2a-1f&err-code=7");
        let read = vonage()
            .read(&posted(&url, &headers, fields.as_bytes()))
            .unwrap();
        assert_eq!(
            (read[0].fate, read[0].attempt),
            (fate, Some(ATTEMPT)),
            "{status}"
        );
        let is_failed = fate == Fate::Undelivered;
        assert_eq!(
            read[0].detail,
            is_failed.then(|| format!("{status}, err-code 7"))
        );
    }
    let wrong = format!("{CALLBACKS}/sigSecret");
    let read = vonage().read(&posted(&wrong, &headers, b"messageId=A1&status=delivered"));
    assert_eq!(read, Err(Disbelief::Unproven));
    let empty = vonage().read(&posted(&url, &headers, b"{}"));
    assert_eq!(empty, Err(Disbelief::Unreadable));
    let blind = Vonage::new(Settings {
        callback_secret: None,
        ..settings()
    })
    .unwrap();
    let read = blind.read(&posted(&url, &headers, b""));
    assert_eq!(read, Err(Disbelief::NoSuchPath));
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?} {:?}", settings(), vonage());
    assert!(
        !shown.contains("AbCdEf") && !shown.contains("sigSecret"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_text_adds_a_field_or_a_header(text in "\\PC{1,200}") {
        prop_assume!(Body::parse(&text).is_ok());
        let (to, text) = (number("+447700900000"), body(&text));
        let request = vonage().send(&outgoing(&to, &text), &now()).unwrap();
        let form = Form::parse(request.body());
        let names = form.pairs().filter(|(name, _)| *name != "type").count();
        prop_assert_eq!((names, form.first("text")), (7, Some(text.expose())));
        prop_assert_eq!(request.headers().len(), 3);
    }

    #[test]
    fn no_answer_and_no_report_panics(octets in any::<Vec<u8>>()) {
        _ = vonage().verdict(&http::Response::new(octets.clone().into()));
        _ = vonage().read(&posted(CALLBACKS, &HeaderMap::new(), &octets));
    }
}
