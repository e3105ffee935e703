//! Bad input gets a clear error and loses nothing.

use http::{Method, Request};
use serde_json::{Value, json};

use crate::house::House;

const TO: &str = "+8613800138000";

async fn post(house: &House, body: &str) -> (u16, Value) {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/v1/messages", house.url()))
        .header("authorization", format!("Bearer {}", house.key()))
        .header("content-type", "application/json")
        .body(body.to_owned().into())
        .unwrap();
    let reply = house.raw(request).await;
    (reply.status.as_u16(), reply.body)
}

#[tokio::test]
async fn every_bad_request_is_named_and_nothing_of_it_is_stored_or_sent() {
    let house = House::with_network(1, crate::house::fast(), "").await;
    let lone_surrogate = r#"{"to":"+8613800138000","text":"\ud83d"}"#;
    let to = |to: &str| json!({ "to": to, "text": "hello" }).to_string();
    let text = |text: &str| json!({ "to": TO, "text": text }).to_string();
    for (body, status, code) in [
        ("{".to_owned(), 400, "invalid_request"),
        ("[]".to_owned(), 400, "invalid_request"),
        (String::new(), 400, "invalid_request"),
        (
            json!({ "to": TO, "text": "hello", "colour": "red" }).to_string(),
            400,
            "unknown_field",
        ),
        (
            json!({ "to": TO, "text": 5 }).to_string(),
            400,
            "invalid_request",
        ),
        (json!({ "to": TO }).to_string(), 400, "invalid_request"),
        (to("13800138o00"), 400, "invalid_phone"),
        (to("13800138000\r"), 400, "invalid_phone"),
        (to("13800\n138000"), 400, "invalid_phone"),
        (to("138\u{1b}00138000"), 400, "invalid_phone"),
        (to("138\u{1a}00138000"), 400, "invalid_phone"),
        (to("13800138000;"), 400, "invalid_phone"),
        (to(""), 400, "invalid_phone"),
        (text(""), 400, "invalid_request"),
        (text(&"x".repeat(2000)), 400, "too_long"),
        (lone_surrogate.to_owned(), 400, "invalid_request"),
        (text("a\u{0}"), 400, "invalid_request"),
        (text("a\u{1b}"), 400, "invalid_request"),
        (text("a\u{1a}"), 400, "invalid_request"),
        ("x".repeat(2 << 20), 413, "payload_too_large"),
        (
            json!({ "to": TO, "text": "hello", "from": "m9" }).to_string(),
            400,
            "invalid_request",
        ),
    ] {
        let shown: String = body.chars().take(80).collect();
        let (got, answer) = post(&house, &body).await;
        assert_eq!(
            (got, answer["code"].as_str()),
            (status, Some(code)),
            "{shown}"
        );
        assert!(answer["detail"].is_string(), "{shown}: {answer}");
    }
    let list = house.ask(Method::GET, "/v1/messages", None).await;
    assert_eq!(list.body["data"], json!([]));
    let id = house.send(TO, "still here").await;
    house.becomes(&id, "delivered").await;
    assert_eq!(house.stats().await[0].cmgs, 1);
}

#[tokio::test]
async fn a_port_that_cannot_be_used_is_named_and_its_neighbours_work() {
    let folder = tempfile::tempdir().unwrap();
    let no_tty = folder.path().join("letter.txt");
    std::fs::write(&no_tty, "not a modem").unwrap();
    let config = format!(
        "[modem.gone]\ndevice = \"{}\"\n[modem.letter]\ndevice = \"{}\"\n",
        folder.path().join("nowhere").display(),
        no_tty.display()
    );
    let house = House::with_network(1, crate::house::fast(), &config).await;
    house.modem_becomes("m1", "ready").await;
    let gone = house.modem_becomes("gone", "absent").await;
    assert!(gone["last_error"].is_string(), "{gone}");
    let letter = house.modem_becomes("letter", "failed").await;
    let said = letter["last_error"].as_str().unwrap();
    assert!(said.contains("tty"), "{said}");
    let id = house.send(TO, "hello").await;
    house.becomes(&id, "delivered").await;
    assert_eq!(std::fs::read_to_string(&no_tty).unwrap(), "not a modem");
}

#[tokio::test]
async fn a_port_that_somebody_else_holds_is_named_and_taken_when_it_is_free() {
    let mut holder = House::with(1).await;
    holder.modem_becomes("m1", "ready").await;
    let device = holder.modem_becomes("m1", "ready").await["device"].clone();
    let config = format!("[modem.taken]\ndevice = {device}\n");
    let house = House::with_network(1, crate::house::fast(), &config).await;
    let taken = house.modem_becomes("taken", "failed").await;
    let said = taken["last_error"].as_str().unwrap();
    assert!(said.contains("another program holds it"), "{said}");
    holder.stop().await;
    house.modem_becomes("taken", "ready").await;
}
