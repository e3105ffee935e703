//! What a described provider is asked, and what its answers and reports come to.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::cloud::specimens::{ATTEMPT, answer, body, moment, number, outgoing, posted, refused};
use crate::domain::Body;
use crate::domain::recipe::{Condition, ReportRecipe, Says};

const CALLBACKS: &str = "https://gw.example.com/callbacks/x";

fn settings() -> Settings {
    Settings {
        method: Method::POST,
        url: "https://sms.example.com/send".to_owned(),
        content_type: "application/json".to_owned(),
        headers: vec![("X-Request".to_owned(), "{id}".to_owned())],
        body: Some(r#"{"to":"{to}","text":"{text}","cb":"{callback_url}"}"#.to_owned()),
        auth: Auth::None,
        from: None,
        success: Condition {
            status: vec![200..=299],
            says: None,
        },
        id_pointer: None,
        errors: Vec::new(),
        report: Some(ReportRecipe {
            id_pointer: "/id".to_owned(),
            status_pointer: "/status".to_owned(),
            values: BTreeMap::from([
                ("DELIVRD".to_owned(), Fate::Delivered),
                ("UNDELIV".to_owned(), Fate::Undelivered),
            ]),
        }),
        callbacks: Some(CALLBACKS.to_owned()),
        callback_secret: Some("s3cret/1".into()),
    }
}

fn recipe(change: impl FnOnce(&mut Settings)) -> Recipe {
    let mut settings = settings();
    change(&mut settings);
    Recipe::parse(settings).unwrap()
}

fn sent(recipe: &Recipe) -> Request {
    let (to, text) = (number("+8613800138000"), body("hi"));
    recipe.send(&outgoing(&to, &text), &moment()).unwrap()
}

#[test]
fn a_request_is_made_of_its_templates() {
    let request = sent(&recipe(|_| ()));
    assert_eq!(request.uri(), "https://sms.example.com/send");
    assert_eq!(request.headers()["x-request"], "2a-1f");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(
        &request.body()[..],
        br#"{"to":"+8613800138000","text":"hi","cb":"https://gw.example.com/callbacks/x/s3cret%2F1"}"#
    );
    let get = sent(&recipe(|s| {
        s.method = Method::GET;
        s.url = "http://10.0.0.9?to={to}&text={text}".to_owned();
        s.body = None;
    }));
    assert_eq!(get.uri(), "http://10.0.0.9/?to=%2B8613800138000&text=hi");
    assert!(get.headers().get("content-type").is_none());
}

#[test]
fn each_kind_of_auth_has_its_header() {
    let secret = || SecretString::from("hunter2");
    for (auth, name, value) in [
        (
            Auth::Basic {
                account: "me".to_owned(),
                secret: secret(),
            },
            "authorization",
            "Basic bWU6aHVudGVyMg==",
        ),
        (
            Auth::Bearer { secret: secret() },
            "authorization",
            "Bearer hunter2",
        ),
        (
            Auth::Header {
                name: "X-Key".to_owned(),
                secret: secret(),
            },
            "x-key",
            "hunter2",
        ),
        (
            Auth::Hmac {
                name: "X-Sig".to_owned(),
                format: "sha256={hex}".to_owned(),
                secret: "key".into(),
            },
            "x-sig",
            // Published in many places: of this sentence with the key `key`.
            "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
        ),
    ] {
        let recipe = recipe(|s| {
            s.auth = auth;
            s.content_type = "text/plain".to_owned();
            s.body = Some("The quick brown fox jumps over the lazy dog".to_owned());
        });
        let request = sent(&recipe);
        assert_eq!(request.headers()[name], value);
        let shown = format!("{recipe:?} {:?}", request.headers());
        assert!(
            !shown.contains("hunter2") && !shown.contains("bWU6"),
            "{shown}"
        );
    }
}

#[test]
fn a_section_that_makes_no_requests_is_refused_by_its_key() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Recipe::parse(settings).unwrap_err().to_string()
    };
    for (error, words) in [
        (
            refused(|s| s.url = "https://{to}.example.com/".to_owned()),
            "url",
        ),
        (
            refused(|s| s.url = "https://sms.example.com{text}".to_owned()),
            "url",
        ),
        (
            refused(|s| s.url = "https://a@sms.example.com/".to_owned()),
            "url",
        ),
        (refused(|s| s.url = "sms.example.com/".to_owned()), "url"),
        (
            refused(|s| s.body = Some("{\"a\":\"{txt}\"}".to_owned())),
            "body: character 7: {txt}",
        ),
        (
            refused(|s| s.headers[0].1 = "{id|up}".to_owned()),
            "headers.X-Request: character 1",
        ),
        (
            refused(|s| s.headers[0].0 = "X A".to_owned()),
            "headers.X A",
        ),
        (
            refused(|s| {
                s.auth = Auth::Bearer {
                    secret: "two\nlines".into(),
                };
            }),
            "secret_file",
        ),
        (
            refused(|s| {
                s.auth = Auth::Hmac {
                    name: "X-Sig".to_owned(),
                    format: "plain".to_owned(),
                    secret: "key".into(),
                };
            }),
            "auth_format",
        ),
        (
            refused(|s| s.report.as_mut().unwrap().id_pointer = "/results/*/id".to_owned()),
            "report",
        ),
    ] {
        assert!(error.starts_with(words), "{error}");
    }
}

#[test]
fn without_rules_the_http_status_decides() {
    let recipe = recipe(|_| ());
    assert_eq!(
        recipe.verdict(&answer(204, "")),
        Verdict::Accepted(Taken::default())
    );
    for (status, cause) in [
        (408, Cause::Busy),
        (429, Cause::Busy),
        (401, Cause::Config),
        (403, Cause::Config),
        (400, Cause::Other),
        (404, Cause::Other),
    ] {
        assert_eq!(
            refused(recipe.verdict(&answer(status, ""))),
            cause,
            "{status}"
        );
    }
    for status in [301, 500, 502, 503] {
        let verdict = recipe.verdict(&answer(status, ""));
        assert!(matches!(verdict, Verdict::Unknown(_)), "{status}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_where_it_must_be_leaves_it_open() {
    let recipe = recipe(|s| {
        s.id_pointer = Some("/id".to_owned());
        s.success.says = Some(Says::Fits {
            pointer: Some("/status".to_owned()),
            regex: Regex::new("^(ok|queued)$").unwrap(),
        });
    });
    let accepted = recipe.verdict(&answer(200, r#"{"id":42,"status":"ok"}"#));
    assert!(matches!(accepted, Verdict::Accepted(taken) if taken.ids == ["42"]));
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"status":"ok"}"#,
        r#"{"id":"","status":"ok"}"#,
        r#"{"id":1,"status":"no"}"#,
    ] {
        let verdict = recipe.verdict(&answer(200, body));
        assert!(
            matches!(verdict, Verdict::Unknown(_)),
            "{body}: {verdict:?}"
        );
    }
}

#[test]
fn the_first_rule_that_holds_says_what_a_refusal_is() {
    let rule = |status: Vec<std::ops::RangeInclusive<u16>>, says, is| ErrorRule {
        when: Condition { status, says },
        is,
    };
    let recipe = recipe(|s| {
        s.errors = vec![
            rule(
                vec![],
                Some(Says::Equals {
                    pointer: "/code".to_owned(),
                    value: "7".to_owned(),
                }),
                Cause::Funds,
            ),
            rule(
                vec![400..=499],
                Some(Says::Fits {
                    pointer: None,
                    regex: Regex::new("[Bb]ad [Nn]umber").unwrap(),
                }),
                Cause::Number,
            ),
            rule(vec![503..=503], None, Cause::Busy),
        ];
    });
    for (status, body, cause) in [
        (200, r#"{"code":7}"#, Cause::Funds),
        (400, r#"{"code":"7","words":"bad number"}"#, Cause::Funds),
        (422, "Bad Number", Cause::Number),
        (503, "", Cause::Busy),
    ] {
        assert_eq!(
            refused(recipe.verdict(&answer(status, body))),
            cause,
            "{status} {body}"
        );
    }
    let mut busy = answer(503, r#"{"text":"code 4711"}"#);
    busy.headers_mut()
        .insert("retry-after", "9".parse().unwrap());
    let Verdict::Refused(refusal) = recipe.verdict(&busy) else {
        panic!()
    };
    assert_eq!(
        (refusal.wait, refusal.said.as_str()),
        (Some(Duration::from_secs(9)), "HTTP 503")
    );
}

#[test]
fn a_report_is_read_from_query_form_and_json() {
    let recipe = recipe(|_| ());
    let headers = HeaderMap::new();
    let url = format!("{CALLBACKS}/s3cret%2F1");
    let get_url = format!("{url}?id=2a-1f&status=DELIVRD");
    let get = Callback {
        method: &Method::GET,
        ..posted(&get_url, &headers, b"")
    };
    let form = posted(&url, &headers, b"id=2a-1f&status=DELIVRD&id=other");
    let json = posted(&url, &headers, br#" {"id":"2a-1f","status":"DELIVRD"}"#);
    for callback in [get, form, json] {
        let read = recipe.read(&callback).unwrap();
        assert_eq!(
            (read[0].fate, read[0].attempt),
            (Fate::Delivered, Some(ATTEMPT))
        );
        assert_eq!(read[0].id.as_deref(), Some("2a-1f"));
    }
    let failed = recipe
        .read(&posted(&url, &headers, br#"{"id":9,"status":"UNDELIV"}"#))
        .unwrap();
    assert_eq!(
        (failed[0].id.as_deref(), failed[0].detail.as_deref()),
        (Some("9"), Some("UNDELIV"))
    );
    let unknown = recipe
        .read(&posted(&url, &headers, b"id=9&status=ENROUTE"))
        .unwrap();
    assert_eq!((unknown[0].fate, unknown[0].attempt), (Fate::Sent, None));
    for body in [&b""[..], b"{", b"id=&status=DELIVRD", b"status=DELIVRD"] {
        let read = recipe.read(&posted(&url, &headers, body));
        assert_eq!(read, Err(Disbelief::Unreadable));
    }
    let wrong = format!("{CALLBACKS}/s3cret");
    let read = recipe.read(&posted(&wrong, &headers, b"id=9&status=DELIVRD"));
    assert_eq!(read, Err(Disbelief::Unproven));
}

#[test]
fn a_report_may_tell_of_several_texts() {
    let recipe = recipe(|s| {
        let report = s.report.as_mut().unwrap();
        report.id_pointer = "/results/*/id".to_owned();
        report.status_pointer = "/results/*/status/name".to_owned();
    });
    let url = format!("{CALLBACKS}/s3cret%2F1");
    let body = br#"{"results":[{"id":"a","status":{"name":"DELIVRD"}},{"x":1},{"id":"b","status":{"name":"UNDELIV"}}]}"#;
    let read = recipe.read(&posted(&url, &HeaderMap::new(), body)).unwrap();
    let read: Vec<_> = read
        .iter()
        .map(|one| (one.id.as_deref(), one.fate))
        .collect();
    assert_eq!(
        read,
        [(Some("a"), Fate::Delivered), (Some("b"), Fate::Undelivered)]
    );
}

#[test]
fn a_report_may_be_signed_as_our_requests_are() {
    let signing = recipe(|s| {
        s.callback_secret = None;
        s.auth = Auth::Hmac {
            name: "X-Sig".to_owned(),
            format: "{b64}".to_owned(),
            secret: "key".into(),
        };
    });
    let body = b"id=9&status=DELIVRD";
    let sum = STANDARD.encode(digest::hmac_sha256(b"key", body));
    let mut headers = HeaderMap::new();
    headers.insert("x-sig", sum.parse().unwrap());
    assert!(signing.read(&posted(CALLBACKS, &headers, body)).is_ok());
    let other = signing.read(&posted(CALLBACKS, &headers, b"id=8&status=DELIVRD"));
    assert_eq!(other, Err(Disbelief::Unproven));
    let bare = signing.read(&posted(CALLBACKS, &HeaderMap::new(), body));
    assert_eq!(bare, Err(Disbelief::Unproven));
    for silent in [
        recipe(|s| s.callback_secret = None),
        recipe(|s| s.report = None),
        recipe(|s| s.callbacks = None),
    ] {
        let read = silent.read(&posted(CALLBACKS, &headers, body));
        assert_eq!(read, Err(Disbelief::NoSuchPath));
        let request = sent(&silent);
        assert!(request.body().ends_with(br#""cb":""}"#));
    }
}

proptest! {
    #[test]
    fn no_text_becomes_a_header(text in "\\PC{1,60}") {
        prop_assume!(Body::parse(&text).is_ok());
        let recipe = recipe(|s| s.headers[0].1 = "{text}".to_owned());
        let (to, text) = (number("+8613800138000"), body(&text));
        if let Ok(request) = recipe.send(&outgoing(&to, &text), &moment()) {
            prop_assert_eq!(request.headers().len(), 2);
            prop_assert_eq!(request.headers()["x-request"].as_bytes(), text.expose().as_bytes());
        }
    }

    #[test]
    fn no_answer_and_no_report_panics(octets in any::<Vec<u8>>(), status in 200u16..600) {
        let recipe = recipe(|s| s.id_pointer = Some("/id".to_owned()));
        let answer = http::Response::builder().status(status).body(octets.clone().into()).unwrap();
        _ = recipe.verdict(&answer);
        _ = recipe.read(&posted(&format!("{CALLBACKS}/s3cret%2F1"), &HeaderMap::new(), &octets));
    }
}
