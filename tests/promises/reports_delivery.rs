//! A delivery report finds its part, whatever it says and whenever it comes.

use modem_sim::Fault;
use serde_json::json;

use crate::house::House;

const TO: &str = "+8613800138000";

#[tokio::test]
async fn the_events_of_a_delivered_text_tell_its_way() {
    let house = House::with(1).await;
    let id = house.send(TO, "hello").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(
        house.events(&id).await,
        [
            "queued",
            "sending",
            "part_sent",
            "sent",
            "report",
            "delivered"
        ]
    );
    assert!(message["delivered_at"].is_string());
}

#[tokio::test]
async fn a_report_that_overtakes_the_answer_finds_its_part() {
    let house = House::with(1).await;
    house.fault(0, Fault::ReportFirst { times: 1 }).await;
    let id = house.send(TO, "hello").await;
    house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn a_text_that_the_network_gave_up_is_undelivered_and_says_so() {
    let house = House::with(1).await;
    let gives_up = Fault::ReportStatus {
        status: 0x43,
        times: 1,
    };
    house.fault(0, gives_up).await;
    let id = house.send(TO, "hello").await;
    let message = house.becomes(&id, "undelivered").await;
    assert_eq!(message["error"]["code"], "undelivered");
    let said = message["error"]["message"].as_str().unwrap();
    assert!(said.contains("0x43"), "{said}");
}

#[tokio::test]
async fn a_report_is_matched_after_a_restart() {
    let mut network = crate::house::fast();
    network.report_after = std::time::Duration::from_millis(1500);
    let mut house = House::with_network(1, network, "").await;
    let id = house.send(TO, "hello").await;
    house.becomes(&id, "sent").await;
    house.stop().await;
    house.start().await;
    house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn more_texts_than_references_are_all_delivered() {
    let mut network = crate::house::fast();
    network.latency = std::time::Duration::from_millis(1);
    network.prompt = std::time::Duration::ZERO;
    let house = House::with_network(1, network, "").await;
    let mut ids = Vec::new();
    for number in 0..300 {
        ids.push(house.send(TO, &format!("text {number}")).await);
    }
    for id in ids {
        house.becomes(&id, "delivered").await;
    }
}

/// What a network or a modem may do to a report; each is followed by one that is delivered.
#[tokio::test]
async fn a_report_finds_its_part_whatever_is_done_to_it() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    for oddity in [
        json!({"kind": "report_comma", "on": true}),
        json!({"kind": "report_first"}),
        json!({"kind": "report_twice"}),
        json!({"kind": "report_pending", "status": 48}),
        json!({"kind": "report_national"}),
        json!({"kind": "report_stray", "reference": 7}),
        json!({"kind": "next_reference", "value": 255}),
        json!({"kind": "clock_offset", "quarters": 32, "seconds": 0}),
        json!({"kind": "fragments", "octets": 1}),
        json!({"kind": "line_ends", "style": "doubled"}),
    ] {
        house.order(oddity.clone()).await;
        let id = house.send(TO, &oddity.to_string()).await;
        house.becomes(&id, "delivered").await;
        let events = house.events(&id).await;
        let delivered = events.iter().filter(|event| *event == "delivered");
        assert_eq!(delivered.count(), 1, "{oddity}: {events:?}");
        house.order(json!({"kind": "clear"})).await;
    }
}

#[tokio::test]
async fn a_report_that_says_still_trying_is_followed_by_the_last_one() {
    let house = House::with(1).await;
    house
        .order(json!({"kind": "report_pending", "status": 48}))
        .await;
    let id = house.send(TO, "hello").await;
    house.becomes(&id, "delivered").await;
    let events = house.events(&id).await;
    let reports = events.iter().filter(|event| *event == "report");
    assert_eq!(reports.count(), 2, "{events:?}");
}

#[tokio::test]
async fn reports_that_a_modem_stores_and_announces_wrongly_are_found() {
    // An EC25 that does not give +CDS: its reports are in SR and are announced as "SM",0.
    let without_cds = json!({"kind": "cnmi_refuses", "ds": [1]});
    let without_cds = serde_json::from_value(without_cds).unwrap();
    let house = House::with_make("quectel-ec25", None, &[without_cds]).await;
    house.modem_becomes("m1", "ready").await;
    for number in 0..5 {
        let id = house.send(TO, &format!("text {number}")).await;
        house.becomes(&id, "delivered").await;
    }
}
