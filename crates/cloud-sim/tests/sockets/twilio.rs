//! Twilio: create, fetch, list.

use cloud_sim::{Provider, refusals};
use serde_json::{Value, json};

use crate::house::{ask, basic, calls, create, form, look, start, text};

/// Each key of the Message resource with the types it may have.
const SHAPE: [(&str, &[&str]); 20] = [
    ("account_sid", &["string"]),
    ("api_version", &["string"]),
    ("body", &["string"]),
    ("date_created", &["string"]),
    ("date_sent", &["string", "null"]),
    ("date_updated", &["string"]),
    ("direction", &["string"]),
    ("error_code", &["number", "null"]),
    ("error_message", &["string", "null"]),
    ("from", &["string", "null"]),
    ("messaging_service_sid", &["string", "null"]),
    ("num_media", &["string"]),
    ("num_segments", &["string"]),
    ("price", &["string", "null"]),
    ("price_unit", &["string"]),
    ("sid", &["string"]),
    ("status", &["string"]),
    ("subresource_uris", &["object"]),
    ("to", &["string"]),
    ("uri", &["string"]),
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[track_caller]
fn assert_message(message: &Value) {
    let keys: Vec<_> = message
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected: Vec<_> = SHAPE.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, expected);
    for (key, kinds) in SHAPE {
        let found = kind(&message[key]);
        assert!(kinds.contains(&found), "{key} is {found}");
    }
    let sid = message["sid"].as_str().unwrap();
    assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
    assert!(
        message["date_created"]
            .as_str()
            .unwrap()
            .ends_with(" +0000")
    );
}

#[test]
fn a_created_message_is_201_with_twenty_keys() {
    let sim = start();
    let answer = text(&sim, "+15017122661", "Hello there", "").unwrap();
    assert_eq!(
        (answer.status(), answer.header("content-type")),
        (201, "application/json")
    );
    let message = answer.json();
    assert_message(&message);
    assert_eq!(message["status"], "queued");
    assert_eq!(message["from"], "+15005550006");
    assert_eq!(message["num_segments"], "1");
    assert_eq!(message["price"], Value::Null);

    let texts = sim.texts();
    assert_eq!(texts.len(), 1);
    assert_eq!(
        (texts[0].text.as_deref(), texts[0].copy),
        (Some("Hello there"), 1)
    );
    assert_eq!(sim.times("+15017122661", "Hello there"), 1);
    text(&sim, "+15017122661", "Hello there", "").unwrap();
    assert_eq!(sim.texts()[1].copy, 2);
    assert_eq!(*sim.taken().borrow(), 2);
}

#[test]
fn a_messaging_service_takes_it_before_it_has_a_sender() {
    let sim = start();
    let service = sim.settings().twilio.messaging_service.clone();
    let fields = [
        ("To", "+447700900123"),
        ("MessagingServiceSid", service.as_str()),
        ("Body", "a+b c*d~e&f"),
    ];
    let message = create(&sim, &fields).unwrap().json();
    assert_message(&message);
    assert_eq!(message["status"], "accepted");
    assert_eq!(message["from"], Value::Null);
    assert_eq!(message["num_segments"], "0");
    assert_eq!(message["messaging_service_sid"], service);
    assert_eq!(sim.texts()[0].text.as_deref(), Some("a+b c*d~e&f"));
}

#[test]
fn only_the_accounts_own_credentials_open_it() {
    let sim = start();
    let account = sim.settings().twilio.clone();
    let path = format!(
        "POST /twilio/2010-04-01/Accounts/{}/Messages.json",
        account.account_sid
    );
    let body = form(&[
        ("To", "+15017122661"),
        ("From", "+15005550006"),
        ("Body", "x"),
    ]);
    let with = |user: &str, password: &str| {
        let proof = basic(user, password);
        ask(&sim, &path, &[("authorization", &proof)], &body).unwrap()
    };
    let mut almost = account.auth_token.clone();
    almost.pop();
    for answer in [
        with(&account.account_sid, &almost),
        with(&account.api_key, &account.auth_token),
        ask(&sim, &path, &[], &body).unwrap(),
    ] {
        assert_eq!(answer.status(), 401);
        let expected = json!({
            "code": 20003,
            "message": "Authenticate",
            "more_info": "https://www.twilio.com/docs/errors/20003",
            "status": 401,
        });
        assert_eq!(answer.json(), expected);
    }
    assert_eq!(sim.texts().len(), 0);
    assert_eq!(with(&account.api_key, &account.api_secret).status(), 201);
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_code() {
    let sim = start();
    let long = "x".repeat(1601);
    let (to, from) = (("To", "+15017122661"), ("From", "+15005550006"));
    let rows: [(&[(&str, &str)], u64); 7] = [
        (&[from, ("Body", "x")], 21604),
        (&[to, from], 21602),
        (&[to, ("Body", "x")], 21603),
        (&[("To", "+123"), from, ("Body", "x")], 21211),
        (&[("To", "15017122661"), from, ("Body", "x")], 21211),
        (&[to, ("From", "+15005550007"), ("Body", "x")], 21606),
        (&[to, from, ("Body", &long)], 21617),
    ];
    for (fields, code) in rows {
        let answer = create(&sim, fields).unwrap();
        let error = answer.json();
        assert_eq!((answer.status(), &error["code"]), (400, &json!(code)));
        assert_eq!(error["status"], 400);
        assert_eq!(error.as_object().unwrap().len(), 4);
    }
    assert_eq!(sim.texts().len(), 0);
    assert_eq!(calls(&sim, Provider::Twilio)[0], "send: refused 21604");
}

#[test]
fn a_message_is_fetched_in_the_state_it_has_come_to() {
    let sim = start();
    let sid = text(&sim, "+15017122661", "Hello there", "")
        .unwrap()
        .json()["sid"]
        .clone();
    let path = format!("Messages/{}.json", sid.as_str().unwrap());
    crate::house::until(|| look(&sim, &path).json()["status"] == "delivered");
    let message = look(&sim, &path).json();
    assert_message(&message);
    assert_eq!(message["sid"], sid);
    assert_eq!(message["price"], "-0.00750");
    assert_eq!(kind(&message["date_sent"]), "string");

    let missing = look(&sim, "Messages/SM00000000000000000000000000000000.json");
    assert_eq!(
        (missing.status(), &missing.json()["code"]),
        (404, &json!(20404))
    );
}

#[test]
fn a_list_is_filtered_and_paged_newest_first() {
    let sim = start();
    for n in 0..5 {
        text(&sim, "+15017122661", &format!("text {n}"), "").unwrap();
    }
    text(&sim, "+15017122662", "another's", "").unwrap();
    let bodies = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap();
        messages.iter().for_each(assert_message);
        messages
            .iter()
            .map(|one| one["body"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = look(&sim, "Messages.json?To=%2B15017122661&PageSize=2").json();
    assert_eq!(bodies(&first), ["text 4", "text 3"]);
    let keys: Vec<_> = first
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "end",
        "first_page_uri",
        "messages",
        "next_page_uri",
        "page",
        "page_size",
        "previous_page_uri",
        "start",
        "uri",
    ];
    assert_eq!(keys, expected);

    // A new one in between moves nothing.
    text(&sim, "+15017122661", "text 5", "").unwrap();
    let next = first["next_page_uri"].as_str().unwrap();
    let root = format!(
        "/2010-04-01/Accounts/{}/",
        sim.settings().twilio.account_sid
    );
    let second = look(&sim, next.strip_prefix(&root).unwrap()).json();
    assert_eq!(bodies(&second), ["text 2", "text 1"]);
    let next = second["next_page_uri"].as_str().unwrap();
    let third = look(&sim, next.strip_prefix(&root).unwrap()).json();
    assert_eq!(bodies(&third), ["text 0"]);
    assert_eq!(third["next_page_uri"], Value::Null);
}

#[test]
fn a_list_begins_and_ends_with_the_days_that_are_asked_for() {
    let sim = start();
    text(&sim, "+15017122661", "today", "").unwrap();
    let count = |condition: &str| {
        let page = look(
            &sim,
            &format!("Messages.json?To=%2B15017122661&{condition}"),
        )
        .json();
        page["messages"].as_array().unwrap().len()
    };
    assert_eq!(count("DateSent%3E=2020-01-01"), 1);
    assert_eq!(count("DateSent%3E=2020-01-01T00:00:00Z"), 1);
    assert_eq!(count("DateSent%3E=2999-01-01"), 0);
    assert_eq!(count("DateSent%3C=2020-01-01"), 0);
    assert_eq!(count("DateSent=2020-01-01"), 0);
}

#[test]
fn without_the_prefix_it_is_known_by_its_path() {
    let sim = start();
    let account = sim.settings().twilio.clone();
    let path = format!(
        "GET /2010-04-01/Accounts/{}/Messages.json",
        account.account_sid
    );
    let proof = basic(&account.account_sid, &account.auth_token);
    assert_eq!(
        ask(&sim, &path, &[("authorization", &proof)], "")
            .unwrap()
            .status(),
        200
    );
    assert_eq!(ask(&sim, "GET /nobody", &[], "").unwrap().status(), 404);
}

#[test]
fn every_row_of_the_error_table_is_refused_as_it_says() {
    use cloud_sim::{Fault, Order};
    let sim = start();
    for row in refusals(Provider::Twilio) {
        let fault = Fault::RefuseWith {
            code: row.code.into(),
            retry_after_s: Some(7),
        };
        sim.order(Order::once(fault).by(Provider::Twilio));
        let answer = text(&sim, "+15017122661", "x", "").unwrap();
        assert_eq!(answer.status(), row.status, "{}", row.code);
        assert_eq!(answer.json()["code"].to_string(), row.code);
        assert_eq!(answer.header("retry-after"), "7");
    }
    assert_eq!(sim.texts().len(), 0);
}
