//! Aliyun Dypnsapi: codes that the provider draws and checks.

use cloud_sim::{Fault, Order, Provider, refusals};
use serde_json::json;

use crate::house::{Message, acs, start};

const SEND: [(&str, &str); 4] = [
    ("PhoneNumber", "13800138000"),
    ("SignName", "测试签名"),
    ("TemplateCode", "100001"),
    ("TemplateParam", r###"{"code":"##code##","min":"5"}"###),
];

fn send(sim: &cloud_sim::Sim, more: &[(&str, &str)]) -> Message {
    acs(sim, "SendSmsVerifyCode", &[&SEND[..], more].concat())
}

fn check(sim: &cloud_sim::Sim, code: &str) -> Message {
    acs(
        sim,
        "CheckSmsVerifyCode",
        &[("PhoneNumber", "13800138000"), ("VerifyCode", code)],
    )
}

#[test]
fn a_code_is_drawn_sent_and_passed_once() {
    let sim = start();
    let answer = send(
        &sim,
        &[
            ("CodeLength", "6"),
            ("ReturnVerifyCode", "true"),
            ("OutId", "7-a1"),
        ],
    );
    assert_eq!(answer.status(), 200);
    let body = answer.json();
    let keys: Vec<_> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["Code", "Message", "Model", "RequestId", "Success"]);
    assert_eq!(
        (&body["Code"], &body["Success"]),
        (&json!("OK"), &json!(true))
    );
    assert_eq!(body["Model"]["OutId"], "7-a1");
    let text = sim.texts().remove(0);
    assert_eq!(text.provider, Some(Provider::Dypns));
    let code = text.code.unwrap();
    assert_eq!(code.len(), 6);
    assert_eq!(text.params, json!({ "code": code, "min": "5" }));
    assert_eq!(body["Model"]["VerifyCode"], json!(code));

    let wrong = check(&sim, "000000");
    assert_eq!(wrong.status(), 400);
    assert_eq!(
        (&wrong.json()["Code"], &wrong.json()["Message"]),
        (&json!("isv.ValidateFail"), &json!("验证失败"))
    );
    let right = check(&sim, &code);
    assert_eq!(right.status(), 200);
    assert_eq!(right.json()["Model"]["VerifyResult"], "PASS");
    assert_eq!(check(&sim, &code).status(), 400);
}

#[test]
fn a_wrong_code_can_be_unknown_as_the_documentation_says() {
    let sim = start();
    sim.order(Order::once(Fault::CheckUnknown));
    let wrong = check(&sim, "000000");
    assert_eq!((wrong.status(), &wrong.json()["Code"]), (200, &json!("OK")));
    assert_eq!(wrong.json()["Model"]["VerifyResult"], "UNKNOWN");
}

#[test]
fn a_second_code_within_the_interval_is_refused() {
    let sim = start();
    assert_eq!(send(&sim, &[]).json()["Code"], "OK");
    let soon = send(&sim, &[]);
    assert_eq!(
        (soon.status(), &soon.json()["Code"]),
        (200, &json!("biz.FREQUENCY"))
    );
    assert_eq!(soon.json()["Success"], false);
    assert_eq!(send(&sim, &[("Interval", "0")]).json()["Code"], "OK");
    assert_eq!(sim.texts().len(), 2);
}

#[test]
fn a_code_that_was_given_is_sent_and_cannot_be_checked() {
    let sim = start();
    let mut fields = SEND;
    fields[3].1 = r#"{"code":"123456","min":"5"}"#;
    assert_eq!(acs(&sim, "SendSmsVerifyCode", &fields).json()["Code"], "OK");
    assert_eq!(sim.texts()[0].code, None);
    assert_eq!(check(&sim, "123456").json()["Code"], "isv.ValidateFail");
}

#[test]
fn every_row_of_the_error_table_is_refused_as_it_says() {
    let sim = start();
    for row in refusals(Provider::Dypns) {
        let fault = Fault::RefuseWith {
            code: row.code.into(),
            retry_after_s: None,
        };
        sim.order(Order::once(fault).by(Provider::Dypns));
        let answer = send(&sim, &[]);
        assert_eq!(answer.status(), row.status, "{}", row.code);
        assert_eq!(answer.json()["Code"], row.code);
    }
    assert_eq!(sim.texts().len(), 0);
}
