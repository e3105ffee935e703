//! `/sms/send`, group B.

use super::*;

async fn category_of(house: &House, body: Value) -> String {
    let reply = house.post("/sms/send", body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let id = reply.body["messageId"].as_str().unwrap();
    let message = house.get(&format!("/v1/messages/{id}")).await.body;
    message["category"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_direct_text_is_answered_with_its_id() {
    let house = House::new();
    let body = json!({ "phoneNumber": "+1234567890", "message": "hello", "colour": "ignored" });
    let reply = house.post("/sms/send", body.to_string()).await;
    assert_eq!(reply.status, 200);
    let expected = json!({ "success": true, "messageId": "MSG_20231114221320000001_001" });
    assert_eq!(reply.body, expected);
}

#[tokio::test]
async fn a_severity_makes_an_alert_of_it() {
    let house = House::new();
    for (more, category) in [
        (json!({}), "transactional"),
        (json!({ "category": "bulk" }), "bulk"),
        (json!({ "severity": "critical" }), "alert"),
        (
            json!({ "severity": "critical", "category": "bulk" }),
            "alert",
        ),
    ] {
        let mut body = json!({ "to": TO, "message": "hello", "clientRef": "c" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(category_of(&house, body).await, category);
    }
}

#[tokio::test]
async fn its_errors_have_the_shape_of_their_group() {
    let house = House::new();
    for (body, code) in [
        (
            json!({ "phoneNumber": "x", "message": "hello" }),
            "invalid_phone",
        ),
        (json!({ "message": "hello" }), "invalid_request"),
        (json!({ "phoneNumber": TO }), "invalid_request"),
        (
            json!({ "phoneNumber": TO, "message": "" }),
            "invalid_request",
        ),
        (
            json!({ "phoneNumber": TO, "message": 5 }),
            "invalid_request",
        ),
        (
            json!({ "phoneNumber": TO, "message": "x".repeat(2000) }),
            "too_long",
        ),
        (
            json!({ "phoneNumber": TO, "message": "x", "severity": "dire" }),
            "invalid_request",
        ),
    ] {
        let reply = house.post("/sms/send", body.to_string()).await;
        reply.is(400, code);
        assert_eq!(reply.body["success"], false);
        assert_eq!(reply.body["statusCode"], 400);
        assert_eq!(reply.body["error"], reply.body["message"]);
        assert!(!reply.body["message"].as_str().unwrap().is_empty());
        assert_eq!(reply.header("content-type"), "application/json");
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn too_many_are_told_when_to_come_again() {
    let house = House::with("[limits]\nkey_rps = 1\nkey_burst = 1\n");
    let body = json!({ "phoneNumber": TO, "message": "hello" }).to_string();
    assert_eq!(house.post("/sms/send", body.clone()).await.status, 200);
    let refused = house.post("/sms/send", body).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.body["retryAfter"], 1);
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn short_codes_are_for_the_native_api_only() {
    let house = House::with("[phone]\nallow_short_codes = true\n");
    let native = json!({ "to": "10086", "text": "hello" }).to_string();
    assert_eq!(house.post("/v1/messages", native).await.status, 202);
    let direct = json!({ "phoneNumber": "10086", "message": "hello" }).to_string();
    house
        .post("/sms/send", direct)
        .await
        .is(400, "invalid_phone");
}
