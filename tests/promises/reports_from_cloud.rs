//! What became of a text comes back into the message, whoever says it, in whatever order, and only when it is proven.

use cloud_sim::{Fault, Provider};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;

use crate::cloud::CloudHouse;

const PUBLIC: &str = "\n[server]\npublic_url = \"https://sms.example.com\"\n";
const TO: &str = "+8613800138000";
const ALL: [Provider; 5] = [
    Provider::Twilio,
    Provider::Aliyun,
    Provider::Tencent,
    Provider::Vonage,
    Provider::Generic,
];

/// Reports of accounts that have one URL for all come to the paths of their sections.
async fn each(provider: Provider) -> CloudHouse {
    let house = CloudHouse::with(0, &[provider], PUBLIC, "").await;
    if provider != Provider::Twilio && provider != Provider::Vonage {
        let url = format!(
            "https://sms.example.com/callbacks/{provider}/{}",
            cloud_sim::CALLBACK_SECRET
        );
        house.sim.report_to(provider, Some(url));
    }
    house
}

#[tokio::test]
async fn each_provider_reports_what_was_delivered_and_what_was_not() {
    for provider in ALL {
        let house = each(provider).await;
        let id = house.house.send(TO, "to be delivered").await;
        let message = house.house.becomes(&id, "delivered").await;
        assert_eq!(message["route"], format!("cloud:{provider}"));
        house.order(Fault::Undelivered { code: None });
        let id = house.house.send(TO, "not to be").await;
        let message = house.house.becomes(&id, "undelivered").await;
        assert_eq!(
            message["error"]["code"], "undelivered",
            "{provider}: {message}"
        );
    }
}

#[tokio::test]
async fn reports_that_come_twice_backwards_or_before_the_answer_end_in_the_same_fate() {
    for provider in [Provider::Twilio, Provider::Vonage] {
        for fault in [
            Fault::ReportTwice,
            Fault::ReportBackwards,
            Fault::ReportEarly,
        ] {
            let house = each(provider).await;
            house.order(fault.clone());
            let id = house.house.send(TO, "hello").await;
            house.house.becomes(&id, "delivered").await;
            // What still comes changes nothing.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let message = house.house.message(&id).await;
            assert_eq!(message["status"], "delivered", "{provider} {fault:?}");
            assert_eq!(house.taken(TO).len(), 1);
        }
    }
}

#[tokio::test]
async fn a_forged_report_is_not_believed() {
    let house = each(Provider::Twilio).await;
    house.order(Fault::ReportForged);
    let id = house.house.send(TO, "hello").await;
    house.house.becomes(&id, "delivered").await;
    let reports = &house.taken(TO)[0].reports;
    let forged: Vec<_> = reports.iter().filter(|report| report.forged).collect();
    assert!(!forged.is_empty());
    assert!(
        forged.iter().all(|report| report.status == Some(401)),
        "{forged:?}"
    );
    // Nor one that names the try without a signature.
    let reference = house.taken(TO)[0].reference.clone().unwrap();
    let unsigned = Request::builder()
        .method(Method::POST)
        .uri(format!(
            "{}/callbacks/twilio/{reference}",
            house.house.url()
        ))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new("MessageStatus=failed&MessageSid=SM1".into()))
        .unwrap();
    assert_eq!(house.house.raw(unsigned).await.status, 401);
    assert_eq!(house.house.message(&id).await["status"], "delivered");
}

#[tokio::test]
async fn who_does_not_know_the_secret_path_reports_nothing() {
    let house = each(Provider::Aliyun).await;
    house.sim.report_to(Provider::Aliyun, None);
    let id = house.house.send(TO, "hello").await;
    house.house.becomes(&id, "sent").await;
    let biz_id = house.taken(TO)[0].ids[0].clone();
    for (path, status) in [
        ("/callbacks/aliyun/guessed".to_owned(), 401),
        (
            format!("/callbacks/aliyun/{}", cloud_sim::CALLBACK_SECRET),
            200,
        ),
    ] {
        // The right secret with the number of somebody else is nobody's report either.
        let report = json!([{ "phone_number": "13900139000", "success": true, "biz_id": biz_id,
                              "report_time": "2026-11-28 10:00:00", "err_code": "DELIVERED" }]);
        let reply = house.house.ask(Method::POST, &path, Some(report)).await;
        assert_eq!(reply.status, status, "{path}");
    }
    assert_eq!(house.house.message(&id).await["status"], "sent");
}

#[tokio::test]
async fn without_a_public_url_the_provider_is_asked() {
    let house = CloudHouse::with(0, &[Provider::Twilio], "", "").await;
    let id = house.house.send(TO, "nobody calls back").await;
    house.house.becomes(&id, "sent").await;
    assert!(house.taken(TO)[0].callback.is_none());
    // The first question comes after half a minute.
    let asked = std::time::Instant::now();
    while house.house.message(&id).await["status"] != "delivered" {
        assert!(asked.elapsed().as_secs() < 60, "it was not asked");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
