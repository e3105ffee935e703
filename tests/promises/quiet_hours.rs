//! Nobody is disturbed by what can wait: quiet hours of the server.

use http::Method;
use serde_json::json;

use crate::clock_may_be_set::host;
use crate::house::House;

const TO: &str = "+8613800138000";
const QUIET: &str = "[server]\ntimezone = \"UTC\"\n[quiet]\nstart = \"22:00\"\nend = \"08:00\"\n";
const HOUR: i64 = 3_600;

host!(host, "2026-03-01T20:00:00Z");

#[tokio::test]
async fn bulk_waits_from_ten_in_the_evening_to_eight_in_the_morning_and_a_code_does_not() {
    let mut house = House::with_clocks((host::wall, host::since_boot), QUIET).await;
    house.modem_becomes("m1", "ready").await;
    house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
    house.modem_becomes("m1", "paused").await;
    let early = house
        .send_as(json!({ "to": TO, "text": "offer", "category": "bulk" }))
        .await;
    assert_eq!(house.message(&early).await["status"], "queued");
    // Half past ten.
    host::set(2 * HOUR + 1_800);
    house.clock_was_set();
    let rests = house.becomes(&early, "scheduled").await;
    assert_eq!(rests["pending_reason"]["code"], "quiet_hours");
    assert_eq!(rests["next_attempt_at"], "2026-03-02T08:00:00.000Z");
    let late = house
        .send_as(json!({ "to": TO, "text": "news", "category": "notification" }))
        .await;
    assert_eq!(house.message(&late).await["status"], "scheduled");
    house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
    let code = house
        .send_as(json!({ "to": TO, "text": "code 123456", "category": "otp" }))
        .await;
    house.becomes(&code, "delivered").await;
    assert_eq!(house.handset(TO).await.len(), 1);
    // A restart in the night wakes nobody.
    house.stop().await;
    house.start().await;
    let code = house
        .send_as(json!({ "to": TO, "text": "code 654321", "category": "otp" }))
        .await;
    house.becomes(&code, "delivered").await;
    assert_eq!(house.message(&early).await["status"], "scheduled");
    // Half past eight.
    host::set(10 * HOUR);
    house.clock_was_set();
    house.becomes(&early, "delivered").await;
    house.becomes(&late, "delivered").await;
    assert_eq!(
        house.events(&early).await[..3],
        ["queued", "scheduled", "queued"]
    );
}
