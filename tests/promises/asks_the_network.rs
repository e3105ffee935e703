//! The network is asked through a modem, whatever the make; texts go first, and a person at the modem's terminal breaks nothing.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::{House, Reply};

const BALANCE: &str = "Balance 3.00";

async fn ussd(house: &House, code: &str) -> Reply {
    let asked = json!({ "code": code });
    house
        .ask(Method::POST, "/v1/modems/m1/ussd", Some(asked))
        .await
}

async fn line(house: &House, line: &str) -> Value {
    let asked = json!({ "command": line });
    let reply = house
        .ask(Method::POST, "/v1/modems/m1/at", Some(asked))
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    reply.body
}

async fn of_make(make: &str) {
    let house = House::with_make(make, None, &[]).await;
    house.modem_becomes("m1", "ready").await;
    let reply = ussd(&house, "*100#").await;
    assert_eq!(reply.status, StatusCode::OK, "{make}: {}", reply.body);
    assert_eq!(
        reply.body,
        json!({ "status": "done", "text": BALANCE }),
        "{make}"
    );
    let id = house.send("+8613800138000", "after the balance").await;
    house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn every_make_is_asked_in_the_coding_that_it_knows() {
    tokio::join!(
        of_make("generic"),
        of_make("huawei-e-series"),
        of_make("huawei-e3372"),
        of_make("zte"),
        of_make("simcom-sim800"),
        of_make("simcom-sim7600"),
        of_make("quectel-ec25"),
        of_make("wavecom"),
    );
}

async fn in_form(form: &str, status: u16, shown: Value) {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house
        .order(json!({ "kind": "ussd", "form": form, "text": "Hi 3" }))
        .await;
    let reply = ussd(&house, "*100#").await;
    assert_eq!(reply.status.as_u16(), status, "{form}: {}", reply.body);
    match status {
        200 => assert_eq!(reply.body, shown, "{form}"),
        _ => assert_eq!(reply.body["code"], shown, "{form}"),
    }
}

#[tokio::test]
async fn every_shape_of_an_answer_is_read() {
    let said = json!({ "status": "done", "text": "Hi 3" });
    tokio::join!(
        in_form("text", 200, said.clone()),
        in_form("bare", 200, said.clone()),
        in_form("packed", 200, said.clone()),
        in_form("ucs2", 200, said.clone()),
        in_form("garbage_tail", 200, said.clone()),
        in_form(
            "session",
            200,
            json!({ "status": "reply_expected", "text": "Hi 3" })
        ),
        in_form(
            "ended",
            200,
            json!({ "status": "terminated", "text": null })
        ),
        in_form("late_error", 502, json!("modem_refused")),
        in_form("refused", 502, json!("modem_refused")),
    );
}

#[tokio::test]
async fn a_reply_goes_into_the_dialogue_that_waits_for_it() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house
        .order(json!({ "kind": "ussd", "form": "session", "text": "1 or 2?" }))
        .await;
    let question = ussd(&house, "*100#").await.body;
    assert_eq!(
        question,
        json!({ "status": "reply_expected", "text": "1 or 2?" })
    );
    // Texts go while a person thinks.
    let id = house.send("+8613800138000", "meanwhile").await;
    house.becomes(&id, "delivered").await;
    let answer = ussd(&house, "1").await.body;
    assert_eq!(answer["status"], "done");
    let ended = house.ask(Method::DELETE, "/v1/modems/m1/ussd", None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn texts_and_questions_at_once_all_come_through_once() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let mut sent = Vec::new();
    for number in 0..5 {
        let to = format!("+861380013800{number}");
        sent.push(house.send(&to, "in a row").await);
    }
    let (balance, signal) = tokio::join!(ussd(&house, "*100#"), line(&house, "AT+CSQ"));
    assert_eq!(balance.body["text"], BALANCE, "{}", balance.body);
    assert_eq!(signal["result"], "OK");
    for id in &sent {
        house.becomes(id, "delivered").await;
    }
    assert_eq!(house.stats().await[0].accepted, 5);
}

#[tokio::test]
async fn a_terminal_shows_what_the_modem_says_and_refuses_what_would_do_harm() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let identity = line(&house, "ATI").await;
    assert_eq!(identity["result"], "OK");
    assert!(!identity["lines"].as_array().unwrap().is_empty());
    let unknown = line(&house, "AT+NOSUCH").await;
    assert!(
        unknown["result"].as_str().unwrap().contains("ERROR"),
        "{unknown}"
    );
    for harmful in [
        "AT+CMGS=10",
        "ATD112",
        "AT+CPIN=\"1234\"",
        "ATE1",
        "AT+CMGD=1,4",
    ] {
        let asked = json!({ "command": harmful });
        let reply = house
            .ask(Method::POST, "/v1/modems/m1/at", Some(asked))
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{harmful}");
    }
    let id = house.send("+8613800138000", "as before").await;
    house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn a_modem_that_is_away_is_not_waited_for() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.phones(|phones| phones.unplug(0).unwrap()).await;
    house.modem_becomes("m1", "absent").await;
    let reply = ussd(&house, "*100#").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.body["code"], "modem_not_ready");
}
