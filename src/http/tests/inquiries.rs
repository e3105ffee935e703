//! What is asked of modems, and of the network through them.

use super::*;
use crate::dispatch::{LineAnswer, Question, Told, Unanswered, UssdAnswer, UssdStatus};

type Answer = Result<Told, Unanswered>;

/// Asks, answers in the modem's place, and returns the answer of the API with what the modem was asked.
async fn asked(house: &mut House, path: &str, body: Value, answer: Answer) -> (Reply, Question) {
    let router = house.router.clone();
    let request = asking(Method::POST, path, body.to_string().into());
    let asking = tokio::spawn(async move { router.oneshot(request).await.unwrap() });
    let Wish::Ask { modem, inquiry } = house.wished.recv().await.unwrap() else {
        panic!("something else was wished");
    };
    assert_eq!(modem.as_str(), "m1");
    let question = inquiry.question.clone();
    inquiry.answer(answer);
    let (head, body) = asking.await.unwrap().into_parts();
    let octets = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(octets.to_vec()).unwrap();
    let reply = Reply {
        status: head.status,
        headers: head.headers,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    };
    (reply, question)
}

#[tokio::test]
async fn a_code_is_answered_with_its_status_and_its_text() {
    let mut house = House::new();
    for (status, text, shown) in [
        (
            UssdStatus::Done,
            Some("Balance 3.00"),
            json!({ "status": "done", "text": "Balance 3.00" }),
        ),
        (
            UssdStatus::ReplyExpected,
            Some("1 or 2?"),
            json!({ "status": "reply_expected", "text": "1 or 2?" }),
        ),
        (
            UssdStatus::Terminated,
            None,
            json!({ "status": "terminated", "text": null }),
        ),
        (
            UssdStatus::OtherClient,
            None,
            json!({ "status": "other_client", "text": null }),
        ),
        (
            UssdStatus::NotSupported,
            None,
            json!({ "status": "not_supported", "text": null }),
        ),
        (
            UssdStatus::NetworkTimeout,
            None,
            json!({ "status": "network_timeout", "text": null }),
        ),
    ] {
        let text = text.map(str::to_owned);
        let answer = Ok(Told::Ussd(UssdAnswer { status, text }));
        let asks = json!({ "code": "*100#" });
        let (reply, question) = asked(&mut house, "/v1/modems/m1/ussd", asks, answer).await;
        assert_eq!((reply.status.as_u16(), reply.body), (200, shown));
        assert!(matches!(question, Question::Ussd(_)));
    }
}

#[tokio::test]
async fn why_a_modem_does_not_answer_has_a_status_and_words() {
    let mut house = House::new();
    for (why, status, code, says) in [
        (
            Unanswered::NotReady("the modem is absent".into()),
            503,
            "modem_not_ready",
            "the modem is absent",
        ),
        (
            Unanswered::Busy("texts go first"),
            503,
            "modem_busy",
            "texts go first",
        ),
        (
            Unanswered::Refused("+CME ERROR: 30".into()),
            502,
            "modem_refused",
            "+CME ERROR: 30",
        ),
        (
            Unanswered::TimedOut("no answer within 60 s"),
            504,
            "modem_timeout",
            "within 60 s",
        ),
    ] {
        let asks = json!({ "code": "*100#" });
        let (reply, _) = asked(&mut house, "/v1/modems/m1/ussd", asks, Err(why)).await;
        reply.is(status, code);
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
    }
}

#[tokio::test]
async fn a_line_is_answered_with_what_the_modem_said() {
    let mut house = House::new();
    let answer = Ok(Told::Line(LineAnswer {
        lines: vec!["+CSQ: 17,99".into()],
        result: "OK".into(),
        meanwhile: vec!["^RSSI:18".into()],
    }));
    let asks = json!({ "command": "AT+CSQ" });
    let (reply, question) = asked(&mut house, "/v1/modems/m1/at", asks, answer).await;
    assert_eq!(
        (reply.status.as_u16(), reply.body),
        (
            200,
            json!({ "lines": ["+CSQ: 17,99"], "result": "OK", "unsolicited": ["^RSSI:18"] })
        )
    );
    assert!(matches!(question, Question::Line(_)));
}

#[tokio::test]
async fn what_is_no_code_and_no_line_for_a_terminal_reaches_no_modem() {
    let house = House::new();
    for (path, body) in [
        ("ussd", json!({})),
        ("ussd", json!({ "code": 100 })),
        ("ussd", json!({ "code": "" })),
        ("ussd", json!({ "code": "*100#\"\r" })),
        ("at", json!({})),
        ("at", json!({ "command": "AT+CMGS=12" })),
        ("at", json!({ "command": "ATD112" })),
        ("at", json!({ "command": "AT+CPIN=\"86420975\"" })),
        ("at", json!({ "command": "AT\rAT" })),
    ] {
        let reply = house
            .post(&format!("/v1/modems/m1/{path}"), body.to_string())
            .await;
        reply.is(400, "invalid_request");
        assert!(!reply.text.contains("86420975"), "{}", reply.text);
    }
    let more = json!({ "code": "*100#", "x": 1 });
    house
        .post("/v1/modems/m1/ussd", more.to_string())
        .await
        .is(400, "unknown_field");
    let code = json!({ "code": "*100#" });
    house
        .post("/v1/modems/m9/ussd", code.to_string())
        .await
        .is(404, "not_found");
    assert!(house.wished.is_empty());
}

#[tokio::test]
async fn the_network_is_asked_with_modems_write_and_the_modem_itself_by_administrators() {
    let mut house = House::new();
    let made = house
        .post(
            "/v1/keys",
            json!({ "name": "ops", "scopes": ["modems:write"] }).to_string(),
        )
        .await;
    let key = format!("Bearer {}", made.body["key"].as_str().unwrap());
    let line = json!({ "command": "AT+CSQ" });
    house
        .post_with("/v1/modems/m1/at", &line, &[("authorization", &key)])
        .await
        .is(403, "forbidden");
    let made = house
        .post(
            "/v1/keys",
            json!({ "name": "eyes", "scopes": ["modems:read"] }).to_string(),
        )
        .await;
    let key = format!("Bearer {}", made.body["key"].as_str().unwrap());
    let code = json!({ "code": "*101*98765432#" });
    house
        .post_with("/v1/modems/m1/ussd", &code, &[("authorization", &key)])
        .await
        .is(403, "forbidden");
    let answer = Err(Unanswered::Busy("later"));
    asked(&mut house, "/v1/modems/m1/ussd", code, answer).await;
    let audit = house.get("/v1/audit").await;
    let newest = &audit.body["data"][0];
    assert_eq!(
        (&newest["action"], &newest["object"], &newest["key"]),
        (&json!("modem.ussd"), &json!("m1"), &json!("admin"))
    );
    assert!(
        !audit.text.contains("98765432"),
        "what was asked is not on record"
    );
}

#[tokio::test]
async fn a_dialogue_is_ended_on_request() {
    let mut house = House::new();
    let router = house.router.clone();
    let request = asking(Method::DELETE, "/v1/modems/m1/ussd", Body::empty());
    let ending = tokio::spawn(async move { router.oneshot(request).await.unwrap() });
    let Wish::Ask { inquiry, .. } = house.wished.recv().await.unwrap() else {
        panic!("something else was wished");
    };
    assert_eq!(inquiry.question, Question::EndUssd);
    inquiry.answer(Ok(Told::Ended));
    assert_eq!(ending.await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_gateway_that_stops_does_not_wait_for_the_network() {
    let mut house = House::new();
    let router = house.router.clone();
    let body = json!({ "code": "*100#" }).to_string();
    let request = asking(Method::POST, "/v1/modems/m1/ussd", body.into());
    let waiting = tokio::spawn(async move { router.oneshot(request).await.unwrap() });
    let _kept = house.wished.recv().await.unwrap();
    house.gate.close();
    assert_eq!(waiting.await.unwrap().status(), 503);
}
