//! Keys hold and end across a restart (http-api.md §0.1).

use http::Method;
use serde_json::json;

use crate::house::House;

const TO: &str = "+8613800138000";

/// Sends a text with this key; answers the status.
async fn sends(house: &House, key: &str) -> u16 {
    let bearer = format!("Bearer {key}");
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{}/v1/messages", house.url()))
        .header("authorization", bearer)
        .header("content-type", "application/json")
        .body(json!({ "to": TO, "text": "hello" }).to_string().into())
        .unwrap();
    house.raw(request).await.status.as_u16()
}

#[tokio::test]
async fn a_key_is_good_after_a_restart_and_a_revoked_one_stays_revoked() {
    let mut house = House::with(1).await;
    let asked = json!({ "name": "shop", "scopes": ["messages:send"], "credit": 3 });
    let mut made = Vec::new();
    for _ in 0..2 {
        let reply = house
            .ask(Method::POST, "/v1/keys", Some(asked.clone()))
            .await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let text = |name: &str| reply.body[name].as_str().unwrap().to_owned();
        made.push((text("id"), text("key")));
    }
    let (kept, revoked) = (&made[0], &made[1]);
    assert_eq!(sends(&house, &kept.1).await, 202);
    assert_eq!(sends(&house, &revoked.1).await, 202);
    let path = format!("/v1/keys/{}", revoked.0);
    assert_eq!(house.ask(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(sends(&house, &revoked.1).await, 401);

    house.stop().await;
    house.start().await;
    assert_eq!(sends(&house, &kept.1).await, 202);
    assert_eq!(sends(&house, &kept.1).await, 202);
    // The fourth of three.
    assert_eq!(sends(&house, &kept.1).await, 403);
    assert_eq!(sends(&house, &revoked.1).await, 401);
}
