//! Delivery reports: what each provider calls back, how it is signed, and how that may go wrong.

use std::time::Duration;

use base64::Engine;
use cloud_sim::{Fault, Order, Provider, Sim, State, VonageReports};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::house::{
    Ear, FORM, Message, create, generic, hex, look, send_sms, settings, start, tc3, text, until,
};

/// As Twilio's library computes it: the URL, then names and values in the order of the names.
fn twilio_signature(token: &str, url: &str, body: &str) -> String {
    let mut fields: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    fields.sort();
    let signed = fields.iter().fold(url.to_owned(), |signed, (name, value)| {
        signed + name + value
    });
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

fn is_signed(sim: &Sim, url: &str, report: &Message) -> bool {
    let token = &sim.settings().twilio.auth_token;
    report.header("x-twilio-signature") == twilio_signature(token, url, &report.body)
}

fn status(report: &Message) -> String {
    report.field("MessageStatus").unwrap()
}

/// The statuses of the next reports of a text by Twilio that meets these faults, and that nothing follows.
fn reported(faults: &[Fault], count: usize) -> Vec<String> {
    let (sim, ear) = (start(), Ear::new());
    for fault in faults {
        sim.order(Order::once(fault.clone()));
    }
    text(&sim, "+15017122661", "x", &ear.url("/hook/7-a1")).unwrap();
    let statuses = (0..count).map(|_| status(&ear.next())).collect();
    ear.hears_no_more();
    statuses
}

#[test]
fn twilio_calls_back_sent_and_delivered_signed_over_the_exact_url() {
    let (sim, ear) = (start(), Ear::new());
    let url = ear.url("/callbacks/twilio/7-a1?route=a&n=%31");
    let sid = text(&sim, "+15017122661", "x", &url).unwrap().json()["sid"].clone();
    let sent = ear.next();
    assert_eq!(
        sent.first.trim_end(),
        "POST /callbacks/twilio/7-a1?route=a&n=%31 HTTP/1.1"
    );
    assert_eq!(sent.header("host"), ear.address().to_string());
    assert!(is_signed(&sim, &url, &sent));
    assert!(!is_signed(&sim, &url.replace("%31", "1"), &sent));
    assert_eq!(
        (status(&sent), sent.field("SmsStatus").unwrap()),
        ("sent".into(), "sent".into())
    );
    assert_eq!(sent.field("MessageSid"), sid.as_str().map(str::to_owned));
    assert_eq!(
        sent.field("AccountSid"),
        Some(sim.settings().twilio.account_sid.clone())
    );
    assert_eq!(sent.field("ErrorCode"), None);

    let delivered = ear.next();
    assert!(is_signed(&sim, &url, &delivered));
    assert_eq!(status(&delivered), "delivered");
    assert_eq!(delivered.field("RawDlrDoneDate").unwrap().len(), 10);
    ear.hears_no_more();
    assert_eq!(sim.texts()[0].reference.as_deref(), Some("7-a1"));
    until(|| sim.texts()[0].reports.len() == 2);
    assert_eq!(sim.texts()[0].reports[1].status, Some(204));
}

#[test]
fn a_message_that_asks_for_no_reports_gets_none() {
    let sim = start();
    text(&sim, "+15017122661", "x", "").unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(sim.texts()[0].reports.len(), 0);
}

#[test]
fn undelivered_comes_with_its_code_to_the_callback_and_to_a_query() {
    let (sim, ear) = (start(), Ear::new());
    sim.order(Order::once(Fault::Undelivered {
        code: Some("30005".into()),
    }));
    let sid = text(&sim, "+15017122661", "x", &ear.url("/hook"))
        .unwrap()
        .json()["sid"]
        .clone();
    assert_eq!(status(&ear.next()), "sent");
    let last = ear.next();
    assert_eq!(
        (status(&last), last.field("ErrorCode")),
        ("undelivered".into(), Some("30005".into()))
    );
    let message = look(&sim, &format!("Messages/{}.json", sid.as_str().unwrap())).json();
    assert_eq!(
        (&message["status"], &message["error_code"]),
        (&json!("undelivered"), &json!(30005))
    );
}

#[test]
fn reports_may_come_twice_backwards_late_or_never() {
    assert_eq!(
        reported(&[Fault::ReportTwice], 4),
        ["sent", "sent", "delivered", "delivered"]
    );
    assert_eq!(
        reported(&[Fault::ReportBackwards], 2),
        ["delivered", "sent"]
    );
    assert_eq!(
        reported(&[Fault::ReportLate { ms: 100 }], 2),
        ["sent", "delivered"]
    );
    assert_eq!(reported(&[Fault::SentIsLast], 1), ["sent"]);
    assert_eq!(reported(&[Fault::ReportWithheld], 0), [""; 0]);
}

#[test]
fn what_is_withheld_is_known_to_a_query_and_what_is_never_reported_is_not() {
    let sim = start();
    let find = |fault: Fault| {
        sim.order(Order::once(fault));
        let sid = text(&sim, "+15017122661", "x", "http://127.0.0.1:9/")
            .unwrap()
            .json()["sid"]
            .clone();
        std::thread::sleep(Duration::from_millis(100));
        look(&sim, &format!("Messages/{}.json", sid.as_str().unwrap())).json()["status"].clone()
    };
    assert_eq!(find(Fault::ReportWithheld), "delivered");
    assert_eq!(find(Fault::SentIsLast), "sent");
}

#[test]
fn a_forged_report_says_the_contrary_and_is_signed_by_a_stranger() {
    let (sim, ear) = (start(), Ear::new());
    sim.order(Order::once(Fault::ReportForged));
    let url = ear.url("/hook/7-a1");
    text(&sim, "+15017122661", "x", &url).unwrap();
    let forged = ear.next();
    assert_eq!(
        (status(&forged).as_str(), is_signed(&sim, &url, &forged)),
        ("undelivered", false)
    );
    for expected in ["sent", "delivered"] {
        let report = ear.next();
        assert_eq!(
            (status(&report).as_str(), is_signed(&sim, &url, &report)),
            (expected, true)
        );
    }
    until(|| sim.texts()[0].reports.len() == 3);
    assert!(sim.texts()[0].reports[0].forged);
}

#[test]
fn an_early_report_is_answered_before_the_request_is() {
    let (sim, ear) = (start(), Ear::new());
    sim.order(Order::once(Fault::ReportEarly));
    text(&sim, "+15017122661", "x", &ear.url("/hook")).unwrap();
    assert_eq!(sim.texts()[0].reports.len(), 2);
    assert_eq!(
        [status(&ear.next()), status(&ear.next())],
        ["sent", "delivered"]
    );
    ear.hears_no_more();
}

#[test]
fn a_report_that_meets_a_5xx_comes_again_and_not_for_ever() {
    let (sim, ear) = (start(), Ear::answering(&[500, 503, 204]));
    sim.order(Order::once(Fault::Undelivered { code: None }));
    sim.report_to(Provider::Generic, Some(ear.url("/generic/secret")));
    sim.order(Order::once(Fault::SentIsLast));
    generic(&sim, &json!({ "to": "+15017122661", "text": "x" })).unwrap();
    let bodies: Vec<_> = (0..3).map(|_| ear.next().body).collect();
    assert!(
        bodies.iter().all(|body| body.contains("\"sent\"")),
        "{bodies:?}"
    );
    ear.hears_no_more();

    let deaf = Ear::answering(&[500; 20]);
    text(&sim, "+15017122661", "x", &deaf.url("/hook")).unwrap();
    let tries = (0..8)
        .map(|_| status(&deaf.next()))
        .filter(|status| status == "sent")
        .count();
    assert_eq!(tries, 4);
    deaf.hears_no_more();
}

#[test]
fn what_is_refused_by_the_receiver_is_not_told_again() {
    let (sim, ear) = (start(), Ear::answering(&[401, 404]));
    text(&sim, "+15017122661", "x", &ear.url("/hook")).unwrap();
    assert_eq!(
        [status(&ear.next()), status(&ear.next())],
        ["sent", "delivered"]
    );
    ear.hears_no_more();
}

#[test]
fn aliyun_reports_to_the_url_of_the_account_unsigned() {
    let (sim, ear) = (start(), Ear::new());
    sim.report_to(Provider::Aliyun, Some(ear.url("/callbacks/aliyun/secret")));
    let biz_id = send_sms(&sim, "+8613800138000", "7-a1").json()["BizId"].clone();
    let report = ear.next();
    assert_eq!(
        report.first.trim_end(),
        "POST /callbacks/aliyun/secret HTTP/1.1"
    );
    assert!(
        report
            .header("content-type")
            .starts_with("application/json")
    );
    let list = report.json();
    let one = &list[0];
    let keys: Vec<_> = one
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "biz_id",
        "err_code",
        "err_msg",
        "out_id",
        "phone_number",
        "report_time",
        "send_time",
        "sms_size",
        "success",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&one["biz_id"], &one["out_id"]), (&biz_id, &json!("7-a1")));
    assert_eq!(
        (&one["phone_number"], &one["success"]),
        (&json!("13800138000"), &json!(true))
    );
    assert_eq!(
        (&one["err_code"], &one["sms_size"]),
        (&json!("DELIVERED"), &json!("1"))
    );
    ear.hears_no_more();

    sim.order(Order::once(Fault::ReportForged));
    sim.order(Order::once(Fault::Undelivered { code: None }));
    send_sms(&sim, "13800138000", "7-a2");
    let forged = ear.next();
    assert!(forged.first.starts_with("POST /callbacks/aliyun/forged "));
    assert_eq!(forged.json()[0]["success"], true);
    let report = ear.next();
    assert_eq!(
        (&report.json()[0]["success"], &report.json()[0]["err_code"]),
        (&json!(false), &json!("UNDELIV"))
    );
}

#[test]
fn the_generic_provider_signs_its_reports_when_it_has_a_secret() {
    let ear = Ear::new();
    let mut settings = settings();
    settings.generic.report_secret = Some("shh".into());
    let sim = cloud_sim::start(settings).unwrap();
    let body = json!({ "to": "+15017122661", "text": "x", "reference": "7-a1", "callback": ear.url("/generic") });
    let id = generic(&sim, &body).unwrap().json()["id"].clone();
    for expected in ["sent", "delivered"] {
        let report = ear.next();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"shh").unwrap();
        mac.update(report.body.as_bytes());
        assert_eq!(
            report.header("x-signature"),
            hex(&mac.finalize().into_bytes())
        );
        let said = report.json();
        assert_eq!(
            (&said["id"], &said["reference"], &said["status"]),
            (&id, &json!("7-a1"), &json!(expected))
        );
    }
}

#[test]
fn tencent_pushes_statuses_to_the_url_of_the_account_unsigned() {
    let (sim, ear) = (start(), Ear::new());
    sim.report_to(
        Provider::Tencent,
        Some(ear.url("/callbacks/tencent/secret")),
    );
    let body = json!({
        "PhoneNumberSet": ["+8613800138000"],
        "SmsSdkAppId": "1400000001",
        "TemplateId": "1110",
        "SignName": "测试签名",
    });
    let sent = tc3(&sim, "SendSms", &body).unwrap().json();
    let report = ear.next();
    assert!(report.first.starts_with("POST /callbacks/tencent/secret "));
    let list = report.json();
    let keys: Vec<_> = list[0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "description",
        "errmsg",
        "mobile",
        "nationcode",
        "report_status",
        "sid",
        "user_receive_time",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        list[0]["sid"],
        sent["Response"]["SendStatusSet"][0]["SerialNo"]
    );
    assert_eq!(
        (&list[0]["mobile"], &list[0]["nationcode"]),
        (&json!("13800138000"), &json!("86"))
    );
    assert_eq!(
        (&list[0]["report_status"], &list[0]["errmsg"]),
        (&json!("SUCCESS"), &json!("DELIVRD"))
    );
    ear.hears_no_more();
}

/// A text of two parts by Vonage; the receipts' ids, states and whether they are signed by the account's secret.
fn receipts(
    reports: VonageReports,
    fault: Option<Fault>,
    count: usize,
) -> Vec<(String, String, bool)> {
    let (ear, mut settings) = (Ear::new(), settings());
    settings.vonage.reports = reports;
    let sim = cloud_sim::start(settings).unwrap();
    if let Some(fault) = fault {
        sim.order(Order::once(fault));
    }
    let account = &sim.settings().vonage;
    let proof = crate::house::basic(&account.api_key, &account.api_secret);
    let (long, url) = ("x".repeat(161), ear.url("/callbacks/vonage"));
    let fields = [
        ("from", "Shop"),
        ("to", "447700900000"),
        ("text", &long),
        ("callback", &url),
    ];
    let headers = [("authorization", proof.as_str()), FORM];
    crate::house::ask(
        &sim,
        "POST /vonage/sms/json",
        &headers,
        &crate::house::form(&fields),
    )
    .unwrap();
    let secret = account.signature_secret.as_ref().unwrap();
    let read = |_| {
        let report = ear.next();
        let mut fields: Vec<(String, String)> = match reports {
            VonageReports::Json => {
                let body = report.json();
                let fields = body.as_object().unwrap().iter();
                fields
                    .map(|(name, value)| (name.clone(), value.as_str().unwrap().into()))
                    .collect()
            }
            VonageReports::Form => url::form_urlencoded::parse(report.body.as_bytes())
                .into_owned()
                .collect(),
            VonageReports::Get => {
                assert_eq!(report.body, "");
                let query = report.first.split([' ', '?']).nth(2).unwrap();
                url::form_urlencoded::parse(query.as_bytes())
                    .into_owned()
                    .collect()
            }
        };
        fields.sort();
        let field = |name: &str| {
            fields
                .iter()
                .find(|(one, _)| one == name)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(
            (field("msisdn"), field("to")),
            ("447700900000".into(), "Shop".into())
        );
        assert_eq!(
            (field("scts").len(), field("message-timestamp").len()),
            (10, 19)
        );
        let signed = fields.iter().filter(|(name, _)| name != "sig");
        let line = signed.fold(String::new(), |line, (name, value)| {
            line + "&" + name + "=" + value
        });
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(line.as_bytes());
        let is_signed = field("sig") == hex(&mac.finalize().into_bytes());
        (field("messageId"), field("status"), is_signed)
    };
    let read = (0..count).map(read).collect();
    ear.hears_no_more();
    let ids = &sim.texts()[0].ids;
    assert_eq!(ids.len(), 2);
    read
}

#[test]
fn vonage_signs_a_receipt_for_each_part_in_the_form_that_the_account_has() {
    for reports in [VonageReports::Get, VonageReports::Form, VonageReports::Json] {
        let read = receipts(reports, None, 4);
        let states: Vec<_> = read.iter().map(|(_, state, _)| state.as_str()).collect();
        assert_eq!(states, ["accepted", "accepted", "delivered", "delivered"]);
        assert!(read.iter().all(|(.., is_signed)| *is_signed));
        assert_ne!(read[2].0, read[3].0);
    }
    let forged = receipts(VonageReports::Form, Some(Fault::ReportForged), 6);
    let signed: Vec<_> = forged.iter().map(|(.., is_signed)| *is_signed).collect();
    assert_eq!(signed, [false, false, true, true, true, true]);
    assert_eq!(forged[0].1, "failed");
}

#[test]
fn only_the_receipt_that_met_a_5xx_comes_again() {
    let ear = Ear::answering(&[500, 500, 204]);
    let mut settings = settings();
    settings.vonage.report_url = Some(ear.url("/callbacks/vonage"));
    let sim = cloud_sim::start(settings).unwrap();
    sim.order(Order::once(Fault::SentIsLast));
    let account = &sim.settings().vonage;
    let long = "x".repeat(161);
    let fields = [
        ("api_key", account.api_key.as_str()),
        ("api_secret", account.api_secret.as_str()),
        ("from", "Shop"),
        ("to", "447700900000"),
        ("text", &long),
    ];
    let fields = crate::house::form(&fields);
    crate::house::ask(&sim, "POST /vonage/sms/json", &[FORM], &fields).unwrap();
    let ids: Vec<_> = (0..4)
        .map(|_| ear.next().field("messageId").unwrap())
        .collect();
    ear.hears_no_more();
    let count = |id: &String| ids.iter().filter(|one| *one == id).count();
    assert_eq!(
        sim.texts()[0].ids.iter().map(count).collect::<Vec<_>>(),
        [2, 2]
    );
}

#[test]
fn callbacks_can_be_led_elsewhere_and_keep_their_url() {
    let (sim, ear) = (start(), Ear::new());
    let url = "https://sms.example.com/callbacks/twilio/7-a1";
    sim.callbacks_to(Some(ear.address()));
    text(&sim, "+15017122661", "x", url).unwrap();
    let report = ear.next();
    assert_eq!(report.header("host"), "sms.example.com");
    assert!(is_signed(&sim, url, &report));
    ear.next();
    sim.callbacks_to(None);
    text(&sim, "+15017122661", "y", url).unwrap();
    until(|| !sim.texts()[1].reports.is_empty());
    let why = sim.texts()[1].reports[0].error.clone().unwrap();
    assert!(why.contains("only http"), "{why}");
}

#[test]
fn a_report_may_be_ordered_by_hand() {
    let (sim, ear) = (start(), Ear::new());
    sim.order(Order::once(Fault::ReportWithheld));
    let fields = [
        ("To", "+15017122661"),
        ("From", "+15005550006"),
        ("Body", "x"),
        ("StatusCallback", &ear.url("/hook")),
    ];
    create(&sim, &fields).unwrap();
    assert!(sim.report(1, State::Delivered, false));
    assert_eq!(status(&ear.next()), "delivered");
    assert!(!sim.report(2, State::Delivered, false));
    let order = json!({ "report": { "text": 1, "state": "sent", "forged": true } });
    let answer = crate::house::ask(&sim, "POST /control", &[], &order.to_string()).unwrap();
    assert_eq!(answer.json()["ok"], Value::Bool(true));
    assert_eq!(status(&ear.next()), "sent");
}
