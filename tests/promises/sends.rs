//! A text goes from an HTTP request to a handset, by the first of the two surfaces and by the other.

use http::Method;
use serde_json::json;

use crate::house::House;

const TO: &str = "+8613800138000";

#[tokio::test]
async fn a_text_reaches_the_phone_it_was_sent_to() {
    let house = House::with(1).await;
    let id = house.send(TO, "Hello from Cellpost").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], "modem:m1");
    assert_eq!(message["attempts"], 1);
    assert_eq!(message["final"], true);
    let texts = house.handset(TO).await;
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].text, "Hello from Cellpost");
}

#[tokio::test]
async fn an_application_on_the_same_machine_sends_without_a_key() {
    let house = House::with(1).await;
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{}/sms/send", house.url()))
        .header("content-type", "application/json")
        .body(
            json!({ "phoneNumber": "13800138000", "message": "Your order is on its way" })
                .to_string()
                .into(),
        )
        .unwrap();
    let reply = house.raw(request).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["success"], true);
    let id = reply.body["messageId"].as_str().unwrap();
    let message = house.becomes(id, "delivered").await;
    assert_eq!(message["to_raw"], "13800138000");
    assert_eq!(message["category"], "transactional");
}

#[tokio::test]
async fn at_commands_line_feeds_and_quotes_in_a_text_are_text() {
    let house = House::with(1).await;
    let text = "AT+CFUN=0\r\nAT+CMGS=1\n\"; rm -rf /\n> ";
    let id = house.send(TO, text).await;
    house.becomes(&id, "delivered").await;
    assert_eq!(
        house.handset(TO).await[0].text,
        "AT+CFUN=0\nAT+CMGS=1\n\"; rm -rf /\n> "
    );
    let sends = house.stats().await[0].cmgs;
    assert_eq!(sends, 1);
}

#[tokio::test]
async fn fifty_texts_arrive_in_the_order_in_which_they_were_accepted() {
    let house = House::with_network(1, crate::house::fast(), "").await;
    let mut last = String::new();
    for number in 0..50 {
        last = house.send(TO, &format!("text {number}")).await;
    }
    house.becomes(&last, "delivered").await;
    let texts = house.texts(TO).await;
    let expected: Vec<String> = (0..50).map(|number| format!("text {number}")).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn a_code_goes_before_what_only_waits() {
    let mut network = crate::house::fast();
    network.latency = std::time::Duration::from_millis(100);
    let house = House::with_network(1, network, "").await;
    for number in 0..6 {
        house
            .send_as(json!({ "to": TO, "text": format!("bulk {number}"), "category": "bulk" }))
            .await;
    }
    let code = house
        .send_as(json!({ "to": TO, "text": "Your code is 4711", "category": "otp" }))
        .await;
    house.becomes(&code, "delivered").await;
    house.network_took(7).await;
    let order: Vec<String> = house
        .ledger()
        .await
        .iter()
        .map(|entry| entry["text"].as_str().unwrap().to_owned())
        .collect();
    let place = order.iter().position(|text| text.contains("code")).unwrap();
    assert!(place <= 2, "the code was number {place} of {order:?}");
}
