//! Preferences, suppressions and quiet hours. It is 06:13 in Shanghai.

use super::*;

const PREFERENCES: &str = "/v1/preferences/+8613800138000";

fn usual() -> Value {
    json!({
        "smsEnabled": true, "emailEnabled": true, "minSeverity": "medium",
        "quietHoursStart": "22:00", "quietHoursEnd": "08:00", "timezone": "Asia/Shanghai",
    })
}

#[tokio::test]
async fn a_number_without_preferences_has_the_usual_ones() {
    let house = House::new();
    let reply = house.get(PREFERENCES).await;
    assert_eq!((reply.status.as_u16(), reply.body), (200, usual()));
    let house = House::with("[server]\ntimezone = 'Europe/Berlin'\n[limits]\nkey_rps = 0\n");
    assert_eq!(
        house.get(PREFERENCES).await.body["timezone"],
        "Europe/Berlin"
    );
}

#[tokio::test]
async fn preferences_are_kept_by_number_until_they_are_forgotten() {
    let house = House::new();
    let wanted =
        json!({ "smsEnabled": false, "quietHoursStart": "23:30", "timezone": "America/New_York" });
    let mut expected = usual();
    expected
        .as_object_mut()
        .unwrap()
        .extend(wanted.as_object().unwrap().clone());
    // The same number as somebody in China would write it.
    let reply = house
        .put("/v1/preferences/138%200013%208000", &wanted)
        .await;
    assert_eq!((reply.status.as_u16(), &reply.body), (200, &expected));
    assert_eq!(house.get(PREFERENCES).await.body, expected);
    // What is not said any more is as usual again.
    let reply = house
        .put(PREFERENCES, &json!({ "minSeverity": "high" }))
        .await;
    assert_eq!(reply.body["smsEnabled"], true);
    assert_eq!(house.delete(PREFERENCES).await.status, 204);
    assert_eq!(house.get(PREFERENCES).await.body, usual());
}

#[tokio::test]
async fn preferences_out_of_shape_are_refused() {
    let house = House::new();
    for (body, field, code) in [
        (
            json!({ "smsEnabled": "no" }),
            "smsEnabled",
            "invalid_request",
        ),
        (
            json!({ "minSeverity": "dire" }),
            "minSeverity",
            "invalid_request",
        ),
        (
            json!({ "quietHoursStart": "8:00" }),
            "quietHoursStart",
            "invalid_request",
        ),
        (
            json!({ "timezone": "Mars/Olympus" }),
            "timezone",
            "invalid_request",
        ),
        (json!({ "sms": true }), "sms", "unknown_field"),
    ] {
        let reply = house.put(PREFERENCES, &body).await;
        reply.is(400, code);
        assert_eq!(reply.body["errors"][0]["field"], field);
    }
    house
        .get("/v1/preferences/nobody")
        .await
        .is(400, "invalid_phone");
    assert_eq!(house.get(PREFERENCES).await.body, usual());
}

#[tokio::test]
async fn an_alert_that_is_not_wanted_is_skipped_and_no_message_is_made_of_it() {
    let house = House::new();
    for (preferences, severity, reason) in [
        (json!({}), "low", Some("below_min_severity")),
        (json!({}), "high", Some("quiet_hours")),
        (json!({}), "critical", None),
        (
            json!({ "smsEnabled": false }),
            "critical",
            Some("sms_disabled"),
        ),
        (
            json!({ "quietHoursStart": "00:00", "quietHoursEnd": "00:00" }),
            "medium",
            None,
        ),
        (json!({ "timezone": "America/New_York" }), "medium", None),
        (
            json!({ "minSeverity": "low", "timezone": "America/New_York" }),
            "low",
            None,
        ),
    ] {
        house.put(PREFERENCES, &preferences).await;
        let before = house.count().await;
        let asked = json!({ "to": TO, "text": "fire", "category": "alert", "severity": severity });
        let native = house.post("/v1/messages", asked.to_string()).await;
        let asked = json!({ "phoneNumber": TO, "message": "fire", "severity": severity });
        let direct = house.post("/sms/send", asked.to_string()).await;
        assert_eq!(direct.status, 200, "{}", direct.text);
        assert_eq!(direct.body["success"], true);
        match reason {
            Some(reason) => {
                let skipped = json!({ "success": true, "skipped": true, "reason": reason });
                assert_eq!(direct.body, skipped);
                let skipped = json!({ "id": null, "skipped": true, "reason": reason });
                assert_eq!((native.status.as_u16(), &native.body), (200, &skipped));
                assert_eq!(native.header("location"), "");
                assert_eq!(house.count().await, before);
            }
            None => {
                assert_eq!(native.status, 202, "{preferences} {severity}");
                assert!(direct.body["messageId"].is_string());
                assert_eq!(house.count().await, before + 2);
            }
        }
    }
}

#[tokio::test]
async fn an_alert_for_later_is_judged_by_when_it_goes_out() {
    let house = House::new();
    // 09:00 in Shanghai.
    let later =
        json!({ "category": "alert", "severity": "high", "scheduled_at": "2023-11-15T01:00:00Z" });
    assert_eq!(house.message(later).await["status"], "scheduled");
}

#[tokio::test]
async fn a_skipped_alert_is_skipped_once_for_one_idempotency_key() {
    let house = House::new();
    let asked = json!({ "to": TO, "text": "x", "category": "alert", "severity": "low" });
    let key = [("idempotency-key", "k")];
    let first = house.post_with("/v1/messages", &asked, &key).await;
    house
        .put(
            PREFERENCES,
            &json!({ "minSeverity": "low", "timezone": "America/New_York" }),
        )
        .await;
    let again = house.post_with("/v1/messages", &asked, &key).await;
    assert_eq!(
        (again.status, again.text.clone()),
        (first.status, first.text)
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_suppressed_number_is_not_written_to_and_the_answer_says_why() {
    let house = House::new();
    for (reason, category, says) in [
        ("block", "otp", Some("reason block")),
        ("complaint", "otp", None),
        ("complaint", "alert", Some("reason complaint")),
        ("stop", "bulk", Some("inbound.stop_categories")),
        ("stop", "transactional", Some("inbound.stop_categories")),
        ("stop", "alert", None),
        ("stop", "otp", None),
    ] {
        let asked = json!({ "phone": "13800138000", "reason": reason });
        let made = house.post("/v1/suppressions", asked.to_string()).await;
        let expected =
            json!({ "phone": TO, "reason": reason, "created_at": "2023-11-14T22:13:20.000Z" });
        assert_eq!((made.status.as_u16(), made.body), (201, expected));
        let asked = json!({ "to": TO, "text": "code 123456", "category": category });
        let reply = house.post("/v1/messages", asked.to_string()).await;
        match says {
            Some(says) => {
                reply.is(403, "destination_blocked");
                assert!(
                    reply.body["detail"].as_str().unwrap().contains(says),
                    "{}",
                    reply.text
                );
            }
            None => assert_eq!(reply.status, 202, "{reason} {category}: {}", reply.text),
        }
    }
    let direct = json!({ "phoneNumber": TO, "message": "x" });
    house
        .post("/sms/send", direct.to_string())
        .await
        .is(403, "destination_blocked");
    assert_eq!(
        house.delete("/v1/suppressions/+8613800138000").await.status,
        204
    );
    house
        .delete("/v1/suppressions/+8613800138000")
        .await
        .is(404, "not_found");
    house.message(json!({})).await;
}

#[tokio::test]
async fn suppressions_are_listed_newest_first_page_by_page() {
    let house = House::new();
    for at in 0..5 {
        let asked = json!({ "phone": format!("+861380013800{at}"), "reason": "block" });
        assert_eq!(
            house
                .post("/v1/suppressions", asked.to_string())
                .await
                .status,
            201
        );
    }
    let first = house.get("/v1/suppressions?limit=3").await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = house
        .get(&format!("/v1/suppressions?limit=3&cursor={cursor}"))
        .await
        .body;
    let phones: Vec<&str> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(|one| one["phone"].as_str().unwrap())
        .collect();
    let expected = ["4", "3", "2", "1", "0"].map(|last| format!("+861380013800{last}"));
    assert_eq!(phones, expected);
    assert_eq!(
        (&second["has_more"], &second["next_cursor"]),
        (&json!(false), &Value::Null)
    );
    house
        .get("/v1/suppressions?cursor=x")
        .await
        .is(400, "invalid_cursor");
}

#[tokio::test]
async fn a_suppression_out_of_shape_is_refused() {
    let house = House::new();
    for (body, code) in [
        (json!({ "phone": "x", "reason": "block" }), "invalid_phone"),
        (json!({ "phone": TO }), "invalid_request"),
        (
            json!({ "phone": TO, "reason": "Two Words" }),
            "invalid_request",
        ),
        (
            json!({ "phone": TO, "reason": "block", "why": "x" }),
            "unknown_field",
        ),
    ] {
        house
            .post("/v1/suppressions", body.to_string())
            .await
            .is(400, code);
    }
    assert_eq!(house.get("/v1/suppressions").await.body["data"], json!([]));
}

/// Quiet in Shanghai from 22:00 to 08:00, which is midnight UTC.
const QUIET: &str = "[quiet]\nstart = '22:00'\nend = '08:00'\n[limits]\nkey_rps = 0\n";

#[tokio::test]
async fn in_quiet_hours_notification_and_bulk_wait_for_their_end_and_nothing_else_does() {
    let house = House::with(QUIET);
    for category in ["notification", "bulk"] {
        let message = house.message(json!({ "category": category })).await;
        assert_eq!(message["status"], "scheduled");
        assert_eq!(message["scheduled_at"], Value::Null);
        assert_eq!(message["pending_reason"]["code"], "quiet_hours");
        assert_eq!(message["next_attempt_at"], "2023-11-15T00:00:00.000Z");
        let events = house
            .get(&format!(
                "/v1/messages/{}/events",
                message["id"].as_str().unwrap()
            ))
            .await;
        assert_eq!(events.body["data"][0]["type"], "scheduled");
        assert_eq!(
            events.body["data"][0]["detail"],
            "quiet hours until 2023-11-15T00:00:00.000Z"
        );
    }
    for category in ["otp", "transactional"] {
        let message = house.message(json!({ "category": category })).await;
        assert_eq!(message["status"], "queued", "{category}");
    }
    let critical = json!({ "category": "alert", "severity": "critical" });
    assert_eq!(house.message(critical).await["status"], "queued");
}

#[tokio::test]
async fn what_is_scheduled_into_quiet_hours_goes_at_their_end_and_what_is_scheduled_behind_them_at_its_time()
 {
    let house = House::with(QUIET);
    for (scheduled_at, goes_at, reason) in [
        (
            "2023-11-15T15:00:00Z",
            "2023-11-16T00:00:00.000Z",
            "quiet_hours",
        ),
        (
            "2023-11-15T09:00:00Z",
            "2023-11-15T09:00:00.000Z",
            "scheduled",
        ),
    ] {
        let message = house
            .message(json!({ "category": "bulk", "scheduled_at": scheduled_at }))
            .await;
        assert_eq!(message["status"], "scheduled");
        assert_eq!(message["next_attempt_at"], goes_at);
        assert_eq!(message["pending_reason"]["code"], reason);
    }
}
