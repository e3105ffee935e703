//! Tencent on the wire: what is sent, what its answers and reports come to.

use http::{HeaderMap, Method};
use proptest::prelude::*;

use super::*;
use crate::cloud::samples::{
    ATTEMPT, answer, body, cases, made_of, moment, number, outgoing, sought,
};
use crate::cloud::{Cause, Refusal};
use crate::domain::Redacted;
use crate::domain::attempt::{Fate, MadeOf, Taken};

const SECRET: &str = "TestTencentSecretKey000000000001";

fn settings() -> Settings {
    Settings {
        account: "AKIDTestSecretId00000000000000000001".to_owned(),
        secret: SECRET.into(),
        sdk_app_id: "1400006666".to_owned(),
        region: None,
        base_url: None,
        sign_name: Some("腾讯云".to_owned()),
        template_map: [
            ("17".to_owned(), Registered::of_code("1110")),
            ("*".to_owned(), Registered::of_code("9")),
        ]
        .into(),
        callback_secret: Some("s3cret".into()),
        cost: Some(Money(450)),
    }
}

fn tencent() -> Tencent {
    Tencent::new(settings()).unwrap()
}

fn send(
    settings: Settings,
    to: &str,
    text: &str,
    made_of: Option<&MadeOf>,
) -> Result<Request, Unfit> {
    let (to, body) = (number(to), body(text));
    Tencent::new(settings).unwrap().send(
        &outgoing(&to, &body, made_of),
        &moment("2026-01-02T03:04:05Z"),
    )
}

fn fields(request: &Request) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

#[test]
fn a_text_is_one_number_a_template_and_its_values_in_their_places() {
    let made_of = made_of(&[("code", "123456"), ("minutes", "5")]);
    let request = send(
        settings(),
        "+8613800138000",
        "您的验证码是123456",
        Some(&made_of),
    )
    .unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://sms.tencentcloudapi.com/");
    for (name, value) in [
        ("host", "sms.tencentcloudapi.com"),
        ("content-type", "application/json"),
        ("x-tc-action", "SendSms"),
        ("x-tc-version", "2021-01-11"),
        ("x-tc-timestamp", "1767323045"),
        ("x-tc-region", "ap-guangzhou"),
    ] {
        assert_eq!(request.headers()[name], value, "{name}");
    }
    assert_eq!(
        fields(&request),
        json!({
            "PhoneNumberSet": ["+8613800138000"],
            "SmsSdkAppId": "1400006666",
            "TemplateId": "1110",
            "SignName": "腾讯云",
            "TemplateParamSet": ["123456", "5"],
            "SessionContext": "2a-1f",
        })
    );
}

#[test]
fn the_table_may_put_values_into_other_places() {
    let mut settings = settings();
    let entry = Registered {
        variables: Some(vec!["minutes".to_owned(), "code".to_owned()]),
        ..Registered::of_code("1111")
    };
    settings.template_map.insert("17".to_owned(), entry);
    let made_of = made_of(&[("code", "123456"), ("minutes", "5")]);
    let request = send(settings, "+8613800138000", "x", Some(&made_of)).unwrap();
    assert_eq!(fields(&request)["TemplateParamSet"], json!(["5", "123456"]));
}

#[test]
fn a_free_text_is_the_one_value_of_the_template_for_any_text() {
    let request = send(settings(), "+8613800138000", "服务器已停止", None).unwrap();
    assert_eq!(fields(&request)["TemplateId"], "9");
    assert_eq!(
        fields(&request)["TemplateParamSet"],
        json!(["服务器已停止"])
    );
}

#[test]
fn only_the_mainland_needs_a_sign_name() {
    let unsigned = || Settings {
        sign_name: None,
        ..settings()
    };
    let refused = send(unsigned(), "+8613800138000", "hello", None).unwrap_err();
    assert!(refused.0.contains("sign_name"));
    let request = send(unsigned(), "+14155552345", "hello", None).unwrap();
    assert_eq!(fields(&request)["SignName"], Value::Null);
    assert!(send(settings(), "10086", "hello", None).is_err());
}

#[test]
fn settings_that_would_make_another_request_are_refused() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Tencent::new(settings).unwrap_err()
    };
    assert_eq!(
        with(|settings| settings.account = "AKID/2026".to_owned()),
        InvalidSettings::Account
    );
    assert_eq!(
        with(|settings| settings.region = Some("ap-guangzhou\r\nx-evil: 1".to_owned())),
        InvalidSettings::Region
    );
    assert_eq!(
        with(|settings| settings.sdk_app_id = String::new()),
        InvalidSettings::Missing("sdk_app_id")
    );
    let error = with(|settings| settings.base_url = Some("sms".to_owned()));
    assert!(error.to_string().starts_with("base_url: "), "{error}");
}

#[test]
fn every_recorded_answer_comes_to_what_it_must() {
    let cases = cases(include_str!("../vectors/tencent_answers.json"));
    assert_eq!(cases.len(), 5);
    for case in cases {
        case.assert(&tencent().verdict(&case.answer()));
    }
}

#[test]
fn a_fee_is_a_number_of_parts_and_the_section_says_what_one_costs() {
    let accepted = |fee: &str| {
        let body = format!(
            r#"{{"Response":{{"SendStatusSet":[{{"SerialNo":"5000:1","Fee":{fee},"Code":"Ok","Message":"m"}}],"RequestId":"r"}}}}"#
        );
        tencent().verdict(&answer(200, body))
    };
    for (fee, price) in [
        ("1", Some(Money(450))),
        ("3", Some(Money(1350))),
        ("0", None),
        ("1000000", None),
    ] {
        let taken = Taken {
            ids: vec!["5000:1".to_owned()],
            price,
        };
        assert_eq!(accepted(fee), Verdict::Accepted(taken), "{fee}");
    }
}

/// As the verdict of the number, and as that of the whole call.
fn refused(code: &str, message: &str) -> [Refusal; 2] {
    [
        json!({ "Response": { "SendStatusSet": [{
            "SerialNo": "", "Fee": 0, "Code": code, "Message": message }], "RequestId": "r" } }),
        json!({ "Response": { "Error": { "Code": code, "Message": message }, "RequestId": "r" } }),
    ]
    .map(
        |body| match tencent().verdict(&answer(200, body.to_string())) {
            Verdict::Refused(refusal) => refusal,
            other => panic!("{code}: {other:?}"),
        },
    )
}

#[test]
fn every_listed_code_has_its_cause() {
    for (cause, codes) in [
        (
            Cause::Template,
            &[
                "FailedOperation.TemplateIncorrectOrUnapproved",
                "FailedOperation.TemplateUnapprovedOrNotExist",
                "FailedOperation.TemplateIdNotExist",
            ][..],
        ),
        (
            Cause::Number,
            &[
                "InvalidParameterValue.IncorrectPhoneNumber",
                "FailedOperation.PhoneNumberParseFail",
                "MissingParameter.EmptyPhoneNumberSet",
                "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
                "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
                "UnsupportedOperation.UnsupportedRegion",
            ],
        ),
        (
            Cause::Params,
            &[
                "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
                "InvalidParameterValue.TemplateParameterFormatError",
                "InvalidParameterValue.TemplateParameterLengthLimit",
                "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
                "InvalidParameterValue.ContentLengthLimit",
                "FailedOperation.ContainSensitiveWord",
            ],
        ),
        (
            Cause::NumberLimit,
            &[
                "LimitExceeded.PhoneNumberThirtySecondLimit",
                "LimitExceeded.PhoneNumberOneHourLimit",
                "LimitExceeded.PhoneNumberDailyLimit",
                "LimitExceeded.PhoneNumberSameContentDailyLimit",
                "LimitExceeded.DeliveryFrequencyLimit",
            ],
        ),
        (
            Cause::Busy,
            &[
                "LimitExceeded.AppDailyLimit",
                "LimitExceeded.AppMainlandChinaDailyLimit",
                "LimitExceeded.AppGlobalDailyLimit",
                "RequestLimitExceeded",
                "RequestLimitExceeded.UinLimitExceeded",
            ],
        ),
        (
            Cause::Funds,
            &["FailedOperation.InsufficientBalanceInSmsPackage"],
        ),
        (Cause::OptedOut, &["FailedOperation.PhoneNumberInBlacklist"]),
        (
            Cause::Config,
            &[
                "FailedOperation.SignatureIncorrectOrUnapproved",
                "AuthFailure.SignatureFailure",
                "AuthFailure.SecretIdNotFound",
                "UnauthorizedOperation.RequestIpNotInWhitelist",
                "UnauthorizedOperation",
                "InvalidParameterValue.SdkAppIdNotExist",
            ],
        ),
        (Cause::Clock, &["AuthFailure.SignatureExpire"]),
        (Cause::Other, &["FailedOperation.NobodyKnows", "Nobody"]),
    ] {
        for code in codes {
            for refusal in refused(code, "words") {
                assert_eq!(refusal.cause, cause, "{code}");
            }
        }
    }
}

#[test]
fn a_limit_is_waited_out_as_long_as_its_name_says() {
    for (code, seconds) in [
        ("LimitExceeded.PhoneNumberThirtySecondLimit", Some(30)),
        ("LimitExceeded.PhoneNumberOneHourLimit", Some(3600)),
        ("LimitExceeded.PhoneNumberDailyLimit", Some(86_400)),
        (
            "LimitExceeded.PhoneNumberSameContentDailyLimit",
            Some(86_400),
        ),
        ("LimitExceeded.AppDailyLimit", Some(3600)),
        ("RequestLimitExceeded", None),
    ] {
        for refusal in refused(code, "words") {
            assert_eq!(refusal.wait.map(|wait| wait.as_secs()), seconds, "{code}");
        }
    }
}

#[test]
fn a_wrong_clock_is_named_as_such() {
    for refusal in refused("AuthFailure.SignatureExpire", "expired") {
        assert!(
            refusal.said.contains("clock of this host"),
            "{}",
            refusal.said
        );
    }
}

#[test]
fn what_says_neither_yes_nor_no_may_have_been_taken() {
    for (status, body) in [
        (200, ""),
        (200, "{}"),
        (200, r#"{"Response":{"RequestId":"r"}}"#),
        (200, r#"{"Response":{"SendStatusSet":[],"RequestId":"r"}}"#),
        (
            200,
            r#"{"Response":{"SendStatusSet":[{}],"RequestId":"r"}}"#,
        ),
        (
            200,
            r#"{"Response":{"Error":{"Code":"InternalError.Timeout","Message":"m"}}}"#,
        ),
        (200, r#"{"Response":{"Error":{"Code":"InternalError"}}}"#),
        (
            200,
            r#"{"Response":{"SendStatusSet":[{"Code":"InternalError.SendAndRecvFail","Message":"m"}]}}"#,
        ),
        (
            500,
            r#"{"Response":{"SendStatusSet":[{"Code":"Ok","SerialNo":"1"}]}}"#,
        ),
        (302, ""),
        (502, "<html>"),
    ] {
        let verdict = tencent().verdict(&answer(status, body));
        assert!(
            matches!(verdict, Verdict::Unknown(_)),
            "{status} {body}: {verdict:?}"
        );
    }
}

#[test]
fn a_refusal_repeats_no_number_and_no_text() {
    for (code, message) in [
        (
            "FailedOperation.PhoneNumberParseFail",
            "+8613800138000 cannot be parsed",
        ),
        (
            "FailedOperation.ContainSensitiveWord",
            "含有敏感词：13800138000",
        ),
        ("13800138000", "13800138000"),
    ] {
        for refusal in refused(code, message) {
            assert!(!refusal.said.contains("138"), "{}", refusal.said);
        }
    }
}

#[test]
fn a_text_is_asked_for_by_its_number_and_the_time_since() {
    let to = number("+8613800138000");
    let text = sought(&to, None, "2026-01-02T03:04:05Z");
    let request = tencent()
        .ask(&text, &moment("2026-01-02T03:05:00Z"))
        .unwrap();
    assert_eq!(
        request.headers()["x-tc-action"],
        "PullSmsSendStatusByPhoneNumber"
    );
    assert_eq!(
        fields(&request),
        json!({
            "BeginTime": 1_767_323_045 - 300,
            "EndTime": 1_767_323_100 + 300,
            "Offset": 0,
            "Limit": 100,
            "PhoneNumber": "+8613800138000",
            "SmsSdkAppId": "1400006666",
        })
    );
    assert!(
        tencent()
            .ask(&text, &moment("2026-01-09T03:04:05Z"))
            .is_none()
    );
}

fn pulled(rows: &Value) -> Answer {
    let body = json!({ "Response": { "PullSmsSendStatusSet": rows, "RequestId": "r" } });
    answer(200, body.to_string())
}

fn row(context: &str, id: &str, status: &str) -> Value {
    json!({
        "UserReceiveTime": 1_767_323_050, "CountryCode": "86", "SubscriberNumber": "13800138000",
        "PhoneNumber": "+8613800138000", "SerialNo": id, "ReportStatus": status,
        "Description": "MK:0001", "SessionContext": context,
    })
}

#[test]
fn a_text_is_found_by_its_attempt_and_its_report_is_its_fate() {
    let to = number("+8613800138000");
    let text = sought(&to, None, "2026-01-02T03:04:05Z");
    for (status, fate, detail) in [
        ("SUCCESS", Fate::Delivered, None),
        ("FAIL", Fate::Undelivered, Some("MK:0001")),
        ("", Fate::Sent, None),
    ] {
        let rows = json!([row("2a-1e", "1:a", "FAIL"), row("2a-1f", "1:b", status)]);
        let Found::Yes(taken, Some(delivery)) = tencent().found(&text, &pulled(&rows)) else {
            panic!("{status}: not found");
        };
        assert_eq!(taken.ids, ["1:b"]);
        assert_eq!(delivery.attempt, Some(ATTEMPT));
        assert_eq!((delivery.fate, delivery.detail.as_deref()), (fate, detail));
        assert_eq!(delivery.at, Some(UnixMillis(1_767_323_050_000)));
    }
}

#[test]
fn a_text_whose_context_was_lost_is_found_by_its_id_only() {
    let to = number("+8613800138000");
    let rows = pulled(&json!([row("", "1:b", "SUCCESS")]));
    let known = sought(&to, Some("1:b"), "2026-01-02T03:04:05Z");
    assert!(matches!(tencent().found(&known, &rows), Found::Yes(..)));
    let unknown = sought(&to, None, "2026-01-02T03:04:05Z");
    assert_eq!(tencent().found(&unknown, &rows), Found::No);
}

#[test]
fn a_text_is_absent_only_from_a_list_that_is_whole() {
    let to = number("+8613800138000");
    let text = sought(&to, None, "2026-01-02T03:04:05Z");
    assert_eq!(tencent().found(&text, &pulled(&json!([]))), Found::No);
    let full: Vec<Value> = (0..100).map(|_| row("2a-1e", "1:a", "SUCCESS")).collect();
    for answer in [
        pulled(&json!(full)),
        pulled(&Value::Null),
        answer(
            200,
            r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"m"}}}"#,
        ),
        answer(502, "<html>"),
        answer(200, "{}"),
    ] {
        let found = tencent().found(&text, &answer);
        assert!(matches!(found, Found::NotSaid(_)), "{found:?}");
    }
}

fn read(tail: &str, body: &str) -> Result<Vec<Delivery>, Disbelief> {
    let headers = HeaderMap::new();
    tencent().read(&Callback {
        method: &Method::POST,
        url: "https://sms.example.com/callbacks/tencent/s3cret",
        tail,
        query: "",
        headers: &headers,
        body: body.as_bytes(),
        now: UnixMillis(0),
    })
}

const REPORTS: &str = r#"[
    {"user_receive_time":"2026-01-02 11:04:10","nationcode":"86","mobile":"13800138000","report_status":"SUCCESS",
     "errmsg":"DELIVRD","description":"用户短信送达成功","sid":"5000:1"},
    {"user_receive_time":"","nationcode":"1","mobile":"4155552345","report_status":"FAIL",
     "errmsg":"MK:0001","description":"空号","sid":"5000:2"}]"#;

#[test]
fn several_reports_come_in_one_request_each_with_its_number_and_id() {
    assert_eq!(
        read("s3cret", REPORTS).unwrap(),
        [
            Delivery {
                attempt: None,
                id: Some("5000:1".to_owned()),
                recipient: Some(Redacted::new("+8613800138000".to_owned())),
                fate: Fate::Delivered,
                detail: None,
                at: UnixMillis::parse_rfc3339("2026-01-02T03:04:10Z"),
                price: None,
            },
            Delivery {
                attempt: None,
                id: Some("5000:2".to_owned()),
                recipient: Some(Redacted::new("+14155552345".to_owned())),
                fate: Fate::Undelivered,
                detail: Some("MK:0001: 空号".to_owned()),
                at: None,
                price: None,
            },
        ]
    );
}

#[test]
fn a_report_that_does_not_name_its_number_and_id_counts_for_nothing() {
    for row in [
        r#"{"mobile":"13800138000","report_status":"SUCCESS"}"#,
        r#"{"sid":"5000:1","report_status":"SUCCESS"}"#,
        r#"{"sid":"5000:1","mobile":"13800138000"}"#,
        r#"{"sid":"5000:1","mobile":"13800138000","report_status":"PENDING"}"#,
        r#"{"mobile":"13800138000","nationcode":"86","text":"TD","sign":"x"}"#,
        "17",
    ] {
        assert_eq!(read("s3cret", &format!("[{row}]")), Ok(vec![]), "{row}");
    }
}

#[test]
fn a_report_is_believed_only_behind_the_secret() {
    assert_eq!(read("", REPORTS), Err(Disbelief::Unproven));
    assert_eq!(read("S3cret", REPORTS), Err(Disbelief::Unproven));
    assert_eq!(read("s3cret", "{}"), Err(Disbelief::Unreadable));
}

#[test]
fn a_report_that_was_kept_is_answered_as_the_provider_wants_it() {
    let thanks = tencent().thanks();
    let body: Value = serde_json::from_str(thanks.body).unwrap();
    assert_eq!(
        (thanks.status, body),
        (200, json!({ "result": 0, "errmsg": "OK" }))
    );
}

#[test]
fn nothing_of_a_provider_shows_its_secrets() {
    let shown = format!("{:?} {:?}", tencent(), settings());
    assert!(
        !shown.contains(SECRET) && !shown.contains("s3cret"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_value_can_become_another_key_or_header(
        hostile in proptest::collection::vec(any::<String>(), 0..4),
        sign_name in any::<String>().prop_filter("there is one", |name| !name.is_empty()),
    ) {
        let names: Vec<String> = (0..hostile.len()).map(|at| format!("v{at}")).collect();
        let values: Vec<(&str, &str)> = names
            .iter()
            .zip(&hostile)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let settings = Settings { sign_name: Some(sign_name.clone()), ..settings() };
        let request = send(settings, "+8613800138000", "x", Some(&made_of(&values))).unwrap();
        prop_assert_eq!(
            fields(&request),
            json!({
                "PhoneNumberSet": ["+8613800138000"],
                "SmsSdkAppId": "1400006666",
                "TemplateId": "1110",
                "SignName": sign_name,
                "TemplateParamSet": hostile,
                "SessionContext": "2a-1f",
            })
        );
        prop_assert_eq!(request.headers().len(), 7);
        prop_assert_eq!(request.uri().query(), None);
    }

    #[test]
    fn any_answer_and_any_report_is_read_without_a_panic(
        status in 100u16..600,
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        text in "\\PC{0,40}",
        number_of in any::<i64>(),
    ) {
        let to = number("+8613800138000");
        let sought = sought(&to, None, "2026-01-02T03:04:05Z");
        for body in [
            String::from_utf8_lossy(&octets).into_owned(),
            json!({ "Response": { "Error": { "Code": text, "Message": text } } }).to_string(),
            json!({ "Response": { "PullSmsSendStatusSet": [
                { "UserReceiveTime": number_of, "SessionContext": "2a-1f" }] } }).to_string(),
        ] {
            let answer = answer(status, body.clone());
            _ = tencent().verdict(&answer);
            _ = tencent().found(&sought, &answer);
            _ = read("s3cret", &body);
        }
    }
}
