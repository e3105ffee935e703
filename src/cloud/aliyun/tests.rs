//! Aliyun on the wire: what is sent, what its answers, details and reports come to.

use http::{HeaderMap, Method};
use proptest::prelude::*;

use super::*;
use crate::cloud::percent::decoded;
use crate::cloud::samples::{
    ATTEMPT, answer, body, cases, made_of, moment, number, outgoing, sought,
};
use crate::cloud::{Cause, Refusal};
use crate::domain::attempt::{Fate, MadeOf};
use crate::domain::{Redacted, UnixMillis};

const SECRET: &str = "TestAccessKeySecretValue0000000x";

fn settings() -> Settings {
    Settings {
        account: "LTAI5tTestAccessKeyId001".to_owned(),
        secret: SECRET.into(),
        region: None,
        base_url: None,
        sign_name: Some("阿里云短信测试".to_owned()),
        template_map: [
            ("17".to_owned(), Registered::of_code("SMS_154950909")),
            ("*".to_owned(), Registered::of_code("SMS_9")),
        ]
        .into(),
        callback_secret: Some("s3cret".into()),
        cost: Some(Money(450)),
    }
}

fn aliyun() -> Aliyun {
    Aliyun::new(settings()).unwrap()
}

fn query(request: &Request) -> Vec<(String, String)> {
    let text = |part: &str| String::from_utf8(decoded(part)).unwrap();
    request
        .uri()
        .query()
        .unwrap()
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn sent(to: &str, text: &str, made_of: Option<&MadeOf>) -> Request {
    let (to, body) = (number(to), body(text));
    aliyun()
        .send(
            &outgoing(&to, &body, made_of),
            &moment("2026-01-02T03:04:05Z"),
        )
        .unwrap()
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[test]
fn a_text_is_one_number_a_sign_name_a_code_and_values_that_are_strings() {
    let request = sent(
        "+8613800138000",
        "您的验证码是123456",
        Some(&made_of(&[("code", "123456")])),
    );
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().host(), Some("dysmsapi.aliyuncs.com"));
    assert!(request.body().is_empty());
    assert_eq!(request.headers()["x-acs-action"], "SendSms");
    assert_eq!(request.headers()["x-acs-date"], "2026-01-02T03:04:05Z");
    assert_eq!(
        pairs(&query(&request)),
        [
            ("OutId", "2a-1f"),
            ("PhoneNumbers", "13800138000"),
            ("SignName", "阿里云短信测试"),
            ("TemplateCode", "SMS_154950909"),
            ("TemplateParam", r#"{"code":"123456"}"#),
        ]
    );
}

#[test]
fn a_free_text_is_the_one_value_of_the_template_for_any_text() {
    let query = query(&sent("+8613800138000", "服务器\"A\"已停止", None));
    assert!(pairs(&query).contains(&("TemplateCode", "SMS_9")));
    assert!(pairs(&query).contains(&("TemplateParam", r#"{"content":"服务器\"A\"已停止"}"#)));
}

#[test]
fn a_number_abroad_keeps_its_country_code_and_loses_its_plus() {
    for (to, told) in [
        ("+8613800138000", "13800138000"),
        ("+85251234567", "85251234567"),
        ("+14155552345", "14155552345"),
    ] {
        let query = query(&sent(to, "hello", None));
        assert!(pairs(&query).contains(&("PhoneNumbers", told)), "{query:?}");
    }
}

#[test]
fn what_this_provider_cannot_be_told_is_not_sent() {
    let text = body("hello");
    let short = number("10086");
    let unfit = aliyun()
        .send(
            &outgoing(&short, &text, None),
            &moment("2026-01-02T03:04:05Z"),
        )
        .unwrap_err();
    assert!(unfit.0.contains("short code"));

    let unsigned = Aliyun::new(Settings {
        sign_name: None,
        ..settings()
    });
    let to = number("+8613800138000");
    let unfit = unsigned
        .unwrap()
        .send(&outgoing(&to, &text, None), &moment("2026-01-02T03:04:05Z"))
        .unwrap_err();
    assert!(unfit.0.contains("sign_name"));
}

#[test]
fn settings_that_would_make_another_request_are_refused() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        Aliyun::new(settings).map(|aliyun| format!("{:?}", aliyun.endpoint))
    };
    assert_eq!(
        with(|settings| settings.region = Some("cn-hangzhou".to_owned())).unwrap(),
        "https://dysmsapi.aliyuncs.com/"
    );
    assert_eq!(
        with(|settings| settings.region = Some("ap-southeast-1".to_owned())).unwrap(),
        "https://dysmsapi.ap-southeast-1.aliyuncs.com/"
    );
    assert_eq!(
        with(|settings| settings.region = Some("evil.example/".to_owned())),
        Err(InvalidSettings::Region)
    );
    assert_eq!(
        with(|settings| settings.account = "LTAI,SignedHeaders=host".to_owned()),
        Err(InvalidSettings::Account)
    );
    let error = with(|settings| settings.base_url = Some("dysmsapi".to_owned())).unwrap_err();
    assert!(error.to_string().starts_with("base_url: "), "{error}");
}

#[test]
fn every_recorded_answer_comes_to_what_it_must() {
    let cases = cases(include_str!("../vectors/aliyun_answers.json"));
    assert_eq!(cases.len(), 8);
    for case in cases {
        case.assert(&aliyun().verdict(&case.answer()));
    }
}

fn refused(status: u16, code: &str, message: &str) -> Refusal {
    let body = serde_json::json!({ "Code": code, "Message": message, "RequestId": "r" });
    match aliyun().verdict(&answer(status, body.to_string())) {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{code}: {other:?}"),
    }
}

#[test]
fn every_listed_code_has_its_cause() {
    for (cause, codes) in [
        (Cause::Template, &["isv.SMS_TEMPLATE_ILLEGAL"][..]),
        (
            Cause::Number,
            &[
                "isv.MOBILE_NUMBER_ILLEGAL",
                "isv.MOBILE_COUNT_OVER_LIMIT",
                "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
            ],
        ),
        (
            Cause::Params,
            &[
                "isv.TEMPLATE_MISSING_PARAMETERS",
                "isv.INVALID_JSON_PARAM",
                "isv.PARAM_LENGTH_LIMIT",
                "isv.PARAM_NOT_SUPPORT_URL",
                "isv.BLACK_KEY_CONTROL_LIMIT",
                "isv.SMS_CONTENT_ILLEGAL",
                "isv.INVALID_PARAMETERS",
            ],
        ),
        (Cause::NumberLimit, &["isv.BUSINESS_LIMIT_CONTROL"]),
        (
            Cause::Busy,
            &[
                "isv.DAY_LIMIT_CONTROL",
                "isv.MONTH_LIMIT_CONTROL",
                "Throttling",
                "Throttling.User",
            ],
        ),
        (
            Cause::Funds,
            &["isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE"],
        ),
        (
            Cause::Config,
            &[
                "isv.SMS_SIGNATURE_ILLEGAL",
                "isv.SMS_SIGN_ILLEGAL",
                "isv.SIGN_STATE_ILLEGAL",
                "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
                "isv.EXTEND_CODE_ERROR",
                "isv.PRODUCT_UN_SUBSCRIPT",
                "isv.PRODUCT_UNSUBSCRIBE",
                "isv.ACCOUNT_NOT_EXISTS",
                "isv.ACCOUNT_ABNORMAL",
                "isp.RAM_PERMISSION_DENY",
                "isv.DENY_IP_RANGE",
                "SignatureDoesNotMatch",
                "InvalidAccessKeyId.NotFound",
                "MissingPhoneNumbers",
                "InvalidVersion",
                "InvalidAction.NotFound",
            ],
        ),
        (Cause::Clock, &["InvalidTimeStamp.Expired"]),
        (Cause::Other, &["isv.NOBODY_KNOWS"]),
    ] {
        for code in codes {
            // Whatever the status: the gateway's codes have come with several.
            for status in [200, 400] {
                assert_eq!(refused(status, code, "words").cause, cause, "{code}");
            }
        }
    }
}

#[test]
fn a_limit_of_the_number_is_waited_out_by_the_word_in_its_message() {
    for (message, seconds) in [
        ("触发分钟级流控Permits:1", 60),
        ("触发小时级流控Permits:5", 3600),
        ("触发天级流控Permits:10", 86_400),
        ("something else", 60),
    ] {
        let wait = refused(200, "isv.BUSINESS_LIMIT_CONTROL", message).wait;
        assert_eq!(wait.unwrap().as_secs(), seconds, "{message}");
    }
}

#[test]
fn a_throttled_request_waits_as_long_as_the_header_says() {
    let mut throttled = answer(400, r#"{"Code":"Throttling.User","Message":"slow down"}"#);
    let wait = |answer: &Answer| match aliyun().verdict(answer) {
        Verdict::Refused(refusal) => refusal.wait.map(|wait| wait.as_millis()),
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(&throttled), None);
    for (header, millis) in [("2000", Some(2000)), ("0", None), ("soon", None)] {
        let headers = throttled.headers_mut();
        headers.insert("x-acs-retry-after", header.parse().unwrap());
        assert_eq!(wait(&throttled), millis, "{header}");
    }
}

#[test]
fn a_wrong_clock_is_named_as_such() {
    let refusal = refused(
        400,
        "InvalidTimeStamp.Expired",
        "Specified time stamp is expired.",
    );
    assert!(
        refusal.said.contains("clock of this host"),
        "{}",
        refusal.said
    );
}

#[test]
fn what_says_neither_yes_nor_no_may_have_been_taken() {
    for (status, body) in [
        (200, ""),
        (200, "<html>"),
        (200, "{}"),
        (200, r#"{"Code":null}"#),
        (200, r#"{"Code":"isp.SYSTEM_ERROR","Message":"m"}"#),
        (200, r#"{"Code":"isp.GATEWAY_ERROR","Message":"m"}"#),
        (400, r#"{"Code":"SignatureNonceUsed","Message":"m"}"#),
        (503, r#"{"Code":"ServiceUnavailable","Message":"m"}"#),
        (500, r#"{"Code":"OK","BizId":"1^0"}"#),
        (500, r#"{"Code":"isv.NOBODY_KNOWS"}"#),
        (302, ""),
        (502, "<html>"),
    ] {
        let verdict = aliyun().verdict(&answer(status, body));
        assert!(
            matches!(verdict, Verdict::Unknown(_)),
            "{status} {body}: {verdict:?}"
        );
    }
    for (status, cause) in [
        (400, Cause::Other),
        (403, Cause::Config),
        (429, Cause::Busy),
    ] {
        match aliyun().verdict(&answer(status, "<html>")) {
            Verdict::Refused(refusal) => assert_eq!(refusal.cause, cause),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[test]
fn a_refusal_repeats_no_number_no_text_and_nothing_that_was_signed() {
    for (code, message) in [
        (
            "isv.MOBILE_NUMBER_ILLEGAL",
            "13800138000invalid mobile number",
        ),
        (
            "isv.BLACK_KEY_CONTROL_LIMIT",
            "变量13800138000包含黑名单关键字",
        ),
        (
            "SignatureDoesNotMatch",
            "server string to sign is:POST&%2F&PhoneNumbers%3D13800138000",
        ),
        ("13800138000", "13800138000"),
    ] {
        let said = refused(400, code, message).said;
        assert!(!said.contains("138"), "{said}");
    }
}

const DETAILS: &str = r#"{"Code":"OK","Message":"OK","RequestId":"r","TotalCount":"2","SmsSendDetailDTOs":{
    "SmsSendDetailDTO":[
        {"PhoneNum":"13800138000","SendStatus":3,"ErrCode":"DELIVERED","OutId":"2a-1e","TemplateCode":"SMS_1",
         "Content":"【x】123456","SendDate":"2026-01-02 11:04:05","ReceiveDate":"2026-01-02 11:04:09"},
        {"PhoneNum":"13800138000","SendStatus":STATUS,"ErrCode":"ERROR","OutId":"2a-1f","TemplateCode":"SMS_1",
         "Content":"【x】123456","SendDate":"2026-01-02 11:04:05","ReceiveDate":"2026-01-02 11:04:10"}]}}"#;

#[test]
fn a_text_is_asked_for_by_its_number_and_its_day_in_beijing() {
    let to = number("+8613800138000");
    let now = moment("2026-01-03T00:00:00Z");
    let request = aliyun()
        .ask(&sought(&to, None, "2026-01-02T16:00:00Z"), &now)
        .unwrap();
    assert_eq!(request.headers()["x-acs-action"], "QuerySendDetails");
    assert_eq!(
        pairs(&query(&request)),
        [
            ("CurrentPage", "1"),
            ("PageSize", "50"),
            ("PhoneNumber", "13800138000"),
            ("SendDate", "20260103"),
        ]
    );
    let with_id = sought(&to, Some("134523^4351232"), "2026-01-02T15:59:59Z");
    let query = query(&aliyun().ask(&with_id, &now).unwrap());
    assert!(pairs(&query).contains(&("BizId", "134523^4351232")));
    assert!(pairs(&query).contains(&("SendDate", "20260102")));
}

#[test]
fn a_text_whose_details_are_gone_is_not_asked_for() {
    let to = number("+8613800138000");
    let sought = sought(&to, None, "2026-01-02T03:04:05Z");
    let asked = |now| aliyun().ask(&sought, &moment(now)).is_some();
    assert!(asked("2026-02-01T03:04:04Z"));
    assert!(!asked("2026-02-01T03:04:05Z"));
}

#[test]
fn a_text_is_found_by_its_attempt_and_its_status_is_its_fate() {
    let to = number("+8613800138000");
    let sought = sought(&to, None, "2026-01-02T03:04:05Z");
    for (status, fate, detail) in [
        ("1", Fate::Sent, None),
        ("2", Fate::Undelivered, Some("ERROR")),
        ("\"3\"", Fate::Delivered, None),
    ] {
        let details = DETAILS.replace("STATUS", status);
        let Found::Yes(taken, Some(delivery)) = aliyun().found(&sought, &answer(200, details))
        else {
            panic!("{status}: not found");
        };
        assert!(taken.ids.is_empty(), "the details hold no BizId");
        assert_eq!(delivery.attempt, Some(ATTEMPT));
        assert_eq!((delivery.fate, delivery.detail.as_deref()), (fate, detail));
        assert_eq!(
            delivery.at,
            UnixMillis::parse_rfc3339("2026-01-02T03:04:10Z")
        );
    }
}

#[test]
fn a_text_that_was_asked_for_by_its_id_keeps_it() {
    let to = number("+8613800138000");
    let sought = sought(&to, Some("9006^0"), "2026-01-02T03:04:05Z");
    let details = r#"{"Code":"OK","TotalCount":1,"SmsSendDetailDTOs":{"SmsSendDetailDTO":[
        {"PhoneNum":"13800138000","SendStatus":3,"ErrCode":"DELIVERED"}]}}"#;
    match aliyun().found(&sought, &answer(200, details)) {
        Found::Yes(taken, Some(delivery)) => {
            assert_eq!(taken.ids, ["9006^0"]);
            assert_eq!(delivery.fate, Fate::Delivered);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_absent_only_from_a_list_that_is_whole() {
    let to = number("+8613800138000");
    let noon = sought(&to, None, "2026-01-02T03:04:05Z");
    let empty = r#"{"Code":"OK","Message":"OK","TotalCount":0,"SmsSendDetailDTOs":{"SmsSendDetailDTO":[]}}"#;
    assert_eq!(aliyun().found(&noon, &answer(200, empty)), Found::No);
    let none = r#"{"Code":"OK","Message":"OK"}"#;
    assert_eq!(aliyun().found(&noon, &answer(200, none)), Found::No);

    let midnight = sought(&to, None, "2026-01-02T15:59:30Z");
    let more = empty.replace("\"TotalCount\":0", "\"TotalCount\":\"51\"");
    for (sought, status, body) in [
        (&noon, 200, more.as_str()),
        (&midnight, 200, empty),
        (
            &noon,
            400,
            r#"{"Code":"Throttling.User","Message":"slow down"}"#,
        ),
        (&noon, 502, "<html>"),
    ] {
        let found = aliyun().found(sought, &answer(status, body));
        assert!(matches!(found, Found::NotSaid(_)), "{body}: {found:?}");
    }
}

fn read(tail: &str, body: &str) -> Result<Vec<Delivery>, Disbelief> {
    let headers = HeaderMap::new();
    aliyun().read(&Callback {
        method: &Method::POST,
        url: "https://sms.example.com/callbacks/aliyun/s3cret",
        tail,
        query: "",
        headers: &headers,
        body: body.as_bytes(),
        now: UnixMillis(0),
    })
}

const REPORTS: &str = r#"[
    {"phone_number":"13800138000","send_time":"2026-01-02 11:04:05","report_time":"2026-01-02 11:04:10","success":true,
     "err_code":"DELIVERED","err_msg":"用户接收成功","sms_size":"2","biz_id":"9006^0","out_id":"2a-1f"},
    {"phone_number":"13900139000","report_time":"2026-01-02 11:04:11","success":false,
     "err_code":"MOBILE_NOT_ON_SERVICE","err_msg":"停机","sms_size":"1","biz_id":"9007^0","out_id":"theirs"}]"#;

#[test]
fn several_reports_come_in_one_request_each_with_its_number_and_id() {
    let reports = read("s3cret", REPORTS).unwrap();
    let at = |text| UnixMillis::parse_rfc3339(text);
    assert_eq!(
        reports,
        [
            Delivery {
                attempt: Some(ATTEMPT),
                id: Some("9006^0".to_owned()),
                recipient: Some(Redacted::new("13800138000".to_owned())),
                fate: Fate::Delivered,
                detail: None,
                at: at("2026-01-02T03:04:10Z"),
                price: Some(Money(900)),
            },
            Delivery {
                attempt: None,
                id: Some("9007^0".to_owned()),
                recipient: Some(Redacted::new("13900139000".to_owned())),
                fate: Fate::Undelivered,
                detail: Some("MOBILE_NOT_ON_SERVICE: 停机".to_owned()),
                at: at("2026-01-02T03:04:11Z"),
                price: Some(Money(450)),
            },
        ]
    );
}

#[test]
fn a_report_that_does_not_name_its_number_and_id_counts_for_nothing() {
    for row in [
        r#"{"success":true,"biz_id":"9006^0"}"#,
        r#"{"phone_number":"13800138000","success":true}"#,
        r#"{"phone_number":"13800138000","biz_id":"","success":true,"out_id":"2a-1f"}"#,
        r#"{"phone_number":"13800138000","biz_id":"9006^0"}"#,
        r#"{"phone_number":13800138000,"biz_id":"9006^0","success":true}"#,
        r#"{"phone_number":"13800138000","content":"TD","sign_name":"x","sequence_id":1}"#,
        "17",
    ] {
        assert_eq!(read("s3cret", &format!("[{row}]")), Ok(vec![]), "{row}");
    }
    let beside = format!("[17,{}", &REPORTS.trim_start()[1..]);
    assert_eq!(read("s3cret", &beside).unwrap().len(), 2);
}

#[test]
fn a_report_is_believed_only_behind_the_secret() {
    assert_eq!(read("", REPORTS), Err(Disbelief::Unproven));
    assert_eq!(read("s3cre", REPORTS), Err(Disbelief::Unproven));
    assert_eq!(read("s3cret", "{}"), Err(Disbelief::Unreadable));
    assert_eq!(read("s3cret", "[]"), Ok(vec![]));
}

#[test]
fn a_report_that_was_kept_is_answered_with_a_code_that_is_a_number() {
    let thanks = aliyun().thanks();
    let body: serde_json::Value = serde_json::from_str(thanks.body).unwrap();
    assert_eq!((thanks.status, &body["code"]), (200, &0.into()));
}

#[test]
fn nothing_of_a_provider_shows_its_secrets() {
    let shown = format!("{:?} {:?}", aliyun(), settings());
    assert!(
        !shown.contains(SECRET) && !shown.contains("s3cret"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_value_can_become_another_parameter_or_another_value(
        hostile in proptest::collection::btree_map("[a-zA-Z0-9_]{1,8}", any::<String>(), 1..4),
        sign_name in "\\PC{1,20}|[&=?%\"\\\\\r\n+# ]{1,8}",
    ) {
        let values: Vec<(&str, &str)> = hostile
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let provider = Aliyun::new(Settings {
            sign_name: Some(sign_name.clone()),
            ..settings()
        })
        .unwrap();
        let (to, text, made_of) = (number("+8613800138000"), body("x"), made_of(&values));
        let request = provider
            .send(&outgoing(&to, &text, Some(&made_of)), &moment("2026-01-02T03:04:05Z"))
            .unwrap();
        let query = query(&request);
        let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(
            names,
            ["OutId", "PhoneNumbers", "SignName", "TemplateCode", "TemplateParam"]
        );
        prop_assert_eq!(&query[2].1, &sign_name);
        let told: std::collections::BTreeMap<String, String> =
            serde_json::from_str(&query[4].1).unwrap();
        prop_assert_eq!(told, hostile);
        prop_assert_eq!(request.headers().len(), 8);
    }

    #[test]
    fn neither_a_template_code_nor_a_providers_id_can_become_another_parameter(
        code in any::<String>(),
        id in any::<String>(),
    ) {
        let (to, text) = (number("+8613800138000"), body("x"));
        let now = moment("2026-01-02T03:04:05Z");
        let made_of = MadeOf { template: "18".to_owned(), provider_template: Some(code.clone()), ..made_of(&[]) };
        let only = Settings { template_map: BTreeMap::new(), ..settings() };
        let request = Aliyun::new(only).unwrap().send(&outgoing(&to, &text, Some(&made_of)), &now).unwrap();
        let sent = query(&request);
        prop_assert_eq!(sent.len(), 4);
        prop_assert_eq!(&sent[3], &("TemplateCode".to_owned(), code));

        let asked = aliyun().ask(&sought(&to, Some(&id), "2026-01-02T03:04:05Z"), &now).unwrap();
        let asked = query(&asked);
        prop_assert_eq!(asked.len(), 5);
        prop_assert_eq!(&asked[0], &("BizId".to_owned(), id));
    }

    #[test]
    fn any_answer_and_any_report_is_read_without_a_panic(
        status in 100u16..600,
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        text in "\\PC{0,40}",
    ) {
        let to = number("+8613800138000");
        let sought = sought(&to, None, "2026-01-02T03:04:05Z");
        let wrapped = serde_json::json!({ "Code": text, "Message": text, "BizId": text });
        for body in [String::from_utf8_lossy(&octets).into_owned(), wrapped.to_string()] {
            let answer = answer(status, body.clone());
            _ = aliyun().verdict(&answer);
            _ = aliyun().found(&sought, &answer);
            _ = read("s3cret", &body);
        }
    }
}
