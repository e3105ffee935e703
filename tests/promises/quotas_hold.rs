//! A SIM sends no more than it may, at no faster pace; what waits for it says until when. A modem that a person
//! paused sends nothing.

use http::Method;

use crate::house::{House, fast};

const TO: &str = "+8613800138000";

#[tokio::test]
async fn a_quota_that_is_used_up_holds_the_line_and_says_so_also_after_a_restart() {
    let quota = "hour_quota = 0\nday_quota = 0\nmonth_quota = 3";
    let mut house = House::with_modems(1, fast(), "", quota).await;
    let mut ids = Vec::new();
    for at in 0..5 {
        ids.push(house.send(TO, &format!("text {at}")).await);
    }
    for id in &ids[..3] {
        house.becomes(id, "delivered").await;
    }
    waits_for_quota(&house, &ids[4]).await;
    let modem = house.modem_becomes("m1", "ready").await;
    assert_eq!(modem["quota"]["month"], 0);
    assert!(modem["quota"]["hour"].is_null());

    house.stop().await;
    house.start().await;
    house.modem_becomes("m1", "ready").await;
    let waiting = waits_for_quota(&house, &ids[4]).await;
    assert!(waiting["next_attempt_at"].is_string(), "{waiting}");
    assert_eq!(house.handset(TO).await.len(), 3);
}

async fn waits_for_quota(house: &House, id: &str) -> serde_json::Value {
    house
        .until("the last text waits for the quota", async || {
            let message = house.message(id).await;
            (message["pending_reason"]["code"] == "sim_quota").then_some(message)
        })
        .await
}

#[tokio::test]
async fn parts_keep_the_pace_that_the_config_sets() {
    let pace = "hour_quota = 0\nday_quota = 0\nmin_interval_ms = 300";
    let house = House::with_modems(1, fast(), "", pace).await;
    let first = house.send(TO, "one").await;
    let second = house.send(TO, "two").await;
    house.becomes(&first, "delivered").await;
    house.becomes(&second, "delivered").await;
    let gap = house.gap_between(&first, &second).await;
    assert!(gap >= 300, "{gap} ms");
}

#[tokio::test]
async fn a_paused_modem_sends_nothing_until_it_is_resumed() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let asked = house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    house.modem_becomes("m1", "paused").await;
    let id = house.send(TO, "later").await;
    let message = house.message(&id).await;
    assert_eq!(message["pending_reason"]["code"], "route_paused");
    house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
    house.becomes(&id, "delivered").await;
    house.modem_becomes("m1", "ready").await;
}
