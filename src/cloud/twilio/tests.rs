//! Twilio's requests, answers and callbacks.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;
use sha1::Sha1;

use super::*;
use crate::cloud::specimens::{
    ATTEMPT, answer, body, cases, moment as now, number, outgoing, posted, refused, vectors,
};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
const SID: &str = "SMa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const CALLBACKS: &str = "https://gw.example.com/callbacks/twilio";

fn settings() -> Settings {
    Settings {
        account: ACCOUNT.to_owned(),
        key: None,
        secret: TOKEN.into(),
        sender: Sender::From("+15557122661".to_owned()),
        base_url: BASE_URL.to_owned(),
        callbacks: Some(CALLBACKS.to_owned()),
        callback_secret: None,
        currency: "USD".to_owned(),
    }
}

fn twilio() -> Twilio {
    Twilio::new(settings()).unwrap()
}

fn form_of(request: &Request) -> Form {
    Form::parse(request.body())
}

fn sought<'a>(to: &'a Destination, id: Option<&'a str>, text: Option<&'a Body>) -> Sought<'a> {
    Sought {
        attempt: ATTEMPT,
        id,
        to,
        body: text,
        // 2023-08-24T05:01:40Z
        sent_at: UnixMillis(1_692_853_300_000),
    }
}

#[test]
fn a_request_is_what_twilios_library_sends() {
    for vector in vectors(include_str!("../vectors/twilio.json")) {
        if !vector.name.starts_with("create_") {
            continue;
        }
        let service = vector.told("messaging_service_sid");
        let sender = match service {
            "" => Sender::From(vector.told("from_").to_owned()),
            service => Sender::Service(service.to_owned()),
        };
        let twilio = Twilio::new(Settings {
            sender,
            ..settings()
        })
        .unwrap();
        let (to, text) = (number(vector.told("to")), body(vector.told("body")));
        let request = twilio.send(&outgoing(&to, &text), &now()).unwrap();
        // What the vector's caller chose and we do not: where to call back, how long, how dear.
        vector.assert_fits(&request, &["StatusCallback", "ValidityPeriod", "MaxPrice"]);
        let form = form_of(&request);
        assert_eq!(form.first("ValidityPeriod"), Some("300"));
        assert_eq!(
            form.first("StatusCallback"),
            Some(format!("{CALLBACKS}/2a-1f").as_str())
        );
    }
}

#[test]
fn a_text_is_fetched_as_twilios_library_fetches_it() {
    let vectors = vectors(include_str!("../vectors/twilio.json"));
    let vector = vectors.iter().find(|one| one.name == "fetch").unwrap();
    let to = number("+15017122661");
    let asked = sought(&to, Some(vector.told("sid")), None);
    vector.assert_fits(&twilio().ask(&asked, &now()).unwrap(), &[]);
}

#[test]
fn an_api_key_signs_in_below_the_account() {
    let twilio = Twilio::new(Settings {
        key: Some("SK1".to_owned()),
        ..settings()
    })
    .unwrap();
    let (to, text) = (number("+15017122661"), body("hi"));
    let request = twilio.send(&outgoing(&to, &text), &now()).unwrap();
    let token = STANDARD.encode(format!("SK1:{TOKEN}"));
    assert_eq!(request.headers()["authorization"], format!("Basic {token}"));
    assert!(request.uri().path().contains(ACCOUNT));
    // Its secret signs no callback, so none is asked for.
    assert_eq!(form_of(&request).first("StatusCallback"), None);
}

#[test]
fn a_validity_is_put_into_twilios_range_and_no_report_is_asked_for_unwanted() {
    let (to, text) = (number("+15017122661"), body("hi"));
    for (seconds, told) in [(0, "1"), (1, "1"), (36_000, "36000"), (86_400, "36000")] {
        let mut text = outgoing(&to, &text);
        text.validity = Duration::from_secs(seconds);
        text.wants_report = false;
        let form = form_of(&twilio().send(&text, &now()).unwrap());
        assert_eq!(form.first("ValidityPeriod"), Some(told));
        assert_eq!(form.first("StatusCallback"), None);
    }
}

#[test]
fn a_short_code_is_no_recipient_for_twilio() {
    let (to, text) = (number("10086"), body("hi"));
    assert!(twilio().send(&outgoing(&to, &text), &now()).is_err());
}

#[test]
fn a_section_that_makes_no_account_is_refused_by_its_key() {
    let broken = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Twilio::new(settings).unwrap_err().to_string()
    };
    assert!(broken(|s| s.account = "AC1/../x".to_owned()).starts_with("account"));
    assert!(broken(|s| s.key = Some(String::new())).starts_with("key"));
    assert!(broken(|s| s.sender = Sender::From(String::new())).starts_with("from"));
    assert!(broken(|s| s.base_url = "api.twilio.com".to_owned()).starts_with("base_url"));
}

#[test]
fn documented_answers_come_to_their_verdicts() {
    for case in cases(include_str!("../vectors/twilio_answers.json")) {
        let verdict = twilio().verdict(&case.answer());
        case.assert_outcome(&verdict);
        // It has no code for a clock that is wrong.
        let is_clock = |refusal: &Refusal| refusal.cause == Cause::Clock;
        assert!(!matches!(&verdict, Verdict::Refused(refusal) if is_clock(refusal)));
    }
}

#[test]
fn each_code_of_the_table_has_its_cause() {
    for (status, code, cause) in [
        (400, 21211, Cause::Number),
        (400, 21217, Cause::Number),
        (400, 21614, Cause::Number),
        (400, 21604, Cause::Number),
        (400, 21602, Cause::Params),
        (400, 21617, Cause::Params),
        (400, 21656, Cause::Params),
        (400, 21655, Cause::Template),
        (400, 21610, Cause::OptedOut),
        (400, 21603, Cause::Config),
        (400, 21212, Cause::Config),
        (400, 21606, Cause::Config),
        (400, 21608, Cause::Config),
        (400, 21612, Cause::Config),
        (404, 20404, Cause::Config),
        (403, 20005, Cause::Funds),
        (500, 20005, Cause::Funds),
        (400, 10001, Cause::Funds),
        (400, 90010, Cause::Funds),
        (429, 21611, Cause::Busy),
        (429, 99999, Cause::Busy),
        (401, 99999, Cause::Config),
        (400, 99999, Cause::Other),
    ] {
        let body = json!({"code": code, "message": "no", "status": status}).to_string();
        let verdict = twilio().verdict(&answer(status, &body));
        assert_eq!(refused(verdict), cause, "{status} {code}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_leaves_it_open() {
    for (status, body) in [
        (200, ""),
        (201, "{}"),
        (201, r#"{"sid":null}"#),
        (201, r#"{"sid":"../x"}"#),
        (201, "<html>"),
        (500, r#"{"code":20500,"message":"x"}"#),
        (503, ""),
        (302, ""),
    ] {
        let verdict = twilio().verdict(&answer(status, body));
        assert!(
            matches!(verdict, Verdict::Unknown(_)),
            "{status} {body}: {verdict:?}"
        );
    }
}

#[test]
fn a_refusal_repeats_no_number_and_says_how_long_to_wait() {
    let body = r#"{"code":20429,"message":"Too many for +15017122661","status":429}"#;
    let mut answer = answer(429, body);
    answer
        .headers_mut()
        .insert("retry-after", "7".parse().unwrap());
    let Verdict::Refused(refusal) = twilio().verdict(&answer) else {
        panic!()
    };
    assert_eq!(refusal.wait, Some(Duration::from_secs(7)));
    assert!(refusal.said.starts_with("20429: "), "{}", refusal.said);
    assert!(!refusal.said.contains("5017122661"), "{}", refusal.said);
}

fn message(status: &str, text: &str, created: &str) -> serde_json::Value {
    json!({
        "sid": SID, "status": status, "to": "+15017122661", "body": text, "direction": "outbound-api",
        "error_code": null, "error_message": null, "price": "-0.00750", "price_unit": "USD",
        "date_created": created, "date_updated": "Thu, 24 Aug 2023 05:02:45 +0000", "num_segments": "1",
    })
}

const CREATED: &str = "Thu, 24 Aug 2023 05:01:45 +0000";

#[test]
fn a_text_that_is_fetched_tells_its_state_and_its_price() {
    let to = number("+15017122661");
    let sought = sought(&to, Some(SID), None);
    let found = twilio().found(
        &sought,
        &answer(200, message("delivered", "x", CREATED).to_string()),
    );
    let Found::Yes(taken, Some(delivery)) = found else {
        panic!("{found:?}")
    };
    assert_eq!(
        (taken.ids, taken.price),
        (vec![SID.to_owned()], Some(Money(75)))
    );
    assert_eq!(
        (delivery.fate, delivery.at),
        (Fate::Delivered, Some(UnixMillis(1_692_853_365_000)))
    );

    let gone = answer(404, r#"{"code":20404,"message":"not found","status":404}"#);
    assert_eq!(twilio().found(&sought, &gone), Found::No);
    for (status, body) in [
        (500, ""),
        (401, r#"{"code":20003}"#),
        (200, "{}"),
        (200, ""),
    ] {
        let found = twilio().found(&sought, &answer(status, body));
        assert!(matches!(found, Found::NotSaid(_)), "{status} {found:?}");
    }
}

#[test]
fn a_text_that_failed_says_why() {
    let to = number("+15017122661");
    let mut failed = message("undelivered", "x", CREATED);
    failed["error_code"] = json!(30003);
    failed["error_message"] = json!("Unreachable destination handset");
    let found = twilio().found(
        &sought(&to, Some(SID), None),
        &answer(200, failed.to_string()),
    );
    let Found::Yes(_, Some(delivery)) = found else {
        panic!("{found:?}")
    };
    assert_eq!(delivery.fate, Fate::Undelivered);
    assert_eq!(
        delivery.detail.as_deref(),
        Some("30003: Unreachable destination handset")
    );
}

#[test]
fn a_text_without_a_sid_is_asked_for_by_number_and_day() {
    let to = number("+15017122661");
    let request = twilio().ask(&sought(&to, None, None), &now()).unwrap();
    assert_eq!(
        request.uri().query(),
        Some("To=%2B15017122661&DateSent%3E=2023-08-24&PageSize=20")
    );
    assert!(
        twilio()
            .ask(&sought(&to, Some("SM1/../x"), None), &now())
            .is_none()
    );
}

#[test]
fn a_text_is_found_by_its_words_and_its_time() {
    let to = number("+15017122661");
    let text = body("it’s 123456 – now");
    let found = |messages: Vec<serde_json::Value>, next: Option<&str>, text| {
        let page = json!({"messages": messages, "next_page_uri": next}).to_string();
        twilio().found(&sought(&to, None, text), &answer(200, &page))
    };
    let ours = || message("sent", "it's 123456 - now", CREATED);
    let other = || message("sent", "it's 654321 - now", CREATED);
    let earlier = || {
        message(
            "sent",
            "it’s 123456 – now",
            "Thu, 24 Aug 2023 04:50:00 +0000",
        )
    };
    let trial = message(
        "sent",
        "Sent from your Twilio trial account - it’s 123456 – now",
        CREATED,
    );
    for messages in [vec![other(), ours(), earlier()], vec![trial]] {
        let found = found(messages, None, Some(&text));
        assert!(
            matches!(&found, Found::Yes(taken, Some(_)) if taken.ids == [SID]),
            "{found:?}"
        );
    }
    let mut inbound = ours();
    inbound["direction"] = json!("inbound");
    let mut elsewhere = ours();
    elsewhere["to"] = json!("+15017122662");
    for message in [other(), earlier(), inbound, elsewhere] {
        assert_eq!(found(vec![message], None, Some(&text)), Found::No);
    }
    assert_eq!(found(vec![], None, Some(&text)), Found::No);
    // Older texts than ours are on the page, so ours would be too.
    assert_eq!(
        found(vec![other(), earlier()], Some("/more"), Some(&text)),
        Found::No
    );
    let cut = found(vec![other()], Some("/more"), Some(&text));
    assert!(matches!(cut, Found::NotSaid(_)), "{cut:?}");
    // Without our text, one of that time can only be ours; of two nobody knows.
    assert!(matches!(found(vec![ours()], None, None), Found::Yes(..)));
    assert!(matches!(
        found(vec![ours(), other()], None, None),
        Found::NotSaid(_)
    ));
}

/// The URL, its tail, and a signature by `TOKEN` over the form.
fn signed(tail: &str, form: &Form) -> (String, HeaderMap) {
    let url = format!("{CALLBACKS}/{tail}");
    let mut pairs: Vec<_> = form.pairs().collect();
    pairs.sort_unstable();
    let joined: String = pairs
        .into_iter()
        .flat_map(|(name, value)| [name, value])
        .collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(format!("{url}{joined}").as_bytes());
    let mut headers = HeaderMap::new();
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    headers.insert("x-twilio-signature", signature.parse().unwrap());
    (url, headers)
}

fn callback(status: &str) -> Form {
    Form::default()
        .with("MessageSid", SID)
        .with("MessageStatus", status)
        .with("To", "+15017122661")
        .with("Empty", "")
}

fn read(twilio: &Twilio, tail: &str, form: &Form) -> Result<Delivery, Disbelief> {
    let (url, headers) = signed(tail, form);
    let body = form.encoded();
    let read = twilio.read(&posted(&url, &headers, body.as_bytes()));
    read.map(|mut deliveries| deliveries.pop().unwrap())
}

#[test]
fn a_callback_names_the_attempt_and_says_what_became_of_it() {
    for (word, fate) in [
        ("accepted", Fate::Sent),
        ("scheduled", Fate::Sent),
        ("queued", Fate::Sent),
        ("sending", Fate::Sent),
        ("sent", Fate::Sent),
        ("partially_delivered", Fate::Sent),
        ("beamed", Fate::Sent),
        ("delivered", Fate::Delivered),
        ("read", Fate::Delivered),
        ("undelivered", Fate::Undelivered),
        ("failed", Fate::Undelivered),
        ("canceled", Fate::Undelivered),
    ] {
        let delivery = read(&twilio(), "2a-1f", &callback(word)).unwrap();
        assert_eq!(delivery.fate, fate, "{word}");
        assert_eq!(
            (delivery.attempt, delivery.id.as_deref()),
            (Some(ATTEMPT), Some(SID))
        );
    }
    let failed = callback("undelivered").with("ErrorCode", "30005");
    let detail = read(&twilio(), "2a-1f", &failed).unwrap().detail;
    assert_eq!(detail.as_deref(), Some("30005: unknown handset"));
    let late = callback("undelivered").with("ErrorCode", "30036");
    assert_eq!(read(&twilio(), "2a-1f", &late).unwrap().fate, Fate::Expired);
}

#[test]
fn a_callback_without_a_signature_or_a_meaning_does_not_count() {
    let form = callback("delivered");
    let (url, _) = signed("2a-1f", &form);
    let (headers, body) = (HeaderMap::new(), form.encoded());
    let unsigned = twilio().read(&posted(&url, &headers, body.as_bytes()));
    assert_eq!(unsigned, Err(Disbelief::Unproven));
    let empty = Form::default().with("MessageSid", SID);
    assert_eq!(read(&twilio(), "2a-1f", &empty), Err(Disbelief::Unreadable));
    let strange = read(&twilio(), "elsewhere", &form).unwrap();
    assert_eq!((strange.attempt, strange.id.as_deref()), (None, Some(SID)));
    let nowhere = Twilio::new(Settings {
        callbacks: None,
        ..settings()
    })
    .unwrap();
    assert_eq!(read(&nowhere, "2a-1f", &form), Err(Disbelief::NoSuchPath));
}

#[test]
fn with_an_api_key_the_auth_token_is_the_callback_secret() {
    let key = Settings {
        key: Some("SK1".to_owned()),
        secret: "secret of the key".into(),
        ..settings()
    };
    let blind = Twilio::new(key.clone()).unwrap();
    assert_eq!(
        read(&blind, "2a-1f", &callback("sent")),
        Err(Disbelief::NoSuchPath)
    );
    let twilio = Twilio::new(Settings {
        callback_secret: Some(TOKEN.into()),
        ..key
    })
    .unwrap();
    assert!(read(&twilio, "2a-1f", &callback("sent")).is_ok());
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?} {:?}", settings(), twilio());
    assert!(
        !shown.contains(TOKEN) && !shown.contains("Basic"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_text_adds_a_field_or_a_header(text in "\\PC{1,200}") {
        prop_assume!(Body::parse(&text).is_ok());
        let (to, text) = (number("+15017122661"), body(&text));
        let request = twilio().send(&outgoing(&to, &text), &now()).unwrap();
        let form = form_of(&request);
        let names: Vec<_> = form.pairs().map(|(name, _)| name).collect();
        prop_assert_eq!(names, ["To", "From", "Body", "ValidityPeriod", "StatusCallback"]);
        prop_assert_eq!(form.first("Body"), Some(text.expose()));
        prop_assert_eq!(request.headers().len(), 3);
    }

    #[test]
    fn no_answer_and_no_callback_panics(octets in any::<Vec<u8>>(), status in 200u16..600) {
        let to = number("+15017122661");
        let answer = http::Response::builder().status(status).body(octets.clone().into()).unwrap();
        _ = twilio().verdict(&answer);
        _ = twilio().found(&sought(&to, None, None), &answer);
        _ = twilio().read(&posted(CALLBACKS, &HeaderMap::new(), &octets));
    }
}
