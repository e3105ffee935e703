//! Idempotency-Key, to the letter of http-api.md §0.2.

use super::*;
use futures_util::future::join_all;

const ORDER: [(&str, &str); 1] = [("idempotency-key", "order-1")];

fn hello() -> Value {
    json!({ "to": TO, "text": "hello" })
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_makes_no_second_message() {
    let house = House::new();
    let first = house.post_with("/v1/messages", &hello(), &ORDER).await;
    assert_eq!(first.status, 202);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = house.post_with("/v1/messages", &hello(), &ORDER).await;
    assert_eq!(again.status, 202);
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(house.count().await, 1);
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let house = House::new();
    house.post_with("/v1/messages", &hello(), &ORDER).await;
    let other = json!({ "to": TO, "text": "something else" });
    let reply = house.post_with("/v1/messages", &other, &ORDER).await;
    reply.is(422, "idempotency_mismatch");
    let spaced = house
        .send(with_headers(
            asking(Method::POST, "/v1/messages", format!(" {}", hello()).into()),
            &ORDER,
        ))
        .await;
    spaced.is(422, "idempotency_mismatch");
    assert_eq!(house.count().await, 1);
}

#[tokio::test]
async fn of_many_at_once_one_is_done_and_the_others_are_told_to_wait() {
    let house = House::new();
    let body = hello();
    let all = (0..20).map(|_| house.post_with("/v1/messages", &body, &ORDER));
    let replies = join_all(all).await;
    let accepted = replies.iter().filter(|reply| reply.status == 202).count();
    assert!(accepted >= 1);
    for reply in replies.iter().filter(|reply| reply.status != 202) {
        reply.is(409, "idempotency_in_progress");
    }
    assert!(accepted < replies.len());
    assert_eq!(house.count().await, 1);
    let later = house.post_with("/v1/messages", &body, &ORDER).await;
    assert_eq!(later.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_refusal_is_not_kept_and_the_key_is_still_good() {
    let house = House::new();
    house.gate.close();
    let refused = house.post_with("/v1/messages", &hello(), &ORDER).await;
    refused.is(503, "overloaded");
    let bad = json!({ "to": TO });
    let headers = [("idempotency-key", "order-2")];
    let refused = house.post_with("/v1/messages", &bad, &headers).await;
    refused.is(400, "invalid_request");

    let open = House::new();
    let refused = open.post_with("/v1/messages", &bad, &ORDER).await;
    refused.is(400, "invalid_request");
    let accepted = open.post_with("/v1/messages", &hello(), &ORDER).await;
    assert_eq!(accepted.status, 202);
}

#[tokio::test]
async fn a_replay_is_answered_before_limits_and_room_are_looked_at() {
    let house = House::with("[limits]\nkey_rps = 1\nkey_burst = 1\n");
    let first = house.post_with("/v1/messages", &hello(), &ORDER).await;
    assert_eq!(first.status, 202);
    house.fleet.send_replace([].into());
    house.gate.close();
    for _ in 0..3 {
        let again = house.post_with("/v1/messages", &hello(), &ORDER).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
    }
    let no_key = [
        ("idempotency-key", "order-1"),
        ("authorization", "Bearer wrong"),
    ];
    let stranger = house.post_with("/v1/messages", &hello(), &no_key).await;
    stranger.is(401, "unauthorized");
}

#[tokio::test]
async fn a_key_belongs_to_its_path_and_its_caller() {
    let house = House::new();
    let body = json!({ "to": TO, "phoneNumber": TO, "message": "hello" });
    let direct = house.post_with("/sms/send", &body, &ORDER).await;
    assert_eq!(direct.status, 200);
    let native = house.post_with("/v1/messages", &hello(), &ORDER).await;
    assert_eq!(native.status, 202);
    let again = house.post_with("/sms/send", &body, &ORDER).await;
    assert_eq!(again.text, direct.text);
    for (peer, replayed) in [
        ("127.0.0.1:1", ""),
        ("127.0.0.1:2", "true"),
        ("127.0.0.2:1", ""),
        ("[::ffff:127.0.0.1]:1", "true"),
    ] {
        let request = with_headers(from_peer(peer, "/sms/send", &body), &ORDER);
        let reply = house.send(request).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("idempotency-replayed"), replayed, "{peer}");
    }
    assert_eq!(house.count().await, 4);
}

#[tokio::test]
async fn a_key_must_be_short_and_printable() {
    let house = House::new();
    let long = "k".repeat(129);
    for key in [long.as_str(), "a\tb"] {
        let reply = house
            .post_with("/v1/messages", &hello(), &[("idempotency-key", key)])
            .await;
        reply.is(400, "invalid_request");
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_code_is_in_no_answer_that_is_kept() {
    let house = House::new();
    let body = json!({ "to": TO, "text": "Your code is 123456", "category": "otp" });
    let first = house.post_with("/v1/messages", &body, &ORDER).await;
    let again = house.post_with("/v1/messages", &body, &ORDER).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    for reply in [first, again] {
        assert!(!reply.text.contains("123456"), "{}", reply.text);
    }
}
