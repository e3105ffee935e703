//! Limits and the guard, in every group that sends.

use super::*;

/// A template for group A.
async fn with_template(house: &House) {
    let asked = json!({ "name": "one", "content": "{{code}}" });
    let reply = house.post("/template/sms", asked.to_string()).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
}

impl House {
    async fn notifies(&self, numbers: &[&str], more: Value) -> Reply {
        let mut asked =
            json!({ "templateId": 1, "phoneNumbers": numbers, "params": { "code": "x" } });
        let more = more.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(more);
        self.post("/notification/sms", asked.to_string()).await
    }

    async fn direct(&self, to: &str, more: Value) -> Reply {
        let mut asked = json!({ "phoneNumber": to, "message": "hello" });
        let more = more.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(more);
        self.post("/sms/send", asked.to_string()).await
    }

    async fn native(&self, to: &str, more: Value) -> Reply {
        let mut asked = json!({ "to": to, "text": "hello" });
        let more = more.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(more);
        self.post("/v1/messages", asked.to_string()).await
    }

    async fn anonymous(&self, to: &str) -> Reply {
        let body = json!({ "phoneNumber": to, "message": "hello" });
        let request = from_peer("127.0.0.1:5000", "/sms/send", &body);
        self.send(request).await
    }
}

const FAST: &str = "[limits]\nkey_rps = 0\n";

#[tokio::test]
async fn a_second_notification_within_a_minute_waits_in_the_shape_of_group_a() {
    let house = House::limited(FAST);
    with_template(&house).await;
    assert_eq!(house.notifies(&[TO], json!({})).await.status, 200);
    let refused = house.notifies(&[TO], json!({})).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, "60")
    );
    assert_eq!(refused.body["code"], 1004);
    assert_eq!(refused.body["data"], Value::Null);
    // Beside another number it fails alone, and is named as it was written.
    let mixed = house
        .notifies(&["13800138000", "13900139000"], json!({}))
        .await;
    assert_eq!(mixed.status, 200, "{}", mixed.text);
    assert_eq!(mixed.body["data"]["failedNumbers"], json!(["13800138000"]));
}

#[tokio::test]
async fn a_notification_counts_when_it_is_to_be_sent() {
    let house = House::limited(FAST);
    with_template(&house).await;
    let at = |time: &str| json!({ "scheduledAt": time });
    let hour = house.notifies(&[TO], at("2023-11-14T23:13:20Z")).await;
    assert_eq!(hour.status, 200, "{}", hour.text);
    assert_eq!(house.notifies(&[TO], json!({})).await.status, 200);
    let near = house.notifies(&[TO], at("2023-11-14T23:13:50Z")).await;
    assert_eq!(
        (near.status.as_u16(), near.header("retry-after")),
        (429, "30")
    );
}

#[tokio::test]
async fn of_numbers_that_fail_for_different_reasons_the_first_one_answers() {
    let house = House::limited("[limits]\nkey_rps = 0\n[guard]\ncountries = ['CN']\n");
    with_template(&house).await;
    assert_eq!(house.notifies(&[TO], json!({})).await.status, 200);
    for (numbers, status, code) in [
        ([TO, "+4915112345678", "nobody"], 429, 1004),
        (["+4915112345678", "nobody", TO], 403, 1012),
        (["nobody", TO, "+4915112345678"], 400, 1002),
        (["nobody", "+4915112345678", TO], 400, 1002),
        (["+4915112345678", TO, "nobody"], 403, 1012),
    ] {
        let refused = house.notifies(&numbers, json!({})).await;
        assert_eq!(refused.status, status, "{numbers:?} {}", refused.text);
        assert_eq!(refused.body["code"], code, "{numbers:?}");
    }
    let mixed = house
        .notifies(&["+4915112345678", "13900139000", "nobody", TO], json!({}))
        .await;
    assert_eq!(
        mixed.body["data"]["failedNumbers"],
        json!(["+4915112345678", "nobody", TO])
    );
    // Nothing that was refused is stored.
    assert_eq!(house.count().await, 2);
}

#[tokio::test]
async fn a_text_too_many_is_told_in_the_shapes_of_groups_b_and_g() {
    let house = House::limited("[limits]\nkey_rps = 0\ndirect = ['2/90']\n");
    assert_eq!(house.direct(TO, json!({})).await.status, 200);
    assert_eq!(house.native(TO, json!({})).await.status, 202);
    let refused = house.direct(TO, json!({})).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.body["retryAfter"], 90);
    assert_eq!(refused.header("retry-after"), "90");
    let refused = house.native(TO, json!({ "category": "bulk" })).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.body["retry_after"], 90);
    assert_eq!(refused.header("retry-after"), "90");
    // Another number has a log of its own.
    assert_eq!(house.native("+8613900139000", json!({})).await.status, 202);
}

#[tokio::test]
async fn in_a_native_batch_a_number_over_its_limit_is_rejected_alone() {
    let house = House::limited(
        "[limits]\nkey_rps = 0\ndirect = ['1/60']\n[guard]\ndeny_prefixes = ['+8817']\n",
    );
    assert_eq!(house.native(TO, json!({})).await.status, 202);
    let batch = |numbers: &[&str]| {
        let recipients: Vec<Value> = numbers.iter().map(|to| json!({ "to": to })).collect();
        json!({ "recipients": recipients, "text": "hello" }).to_string()
    };
    let reply = house
        .post(
            "/v1/batches",
            batch(&["+881712345678", TO, "+8613900139000"]),
        )
        .await;
    assert_eq!(reply.status, 202, "{}", reply.text);
    assert_eq!(
        reply.body["rejected"],
        json!([
            { "index": 0, "to": "+881712345678", "code": "destination_blocked" },
            { "index": 1, "to": TO, "code": "rate_limited" },
        ])
    );
    for (numbers, status, code) in [
        ([TO, "+881712345678", "nobody"], 429, "rate_limited"),
        (["+881712345678", TO, "nobody"], 403, "destination_blocked"),
        (["nobody", TO, "+881712345678"], 400, "invalid_phone"),
    ] {
        house
            .post("/v1/batches", batch(&numbers))
            .await
            .is(status, code);
    }
}

#[tokio::test]
async fn alerts_have_a_limit_of_their_own_and_critical_ones_none() {
    let house = House::limited("[limits]\nkey_rps = 0\nalert = ['1/60']\ndirect = ['1/60']\n");
    let alert = |severity| json!({ "category": "alert", "severity": severity });
    let plain = || json!({ "category": "alert" });
    assert_eq!(house.native(TO, plain()).await.status, 202);
    house.native(TO, plain()).await.is(429, "rate_limited");
    for _ in 0..3 {
        assert_eq!(house.native(TO, alert("critical")).await.status, 202);
        let direct = house.direct(TO, json!({ "severity": "critical" })).await;
        assert_eq!(direct.status, 200);
    }
    assert_eq!(house.native(TO, json!({})).await.status, 202);
    house.direct(TO, json!({})).await.is(429, "rate_limited");
}

#[tokio::test]
async fn codes_and_notifications_of_all_surfaces_share_one_ceiling() {
    let house = House::limited("[limits]\nkey_rps = 0\nceiling = ['3/3600']\n");
    with_template(&house).await;
    assert_eq!(house.notifies(&[TO], json!({})).await.status, 200);
    let of = |category| json!({ "category": category });
    assert_eq!(house.native(TO, of("otp")).await.status, 202);
    assert_eq!(house.direct(TO, of("notification")).await.status, 200);
    let refused = house.native(TO, of("otp")).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    house
        .direct(TO, of("notification"))
        .await
        .is(429, "rate_limited");
    for category in ["transactional", "bulk"] {
        assert_eq!(house.native(TO, of(category)).await.status, 202);
    }
}

#[tokio::test]
async fn callers_without_a_key_are_counted_together_and_reach_a_few_countries() {
    let house = House::limited("[limits]\nkey_rps = 0\nanonymous = '2/3600'\n");
    assert_eq!(house.anonymous(TO).await.status, 200);
    let denied = house.anonymous("+4915112345678").await;
    denied.is(403, "destination_blocked");
    let told = denied.body["message"].as_str().unwrap();
    assert!(told.contains("guard.otp_countries"), "{told}");
    assert_eq!(house.anonymous("+8613900139000").await.status, 200);
    let refused = house.anonymous("+8613700137000").await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    // A key is not among them.
    assert_eq!(house.direct("+4915112345678", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_refused_country_is_told_with_the_key_that_refuses() {
    let house = House::limited(
        "[limits]\nkey_rps = 0\n[guard]\ncountries = ['CN', 'DE']\ndeny_prefixes = ['+86170']\n",
    );
    for (to, category, key) in [
        ("+4915112345678", "otp", "guard.otp_countries"),
        ("+33612345678", "transactional", "guard.countries"),
        ("+8617012345678", "transactional", "guard.deny_prefixes"),
        ("+8617012345678", "otp", "guard.deny_prefixes"),
    ] {
        let refused = house.native(to, json!({ "category": category })).await;
        refused.is(403, "destination_blocked");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.starts_with(key), "{detail}");
        let refused = house.direct(to, json!({ "category": category })).await;
        refused.is(403, "destination_blocked");
        assert_eq!(refused.body["success"], false);
    }
    assert_eq!(house.native("+4915112345678", json!({})).await.status, 202);
    assert_eq!(house.count().await, 1);
}

#[tokio::test]
async fn an_answer_given_before_is_given_again_whatever_the_limit() {
    let house = House::limited("[limits]\nkey_rps = 0\ndirect = ['1/60']\n");
    let body = json!({ "to": TO, "text": "hello" });
    let order = [("idempotency-key", "one")];
    let first = house.post_with("/v1/messages", &body, &order).await;
    let again = house.post_with("/v1/messages", &body, &order).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (202, 202));
    assert_eq!(first.body, again.body);
    let other = [("idempotency-key", "two")];
    let refused = house.post_with("/v1/messages", &body, &other).await;
    refused.is(429, "rate_limited");
}

#[tokio::test]
async fn limits_that_are_read_again_hold_for_the_next_request() {
    let house = House::limited("[limits]\nkey_rps = 0\ndirect = ['1/60']\n");
    assert_eq!(house.native(TO, json!({})).await.status, 202);
    house.native(TO, json!({})).await.is(429, "rate_limited");
    let other =
        House::limited("[limits]\nkey_rps = 0\ndirect = ['2/60']\n[guard]\ncountries = ['CN']\n");
    house.gate.read_again(other.gate.config());
    assert_eq!(house.native(TO, json!({})).await.status, 202);
    house.native(TO, json!({})).await.is(429, "rate_limited");
    let abroad = house.native("+4915112345678", json!({})).await;
    abroad.is(403, "destination_blocked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_at_once_each_surface_takes_as_many_as_its_limit() {
    let limits = "[limits]\nkey_rps = 0\nnotify = ['4/60']\ndirect = ['5/60']\nalert = ['6/60']\nceiling = ['7/60']\nanonymous = '3/60'\n";
    let notified = |number: &str| {
        asking(
            Method::POST,
            "/notification/sms",
            json!({ "templateId": 1, "phoneNumbers": [number], "params": { "code": "x" } })
                .to_string()
                .into(),
        )
    };
    let native = |category: &str| {
        let body = json!({ "to": TO, "text": "hello", "category": category });
        asking(Method::POST, "/v1/messages", body.to_string().into())
    };
    let direct = || {
        let body = json!({ "to": TO, "message": "hello" });
        asking(Method::POST, "/sms/send", body.to_string().into())
    };
    let batch = || {
        let body = json!({ "recipients": [{ "to": TO }], "text": "hello" });
        asking(Method::POST, "/v1/batches", body.to_string().into())
    };
    let stranger = |at: usize| {
        let body = json!({ "to": format!("+86138{at:08}"), "message": "hello" });
        from_peer("127.0.0.1:5000", "/sms/send", &body)
    };
    type Ask<'a> = &'a dyn Fn(usize) -> Request<Body>;
    let surfaces: [(&str, usize, Ask<'_>); 7] = [
        ("notify", 4, &|_| notified(TO)),
        ("direct, B", 5, &|_| direct()),
        ("direct, G", 5, &|_| native("transactional")),
        ("direct, batches", 5, &|_| batch()),
        ("alert", 6, &|_| native("alert")),
        // Of the direct limit.
        ("ceiling", 5, &|_| native("otp")),
        ("anonymous", 3, &stranger),
    ];
    for (surface, expected, request) in surfaces {
        let house = House::limited(limits);
        with_template(&house).await;
        let racing = (0..50).map(|at| house.send(request(at)));
        let replies = futures_util::future::join_all(racing).await;
        let accepted = replies.iter().filter(|one| one.status.is_success());
        assert_eq!(accepted.count(), expected, "{surface}");
        let refused = replies.iter().filter(|one| one.status == 429);
        assert_eq!(refused.count(), 50 - expected, "{surface}");
        assert_eq!(house.count().await, expected, "{surface}");
    }
}
