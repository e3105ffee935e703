//! Vonage: the SMS API, three kinds of proof, a receipt for each part.

use cloud_sim::{Fault, Order, Provider, Sim, refusals};
use hmac::{Hmac, Mac};
use serde_json::json;

use crate::house::{FORM, Message, ask, basic, form, hex, start};

fn send(sim: &Sim, fields: &[(&str, &str)]) -> Message {
    let account = &sim.settings().vonage;
    let proof = basic(&account.api_key, &account.api_secret);
    ask(
        sim,
        "POST /vonage/sms/json",
        &[("authorization", &proof), FORM],
        &form(fields),
    )
    .unwrap()
}

fn status(answer: &Message) -> String {
    assert_eq!(answer.status(), 200);
    answer.json()["messages"][0]["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

const TEXT: [(&str, &str); 3] = [
    ("from", "Vonage"),
    ("to", "447700900000"),
    ("text", "Hello"),
];

#[test]
fn each_part_has_an_entry_with_an_id() {
    let sim = start();
    let answer = send(&sim, &[&TEXT[..], &[("client-ref", "7-a1")]].concat()).json();
    assert_eq!(answer["message-count"], "1");
    let one = &answer["messages"][0];
    assert_eq!(
        (&one["status"], &one["to"]),
        (&json!("0"), &json!("447700900000"))
    );
    assert_eq!(
        (&one["client-ref"], &one["message-price"]),
        (&json!("7-a1"), &json!("0.03330000"))
    );
    let long = "x".repeat(161);
    let answer = send(&sim, &[TEXT[0], TEXT[1], ("text", &long)]).json();
    assert_eq!(answer["message-count"], "2");
    let ids = &sim.texts()[1].ids;
    assert_eq!(answer["messages"][0]["message-id"], json!(ids[0]));
    assert_eq!(answer["messages"][1]["message-id"], json!(ids[1]));
}

#[test]
fn what_is_not_said_to_be_unicode_arrives_garbled() {
    let sim = start();
    send(&sim, &[TEXT[0], TEXT[1], ("text", "您好 5€")]);
    send(
        &sim,
        &[TEXT[0], TEXT[1], ("text", "您好 5€"), ("type", "unicode")],
    );
    let texts = sim.texts();
    assert_eq!(texts[0].text.as_deref(), Some("?? 5€"));
    assert_eq!(texts[1].text.as_deref(), Some("您好 5€"));
}

#[test]
fn secrets_and_signatures_open_it_and_nothing_else() {
    let sim = start();
    let account = sim.settings().vonage.clone();
    let ask = |fields: &[(&str, &str)]| {
        status(&ask(&sim, "POST /vonage/sms/json", &[FORM], &form(fields)).unwrap())
    };
    let (key, secret) = (
        ("api_key", account.api_key.as_str()),
        ("api_secret", account.api_secret.as_str()),
    );
    assert_eq!(ask(&[&TEXT[..], &[key, secret]].concat()), "0");
    assert_eq!(ask(&[&TEXT[..], &[key, ("api_secret", "x")]].concat()), "4");
    assert_eq!(ask(&TEXT), "4");

    let signed = |text: &str, off: u64| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let stamp = (now.as_secs() - off).to_string();
        // In the order of the names.
        let line = format!(
            "&api_key={}&from=Vonage&text={}&timestamp={stamp}&to=447700900000",
            account.api_key,
            text.replace(['&', '='], "_")
        );
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(
            account.signature_secret.as_ref().unwrap().as_bytes(),
        )
        .unwrap();
        mac.update(line.as_bytes());
        (stamp, hex(&mac.finalize().into_bytes()))
    };
    let (stamp, sig) = signed("a=b&c", 0);
    let with = |text: &str, stamp: &str, sig: &str| {
        ask(&[
            TEXT[0],
            TEXT[1],
            ("text", text),
            key,
            ("timestamp", stamp),
            ("sig", sig),
        ])
    };
    assert_eq!(with("a=b&c", &stamp, &sig), "0");
    assert_eq!(with("a=b&d", &stamp, &sig), "14");
    let (stamp, sig) = signed("x", 301);
    assert_eq!(with("x", &stamp, &sig), "14");
    assert_eq!(sim.texts().len(), 2);
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_status() {
    let sim = start();
    let with = |name: &str, value: &str| {
        let mut fields = TEXT.to_vec();
        fields.retain(|(one, _)| *one != name);
        fields.push((name, value));
        let answer = send(&sim, &fields);
        (
            status(&answer),
            answer.json()["messages"][0]["error-text"]
                .as_str()
                .unwrap_or("")
                .to_owned(),
        )
    };
    assert_eq!(with("from", ""), ("2".into(), "Missing from param".into()));
    assert_eq!(
        with("to", "+447700900000"),
        ("3".into(), "Invalid value for param: to".into())
    );
    assert_eq!(
        with("ttl", "19999"),
        ("3".into(), "Invalid value for param: ttl".into())
    );
    assert_eq!(with("client-ref", &"x".repeat(101)).0, "3");
    assert_eq!(with("ttl", "20000").0, "0");
}

#[test]
fn every_row_of_the_error_table_is_refused_as_it_says() {
    let sim = start();
    for row in refusals(Provider::Vonage) {
        let fault = Fault::RefuseWith {
            code: row.code.into(),
            retry_after_s: None,
        };
        sim.order(Order::once(fault).by(Provider::Vonage));
        let answer = send(&sim, &TEXT);
        assert_eq!(status(&answer), row.code);
        assert_eq!(answer.json()["messages"][0]["error-text"], row.message);
    }
    assert_eq!(sim.texts().len(), 0);
}
