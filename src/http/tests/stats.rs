//! `GET /v1/stats`: how things stand now.

use std::time::Duration;

use super::*;
use crate::care::{BalanceFigure, LoopbackFigure, SimFigures};
use crate::domain::{Money, SimId};

#[tokio::test]
async fn the_queue_tells_what_waits_and_for_what() {
    let house = House::new();
    house.message(json!({ "category": "bulk" })).await;
    house.message(json!({ "category": "bulk" })).await;
    house.message(json!({ "from": "m1" })).await;
    house
        .message(json!({ "scheduled_at": "2023-11-15T00:00:00Z" }))
        .await;
    let reply = house.get("/v1/stats").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let queue = &reply.body["queue"];
    assert_eq!(
        queue["places"],
        json!([
            { "category": "transactional", "route": null, "scheduled": 1, "queued": 0, "sending": 0 },
            { "category": "transactional", "route": "modem:m1", "scheduled": 0, "queued": 1, "sending": 0 },
            { "category": "bulk", "route": null, "scheduled": 0, "queued": 2, "sending": 0 },
        ])
    );
    assert_eq!(
        (&queue["scheduled"], &queue["queued"], &queue["sending"]),
        (&json!(1), &json!(3), &json!(0))
    );
    let waiting = queue["waiting"].as_array().unwrap();
    assert_eq!(
        waiting[0],
        json!({
            "reason": { "code": "scheduled", "message": "scheduled for 2023-11-15T00:00:00.000Z" },
            "category": "transactional",
            "route": null,
            "messages": 1,
            "oldest_at": "2023-11-14T22:13:20.000Z",
            "next_attempt_at": "2023-11-15T00:00:00.000Z",
            "first_expires_at": "2023-11-16T00:00:00.000Z",
        })
    );
    let told: Vec<_> = waiting[1..]
        .iter()
        .map(|group| {
            let text = |value: &Value| value.as_str().unwrap_or("any").to_owned();
            let route = text(&group["route"]);
            (
                text(&group["reason"]["code"]),
                route,
                group["messages"].as_i64(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("in_line".into(), "modem:m1".into(), Some(1)),
            ("in_line".into(), "any".into(), Some(2)),
        ]
    );
    assert_eq!(queue["is_sample"], false);
}

#[tokio::test]
async fn a_queue_that_waits_for_a_modem_says_for_which() {
    let house = House::new();
    house.message(json!({})).await;
    let mut modem = ready_modem("m1");
    modem.state = ModemState::PinRequired;
    house.fleet.send_replace(FleetView::from([modem]));
    let reply = house.get("/v1/stats").await;
    let group = &reply.body["queue"]["waiting"][0];
    assert_eq!(group["reason"]["code"], "pin_required");
    assert_eq!(group["reason"]["message"], "modem m1 pin_required");
    assert_eq!(reply.body["modems"][0]["state"], "pin_required");
}

#[tokio::test]
async fn today_counts_what_is_out_of_the_queue_and_what_is_in_it() {
    let house = House::new();
    house.message(json!({})).await;
    let canceled = house.message(json!({})).await;
    let id = canceled["id"].as_str().unwrap();
    house.post(&format!("/v1/messages/{id}/cancel"), "").await;
    let reply = house.get("/v1/stats").await;
    assert_eq!(
        reply.body["today"],
        json!({
            "since": "2023-11-14T00:00:00.000Z",
            "messages": {
                "scheduled": 0, "queued": 1, "sending": 0, "sent": 0, "delivered": 0,
                "undelivered": 0, "failed": 0, "expired": 0, "canceled": 1, "unknown": 0,
            },
            "verifications": {
                "pending": 0, "approved": 0, "expired": 0, "canceled": 0, "max_attempts_reached": 0,
            },
            "conversion": null,
        })
    );
}

#[tokio::test]
async fn statistics_need_a_key_and_know_no_parameters() {
    let house = House::new();
    let mut request = asking(Method::GET, "/v1/stats", Body::empty());
    request.headers_mut().remove("authorization");
    house.send(request).await.is(401, "unauthorized");
    house.get("/v1/stats?x=1").await.is(400, "unknown_field");
}

#[tokio::test]
async fn what_sims_have_left_and_their_probes_stand_beside_their_modems() {
    let house = House::new();
    let none = house.get("/v1/stats").await;
    assert_eq!(none.body["modems"][0]["balance"], Value::Null);
    assert_eq!(none.body["modems"][0]["loopback"], Value::Null);
    let second = Duration::from_secs(1);
    house.figures.send_replace(vec![SimFigures {
        modem: ModemName::parse("m1").unwrap(),
        sim: SimId::parse("89860000000000000001").unwrap(),
        balance: Some(BalanceFigure {
            amount: Money(21_000),
            at: NOW,
            min: Some(Money(50_000)),
        }),
        loopback: Some(LoopbackFigure {
            sent: 3,
            received: 2,
            last_delay: Some(second),
            mean_delay: Some(second * 2),
            last_at: Some(NOW),
        }),
    }]);
    let told = house.get("/v1/stats").await;
    let at = "2023-11-14T22:13:20.000Z";
    assert_eq!(
        told.body["modems"][0]["balance"],
        json!({ "amount": "2.1000", "at": at, "low": true })
    );
    assert_eq!(
        told.body["modems"][0]["loopback"],
        json!({ "sent": 3, "received": 2, "last_delay_ms": 1000, "mean_delay_ms": 2000, "last_at": at })
    );
    let modem = house.get("/v1/modems/m1").await;
    assert_eq!(
        modem.body["last_error"],
        "the SIM has 2.1000 left, less than balance_min 5.0000: top it up"
    );
    assert!(
        modem.body.get("balance").is_none(),
        "the shape of a modem is fixed"
    );
}
