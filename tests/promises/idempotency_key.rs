//! The same request twice is one text (http-api.md §0.2).

use http::Method;
use serde_json::json;

use crate::house::{House, Reply};

const TO: &str = "+8613800138000";

async fn post(house: &House, key: &str, text: &str) -> Reply {
    let body = json!({ "to": TO, "text": text });
    let headers = [("idempotency-key", key)];
    house
        .ask_with(Method::POST, "/v1/messages", Some(body), &headers)
        .await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_sends_nothing() {
    let mut house = House::with(1).await;
    let first = post(&house, "order-1", "hello").await;
    assert_eq!(first.status, 202);
    let again = post(&house, "order-1", "hello").await;
    assert_eq!(again.status, 202);
    assert_eq!(again.body["id"], first.body["id"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let id = first.body["id"].as_str().unwrap().to_owned();
    house.becomes(&id, "delivered").await;

    house.stop().await;
    house.start().await;
    let after_restart = post(&house, "order-1", "hello").await;
    assert_eq!(after_restart.body["id"], first.body["id"]);
    assert_eq!(house.handset(TO).await.len(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_text_is_refused() {
    let house = House::with(1).await;
    post(&house, "order-1", "hello").await;
    let other = post(&house, "order-1", "good bye").await;
    assert_eq!(other.status, 422);
    assert_eq!(other.body["code"], "idempotency_mismatch");
}

#[tokio::test]
async fn of_many_parallel_requests_with_one_key_one_is_sent() {
    let house = House::with_network(1, crate::house::fast(), "").await;
    let replies =
        futures_util::future::join_all((0..20).map(|_| post(&house, "order-1", "hello"))).await;
    let mut ids: Vec<&str> = replies
        .iter()
        .filter(|reply| reply.status == 202)
        .map(|reply| reply.body["id"].as_str().unwrap())
        .collect();
    for reply in &replies {
        assert!(
            [202, 409].contains(&reply.status.as_u16()),
            "{}",
            reply.body
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    house.becomes(ids[0], "delivered").await;
    assert_eq!(house.handset(TO).await.len(), 1);
}
