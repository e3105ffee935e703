//! What becomes of a good `POST /v1/messages`.

use super::*;

#[tokio::test]
async fn an_accepted_message_is_answered_with_all_its_keys_and_its_place() {
    let house = House::new();
    let asked = json!({ "to": "13800138000", "text": "hello", "client_ref": "order-7" });
    let reply = house.post("/v1/messages", asked.to_string()).await;
    assert_eq!(reply.status, 202);
    let id = reply.body["id"].as_str().unwrap();
    assert_eq!(id, "MSG_20231114221320000001_001");
    assert_eq!(reply.header("location"), format!("/v1/messages/{id}"));
    let expected = json!({
        "id": id, "batch_id": null, "direction": "outbound", "from": null,
        "to": "+8613800138000", "to_raw": "13800138000", "country": "CN",
        "category": "transactional", "priority": 2, "status": "queued", "final": false,
        "text": "hello", "redacted": false, "encoding": "gsm7", "parts": 1, "template_id": null,
        "client_ref": "order-7", "route": null, "attempts": 0, "error": null,
        "pending_reason": { "code": "in_line", "message": "in line for modem m1" },
        "next_attempt_at": "2023-11-14T22:13:24.000Z", "may_be_duplicate": false, "price": null,
        "scheduled_at": null, "created_at": "2023-11-14T22:13:20.000Z", "sent_at": null,
        "delivered_at": null, "expires_at": "2023-11-15T22:13:20.000Z",
    });
    assert_eq!(reply.body, expected);
    let again = house.get(&format!("/v1/messages/{id}")).await;
    assert_eq!((again.status.as_u16(), again.body), (200, expected));
}

#[tokio::test]
async fn every_wish_of_a_caller_is_kept() {
    let house = House::new();
    let message = house
        .message(json!({
            "category": "alert", "severity": "critical", "ttl": 60, "from": "m1",
            "scheduled_at": "2023-11-14T23:13:20Z", "encoding": "ucs2", "flash": true,
        }))
        .await;
    assert_eq!(message["status"], "scheduled");
    assert_eq!(message["priority"], 1);
    assert_eq!(message["encoding"], "ucs2");
    assert_eq!(message["scheduled_at"], "2023-11-14T23:13:20.000Z");
    assert_eq!(message["expires_at"], "2023-11-14T23:14:20.000Z");
    assert_eq!(message["pending_reason"]["code"], "scheduled");
    assert_eq!(message["next_attempt_at"], "2023-11-14T23:13:20.000Z");
}

#[tokio::test]
async fn a_scheduled_time_in_the_past_means_now() {
    let house = House::new();
    let message = house
        .message(json!({ "scheduled_at": "2001-01-01T00:00:00Z" }))
        .await;
    assert_eq!(message["status"], "queued");
    assert_eq!(message["scheduled_at"], Value::Null);
}

#[tokio::test]
async fn what_would_be_a_command_to_a_modem_is_a_text_like_any_other() {
    let house = House::new();
    for text in [
        "AT+CFUN=0",
        "he said \"stop\"; he did",
        "two\nlines",
        "tab\there",
        "+CMGS: 1",
        "> ",
        "'; DROP TABLE message; --",
        "你好 👋🏽",
    ] {
        let message = house.message(json!({ "text": text })).await;
        assert_eq!(message["text"], text);
    }
    let folded = house.message(json!({ "text": "a\r\nb\rc" })).await;
    assert_eq!(folded["text"], "a\nb\nc");
}

#[tokio::test]
async fn a_text_that_just_fits_is_split_and_accepted() {
    let house = House::new();
    for (text, encoding, parts) in [
        ("x".repeat(160), "gsm7", 1),
        ("x".repeat(161), "gsm7", 2),
        ("x".repeat(1530), "gsm7", 10),
        ("你".repeat(70), "ucs2", 1),
        ("你".repeat(670), "ucs2", 10),
    ] {
        let message = house.message(json!({ "text": text })).await;
        assert_eq!(message["encoding"], encoding);
        assert_eq!(message["parts"], parts);
    }
}

#[tokio::test]
async fn where_every_modem_makes_wide_references_a_text_is_measured_for_them() {
    let house = House::with("[modem.m1]\ndevice = \"/dev/ttyUSB2\"\nref16 = true\n");
    let message = house.message(json!({ "text": "x".repeat(306) })).await;
    assert_eq!(message["parts"], 3);
    let both = FleetView::from([ready_modem("m1"), ready_modem("m2")]);
    house.fleet.send_replace(both);
    let message = house.message(json!({ "text": "x".repeat(306) })).await;
    assert_eq!(message["parts"], 2);
    let bound = json!({ "text": "x".repeat(306), "from": "modem:m1" });
    assert_eq!(house.message(bound).await["parts"], 3);
}

#[tokio::test]
async fn a_code_is_shown_to_nobody() {
    let house = House::new();
    let asked = json!({ "text": "Your code is 123456", "category": "otp" });
    let message = house.message(asked).await;
    assert_eq!(message["text"], "Your code is ••••••");
    assert_eq!(message["redacted"], true);
    assert_eq!(message["priority"], 0);
    let id = message["id"].as_str().unwrap();
    for path in [
        format!("/v1/messages/{id}"),
        "/v1/messages".into(),
        format!("/v1/messages/{id}/events"),
    ] {
        let reply = house.get(&path).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.text.contains("123456"), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_message_waits_for_the_modem_it_is_bound_to_and_says_so() {
    let house = House::new();
    let absent = ModemStatus::absent(ModemName::parse("m2").unwrap(), "/dev/ttyUSB5".into(), NOW);
    house.fleet.send_replace([ready_modem("m1"), absent].into());
    let message = house.message(json!({ "from": "m2" })).await;
    assert_eq!(message["pending_reason"]["code"], "no_modem");
    assert!(message["next_attempt_at"].is_string());
}

#[tokio::test]
async fn a_full_line_takes_codes_and_nothing_else() {
    let house = House::with("[message]\nmax_backlog = 2\n");
    house.message(json!({})).await;
    house.message(json!({})).await;
    let asked = json!({ "to": TO, "text": "hello" }).to_string();
    let refused = house.post("/v1/messages", asked).await;
    refused.is(503, "overloaded");
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!(refused.body["retry_after"], 30);
    house.message(json!({ "category": "otp" })).await;
    assert_eq!(house.count().await, 3);
}

#[tokio::test]
async fn nothing_is_accepted_that_nobody_could_send_or_keep() {
    let asked = json!({ "to": TO, "text": "hello" }).to_string();

    let house = House::new();
    house.fleet.send_replace([].into());
    let reply = house.post("/v1/messages", asked.clone()).await;
    reply.is(503, "no_route");
    assert_eq!(reply.header("retry-after"), "60");

    let full = House::with("[database]\nmin_free_bytes = 4611686018427387904\n");
    let reply = full.post("/v1/messages", asked.clone()).await;
    reply.is(503, "overloaded");
    assert!(reply.body["detail"].as_str().unwrap().contains("disk"));

    let closing = House::new();
    closing.gate.close();
    let reply = closing.post("/v1/messages", asked).await;
    reply.is(503, "overloaded");
    assert!(
        reply.body["detail"]
            .as_str()
            .unwrap()
            .contains("shutting down")
    );
    assert_eq!(closing.get("/v1/messages").await.status, 200);
    for house in [&house, &full, &closing] {
        assert_eq!(house.count().await, 0);
    }
}

#[tokio::test]
async fn a_message_can_be_canceled_once_and_only_before_it_is_sent() {
    let house = House::new();
    let message = house.message(json!({})).await;
    let path = format!("/v1/messages/{}/cancel", message["id"].as_str().unwrap());
    let canceled = house.post(&path, "").await;
    assert_eq!(canceled.status, 200);
    assert_eq!(canceled.body["status"], "canceled");
    assert_eq!(canceled.body["final"], true);
    assert_eq!(canceled.body["pending_reason"], Value::Null);
    house.post(&path, "{}").await.is(409, "not_cancelable");
    house
        .post(&path, "{\"why\":1}")
        .await
        .is(400, "unknown_field");
    let nobody = "/v1/messages/MSG_20231114221320000009_001/cancel";
    house.post(nobody, "").await.is(404, "not_found");

    let id = message["id"].as_str().unwrap();
    let events = house.get(&format!("/v1/messages/{id}/events")).await;
    let event = |kind| json!({ "at": "2023-11-14T22:13:20.000Z", "type": kind, "part": null, "route": null, "detail": null });
    let expected = json!({ "data": [event("queued"), event("canceled")] });
    assert_eq!(events.body, expected);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_undo_what_was_begun() {
    let house = House::new();
    let asked = json!({ "to": TO, "text": "hello" }).to_string();
    for times in 1..100 {
        let request = asking(Method::POST, "/v1/messages", asked.clone().into());
        let mut answer = std::pin::pin!(house.router.clone().oneshot(request));
        // Until the write has begun; nobody polls it any more then. On a busy machine it may be over by the next look:
        // then the next caller hangs up.
        let is_over = loop {
            if !house.gate.0.acceptances.is_empty() {
                break false;
            }
            if futures_util::poll!(answer.as_mut()).is_ready() {
                break true;
            }
            tokio::task::yield_now().await;
        };
        if !is_over {
            house.gate.0.acceptances.close();
            house.gate.0.acceptances.wait().await;
            assert_eq!(house.count().await, times);
            return;
        }
    }
    panic!("no caller hung up before the end");
}

#[tokio::test]
async fn a_preview_shows_what_a_text_would_come_to_and_stores_nothing() {
    let house = House::new();
    let table = [
        (
            json!("hello"),
            json!({"encoding": "gsm7", "parts": 1, "units": 5, "units_left": 155, "offending": [], "offending_at": []}),
        ),
        (
            json!("it’s “it’s”"),
            json!({
                "encoding": "ucs2", "parts": 1, "units": 11, "units_left": 59,
                "offending": ["’", "“", "”"], "offending_at": [2, 5, 10],
            }),
        ),
        // More parts than may be sent are still counted.
        (
            json!("x".repeat(2_000)),
            json!({"encoding": "gsm7", "parts": 14, "units": 2_000, "units_left": 142, "offending": [], "offending_at": []}),
        ),
    ];
    for (text, expected) in table {
        let reply = house.post("/v1/messages/preview", json!({ "text": text }).to_string());
        let reply = reply.await;
        assert_eq!((reply.status.as_u16(), reply.body), (200, expected));
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_preview_of_nothing_is_refused() {
    let house = House::new();
    let preview = async |body: &str| house.post("/v1/messages/preview", body.to_owned()).await;
    preview("{}").await.is(400, "invalid_request");
    preview(r#"{"text":""}"#).await.is(400, "invalid_request");
    preview(r#"{"text":"a\u0000"}"#)
        .await
        .is(400, "invalid_request");
    preview(r#"{"text":"a","to":"+8613800138000"}"#)
        .await
        .is(400, "unknown_field");
    let keyless = from_peer("127.0.0.1:5", "/v1/messages/preview", &json!({"text": "a"}));
    assert_eq!(house.send(keyless).await.status, 401);
    assert_eq!(house.get("/v1/messages/preview").await.status, 405);
}
