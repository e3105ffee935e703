//! What providers take is bounded by day and month, over restarts; modems do not count against it.

use cloud_sim::{Fault, Provider, Why};
use http::{Method, StatusCode};
use serde_json::json;

use crate::cloud::CloudHouse;

const TO: &str = "+8613800138000";
const BUDGET: &str =
    "\n[server]\npublic_url = \"https://sms.example.com\"\n[budget]\ndaily = \"0.10\"\n";

#[tokio::test]
async fn when_the_day_is_paid_for_no_provider_is_a_candidate_also_after_a_restart() {
    let mut house = CloudHouse::with(0, &[Provider::Twilio], BUDGET, "").await;
    for text in ["first", "second"] {
        let id = house.house.send(TO, text).await;
        house.house.becomes(&id, "delivered").await;
    }
    for _ in 0..2 {
        let third = json!({ "to": TO, "text": "third" });
        let refused = house
            .house
            .ask(Method::POST, "/v1/messages", Some(third))
            .await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(refused.body["code"], "insufficient_credit");
        house.restarts().await;
    }
    assert_eq!(house.taken(TO).len(), 2);
    let rejected = house.rejections(TO, "transactional").await;
    assert_eq!(rejected, [("cloud:twilio".to_owned(), "budget".to_owned())]);
}

#[tokio::test]
async fn what_a_provider_refused_is_not_paid_for() {
    let house = CloudHouse::with(0, &[Provider::Twilio], BUDGET, "").await;
    for _ in 0..3 {
        house.once(Fault::Refuse { why: Why::Number });
        let id = house.house.send(TO, "no such number").await;
        let failed = house.house.becomes(&id, "failed").await;
        assert_eq!(failed["error"]["code"], "invalid_destination");
        assert_eq!(failed["price"], serde_json::Value::Null);
    }
    let id = house.house.send(TO, "still paid for").await;
    house.house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn a_modem_still_sends_when_the_budget_is_used_up() {
    let config = format!("{BUDGET}[routing]\notp_max_wait = 1\n");
    let house = CloudHouse::with(1, &[Provider::Twilio], &config, "cost = \"0.10\"\n").await;
    house.house.modem_becomes("m1", "ready").await;
    let by_cloud = json!({ "to": TO, "text": "dear", "route": "cloud:twilio" });
    let id = house.house.send_as(by_cloud).await;
    house.house.becomes(&id, "delivered").await;
    let id = house.house.send(TO, "cheap").await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], "modem:m1");
}
