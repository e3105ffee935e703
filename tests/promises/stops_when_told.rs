//! Who writes STOP is not written to any more, until they write START.

use http::{Method, StatusCode};
use serde_json::json;

use crate::house::House;

const THEM: &str = "+8613800138000";

#[tokio::test]
async fn a_stop_word_keeps_texts_away_but_not_codes_until_a_start_word() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let first = house.send(THEM, "you have won").await;
    house.becomes(&first, "delivered").await;
    house.writes(THEM, "stop").await;
    house
        .until("they are not written to", async || {
            let asked = json!({ "to": THEM, "text": "please come back" });
            let reply = house.ask(Method::POST, "/v1/messages", Some(asked)).await;
            (reply.status == StatusCode::FORBIDDEN).then_some(reply)
        })
        .await;
    let listed = house.ask(Method::GET, "/v1/suppressions", None).await;
    assert_eq!(listed.body["data"][0]["phone"], THEM);
    assert_eq!(listed.body["data"][0]["reason"], "stop");
    let code = house
        .send_as(json!({ "to": THEM, "text": "code 654321", "category": "otp" }))
        .await;
    house.becomes(&code, "delivered").await;
    house.writes(THEM, "START").await;
    house
        .until("they are written to again", async || {
            let asked = json!({ "to": THEM, "text": "welcome back" });
            let reply = house.ask(Method::POST, "/v1/messages", Some(asked)).await;
            (reply.status == StatusCode::ACCEPTED).then_some(reply)
        })
        .await;
}

#[tokio::test]
async fn a_number_that_is_suppressed_while_its_text_waits_gets_nothing() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
    house.modem_becomes("m1", "paused").await;
    let waiting = house.send(THEM, "you have won").await;
    let asked = json!({ "phone": THEM, "reason": "block" });
    let made = house
        .ask(Method::POST, "/v1/suppressions", Some(asked))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let other = house.send("+8613900139000", "still welcome").await;
    house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
    let failed = house.becomes(&waiting, "failed").await;
    assert_eq!(failed["error"]["code"], "suppressed");
    house.becomes(&other, "delivered").await;
    assert!(house.handset(THEM).await.is_empty());
}
