//! A message goes when it is meant to go, or not at all.

use http::{Method, StatusCode};
use serde_json::json;

use crate::clock_may_be_set::host;
use crate::house::House;

const TO: &str = "+8613800138000";

async fn cancel(house: &House, id: &str) -> StatusCode {
    let path = format!("/v1/messages/{id}/cancel");
    house.ask(Method::POST, &path, None).await.status
}

mod in_time {
    use super::*;

    host!(host, "2026-03-01T12:00:00Z");

    #[tokio::test]
    async fn a_scheduled_message_goes_at_its_time_unless_it_was_canceled() {
        let house = House::with_clocks((host::wall, host::since_boot), "").await;
        house.modem_becomes("m1", "ready").await;
        let in_an_hour = "2026-03-01T13:00:00Z";
        let asked = json!({ "to": TO, "text": "kept", "ttl": 60, "scheduled_at": in_an_hour });
        let kept = house.send_as(asked).await;
        let asked = json!({ "to": TO, "text": "canceled", "scheduled_at": in_an_hour });
        let canceled = house.send_as(asked).await;
        assert_eq!(cancel(&house, &canceled).await, StatusCode::OK);
        host::sleeps(3_601);
        house.clock_was_set();
        house.becomes(&kept, "delivered").await;
        assert_eq!(house.message(&canceled).await["status"], "canceled");
        assert_eq!(house.texts(TO).await, ["kept"]);
        assert_eq!(cancel(&house, &kept).await, StatusCode::CONFLICT);
        assert_eq!(cancel(&house, &canceled).await, StatusCode::CONFLICT);
    }
}

mod too_late {
    use super::*;

    host!(host, "2026-03-01T12:00:00Z");

    #[tokio::test]
    async fn a_message_whose_time_is_over_while_its_modem_is_paused_is_not_sent_afterwards() {
        let house = House::with_clocks((host::wall, host::since_boot), "").await;
        house.modem_becomes("m1", "ready").await;
        house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
        house.modem_becomes("m1", "paused").await;
        let short = house
            .send_as(json!({ "to": TO, "text": "short", "ttl": 600 }))
            .await;
        let long = house
            .send_as(json!({ "to": TO, "text": "long", "ttl": 6_000 }))
            .await;
        host::sleeps(601);
        house.clock_was_set();
        let expired = house.becomes(&short, "expired").await;
        assert_eq!(expired["error"]["code"], "expired");
        house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
        house.becomes(&long, "delivered").await;
        assert_eq!(house.texts(TO).await, ["long"]);
    }
}
