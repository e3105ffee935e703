//! `/v1/batches`: one request, many recipients.

use super::*;

fn asked(recipients: Value) -> Value {
    json!({ "recipients": recipients, "text": "hello", "category": "bulk" })
}

fn numbers(count: usize) -> Value {
    (0..count)
        .map(|n| json!({ "to": format!("+86138{n:08}") }))
        .collect()
}

impl House {
    async fn batch(&self, asked: &Value) -> Reply {
        self.post("/v1/batches", asked.to_string()).await
    }
}

#[tokio::test]
async fn a_batch_is_accepted_and_whoever_is_no_number_is_named() {
    let house = House::new();
    let reply = house
        .batch(&asked(json!([
            { "to": "13800138000", "client_ref": "a" },
            { "to": "nobody" },
            { "to": "+86 138 0013 8000", "client_ref": "again" },
            { "to": "+447700900123" },
        ])))
        .await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert_eq!(
        reply.header("location"),
        "/v1/batches/SMS_BATCH_20231114221320000001"
    );
    assert_eq!(
        reply.body,
        json!({
            "id": "SMS_BATCH_20231114221320000001",
            "status": "PENDING",
            "category": "bulk",
            "total": 2,
            "accepted": 2,
            "rejected": [{ "index": 1, "to": "nobody", "code": "invalid_phone" }],
            "waiting": 2,
            "sending": 0,
            "success": 0,
            "failed": 0,
            "scheduled_at": null,
            "created_at": "2023-11-14T22:13:20.000Z",
            "completed_at": null,
        })
    );
    let id = reply.body["id"].as_str().unwrap();
    assert_eq!(
        house.get(&format!("/v1/batches/{id}")).await.body,
        reply.body
    );
    let list = house.get("/v1/batches").await;
    assert_eq!(list.body["data"], json!([reply.body]));

    for path in [
        format!("/v1/batches/{id}/messages"),
        format!("/v1/messages?batch_id={id}"),
    ] {
        let messages = house.get(&path).await;
        let data = messages.body["data"].as_array().unwrap();
        let told: Vec<_> = data
            .iter()
            .map(|one| (one["id"].as_str().unwrap(), one["to"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("MSG_20231114221320000001_002", "+447700900123"),
                ("MSG_20231114221320000001_001", "+8613800138000"),
            ],
            "{path}"
        );
        assert_eq!(data[1]["batch_id"], *id);
        assert_eq!(
            (&data[1]["client_ref"], &data[1]["category"]),
            (&json!("a"), &json!("bulk"))
        );
        assert_eq!(data[1]["to_raw"], "13800138000");
    }
}

#[tokio::test]
async fn a_batch_that_means_nothing_is_refused_and_nothing_is_stored() {
    let house = House::new();
    let good = || json!([{ "to": TO }]);
    let with = |name: &str, value: Value| {
        let mut asked = asked(good());
        asked[name] = value;
        asked
    };
    for (asked, code, field) in [
        (json!({ "text": "hello" }), "invalid_request", "recipients"),
        (asked(json!([])), "invalid_request", "recipients"),
        (
            asked(json!("+8613800138000")),
            "invalid_request",
            "recipients",
        ),
        (
            asked(json!(["+8613800138000"])),
            "invalid_request",
            "recipients",
        ),
        (asked(numbers(1001)), "too_many_recipients", "recipients"),
        (asked(json!([{}])), "invalid_request", "recipients[0].to"),
        (
            asked(json!([{ "to": 5 }])),
            "invalid_request",
            "recipients[0].to",
        ),
        (
            asked(json!([{ "to": "x" }, { "to": "y" }])),
            "invalid_phone",
            "recipients[0].to",
        ),
        (
            asked(json!([{ "to": TO }, { "to": TO, "params": {} }])),
            "unknown_field",
            "recipients[1].params",
        ),
        (
            asked(json!([{ "to": TO, "client_ref": "r".repeat(101) }])),
            "invalid_request",
            "recipients[0].client_ref",
        ),
        (with("to", json!(TO)), "unknown_field", "to"),
        (
            with("client_ref", json!("a")),
            "unknown_field",
            "client_ref",
        ),
        (
            with("template_id", json!(1)),
            "unknown_field",
            "template_id",
        ),
        (with("colour", json!("red")), "unknown_field", "colour"),
        (with("text", json!("")), "invalid_request", "text"),
        (with("ttl", json!(1)), "invalid_request", "ttl"),
    ] {
        let reply = house.batch(&asked).await;
        reply.is(400, code);
        assert_eq!(reply.body["errors"][0]["field"], *field, "{}", reply.text);
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_thousand_recipients_go_in_one_batch() {
    let house = House::new();
    let reply = house.batch(&asked(numbers(1000))).await;
    assert_eq!(reply.body["accepted"], 1000, "{}", reply.text);
    assert_eq!(house.store.unsent(), 1000);
    let id = reply.body["id"].as_str().unwrap();
    let page = house
        .get(&format!("/v1/batches/{id}/messages?limit=1"))
        .await;
    assert_eq!(page.body["data"][0]["id"], "MSG_20231114221320000001_1000");
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let next = house
        .get(&format!(
            "/v1/batches/{id}/messages?limit=1&cursor={cursor}"
        ))
        .await;
    assert_eq!(next.body["data"][0]["id"], "MSG_20231114221320000001_999");
}

#[tokio::test]
async fn the_same_batch_twice_is_answered_once_more_and_stored_once() {
    let house = House::new();
    let asked = asked(json!([{ "to": TO }, { "to": "nobody" }]));
    let key = [("idempotency-key", "campaign 1")];
    let first = house.post_with("/v1/batches", &asked, &key).await;
    let again = house.post_with("/v1/batches", &asked, &key).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(house.count().await, 1);
    let other = self::asked(json!([{ "to": "+447700900123" }]));
    house
        .post_with("/v1/batches", &other, &key)
        .await
        .is(422, "idempotency_mismatch");
}

#[tokio::test]
async fn a_batch_is_refused_where_a_message_would_be() {
    let house = House::with("[limits]\nkey_rps = 0\n[message]\nmax_backlog = 1\n");
    house.message(json!({})).await;
    house
        .batch(&asked(json!([{ "to": TO }])))
        .await
        .is(503, "overloaded");
    house.fleet.send_replace(FleetView::from([]));
    house
        .batch(&asked(json!([{ "to": TO }])))
        .await
        .is(503, "no_route");
}

#[tokio::test]
async fn what_of_a_batch_waits_is_canceled_once() {
    let house = House::new();
    let batch = house.batch(&asked(numbers(2))).await;
    let path = format!("/v1/batches/{}/cancel", batch.body["id"].as_str().unwrap());
    let canceled = house.post(&path, "").await;
    assert_eq!(canceled.status, 200, "{}", canceled.text);
    assert_eq!(canceled.body["status"], "FAILED");
    assert_eq!(canceled.body["failed"], 2);
    assert_eq!(canceled.body["completed_at"], "2023-11-14T22:13:20.000Z");
    house.post(&path, "").await.is(409, "not_cancelable");
}

#[tokio::test]
async fn what_is_no_batch_is_not_found() {
    let house = House::new();
    for id in ["SMS_BATCH_20231114221320000001", "MSG_1", "SMS_BATCH_x"] {
        for path in ["", "/messages"] {
            house
                .get(&format!("/v1/batches/{id}{path}"))
                .await
                .is(404, "not_found");
        }
        house
            .post(&format!("/v1/batches/{id}/cancel"), "")
            .await
            .is(404, "not_found");
    }
}
