//! A part whose PDU may have left is never silently sent again.

use modem_sim::Fault;
use serde_json::json;

use crate::house::House;

const TO: &str = "+8613800138000";

#[tokio::test]
async fn bulk_whose_answer_was_lost_is_unknown_and_stays_single() {
    let house = House::with(1).await;
    house.fault(0, Fault::NoReports { times: Some(1) }).await;
    house.fault(0, Fault::AnswerLost { times: 1 }).await;
    let id = house
        .send_as(json!({ "to": TO, "text": "sale", "category": "bulk" }))
        .await;
    let message = house.becomes(&id, "unknown").await;
    assert_eq!(message["error"]["code"], "timeout_uncertain");
    let next = house.send(TO, "after it").await;
    house.becomes(&next, "delivered").await;
    let texts = house.texts(TO).await;
    assert_eq!(texts, ["sale", "after it"]);
}

#[tokio::test]
async fn a_transactional_text_whose_answer_was_lost_is_sent_again_and_says_so() {
    let house = House::with(1).await;
    house.fault(0, Fault::NoReports { times: Some(1) }).await;
    house.fault(0, Fault::AnswerLost { times: 1 }).await;
    let id = house.send(TO, "your table is ready").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], true);
    assert_eq!(message["attempts"], 2);
    assert_eq!(house.handset(TO).await.len(), 2);
}

#[tokio::test]
async fn a_report_stands_in_for_an_answer_that_was_lost() {
    let house = House::with(1).await;
    house.fault(0, Fault::AnswerLost { times: 1 }).await;
    let id = house.send(TO, "your table is ready").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], false);
    assert_eq!(house.handset(TO).await.len(), 1);
}

#[tokio::test]
async fn a_refused_text_is_sent_once_when_it_is_taken() {
    let house = House::with(1).await;
    let busy = Fault::Refuse {
        sends: vec![(1, 42)],
    };
    house.fault(0, busy).await;
    let id = house.send(TO, "hello").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], false);
    assert_eq!(house.handset(TO).await.len(), 1);
    assert_eq!(house.stats().await[0].refused, 1);
}

#[tokio::test]
async fn a_prompt_that_does_not_come_costs_no_copy() {
    let house = House::with(1).await;
    house.fault(0, Fault::PromptNever { times: 1 }).await;
    let id = house.send(TO, "hello").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], false);
    assert_eq!(house.handset(TO).await.len(), 1);
}

#[tokio::test]
async fn a_canceled_text_does_not_leave() {
    let mut network = crate::house::fast();
    network.latency = std::time::Duration::from_millis(300);
    let house = House::with_network(1, network, "").await;
    house.send(TO, "first").await;
    let second = house.send(TO, "second").await;
    let third = house.send(TO, "third").await;
    let path = format!("/v1/messages/{second}/cancel");
    let reply = house.ask(http::Method::POST, &path, None).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["status"], "canceled");
    house.becomes(&third, "delivered").await;
    let texts = house.texts(TO).await;
    assert_eq!(texts, ["first", "third"]);
    let again = house.ask(http::Method::POST, &path, None).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.body["code"], "not_cancelable");
}
