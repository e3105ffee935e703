//! Every waiting message says why, and when it is looked at again.

use modem_sim::Fault;
use serde_json::json;

use crate::house::House;

const TO: &str = "+8613800138000";

#[tokio::test]
async fn each_reason_is_named() {
    let mut network = crate::house::fast();
    network.latency = std::time::Duration::from_millis(400);
    let house = House::with_network(1, network, "").await;
    house.modem_becomes("m1", "ready").await;
    house.send(TO, "in the air").await;
    let behind = house.send(TO, "behind it").await;
    let last = house.send(TO, "behind both").await;
    let in_ten_minutes = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
    let scheduled = house
        .send_as(json!({ "to": TO, "text": "later", "scheduled_at": in_ten_minutes.to_string() }))
        .await;
    for (id, status, reason) in [
        (&behind, "queued", "in_line"),
        (&last, "queued", "in_line"),
        (&scheduled, "scheduled", "scheduled"),
    ] {
        let message = house.message(id).await;
        assert_eq!(message["status"], status);
        assert_eq!(message["pending_reason"]["code"], reason);
        assert!(message["pending_reason"]["message"].is_string());
        assert!(message["next_attempt_at"].is_string());
    }
    house.becomes(&last, "delivered").await;
    let busy = Fault::Refuse {
        sends: vec![(1, 42)],
    };
    house.fault(0, busy).await;
    let refused = house.send(TO, "busy").await;
    let waiting = house
        .until("it backs off", async || {
            let message = house.message(&refused).await;
            (message["pending_reason"]["code"] == "retry_backoff").then_some(message)
        })
        .await;
    let why = waiting["pending_reason"]["message"].as_str().unwrap();
    assert!(why.contains("42"), "{why}");
    assert!(waiting["next_attempt_at"].is_string());
}
