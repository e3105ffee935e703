//! The sections of `config/providers`: the request that each makes, and what its provider's answers and reports come to.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use http::HeaderMap;
use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::cloud::specimens::{ATTEMPT, answer, body, moment, number, outgoing, posted, refused};
use crate::domain::recipe::{Condition, ReportRecipe, Says};

/// A section, as far as these files have keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    kind: String,
    url: String,
    #[serde(default = "json_type")]
    content_type: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: String,
    from: Option<String>,
    auth: String,
    auth_header: Option<String>,
    account: Option<String>,
    secret_file: String,
    callback_secret_file: Option<String>,
    success: When,
    id_pointer: String,
    errors: Vec<Rule>,
    report: Option<Reported>,
}

fn json_type() -> String {
    "application/json".to_owned()
}

#[derive(Deserialize)]
struct When {
    #[serde(default)]
    status: Vec<String>,
    pointer: Option<String>,
    equals: Option<toml::Value>,
    regex: Option<String>,
}

#[derive(Deserialize)]
struct Rule {
    is: toml::Value,
    #[serde(flatten)]
    when: When,
}

#[derive(Deserialize)]
struct Reported {
    id_pointer: String,
    status_pointer: String,
    values: BTreeMap<String, String>,
}

fn range(status: &str) -> RangeInclusive<u16> {
    match status.strip_suffix("xx") {
        Some(hundreds) => {
            let first = hundreds.parse::<u16>().unwrap() * 100;
            first..=first + 99
        }
        None => {
            let status = status.parse().unwrap();
            status..=status
        }
    }
}

fn plain_toml(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl When {
    fn condition(self) -> Condition {
        let regex = self.regex.map(|regex| Regex::new(&regex).unwrap());
        let says = match (self.pointer, self.equals, regex) {
            (Some(pointer), Some(value), None) => Some(Says::Equals {
                pointer,
                value: plain_toml(&value),
            }),
            (pointer, None, Some(regex)) => Some(Says::Fits { pointer, regex }),
            (None, None, None) => None,
            _ => panic!("a pointer has either equals or regex"),
        };
        Condition {
            status: self.status.iter().map(|status| range(status)).collect(),
            says,
        }
    }
}

fn cause(word: &str) -> Cause {
    match word {
        "1001" => Cause::Template,
        "1002" => Cause::Number,
        "1003" => Cause::Params,
        "1004" | "retry" => Cause::Busy,
        "1005" => Cause::Funds,
        "config" => Cause::Config,
        other => panic!("{other}"),
    }
}

fn fate(word: &str) -> Fate {
    match word {
        "sent" => Fate::Sent,
        "delivered" => Fate::Delivered,
        "undelivered" => Fate::Undelivered,
        "expired" => Fate::Expired,
        other => panic!("{other}"),
    }
}

impl Section {
    fn auth(&self) -> Auth {
        let secret = SecretString::from("SECRET");
        match self.auth.as_str() {
            "basic" => Auth::Basic {
                account: self.account.clone().unwrap(),
                secret,
            },
            "bearer" => Auth::Bearer { secret },
            "header" => Auth::Header {
                name: self.auth_header.clone().unwrap(),
                secret,
            },
            other => panic!("{other}"),
        }
    }

    fn settings(self, name: &str) -> Settings {
        assert_eq!(self.kind, "http");
        assert!(!self.secret_file.is_empty());
        assert_eq!(self.callback_secret_file.is_some(), self.report.is_some());
        Settings {
            method: Method::POST,
            auth: self.auth(),
            url: self.url,
            content_type: self.content_type,
            headers: self.headers.into_iter().collect(),
            body: Some(self.body),
            from: self.from,
            success: self.success.condition(),
            id_pointer: Some(self.id_pointer),
            errors: self
                .errors
                .into_iter()
                .map(|rule| ErrorRule {
                    is: cause(&plain_toml(&rule.is)),
                    when: rule.when.condition(),
                })
                .collect(),
            report: self.report.map(|report| ReportRecipe {
                id_pointer: report.id_pointer,
                status_pointer: report.status_pointer,
                values: report
                    .values
                    .into_iter()
                    .map(|(word, ours)| (word, fate(&ours)))
                    .collect(),
            }),
            callbacks: Some(format!("https://gw.example.com/callbacks/{name}")),
            callback_secret: Some("s".into()),
        }
    }
}

#[track_caller]
fn recipe(file: &str) -> Recipe {
    #[derive(Deserialize)]
    struct File {
        cloud: BTreeMap<String, Section>,
    }
    let file: File = toml::from_str(file).unwrap();
    let (name, section) = file.cloud.into_iter().next().unwrap();
    Recipe::parse(section.settings(&name)).unwrap()
}

fn sent(recipe: &Recipe) -> Request {
    let (to, text) = (number("+8613800138000"), body("it's \"ok\" & 5<6"));
    recipe.send(&outgoing(&to, &text), &moment()).unwrap()
}

fn sent_json(recipe: &Recipe) -> Value {
    serde_json::from_slice(sent(recipe).body()).unwrap()
}

#[track_caller]
fn assert_taken(recipe: &Recipe, status: u16, body: &Value, id: &str) {
    match recipe.verdict(&answer(status, body.to_string())) {
        Verdict::Accepted(taken) => assert_eq!(taken.ids, [id]),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused(recipe: &Recipe, status: u16, body: &Value, cause: Cause) {
    let verdict = recipe.verdict(&answer(status, body.to_string()));
    assert_eq!(refused(verdict), cause, "{status} {body}");
}

#[track_caller]
fn assert_open(recipe: &Recipe) {
    for (status, body) in [
        (200, ""),
        (200, "{}"),
        (201, "{}"),
        (202, "{}"),
        (500, "{}"),
        (502, "<html>"),
    ] {
        let verdict = recipe.verdict(&answer(status, body));
        assert!(
            matches!(verdict, Verdict::Unknown(_)),
            "{status} {body}: {verdict:?}"
        );
    }
}

#[track_caller]
fn reported(recipe: &Recipe, name: &str, body: &str) -> Vec<(Option<String>, Fate)> {
    let url = format!("https://gw.example.com/callbacks/{name}/s");
    let read = recipe
        .read(&posted(&url, &HeaderMap::new(), body.as_bytes()))
        .unwrap();
    read.into_iter().map(|one| (one.id, one.fate)).collect()
}

fn one(id: &str, fate: Fate) -> Vec<(Option<String>, Fate)> {
    vec![(Some(id.to_owned()), fate)]
}

const TEXT: &str = "it's \"ok\" & 5<6";

#[test]
fn africas_talking() {
    let recipe = recipe(include_str!(
        "../../../config/providers/africastalking.toml"
    ));
    let request = sent(&recipe);
    assert_eq!(
        request.uri(),
        "https://api.africastalking.com/version1/messaging"
    );
    assert_eq!(request.headers()["apikey"], "SECRET");
    assert_eq!(
        request.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    let form = Form::parse(request.body());
    let pairs: Vec<_> = form.pairs().collect();
    assert_eq!(
        pairs,
        [
            ("username", "YOUR-USERNAME"),
            ("to", "+8613800138000"),
            ("message", TEXT),
            ("from", "YOUR-SENDER"),
        ]
    );
    let told = |code: u16, status: &str| {
        json!({"SMSMessageData": {"Message": "Sent to 1/1 Total Cost: KES 0.8000", "Recipients": [
            {"statusCode": code, "number": "+8613800138000", "status": status, "cost": "KES 0.8000", "messageId": "ATPid_1"}
        ]}})
    };
    assert_taken(&recipe, 201, &told(101, "Success"), "ATPid_1");
    assert_refused(&recipe, 201, &told(402, "InvalidSenderId"), Cause::Config);
    assert_refused(
        &recipe,
        201,
        &told(403, "InvalidPhoneNumber"),
        Cause::Number,
    );
    assert_refused(
        &recipe,
        201,
        &told(405, "InsufficientBalance"),
        Cause::Funds,
    );
    assert_refused(
        &recipe,
        401,
        &json!("The supplied authentication is invalid"),
        Cause::Config,
    );
    let internal = recipe.verdict(&answer(201, told(500, "InternalServerError").to_string()));
    assert!(matches!(internal, Verdict::Unknown(_)));
    assert_open(&recipe);
    let report = "phoneNumber=%2B8613800138000&id=ATPid_1&status=Success&networkCode=63902";
    assert_eq!(
        reported(&recipe, "africastalking", report),
        one("ATPid_1", Fate::Delivered)
    );
}

#[test]
fn infobip() {
    let recipe = recipe(include_str!("../../../config/providers/infobip.toml"));
    assert_eq!(sent(&recipe).headers()["authorization"], "SECRET");
    assert_eq!(
        sent_json(&recipe),
        json!({"messages": [{
            "sender": "YOUR-SENDER",
            "destinations": [{"to": "8613800138000"}],
            "content": {"text": TEXT},
            "webhooks": {
                "delivery": {"url": "https://gw.example.com/callbacks/infobip/s"},
                "contentType": "application/json",
            },
        }]})
    );
    let told = |group: &str, name: &str| {
        json!({"bulkId": "1", "messages": [{
            "messageId": "abc", "destination": "8613800138000",
            "status": {"groupId": 1, "groupName": group, "id": 26, "name": name, "description": "x"},
        }]})
    };
    assert_taken(&recipe, 200, &told("PENDING", "PENDING_ACCEPTED"), "abc");
    assert_refused(
        &recipe,
        200,
        &told("REJECTED", "REJECTED_NOT_ENOUGH_CREDITS"),
        Cause::Funds,
    );
    assert_refused(
        &recipe,
        200,
        &told("REJECTED", "REJECTED_PREFIX_MISSING"),
        Cause::Number,
    );
    assert_refused(
        &recipe,
        200,
        &told("REJECTED", "REJECTED_SENDER"),
        Cause::Config,
    );
    assert_refused(&recipe, 401, &json!({"errorCode": "E401"}), Cause::Config);
    assert_refused(&recipe, 429, &json!({}), Cause::Busy);
    assert_open(&recipe);
    let report = json!({"results": [
        {"messageId": "abc", "to": "8613800138000", "status": {"groupName": "DELIVERED"}},
        {"messageId": "def", "to": "8613800138001", "status": {"groupName": "EXPIRED"}},
    ]});
    assert_eq!(
        reported(&recipe, "infobip", &report.to_string()),
        [one("abc", Fate::Delivered), one("def", Fate::Expired)].concat()
    );
}

#[test]
fn plivo() {
    let recipe = recipe(include_str!("../../../config/providers/plivo.toml"));
    let request = sent(&recipe);
    assert_eq!(request.uri().path(), "/v1/Account/YOUR-AUTH-ID/Message/");
    let token = STANDARD.encode("YOUR-AUTH-ID:SECRET");
    assert_eq!(request.headers()["authorization"], format!("Basic {token}"));
    assert_eq!(
        sent_json(&recipe),
        json!({
            "src": "YOUR-NUMBER", "dst": "8613800138000", "text": TEXT, "method": "POST",
            "url": "https://gw.example.com/callbacks/plivo/s",
        })
    );
    let taken = json!({"message": "message(s) queued", "message_uuid": ["db3c"], "api_id": "db34"});
    assert_taken(&recipe, 202, &taken, "db3c");
    assert_refused(&recipe, 401, &json!({}), Cause::Config);
    assert_refused(&recipe, 402, &json!({}), Cause::Funds);
    assert_refused(
        &recipe,
        400,
        &json!({"error": "dst parameter is invalid"}),
        Cause::Number,
    );
    assert_refused(
        &recipe,
        400,
        &json!({"error": "src parameter is invalid"}),
        Cause::Config,
    );
    assert_open(&recipe);
    let report = "From=YOUR-NUMBER&To=8613800138000&MessageUUID=db3c&Status=undelivered";
    assert_eq!(
        reported(&recipe, "plivo", report),
        one("db3c", Fate::Undelivered)
    );
}

#[test]
fn messagebird() {
    let recipe = recipe(include_str!("../../../config/providers/messagebird.toml"));
    assert_eq!(sent(&recipe).headers()["authorization"], "SECRET");
    assert_eq!(
        sent_json(&recipe),
        json!({
            "originator": "YOUR-SENDER", "recipients": ["8613800138000"], "body": TEXT, "datacoding": "auto",
            "reference": "2a-1f", "reportUrl": "https://gw.example.com/callbacks/messagebird/s",
        })
    );
    let taken = json!({"id": "e8077d80", "recipients": {"items": [{"status": "sent"}]}});
    assert_taken(&recipe, 201, &taken, "e8077d80");
    let error = |code: u16, parameter: Value| json!({"errors": [{"code": code, "description": "x", "parameter": parameter}]});
    assert_refused(&recipe, 401, &error(2, json!("access_key")), Cause::Config);
    assert_refused(&recipe, 422, &error(25, Value::Null), Cause::Funds);
    assert_refused(&recipe, 422, &error(9, json!("recipients")), Cause::Number);
    assert_refused(&recipe, 422, &error(10, json!("originator")), Cause::Config);
    assert_refused(&recipe, 422, &error(9, json!("body")), Cause::Params);
    assert_open(&recipe);
    let url = "https://gw.example.com/callbacks/messagebird/s?id=e8077d80&reference=2a-1f\
               &recipient=8613800138000&status=delivery_failed";
    let headers = HeaderMap::new();
    let read = recipe.read(&Callback {
        method: &Method::GET,
        ..posted(url, &headers, b"")
    });
    let read = read.unwrap();
    assert_eq!(
        (read[0].id.as_deref(), read[0].fate),
        (Some("e8077d80"), Fate::Undelivered)
    );
}

#[test]
fn another_cellpost() {
    let recipe = recipe(include_str!("../../../config/providers/cellpost.toml"));
    let request = sent(&recipe);
    assert_eq!(request.uri(), "http://192.168.1.20:30006/v1/messages");
    assert_eq!(request.headers()["authorization"], "Bearer SECRET");
    assert_eq!(request.headers()["idempotency-key"], ATTEMPT.to_string());
    assert_eq!(
        sent_json(&recipe),
        json!({"to": "+8613800138000", "text": TEXT, "client_ref": "2a-1f"})
    );
    assert_taken(
        &recipe,
        202,
        &json!({"id": "MSG_1", "status": "queued"}),
        "MSG_1",
    );
    for (status, code, cause) in [
        (400, "invalid_phone", Cause::Number),
        (403, "destination_blocked", Cause::Number),
        (400, "too_long", Cause::Params),
        (403, "insufficient_credit", Cause::Funds),
        (429, "rate_limited", Cause::Busy),
        (503, "no_route", Cause::Busy),
        (401, "unauthorized", Cause::Config),
        (403, "forbidden", Cause::Config),
    ] {
        assert_refused(
            &recipe,
            status,
            &json!({"status": status, "code": code}),
            cause,
        );
    }
    assert_open(&recipe);
}
