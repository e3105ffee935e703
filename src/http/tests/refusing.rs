//! Every bad request gets a clear answer, and nothing of it is stored.

use super::*;

#[tokio::test]
async fn a_bad_request_is_named_and_nothing_of_it_is_stored() {
    let house = House::new();
    let to = |to: &str| json!({ "to": to, "text": "hello" }).to_string();
    let text = |text: &str| json!({ "to": TO, "text": text }).to_string();
    let with =
        |name: &str, value: Value| json!({ "to": TO, "text": "hello", name: value }).to_string();
    for (body, code, field) in [
        ("{", "invalid_request", None),
        ("[]", "invalid_request", None),
        ("", "invalid_request", None),
        ("null", "invalid_request", None),
        ("{\"to\":}", "invalid_request", None),
        (
            r#"{"to":"+8613800138000","text":"\ud83d"}"#,
            "invalid_request",
            None,
        ),
        (
            r#"{"to":"+8613800138000","text":"\udc00x"}"#,
            "invalid_request",
            None,
        ),
        (&"[".repeat(100_000), "invalid_request", None),
        (
            &with("colour", json!("red")),
            "unknown_field",
            Some("colour"),
        ),
        (
            &with("route", json!("modems")),
            "invalid_request",
            Some("route"),
        ),
        (
            &with("callback_url", json!("http://x")),
            "unknown_field",
            Some("callback_url"),
        ),
        (
            &with("template_id", json!(1)),
            "unknown_field",
            Some("template_id"),
        ),
        (
            &json!({ "text": "hello" }).to_string(),
            "invalid_request",
            Some("to"),
        ),
        (
            &json!({ "to": TO }).to_string(),
            "invalid_request",
            Some("text"),
        ),
        (
            &json!({ "to": TO, "text": 5 }).to_string(),
            "invalid_request",
            Some("text"),
        ),
        (
            &json!({ "to": TO, "text": null }).to_string(),
            "invalid_request",
            Some("text"),
        ),
        (
            &json!({ "to": [TO], "text": "hello" }).to_string(),
            "invalid_request",
            Some("to"),
        ),
        (&to(""), "invalid_phone", Some("to")),
        (&to("13800138o00"), "invalid_phone", Some("to")),
        (&to("13800\r138000"), "invalid_phone", Some("to")),
        (&to("13800138000\r\nAT+CFUN=0"), "invalid_phone", Some("to")),
        (&to("13800\n138000"), "invalid_phone", Some("to")),
        (&to("138\u{1b}00138000"), "invalid_phone", Some("to")),
        (&to("138\u{1a}00138000"), "invalid_phone", Some("to")),
        (&to("13800138000;"), "invalid_phone", Some("to")),
        (&to("13800138000\""), "invalid_phone", Some("to")),
        (&to("12345"), "invalid_phone", Some("to")),
        (&to("++8613800138000"), "invalid_phone", Some("to")),
        (&text(""), "invalid_request", Some("text")),
        (&text("a\u{0}b"), "invalid_request", Some("text")),
        (&text("a\u{1b}b"), "invalid_request", Some("text")),
        (&text("a\u{1a}"), "invalid_request", Some("text")),
        (&text(&"x".repeat(2000)), "too_long", Some("text")),
        (&text(&"你".repeat(2000)), "too_long", Some("text")),
        (
            &with("category", json!("spam")),
            "invalid_request",
            Some("category"),
        ),
        (
            &with("severity", json!("dire")),
            "invalid_request",
            Some("severity"),
        ),
        (
            &with("encoding", json!("utf8")),
            "invalid_request",
            Some("encoding"),
        ),
        (
            &with("flash", json!("yes")),
            "invalid_request",
            Some("flash"),
        ),
        (&with("ttl", json!(9)), "invalid_request", Some("ttl")),
        (&with("ttl", json!(604_801)), "invalid_request", Some("ttl")),
        (&with("ttl", json!(60.5)), "invalid_request", Some("ttl")),
        (
            &with("scheduled_at", json!("tomorrow")),
            "invalid_schedule",
            Some("scheduled_at"),
        ),
        (
            &with("scheduled_at", json!("2023-11-30T00:00:00Z")),
            "invalid_schedule",
            Some("scheduled_at"),
        ),
        (&with("from", json!("m9")), "invalid_request", Some("from")),
        (
            &with("client_ref", json!("x".repeat(101))),
            "invalid_request",
            Some("client_ref"),
        ),
    ] {
        let reply = house.post("/v1/messages", body.to_owned()).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(
            (reply.status.as_u16(), reply.body["code"].as_str()),
            (400, Some(code)),
            "{shown}"
        );
        assert_eq!(reply.body["errors"][0]["field"].as_str(), field, "{shown}");
        assert!(
            !reply.body["detail"].as_str().unwrap().is_empty(),
            "{shown}"
        );
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_problem_says_everything_that_is_wrong() {
    let house = House::new();
    let asked = json!({ "to": "12", "text": "", "ttl": 1, "colour": "red" });
    let headers = [("x-request-id", "case-7")];
    let reply = house.post_with("/v1/messages", &asked, &headers).await;
    let expected = json!({
        "type": "about:blank", "title": "Bad Request", "status": 400, "code": "unknown_field",
        "detail": "\"colour\" is no field of this request", "request_id": "case-7",
        "errors": [
            { "field": "colour", "code": "unknown_field", "message": "\"colour\" is no field of this request" },
            { "field": "to", "code": "invalid_phone", "message": "to: a number without + is no number of the default region CN" },
            { "field": "text", "code": "invalid_request", "message": "the text is empty" },
            { "field": "ttl", "code": "invalid_request", "message": "ttl must be 10 to 604800 seconds" },
        ],
    });
    assert_eq!(reply.body, expected);
}

#[tokio::test]
async fn characters_that_gsm7_lacks_are_named() {
    let house = House::new();
    let asked = json!({ "to": TO, "text": "price: 5 € 你好", "encoding": "gsm7" });
    let reply = house.post("/v1/messages", asked.to_string()).await;
    reply.is(400, "not_encodable");
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("'你' '好'") && !detail.contains('€'),
        "{detail}"
    );
}

#[tokio::test]
async fn a_lone_surrogate_is_named_and_nothing_of_the_body_is_repeated() {
    let house = House::new();
    let body = r#"{"to":"+8613800138000","text":"secret \ud83d"}"#;
    let reply = house.post("/v1/messages", body).await;
    reply.is(400, "invalid_request");
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("surrogate") || detail.contains("hex escape"),
        "{detail}"
    );
    assert!(
        !reply.text.contains("secret") && !reply.text.contains("13800138"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn a_body_must_be_json_and_not_too_large() {
    let house = House::new();
    let asked = json!({ "to": TO, "text": "hello" });
    for media in ["", "text/plain", "application/x-www-form-urlencoded"] {
        let reply = house
            .post_with("/v1/messages", &asked, &[("content-type", media)])
            .await;
        reply.is(415, "unsupported_media_type");
    }
    // Without Content-Length: it is found out while it comes.
    let large = house.post("/v1/messages", "x".repeat(2 << 20)).await;
    large.is(413, "payload_too_large");
    let request = asking(Method::POST, "/v1/messages", "{}".into());
    let announced = with_headers(request, &[("content-length", "2097152")]);
    house.send(announced).await.is(413, "payload_too_large");
    let not_utf8 = b"{\"to\":\"+8613800138000\",\"text\":\"\xff\"}".to_vec();
    house
        .post("/v1/messages", not_utf8)
        .await
        .is(400, "invalid_request");
    assert_eq!(house.count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let house = House::new();
    let never = Body::from_stream(futures_util::stream::pending::<
        Result<Vec<u8>, std::io::Error>,
    >());
    let reply = house
        .send(asking(Method::POST, "/v1/messages", never))
        .await;
    reply.is(408, "request_timeout");
}

#[test]
fn whatever_a_body_is_it_is_accepted_or_refused() {
    use proptest::prelude::*;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = House::new();
    let good = json!({ "to": TO, "text": "hello", "ttl": 60, "flash": true }).to_string();
    let changed = (any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(at, octet)| {
        let mut octets = good.clone().into_bytes();
        let at = at.index(octets.len());
        octets[at] = octet;
        octets
    });
    let bodies = prop_oneof![any::<Vec<u8>>(), changed];
    proptest!(|(body in bodies, path in prop_oneof![Just("/v1/messages"), Just("/sms/send")])| {
        let status = runtime.block_on(house.post(path, body)).status.as_u16();
        prop_assert!(matches!(status, 200 | 202 | 400), "{}", status);
    });
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_told_in_the_shape_of_their_group() {
    let house = House::new();
    house.get("/nowhere").await.is(404, "not_found");
    house.get("/v1/messages/").await.is(404, "not_found");
    house.get("/v1/messages/MSG_1").await.is(404, "not_found");
    house.get("/v1/messages/%ff").await.is(404, "not_found");
    house.get("/v1/messages/1'--").await.is(404, "not_found");
    house
        .get("/v1/messages/MSG_1/events")
        .await
        .is(404, "not_found");
    house.get("/v1/modems/m9").await.is(404, "not_found");

    let wrong = house
        .send(asking(Method::DELETE, "/v1/messages", Body::empty()))
        .await;
    wrong.is(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    assert!(!wrong.header("x-request-id").is_empty());

    let direct = house.get("/sms/send").await;
    direct.is(405, "method_not_allowed");
    assert_eq!(direct.header("allow"), "POST");
    assert_eq!(direct.body["success"], false);
    assert_eq!(direct.body["statusCode"], 405);
    let nowhere = house.get("/sms/nowhere").await;
    nowhere.is(404, "not_found");
    assert_eq!(nowhere.body["error"], nowhere.body["message"]);
}

#[tokio::test]
async fn too_many_requests_of_a_key_wait() {
    let house = House::with("[limits]\nkey_rps = 1\nkey_burst = 2\n");
    assert_eq!(house.get("/v1/messages").await.status, 200);
    assert_eq!(house.get("/v1/modems").await.status, 200);
    let refused = house.get("/v1/messages").await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.body["retry_after"], 1);
    let asked = json!({ "to": TO, "text": "hello" }).to_string();
    house
        .post("/v1/messages", asked)
        .await
        .is(429, "rate_limited");
    assert_eq!(house.get("/healthz").await.status, 200, "no key, no bucket");
}
