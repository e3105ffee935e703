//! Codes over their three surfaces, to the letter of http-api.md B, E and G3.

use super::*;
use crate::store::StoredText;
use futures_util::future::join_all;

impl House {
    fn later(&self, seconds: u64) {
        let by = i64::try_from(seconds * 1000).unwrap();
        self.now.fetch_add(by, Ordering::Relaxed);
    }

    /// The texts that wait to be sent, opened as at their hand-over, oldest first.
    async fn waiting_texts(&self) -> Vec<String> {
        let line = self
            .store
            .line(1000, crate::store::Contacts::Spared)
            .await
            .unwrap();
        let opened = line.front.into_iter().map(|one| match one.text {
            StoredText::Sealed(sealed) => {
                self.store.pepper().open(&sealed, one.id.as_str()).unwrap()
            }
            StoredText::Plain(body) => panic!("{body:?} waits in the clear"),
        });
        opened.collect()
    }

    async fn newest_text(&self) -> String {
        self.waiting_texts().await.pop().unwrap()
    }

    /// The code of the text that was asked for last.
    async fn code(&self) -> String {
        code_in(&self.newest_text().await)
    }

    async fn verification(&self, change: Value) -> Value {
        let mut asked = json!({ "to": TO });
        let changed = change.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(changed);
        let reply = self.post("/v1/verifications", asked.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.body
    }

    async fn check(&self, id: &str, code: &str) -> Value {
        let path = format!("/v1/verifications/{id}/check");
        let reply = self.post(&path, json!({ "code": code }).to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body
    }

    async fn say(&self, path: &str, body: Value) -> Reply {
        self.post(path, body.to_string()).await
    }
}

fn code_in(text: &str) -> String {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.max_by_key(|run| run.len()).unwrap().to_owned()
}

/// Another code of the same length.
fn wrong(code: &str) -> String {
    let turned = code.chars().map(|digit| match digit {
        '9' => '0',
        other => char::from(other as u8 + 1),
    });
    turned.collect()
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_verification_is_made_checked_and_used_once() {
    let house = House::new();
    let reply = house
        .say(
            "/v1/verifications",
            json!({ "to": "13800138000", "purpose": "login", "locale": "en", "ref": "u-7" }),
        )
        .await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let made = reply.body.clone();
    let id = id(&made);
    assert_eq!(reply.header("location"), format!("/v1/verifications/{id}"));
    let message = made["sends"][0]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({
            "id": id, "to": TO, "channel": "sms", "purpose": "login", "status": "pending",
            "attempts": 0, "max_attempts": 5, "remaining_attempts": 5,
            "sends": [{ "message_id": message, "at": "2023-11-14T22:13:20.000Z", "status": "queued" }],
            "resend_after": "2023-11-14T22:14:20.000Z", "locale": "en", "rate_keys": {},
            "expires_at": "2023-11-14T22:23:20.000Z", "created_at": "2023-11-14T22:13:20.000Z",
            "verified_at": null, "country": "CN",
        })
    );
    let text = house.newest_text().await;
    assert!(
        text.contains(" is your verification code, valid for 10 minutes."),
        "{text}"
    );
    let code = code_in(&text);
    // The message shows everything but the code, goes first, and is worth nothing without it.
    let shown = house.get(&format!("/v1/messages/{message}")).await.body;
    assert_eq!(shown["text"], text.replace(&code, "••••••"));
    assert_eq!(
        (&shown["priority"], &shown["category"]),
        (&json!(0), &json!("otp"))
    );
    assert_eq!(
        (&shown["to_raw"], &shown["client_ref"]),
        (&json!("13800138000"), &json!("u-7"))
    );
    assert_eq!(shown["expires_at"], made["expires_at"]);

    let wrong_one = house.check(&id, &wrong(&code)).await;
    assert_eq!(
        wrong_one,
        json!({ "valid": false, "status": "pending", "remaining_attempts": 4 })
    );
    house.later(30);
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    assert_eq!(
        house.check(&id, &spaced).await,
        json!({ "valid": true, "status": "approved" })
    );
    let again = house.check(&id, &code).await;
    assert_eq!(
        (&again["valid"], &again["status"]),
        (&json!(false), &json!("approved"))
    );
    let shown = house.get(&format!("/v1/verifications/{id}")).await.body;
    assert_eq!(shown["verified_at"], "2023-11-14T22:13:50.000Z");
    assert_eq!(shown["attempts"], 2);
}

#[tokio::test]
async fn the_newest_of_a_number_and_a_purpose_is_checked_without_its_id() {
    let house = House::new();
    house.verification(json!({ "purpose": "payment" })).await;
    let code = house.code().await;
    let check = |purpose: &str, code: &str| {
        let body = json!({ "to": TO, "purpose": purpose, "code": code });
        house.post("/v1/verifications/check", body.to_string())
    };
    check("login", &code).await.is(404, "not_found");
    let reply = check("payment", &code).await;
    assert_eq!(reply.body, json!({ "valid": true, "status": "approved" }));
}

#[tokio::test]
async fn attempts_are_used_up_and_then_nothing_is_compared() {
    let house = House::new();
    let id = id(&house.verification(json!({ "max_attempts": 2 })).await);
    let code = house.code().await;
    assert_eq!(house.check(&id, "0").await["remaining_attempts"], 1);
    assert_eq!(
        house.check(&id, &wrong(&code)).await,
        json!({ "valid": false, "status": "max_attempts_reached", "remaining_attempts": 0 })
    );
    assert_eq!(
        house.check(&id, &code).await,
        json!({ "valid": false, "status": "max_attempts_reached", "remaining_attempts": 0 })
    );
    // Its text has not left: it does not go any more.
    assert_eq!(house.waiting_texts().await.len(), 0);
}

#[tokio::test]
async fn of_fifty_checks_at_once_one_succeeds() {
    let house = House::new();
    let id = id(&house.verification(json!({ "max_attempts": 10 })).await);
    let code = house.code().await;
    let checks = (0..50).map(|_| house.check(&id, &code));
    let valid = join_all(checks).await;
    let approved = valid.iter().filter(|one| one["valid"] == true).count();
    assert_eq!(approved, 1);
}

#[tokio::test]
async fn of_fifty_wrong_checks_at_once_as_many_are_compared_as_there_are_attempts() {
    let house = House::new();
    let id = id(&house.verification(json!({})).await);
    let code = house.code().await;
    let wrong = wrong(&code);
    join_all((0..50).map(|_| house.check(&id, &wrong))).await;
    let shown = house.get(&format!("/v1/verifications/{id}")).await.body;
    assert_eq!(shown["attempts"], 5);
    assert_eq!(shown["status"], "max_attempts_reached");
    assert_eq!(house.check(&id, &code).await["valid"], false);
}

#[tokio::test]
async fn of_fifty_sends_at_once_one_is_accepted() {
    let house = House::new();
    let body = json!({ "to": TO }).to_string();
    let sends = (0..50).map(|_| house.post("/v1/verifications", body.clone()));
    let replies = join_all(sends).await;
    let accepted = replies.iter().filter(|one| one.status == 201).count();
    assert_eq!(accepted, 1);
    for refused in replies.iter().filter(|one| one.status != 201) {
        refused.is(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "60");
        assert_eq!(refused.body["retry_after"], 60);
    }
    assert_eq!(house.count().await, 1);
}

#[tokio::test]
async fn a_code_is_dead_at_its_end() {
    let house = House::new();
    let id = id(&house.verification(json!({ "ttl": 30 })).await);
    let code = house.code().await;
    house.later(30);
    let shown = house.get(&format!("/v1/verifications/{id}")).await.body;
    assert_eq!(shown["status"], "expired");
    let expected = json!({ "valid": false, "status": "expired", "remaining_attempts": 5 });
    assert_eq!(house.check(&id, &code).await, expected);
    // What is over stays over, whatever the clock says then.
    house.now.store(NOW.0, Ordering::Relaxed);
    assert_eq!(house.check(&id, &code).await, expected);
}

#[tokio::test]
async fn sending_again_waits_its_time_and_kills_the_code_before() {
    let house = House::new();
    let made = house.verification(json!({})).await;
    let id = id(&made);
    let first = house.code().await;
    house.check(&id, "1").await;
    let path = format!("/v1/verifications/{id}/resend");
    let early = house.post(&path, "").await;
    early.is(429, "rate_limited");
    assert_eq!(early.header("retry-after"), "60");
    house.later(60);
    let key = [("idempotency-key", "again-1")];
    let again = house.post_with(&path, &json!({}), &key).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(again.body["id"], made["id"]);
    assert_eq!(again.body["attempts"], 0);
    assert_eq!(again.body["sends"].as_array().unwrap().len(), 2);
    // The first text had not left: it does not go any more.
    assert_eq!(again.body["sends"][0]["status"], "canceled");
    assert_eq!(again.body["expires_at"], "2023-11-14T22:24:20.000Z");
    let replay = house.post_with(&path, &json!({}), &key).await;
    assert_eq!(replay.header("idempotency-replayed"), "true");
    assert_eq!(replay.text, again.text);
    let second = house.code().await;
    if first != second {
        assert_eq!(house.check(&id, &first).await["valid"], false);
    }
    assert_eq!(house.check(&id, &second).await["valid"], true);
    house.later(60);
    house.post(&path, "").await.is(409, "not_pending");
    house
        .post("/v1/verifications/ver_0/resend", "")
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn under_keep_three_codes_live_and_share_their_attempts() {
    let house = House::with(
        "[limits]\nkey_rps = 0\n[verify.profile.v1]\nresend = 'keep'\nlimits = ['9/60']\nattempts = 3",
    );
    let first = id(&house.verification(json!({})).await);
    for _ in 0..3 {
        house.later(1);
        assert_eq!(id(&house.verification(json!({})).await), first);
    }
    let codes: Vec<String> = house
        .waiting_texts()
        .await
        .iter()
        .map(|text| code_in(text))
        .collect();
    assert_eq!(codes.len(), 4);
    // The oldest of four is dead.
    if !codes[1..].contains(&codes[0]) {
        let of_oldest = house.check(&first, &codes[0]).await;
        assert_eq!(of_oldest["remaining_attempts"], 2);
    }
    assert_eq!(house.check(&first, &codes[1]).await["valid"], true);
    assert_eq!(house.check(&first, &codes[3]).await["valid"], false);
}

#[tokio::test]
async fn the_same_code_goes_out_again_with_the_same_end() {
    let house = House::with(
        "[limits]\nkey_rps = 0\n[verify.profile.v1]\nresend = 'same_code'\nlimits = ['9/60']",
    );
    let made = house.verification(json!({ "locale": "en" })).await;
    house.later(301);
    let again = house.verification(json!({ "locale": "en" })).await;
    assert_eq!(
        (&again["id"], &again["expires_at"]),
        (&made["id"], &made["expires_at"])
    );
    let texts = house.waiting_texts().await;
    let codes: Vec<String> = texts.iter().map(|text| code_in(text)).collect();
    assert_eq!(codes[0], codes[1]);
    assert!(
        texts[0].contains("for 10 minutes") && texts[1].contains("for 5 minutes"),
        "{texts:?}"
    );
    assert_eq!(house.check(&id(&made), &codes[0]).await["valid"], true);
}

#[tokio::test]
async fn a_new_verification_ends_the_one_before() {
    let house = House::new();
    let first = id(&house.verification(json!({})).await);
    let code = house.code().await;
    house.later(60);
    let second = id(&house.verification(json!({})).await);
    assert_ne!(first, second);
    assert_eq!(house.check(&first, &code).await["status"], "canceled");
    let code = house.code().await;
    assert_eq!(house.check(&second, &code).await["valid"], true);
}

#[tokio::test]
async fn a_verification_can_be_canceled_while_it_is_pending() {
    let house = House::new();
    let id = id(&house.verification(json!({})).await);
    let path = format!("/v1/verifications/{id}/cancel");
    let reply = house.post(&path, "").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.body["status"]),
        (200, &json!("canceled"))
    );
    house.post(&path, "").await.is(409, "not_pending");
    house
        .post("/v1/verifications/ver_1/cancel", "")
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn verifications_are_listed_newest_first_and_filtered() {
    let house = House::with("[limits]\nkey_rps = 0\n[verify.profile.v1]\nlimits = []");
    let mut made = Vec::new();
    for (to, purpose, ttl) in [
        (TO, "login", 900),
        (TO, "payment", 30),
        ("+12025550123", "login", 900),
    ] {
        let asked = json!({ "to": to, "purpose": purpose, "ttl": ttl });
        made.push(id(&house.verification(asked).await));
    }
    house.later(30);
    let ids = async |query: &str| -> Vec<String> {
        let reply = house.get(&format!("/v1/verifications{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect()
    };
    let of =
        |places: &[usize]| -> Vec<String> { places.iter().map(|at| made[*at].clone()).collect() };
    assert_eq!(ids("").await, of(&[2, 1, 0]));
    assert_eq!(ids("?to=%2B8613800138000").await, of(&[1, 0]));
    assert_eq!(ids("?purpose=login").await, of(&[2, 0]));
    assert_eq!(ids("?status=expired").await, of(&[1]));
    assert_eq!(ids("?status=pending&purpose=payment").await, of(&[]));
    assert_eq!(ids("?status=approved").await, of(&[]));
    let page = house.get("/v1/verifications?limit=2").await.body;
    assert_eq!(page["has_more"], true);
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&format!("?limit=2&cursor={next}")).await, of(&[0]));
    house
        .get(&format!("/v1/verifications?purpose=login&cursor={next}"))
        .await
        .is(400, "invalid_cursor");
    house
        .get("/v1/verifications?status=lost")
        .await
        .is(400, "invalid_request");
    house
        .get("/v1/verifications/ver_0")
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn a_request_gets_what_it_asks_for_or_is_told_why_not() {
    let house = House::with("[limits]\nkey_rps = 0\n[verify.profile.v1]\nlimits = []");
    let made = house
        .verification(json!({
            "code_length": 10, "ttl": 61, "max_attempts": 1, "locale": "zh-Hans-CN",
            "domain": "example.com", "rate_keys": { "ip": "203.0.113.7" },
        }))
        .await;
    let text = house.newest_text().await;
    let code = code_in(&text);
    assert_eq!(code.len(), 10);
    assert_eq!(
        text,
        format!("验证码{code}，2分钟内有效，请勿告诉他人。\n@example.com #{code}")
    );
    assert_eq!(made["max_attempts"], 1);
    assert_eq!(made["rate_keys"], json!({ "ip": "203.0.113.7" }));
    house
        .verification(json!({ "locale": "en", "app_hash": "FA+9qCX9VSu" }))
        .await;
    assert!(house.newest_text().await.ends_with("\nFA+9qCX9VSu"));
    for (change, code) in [
        (json!({ "to": null }), "invalid_request"),
        (json!({ "to": "10086" }), "invalid_phone"),
        (json!({ "colour": "red" }), "unknown_field"),
        (json!({ "purpose": "fun" }), "invalid_request"),
        (json!({ "channel": "pigeon" }), "invalid_request"),
        (json!({ "code_length": 3 }), "invalid_request"),
        (json!({ "code_length": 11 }), "invalid_request"),
        (json!({ "ttl": 29 }), "invalid_request"),
        (json!({ "ttl": 901 }), "invalid_request"),
        (json!({ "max_attempts": 0 }), "invalid_request"),
        (json!({ "max_attempts": 11 }), "invalid_request"),
        (json!({ "locale": "english" }), "invalid_request"),
        (
            json!({ "domain": "https://example.com" }),
            "invalid_request",
        ),
        (json!({ "app_hash": "short" }), "invalid_request"),
        (
            json!({ "domain": "example.com", "app_hash": "FA+9qCX9VSu" }),
            "invalid_request",
        ),
        (json!({ "rate_keys": { "ip": 7 } }), "invalid_request"),
        (json!({ "ref": "x".repeat(101) }), "invalid_request"),
        (
            json!({ "locale": "ru", "domain": "a-host-with-a-long-name.example.com" }),
            "too_long",
        ),
    ] {
        let mut asked = json!({ "to": TO });
        asked
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let reply = house.say("/v1/verifications", asked).await;
        reply.is(400, code);
    }
    let email = house
        .say("/v1/verifications", json!({ "to": TO, "channel": "email" }))
        .await;
    email.is(503, "channel_unavailable");
    let unknown = house
        .say("/v1/verifications", json!({ "to": TO, "template_id": 9 }))
        .await;
    unknown.is(404, "template_not_found");
}

#[tokio::test]
async fn a_template_of_the_app_can_stand_in_for_the_text() {
    let house = House::with(
        "[limits]\nkey_rps = 0\n[verify]\nbrand = 'Example: '\n[verify.profile.v1]\nlimits = []",
    );
    let template = |content: &str| {
        let body = json!({
            "name": "code", "content": content, "translations": { "de": "{{code}} für {{minutes}} Minuten" },
        });
        house.post("/v1/templates", body.to_string())
    };
    let made = template("Use {{code}} at {{brand}}within {{minutes}} min").await;
    let id = made.body["id"].as_i64().unwrap();
    let asked = json!({ "template_id": id, "locale": "en" });
    let verification = house.verification(asked).await;
    let text = house.newest_text().await;
    let code = code_in(&text);
    assert_eq!(text, format!("Use {code} at Example: within 10 min"));
    let message = verification["sends"][0]["message_id"].as_str().unwrap();
    let shown = house.get(&format!("/v1/messages/{message}")).await.body;
    assert_eq!(shown["template_id"], id);
    house
        .verification(json!({ "template_id": id, "locale": "de-AT" }))
        .await;
    let text = house.newest_text().await;
    assert_eq!(text, format!("Example: {} für 10 Minuten", code_in(&text)));
    let no_code = template("hello {{name}}").await.body["id"]
        .as_i64()
        .unwrap();
    let reply = house
        .say(
            "/v1/verifications",
            json!({ "to": TO, "template_id": no_code }),
        )
        .await;
    reply.is(400, "invalid_template");
}

#[tokio::test]
async fn what_else_a_caller_counts_by_is_limited_over_all_numbers() {
    let house =
        House::with("[limits]\nkey_rps = 0\n[verify.profile.v1]\nlimits = ['1/60', '2/3600']");
    let ask = |to: &str| {
        let body = json!({ "to": to, "rate_keys": { "ip": "203.0.113.7" } });
        house.post("/v1/verifications", body.to_string())
    };
    for to in ["+8613800138000", "+8613800138001"] {
        assert_eq!(ask(to).await.status, 201);
    }
    let third = ask("+8613800138002").await;
    third.is(429, "rate_limited");
    assert_eq!(third.header("retry-after"), "3600");
}

#[tokio::test]
async fn an_answer_about_a_code_is_repeated_and_nothing_is_sent_twice() {
    let house = House::new();
    let key = [("idempotency-key", "v-1")];
    for (path, body) in [
        (
            "/v1/verifications",
            json!({ "to": TO, "purpose": "payment" }),
        ),
        (
            "/sms/otp/send",
            json!({ "phoneNumber": TO, "type": "login" }),
        ),
        ("/api/otp/send", json!({ "phoneNumber": TO })),
    ] {
        let first = house.post_with(path, &body, &key).await;
        assert!(first.status.is_success(), "{}", first.text);
        let again = house.post_with(path, &body, &key).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("location"), first.header("location"));
        let other = json!({ "phoneNumber": TO, "to": TO, "type": "payment" });
        let other = house.post_with(path, &other, &key).await;
        let expected = if path == "/api/otp/send" {
            "error"
        } else {
            "code"
        };
        assert_eq!(other.status, 422);
        assert!(other.body[expected].is_string(), "{}", other.text);
    }
    assert_eq!(house.waiting_texts().await.len(), 3);
}

#[tokio::test]
async fn group_b_sends_and_verifies_in_its_own_words() {
    let house = House::new();
    let send = |kind: &str| {
        let body = json!({ "phoneNumber": "13800138000", "type": kind, "colour": "ignored" });
        house.post("/sms/otp/send", body.to_string())
    };
    for (kind, seconds, at) in [
        ("registration", 600, "2023-11-14T22:23:20.000Z"),
        ("LOGIN", 300, "2023-11-14T22:18:20.000Z"),
        ("Password_Reset", 900, "2023-11-14T22:28:20.000Z"),
        ("payment", 300, "2023-11-14T22:18:20.000Z"),
        ("device_operation", 600, "2023-11-14T22:23:20.000Z"),
    ] {
        let reply = send(kind).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(
            reply.body,
            json!({ "success": true, "expiresIn": seconds, "expiresAt": at, "resendAfter": 60 })
        );
    }
    let text = house.newest_text().await;
    let code = code_in(&text);
    assert_eq!(
        text,
        format!("{code} is your verification code, valid for 10 minutes. Do not share it.")
    );
    let early = send("login").await;
    early.is(429, "rate_limited");
    assert_eq!(early.body["retryAfter"], 60);
    assert_eq!(early.body["success"], false);
    assert_eq!(early.header("retry-after"), "60");

    let verify = |kind: &str, code: &str| {
        let body = json!({ "phoneNumber": TO, "code": code, "type": kind });
        house.post("/sms/otp/verify", body.to_string())
    };
    let told = |text: &str, left: u8| json!({ "valid": false, "error": text, "message": text, "remainingAttempts": left });
    let of_operation = "device_operation";
    let reply = verify(of_operation, "12345").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, told("Invalid verification code", 2));
    assert_eq!(
        verify("DEVICE_operation", &code).await.body,
        json!({ "valid": true })
    );
    let over = told("Verification code expired or not found", 0);
    assert_eq!(verify(of_operation, &code).await.body, over);
    for left in [2, 1, 0] {
        let wrong = verify("payment", "0").await.body;
        assert_eq!(wrong, told("Invalid verification code", left));
    }
    let used_up = told("Too many attempts, please request a new code", 0);
    assert_eq!(verify("payment", "0").await.body, used_up);
    house.later(300);
    assert_eq!(verify("login", "0").await.body, over);
    let never = json!({ "phoneNumber": "+12025550123", "code": "1", "type": "login" });
    assert_eq!(house.say("/sms/otp/verify", never).await.body, over);
}

#[tokio::test]
async fn group_b_refuses_in_its_own_shape() {
    let house = House::new();
    for (body, code) in [
        (
            json!({ "phoneNumber": "x", "type": "login" }),
            "invalid_phone",
        ),
        (
            json!({ "phoneNumber": TO, "type": "generic" }),
            "invalid_request",
        ),
        (json!({ "phoneNumber": TO }), "invalid_request"),
        (json!({ "phoneNumber": TO, "type": 7 }), "invalid_request"),
        (json!({ "type": "login" }), "invalid_request"),
    ] {
        let reply = house.say("/sms/otp/send", body.clone()).await;
        reply.is(400, code);
        assert_eq!(reply.body["success"], false);
        assert_eq!(reply.body["message"], reply.body["error"]);
        let reply = house.say("/sms/otp/verify", body).await;
        assert_eq!(reply.status, 400);
        assert_eq!(
            (&reply.body["valid"], &reply.body["success"]),
            (&json!(false), &Value::Null)
        );
        assert_eq!(reply.body["statusCode"], 400);
    }
}

#[tokio::test]
async fn group_e_sends_and_verifies_in_its_own_words() {
    let house = House::new();
    let send = || house.post("/api/otp/send", json!({ "phoneNumber": TO }).to_string());
    let reply = send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.body,
        json!({ "success": true, "expiresAt": "2023-11-14T22:23:20.000Z" })
    );
    let text = house.newest_text().await;
    let code = code_in(&text);
    let quoted = format!("Your verification code is: {code}\n\nValid for 10 minutes.");
    assert_eq!(text, quoted);
    assert_eq!(send().await.status, 200);
    assert_eq!(send().await.status, 200);
    let fourth = send().await;
    assert_eq!(fourth.status, 400);
    assert_eq!(
        fourth.body,
        json!({ "error": "Too many attempts. Please wait 1 minute." })
    );
    let bad = house
        .say("/api/otp/send", json!({ "phoneNumber": "x" }))
        .await;
    assert_eq!(
        (bad.status.as_u16(), bad.body),
        (400, json!({ "error": "Invalid phone number" }))
    );

    let verify = |code: &str| {
        let body = json!({ "phoneNumber": TO, "code": code });
        house.post("/api/otp/verify", body.to_string())
    };
    let refused = |reason: &str| json!({ "valid": false, "reason": reason });
    let wrong = verify("0").await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.body, refused("Invalid or expired code"));
    // The code of the first of three texts.
    let good = verify(&code).await;
    assert_eq!(
        (good.status.as_u16(), good.body),
        (200, json!({ "success": true }))
    );
    assert_eq!(verify(&code).await.body, refused("Invalid or expired code"));
    house.later(60);
    send().await;
    let code = house.code().await;
    for _ in 0..5 {
        assert_eq!(verify("0").await.body, refused("Invalid or expired code"));
    }
    assert_eq!(verify(&code).await.body, refused("Too many attempts"));
    assert_eq!(verify("0").await.status, 400);
    let unknown = json!({ "phoneNumber": "+12025550123", "code": "1" });
    let unknown = house.say("/api/otp/verify", unknown).await;
    assert_eq!(unknown.body, refused("Invalid or expired code"));
    let malformed = house
        .say("/api/otp/verify", json!({ "phoneNumber": TO }))
        .await;
    assert_eq!(malformed.status, 400);
    assert!(malformed.body["error"].is_string(), "{}", malformed.text);
}

#[tokio::test]
async fn twenty_wrong_codes_in_an_hour_close_a_number() {
    let house =
        House::with("[limits]\nkey_rps = 0\n[verify.profile.v1]\nlimits = []\nattempts = 10");
    for _ in 0..2 {
        let id = id(&house.verification(json!({})).await);
        for _ in 0..10 {
            house.check(&id, "0").await;
        }
    }
    let id = id(&house.verification(json!({})).await);
    let code = house.code().await;
    let path = format!("/v1/verifications/{id}/check");
    let refused = house.say(&path, json!({ "code": code })).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    house.later(3_599);
    house
        .say(&path, json!({ "code": code }))
        .await
        .is(429, "rate_limited");
    house.later(1);
    assert_eq!(house.check(&id, &code).await["status"], "expired");
}

#[tokio::test]
async fn callers_of_this_host_need_no_key_for_codes_outside_of_v1() {
    let house = House::new();
    let loopback = "127.0.0.1:5000";
    let body = json!({ "phoneNumber": TO, "type": "login", "to": TO });
    for (path, status) in [
        ("/sms/otp/send", 200),
        ("/api/otp/send", 200),
        ("/v1/verifications", 401),
    ] {
        let reply = house.send(from_peer(loopback, path, &body)).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text);
        let stranger = house.send(from_peer("203.0.113.7:5000", path, &body)).await;
        assert_eq!(stranger.status, 401, "{path}");
    }
    let stranger = house
        .send(from_peer("203.0.113.7:5000", "/api/otp/verify", &body))
        .await;
    assert_eq!(stranger.body, json!({ "error": "Unauthorized" }));
    let closed = House::with("[auth]\nanonymous_scopes = ['messages:send']");
    let reply = closed
        .send(from_peer(loopback, "/sms/otp/send", &body))
        .await;
    reply.is(403, "forbidden");
    let reply = closed
        .send(from_peer(loopback, "/api/otp/send", &body))
        .await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn a_number_that_is_blocked_gets_no_code() {
    let house = House::new();
    house
        .say(
            "/v1/suppressions",
            json!({ "phone": TO, "reason": "block" }),
        )
        .await;
    house
        .say("/v1/verifications", json!({ "to": TO }))
        .await
        .is(403, "destination_blocked");
    let reply = house
        .say("/api/otp/send", json!({ "phoneNumber": TO }))
        .await;
    assert_eq!(reply.status, 400);
    // A stop word does not hold back codes.
    let other = "+8613800138001";
    house
        .say(
            "/v1/suppressions",
            json!({ "phone": other, "reason": "stop" }),
        )
        .await;
    let reply = house.say("/v1/verifications", json!({ "to": other })).await;
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn a_block_of_numbers_that_uses_no_codes_gets_no_more() {
    let house = House::new();
    for last in 0..15 {
        let to = format!("+8613800138{last:03}");
        house.verification(json!({ "to": to })).await;
    }
    let body = json!({ "to": "+8613800138015" });
    let refused = house.say("/v1/verifications", body).await;
    refused.is(403, "destination_blocked");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("guard.block_max"), "{detail}");
}

#[tokio::test]
async fn the_statistics_tell_how_the_codes_of_today_stand() {
    let house = House::new();
    let today = async || house.get("/v1/stats").await.body["today"].clone();
    assert_eq!(today().await["conversion"], Value::Null);
    for (at, purpose) in ["login", "payment", "generic"].into_iter().enumerate() {
        let made = house.verification(json!({ "purpose": purpose })).await;
        let code = house.code().await;
        match at {
            0 => assert_eq!(house.check(&id(&made), &code).await["valid"], true),
            1 => {
                let path = format!("/v1/verifications/{}/cancel", id(&made));
                assert_eq!(house.post(&path, "").await.status, 200);
            }
            _ => {}
        }
    }
    let today = today().await;
    assert_eq!(
        today["verifications"],
        json!({
            "pending": 1, "approved": 1, "expired": 0, "canceled": 1, "max_attempts_reached": 0,
        })
    );
    assert_eq!(today["conversion"], 0.3333);
}

#[test]
fn whatever_a_body_is_a_code_is_sent_or_it_is_refused() {
    use proptest::prelude::*;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = House::new();
    let good = json!({
        "to": TO, "purpose": "login", "phoneNumber": TO, "type": "login", "code": "123456", "locale": "zh-CN",
        "ttl": 60, "code_length": 6, "max_attempts": 3, "domain": "example.com", "rate_keys": { "ip": "::1" },
    });
    let good = good.to_string();
    let changed = (any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(at, octet)| {
        let mut octets = good.clone().into_bytes();
        let at = at.index(octets.len());
        octets[at] = octet;
        octets
    });
    let bodies = prop_oneof![any::<Vec<u8>>(), changed];
    let paths = prop::sample::select(vec![
        "/v1/verifications",
        "/v1/verifications/check",
        "/v1/verifications/ver_1/check",
        "/sms/otp/send",
        "/sms/otp/verify",
        "/api/otp/send",
        "/api/otp/verify",
    ]);
    proptest!(|(body in bodies, path in paths)| {
        let status = runtime.block_on(house.post(path, body)).status.as_u16();
        prop_assert!(matches!(status, 200 | 201 | 400 | 403 | 404 | 429), "{path}: {status}");
    });
}

#[tokio::test]
async fn codes_keep_to_the_limits_and_the_guard_of_the_config() {
    let house = House::limited(
        "[limits]\nkey_rps = 0\nceiling = ['2/3600']\ncheck_failures = '1/3600'\nanonymous = '3/3600'\n\
         [guard]\notp_countries = ['CN']\ndeny_prefixes = ['+86170']\nblock_max = 4\n\
         [verify.profile.v1]\nlimits = []",
    );
    // Where codes go.
    for (to, key) in [
        ("+12025550123", "guard.otp_countries"),
        ("+8617012345678", "guard.deny_prefixes"),
    ] {
        let refused = house.say("/v1/verifications", json!({ "to": to })).await;
        refused.is(403, "destination_blocked");
        assert!(refused.text.contains(key), "{}", refused.text);
        let refused = house
            .say("/api/otp/send", json!({ "phoneNumber": to }))
            .await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    // One ceiling over all surfaces, also for sending again.
    let made = house.verification(json!({})).await;
    let otp = json!({ "to": TO, "text": "Your code is 4711", "category": "otp" });
    assert_eq!(house.say("/v1/messages", otp).await.status, 202);
    let again = format!("/v1/verifications/{}/resend", id(&made));
    for (path, body) in [
        ("/v1/verifications", json!({ "to": TO })),
        (again.as_str(), json!({})),
        (
            "/sms/otp/send",
            json!({ "phoneNumber": TO, "type": "login" }),
        ),
    ] {
        house.say(path, body).await.is(429, "rate_limited");
    }
    // Wrong codes.
    assert_eq!(house.check(&id(&made), "0").await["valid"], false);
    let check = format!("/v1/verifications/{}/check", id(&made));
    house
        .say(&check, json!({ "code": "0" }))
        .await
        .is(429, "rate_limited");
    // Callers without a key, all together.
    for (last, status) in [(1, 200), (2, 200), (3, 200), (4, 429)] {
        let body = json!({ "phoneNumber": format!("+861380014{last}000"), "type": "login" });
        let reply = house
            .send(from_peer("127.0.0.1:5000", "/sms/otp/send", &body))
            .await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
    // A block of numbers.
    for (last, status) in [(1, 201), (2, 201), (3, 201), (4, 201), (5, 403)] {
        let body = json!({ "to": format!("+861380019900{last}") });
        let reply = house.say("/v1/verifications", body).await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
}
