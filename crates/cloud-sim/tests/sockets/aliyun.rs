//! Aliyun Dysmsapi: signatures, SendSms, QuerySendDetails.

use cloud_sim::{Fault, Order, Provider, Settings, refusals};
use serde_json::json;

use crate::house::{Acs, Message, acs, calls, send_sms, settings, start};

fn code(answer: &Message) -> (u16, String) {
    (
        answer.status(),
        answer.json()["Code"].as_str().unwrap().to_owned(),
    )
}

const SEND: [(&str, &str); 3] = [
    ("PhoneNumbers", "13800138000"),
    ("SignName", "测试签名"),
    ("TemplateCode", "SMS_154950909"),
];

#[test]
fn a_text_that_was_taken_has_one_id_for_the_call() {
    let sim = start();
    let answer = send_sms(&sim, "13800138000", "7-a1");
    assert_eq!(answer.status(), 200);
    let body = answer.json();
    let keys: Vec<_> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["BizId", "Code", "Message", "RequestId"]);
    assert_eq!(
        (&body["Code"], &body["Message"]),
        (&json!("OK"), &json!("OK"))
    );
    assert!(body["BizId"].as_str().unwrap().ends_with("^0"));

    let text = &sim.texts()[0];
    assert_eq!(text.template.as_deref(), Some("SMS_154950909"));
    assert_eq!(text.params, json!({ "code": "123456" }));
    assert_eq!(text.reference.as_deref(), Some("7-a1"));
    assert_eq!(text.from.as_deref(), Some("测试签名"));
}

#[test]
fn one_other_octet_in_what_is_signed_and_it_is_refused() {
    let sim = start();
    let mut other = Acs::new(&sim, "SendSms", &SEND);
    let proof = other.authorization(&sim, "/aliyun/");
    other.query = other.query.replace("13800138000", "13800138001");
    let refused = other.ask_with(&sim, &proof).unwrap();
    assert_eq!(code(&refused), (400, "SignatureDoesNotMatch".into()));
    let body = refused.json();
    let keys: Vec<_> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        ["Code", "HostId", "Message", "Recommend", "RequestId"]
    );

    let mut other = Acs::new(&sim, "SendSms", &SEND);
    other.secret.push('x');
    assert_eq!(
        code(&other.ask(&sim).unwrap()),
        (400, "SignatureDoesNotMatch".into())
    );

    let mut other = Acs::new(&sim, "SendSms", &SEND);
    let proof = other.authorization(&sim, "/aliyun/");
    other.set("host", "dysmsapi.aliyuncs.com");
    assert_eq!(
        code(&other.ask_with(&sim, &proof).unwrap()),
        (400, "SignatureDoesNotMatch".into())
    );

    let other = Acs::new(&sim, "SendSms", &SEND);
    let proof = other
        .authorization(&sim, "/aliyun/")
        .replace("LTAI", "LTBI");
    assert_eq!(
        code(&other.ask_with(&sim, &proof).unwrap()),
        (404, "InvalidAccessKeyId.NotFound".into())
    );
    assert_eq!(sim.texts().len(), 0);
}

#[test]
fn a_base_url_with_a_path_may_be_signed_with_it_or_without() {
    let sim = start();
    for signed in ["/aliyun/", "/"] {
        let request = Acs::new(&sim, "SendSms", &SEND);
        let proof = request.authorization(&sim, signed);
        assert_eq!(
            code(&request.ask_with(&sim, &proof).unwrap()),
            (200, "OK".into())
        );
    }
    let mut bare = Acs::new(&sim, "SendSms", &SEND);
    bare.path = "/".into();
    let proof = bare.authorization(&sim, "/");
    assert_eq!(
        code(&bare.ask_with(&sim, &proof).unwrap()),
        (200, "OK".into())
    );
}

#[test]
fn a_nonce_is_good_once() {
    let sim = start();
    let request = Acs::new(&sim, "SendSms", &SEND);
    assert_eq!(code(&request.ask(&sim).unwrap()), (200, "OK".into()));
    assert_eq!(
        code(&request.ask(&sim).unwrap()),
        (400, "SignatureNonceUsed".into())
    );
    assert_eq!(sim.texts().len(), 1);
}

#[test]
fn a_clock_that_is_off_is_told_so() {
    let sim = start();
    sim.offset_clock(16 * 60_000);
    let late = acs(&sim, "SendSms", &SEND);
    assert_eq!(code(&late), (400, "InvalidTimeStamp.Expired".into()));
    sim.offset_clock(-14 * 60_000);
    assert_eq!(code(&acs(&sim, "SendSms", &SEND)), (200, "OK".into()));
}

#[test]
fn what_is_no_action_no_version_or_wants_a_field_is_refused_by_the_gateway() {
    let sim = start();
    assert_eq!(
        code(&acs(&sim, "SendMms", &SEND)),
        (404, "InvalidAction.NotFound".into())
    );
    assert_eq!(
        code(&acs(&sim, "SendSms", &SEND[..2])),
        (400, "MissingTemplateCode".into())
    );
    let mut old = Acs::new(&sim, "SendSms", &SEND);
    old.set("x-acs-version", "2016-09-27");
    assert_eq!(
        code(&old.ask(&sim).unwrap()),
        (400, "InvalidVersion".into())
    );
}

#[test]
fn business_errors_come_with_200() {
    let sim = start();
    let with = |name: &str, value: &str| {
        let mut fields = SEND.to_vec();
        match fields.iter_mut().find(|(one, _)| *one == name) {
            Some(field) => *field = (field.0, value),
            None => fields.push((
                if name == "OutId" {
                    "OutId"
                } else {
                    "TemplateParam"
                },
                value,
            )),
        }
        code(&acs(&sim, "SendSms", &fields))
    };
    assert_eq!(
        with("PhoneNumbers", "12345"),
        (200, "isv.MOBILE_NUMBER_ILLEGAL".into())
    );
    assert_eq!(
        with("SignName", "别人的"),
        (200, "isv.SMS_SIGNATURE_ILLEGAL".into())
    );
    assert_eq!(
        with("TemplateCode", "154950909"),
        (200, "isv.SMS_TEMPLATE_ILLEGAL".into())
    );
    assert_eq!(
        with("TemplateParam", r#"{"code":123456}"#),
        (200, "isv.INVALID_JSON_PARAM".into())
    );
    assert_eq!(
        with("OutId", &"x".repeat(256)),
        (200, "isv.INVALID_PARAMETERS".into())
    );
    assert_eq!(sim.texts().len(), 0);
    assert_eq!(
        with("PhoneNumbers", "13800138000,13900139000"),
        (200, "OK".into())
    );
    assert_eq!(sim.texts().len(), 2);
}

#[test]
fn a_template_that_is_known_is_filled_and_wants_its_variables() {
    let mut settings: Settings = settings();
    settings.aliyun.templates = vec![("SMS_1".into(), "您的验证码是${code}，请勿泄露".into())];
    let sim = cloud_sim::start(settings).unwrap();
    let send = |template: &str, params: &str| {
        let mut fields = SEND.to_vec();
        fields[2].1 = template;
        fields.push(("TemplateParam", params));
        code(&acs(&sim, "SendSms", &fields)).1
    };
    assert_eq!(send("SMS_2", r#"{"code":"1"}"#), "isv.SMS_TEMPLATE_ILLEGAL");
    assert_eq!(send("SMS_1", "{}"), "isv.TEMPLATE_MISSING_PARAMETERS");
    assert_eq!(send("SMS_1", r#"{"code":"123456"}"#), "OK");
    assert_eq!(
        sim.texts()[0].text.as_deref(),
        Some("【测试签名】您的验证码是123456，请勿泄露")
    );
}

#[test]
fn what_was_sent_is_found_by_number_and_beijing_day() {
    let sim = start();
    let biz_id = send_sms(&sim, "+8613800138000", "7-a1").json()["BizId"].clone();
    let today = {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let beijing = now.as_secs() + 8 * 3600;
        // The days of a test that runs across midnight are both asked for.
        [crate::house::day(beijing), crate::house::day(beijing - 60)]
    };
    let query = |number: &str, day: &str, more: &[(&str, &str)]| {
        let mut fields = vec![
            ("PhoneNumber", number),
            ("SendDate", day),
            ("PageSize", "10"),
            ("CurrentPage", "1"),
        ];
        fields.extend(more);
        acs(&sim, "QuerySendDetails", &fields).json()
    };
    crate::house::until(|| {
        let found = query("13800138000", &today[0], &[]);
        found["SmsSendDetailDTOs"]["SmsSendDetailDTO"][0]["SendStatus"] == 3 || today[0] != today[1]
    });
    let found = query(
        "13800138000",
        &today[0],
        &[("BizId", biz_id.as_str().unwrap())],
    );
    if today[0] == today[1] {
        let detail = &found["SmsSendDetailDTOs"]["SmsSendDetailDTO"][0];
        assert_eq!(found["TotalCount"], "1");
        assert_eq!(detail["OutId"], "7-a1");
        assert_eq!(detail["PhoneNum"], "13800138000");
        assert_eq!(detail["ErrCode"], "DELIVERED");
        assert_eq!(detail["TemplateCode"], "SMS_154950909");
        assert_eq!(detail["SendDate"].as_str().unwrap().len(), 19);
    }
    for nothing in [
        query("13800138001", &today[0], &[]),
        query("13800138000", "20200101", &[]),
        query("13800138000", &today[0], &[("BizId", "1^0")]),
    ] {
        assert_eq!(nothing["Code"], "OK");
        assert_eq!(nothing["TotalCount"], "0");
        assert_eq!(nothing["SmsSendDetailDTOs"]["SmsSendDetailDTO"], json!([]));
    }
    let wide = acs(
        &sim,
        "QuerySendDetails",
        &[
            ("PhoneNumber", "13800138000"),
            ("SendDate", &today[0]),
            ("PageSize", "51"),
            ("CurrentPage", "1"),
        ],
    );
    assert_eq!(wide.json()["Code"], "isv.INVALID_PARAMETERS");
}

#[test]
fn every_row_of_the_error_table_is_refused_as_it_says() {
    let sim = start();
    for row in refusals(Provider::Aliyun) {
        let fault = Fault::RefuseWith {
            code: row.code.into(),
            retry_after_s: None,
        };
        sim.order(Order::once(fault).by(Provider::Aliyun));
        let answer = send_sms(&sim, "13800138000", "");
        assert_eq!(code(&answer), (row.status, row.code.into()));
        assert_eq!(answer.json()["Message"], row.message);
    }
    assert_eq!(sim.texts().len(), 0);
    let fault = Fault::RateLimited { retry_after_s: 2 };
    sim.order(Order::once(fault));
    let answer = send_sms(&sim, "13800138000", "");
    assert_eq!(code(&answer), (400, "Throttling.User".into()));
    assert_eq!(answer.header("x-acs-retry-after"), "2000");
    assert_eq!(
        calls(&sim, Provider::Aliyun).last().unwrap(),
        "send: refused Throttling.User"
    );
}
