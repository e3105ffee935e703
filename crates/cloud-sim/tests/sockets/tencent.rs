//! Tencent: signatures, SendSms, PullSmsSendStatusByPhoneNumber.

use cloud_sim::{Fault, Order, Provider, Why, refusals};
use serde_json::{Value, json};

use crate::house::{Message, ask, start, tc3, tc3_headers, until};

fn call(sim: &cloud_sim::Sim, action: &str, body: &Value) -> Value {
    let answer = tc3(sim, action, body).unwrap();
    assert_eq!(answer.status(), 200);
    answer.json()["Response"].clone()
}

fn send(sim: &cloud_sim::Sim, numbers: &[&str]) -> Value {
    let body = json!({
        "PhoneNumberSet": numbers,
        "SmsSdkAppId": "1400000001",
        "TemplateId": "1110",
        "SignName": "测试签名",
        "TemplateParamSet": ["123456", "5"],
        "SessionContext": "7-a1",
    });
    call(sim, "SendSms", &body)
}

fn error(response: &Value) -> &str {
    response["Error"]["Code"].as_str().unwrap_or("none")
}

#[test]
fn each_number_has_a_verdict_of_its_own() {
    let sim = start();
    sim.order(
        Order::once(Fault::Refuse {
            why: Why::NumberLimit,
        })
        .to("39000"),
    );
    let response = send(&sim, &["+8613800138000", "8613900139000", "13700137000"]);
    let set = response["SendStatusSet"].as_array().unwrap();
    for one in set {
        let keys: Vec<_> = one
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let expected = [
            "Code",
            "Fee",
            "IsoCode",
            "Message",
            "PhoneNumber",
            "SerialNo",
            "SessionContext",
        ];
        assert_eq!(keys, expected);
        assert_eq!(one["SessionContext"], "7-a1");
    }
    let codes: Vec<_> = set
        .iter()
        .map(|one| one["Code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["Ok", "LimitExceeded.PhoneNumberThirtySecondLimit", "Ok"]
    );
    assert_eq!(set[1]["PhoneNumber"], "+8613900139000");
    assert_eq!(
        (&set[1]["SerialNo"], &set[1]["Fee"]),
        (&json!(""), &json!(0))
    );
    assert_eq!(sim.texts().len(), 2);
}

#[test]
fn numbers_of_two_kinds_do_not_go_together() {
    let sim = start();
    let response = send(&sim, &["+8613800138000", "+447700900000"]);
    assert_eq!(
        error(&response),
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber"
    );
    let response = send(&sim, &["+447700900000", "12"]);
    let codes: Vec<_> = response["SendStatusSet"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Code"].clone())
        .collect();
    assert_eq!(codes, ["Ok", "InvalidParameterValue.IncorrectPhoneNumber"]);
}

#[test]
fn a_text_that_was_taken_has_a_serial_number_and_a_fee() {
    let sim = start();
    let response = send(&sim, &["+8613800138000"]);
    let one = &response["SendStatusSet"][0];
    assert_eq!(
        (&one["Code"], &one["Message"]),
        (&json!("Ok"), &json!("send success"))
    );
    assert_eq!((&one["Fee"], &one["IsoCode"]), (&json!(1), &json!("CN")));
    assert_eq!(one["PhoneNumber"], "+8613800138000");
    let text = &sim.texts()[0];
    assert_eq!(one["SerialNo"], json!(text.ids[0]));
    assert_eq!(text.params, json!(["123456", "5"]));
    assert_eq!(text.reference.as_deref(), Some("7-a1"));
}

#[test]
fn one_other_octet_in_what_is_signed_and_it_is_refused() {
    let sim = start();
    let body = json!({ "SmsSdkAppId": "1400000001" }).to_string();
    let code = |headers: &[(String, String)], body: &str| {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer: Message = ask(&sim, "POST /tencent/", &headers, body).unwrap();
        assert_eq!(answer.status(), 200);
        error(&answer.json()["Response"]).to_owned()
    };
    let headers = tc3_headers(&sim, "SendSms", &body, "/tencent/", 0);
    assert_eq!(
        code(&headers, &body),
        "MissingParameter.EmptyPhoneNumberSet"
    );
    assert_eq!(
        code(&headers, &format!("{body} ")),
        "AuthFailure.SignatureFailure"
    );
    let without_prefix = tc3_headers(&sim, "SendSms", &body, "/", 0);
    assert_eq!(
        code(&without_prefix, &body),
        "MissingParameter.EmptyPhoneNumberSet"
    );
    let late = tc3_headers(&sim, "SendSms", &body, "/", 301);
    assert_eq!(code(&late, &body), "AuthFailure.SignatureExpire");
    let mut other = tc3_headers(&sim, "SendSms", &body, "/", 0);
    other[0].1.push_str("; charset=utf-8");
    assert_eq!(code(&other, &body), "AuthFailure.SignatureFailure");
    assert_eq!(
        code(&tc3_headers(&sim, "SendMms", &body, "/", 0), &body),
        "InvalidAction"
    );
    assert_eq!(code(&[], &body), "AuthFailure.InvalidAuthorization");
    let other = json!({ "SmsSdkAppId": "1" }).to_string();
    let headers = tc3_headers(&sim, "SendSms", &other, "/", 0);
    assert_eq!(
        code(&headers, &other),
        "InvalidParameterValue.SdkAppIdNotExist"
    );
}

#[test]
fn what_has_come_to_an_end_is_pulled_by_number() {
    let sim = start();
    send(&sim, &["+8613800138000"]);
    let pull = |number: &str, begin: u64| {
        let body = json!({
            "BeginTime": begin,
            "Offset": 0,
            "Limit": 10,
            "PhoneNumber": number,
            "SmsSdkAppId": "1400000001",
        });
        call(&sim, "PullSmsSendStatusByPhoneNumber", &body)["PullSmsSendStatusSet"].clone()
    };
    until(|| pull("+8613800138000", 0) != json!([]));
    let found = pull("+8613800138000", 0);
    let one = &found[0];
    let keys: Vec<_> = one
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "CountryCode",
        "Description",
        "PhoneNumber",
        "ReportStatus",
        "SerialNo",
        "SessionContext",
        "SubscriberNumber",
        "UserReceiveTime",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (&one["ReportStatus"], &one["Description"]),
        (&json!("SUCCESS"), &json!("DELIVRD"))
    );
    assert_eq!(
        (&one["SessionContext"], &one["SerialNo"]),
        (&json!("7-a1"), &json!(sim.texts()[0].ids[0]))
    );
    assert_eq!(pull("+8613800138001", 0), json!([]));
    assert_eq!(pull("+8613800138000", 9_999_999_999), json!([]));
}

#[test]
fn every_row_of_the_error_table_is_refused_as_it_says() {
    let sim = start();
    for row in refusals(Provider::Tencent) {
        let fault = Fault::RefuseWith {
            code: row.code.into(),
            retry_after_s: None,
        };
        sim.order(Order::once(fault).by(Provider::Tencent));
        let response = send(&sim, &["+8613800138000"]);
        let of_number = response["SendStatusSet"][0]["Code"].as_str();
        assert_eq!(of_number.unwrap_or_else(|| error(&response)), row.code);
    }
    assert_eq!(sim.texts().len(), 0);
}
