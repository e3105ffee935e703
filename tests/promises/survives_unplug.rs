//! A stick that is pulled out: what never left is not lost, what may have left is uncertain, and the queue goes on
//! when it is back.

use std::time::{Duration, Instant};

use modem_sim::Fault;
use serde_json::json;

use crate::house::{House, fast};

const TO: &str = "+8613800138000";

#[tokio::test]
async fn a_text_sent_to_an_unplugged_modem_waits_says_so_and_leaves_when_it_is_back() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.phones(|phones| phones.unplug(0).unwrap()).await;
    house.modem_becomes("m1", "absent").await;
    let id = house.send(TO, "patience").await;
    let message = house.message(&id).await;
    assert_eq!(message["status"], "queued");
    assert_eq!(message["pending_reason"]["code"], "no_modem");
    assert!(message["next_attempt_at"].is_string());
    house.phones(|phones| phones.plug(0).unwrap()).await;
    house.becomes(&id, "delivered").await;
    assert_eq!(house.handset(TO).await.len(), 1);
}

#[tokio::test]
async fn a_text_in_the_air_when_the_plug_is_pulled_is_uncertain_and_sent_again_by_policy() {
    let house = in_the_air().await;
    house.fault(0, Fault::NoReports { times: Some(1) }).await;
    let id = house.send(TO, "twice perhaps").await;
    pull_the_plug(&house).await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], true);
    let events = house.events(&id).await;
    assert!(events.contains(&"uncertain".to_owned()), "{events:?}");
    let copies = house.handset(TO).await.len();
    assert_eq!(copies, 2, "the network took it before the plug was pulled");
}

#[tokio::test]
async fn a_report_settles_what_was_in_the_air_when_the_plug_was_pulled() {
    let house = in_the_air().await;
    let request = json!({ "to": TO, "text": "once", "category": "bulk" });
    let id = house.send_as(request).await;
    pull_the_plug(&house).await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], false);
    let events = house.events(&id).await;
    assert!(events.contains(&"uncertain".to_owned()), "{events:?}");
    assert!(events.contains(&"settled".to_owned()), "{events:?}");
    assert_eq!(house.handset(TO).await.len(), 1);
}

async fn in_the_air() -> House {
    let mut network = fast();
    network.latency = Duration::from_millis(300);
    let house = House::with_network(1, network, "").await;
    house.modem_becomes("m1", "ready").await;
    house
}

/// For half a second, while the first text is in the air.
async fn pull_the_plug(house: &House) {
    house
        .until("the PDU is on its way", async || {
            (house.stats().await[0].cmgs == 1).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    house
        .phones(|phones| phones.unplug_for(0, Duration::from_millis(500)).unwrap())
        .await;
}

#[tokio::test]
async fn a_queue_goes_on_after_a_replug_with_nothing_lost() {
    let house = House::with_network(1, fast(), "").await;
    house.modem_becomes("m1", "ready").await;
    let mut ids = Vec::new();
    for number in 0..30 {
        let request = json!({ "to": TO, "text": format!("text {number}"), "category": "bulk" });
        ids.push(house.send_as(request).await);
    }
    house.network_took(5).await;
    house
        .phones(|phones| phones.unplug_for(0, Duration::from_millis(300)).unwrap())
        .await;
    house.network_took(29).await;
    house
        .until("nothing waits", async || {
            for id in &ids {
                let status = house.message(id).await["status"].clone();
                if !["sent", "delivered", "unknown"].contains(&status.as_str().unwrap()) {
                    return None;
                }
            }
            Some(())
        })
        .await;
    let mut unknown = 0;
    for id in &ids {
        unknown += u32::from(house.message(id).await["status"] == "unknown");
    }
    assert!(unknown <= 1, "at most the part in the air is unknown");
    let mut texts = house.texts(TO).await;
    let all = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), all, "bulk is never sent twice");
    assert!(all >= 29, "only {all} of 30 arrived");
}

/// `cargo test --test promises pulled_out_for_three_seconds -- --nocapture` prints how long it took; docs/PERFORMANCE.md
/// has the figure.
#[tokio::test]
async fn a_modem_pulled_out_for_three_seconds_in_mid_send_works_again_and_the_queue_goes_on() {
    const GONE: Duration = Duration::from_secs(3);
    let mut network = fast();
    network.latency = Duration::from_millis(100);
    let house = House::with_network(1, network, "").await;
    house.modem_becomes("m1", "ready").await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(house.send(TO, &format!("text {number}")).await);
    }
    // By then it is known how long a text takes here, and so how long a late answer is listened for.
    house.network_took(30).await;
    let pull = Fault::Reenumeration {
        for_ms: 3_000,
        in_flight: true,
    };
    house.fault(0, pull).await;
    house.modem_becomes("m1", "absent").await;
    let pulled = Instant::now();
    house.modem_becomes("m1", "ready").await;
    let ready = pulled.elapsed().saturating_sub(GONE);
    let mut uncertain = 0;
    for id in &ids {
        house.becomes(id, "delivered").await;
        let events = house.events(id).await;
        uncertain += usize::from(events.contains(&"uncertain".to_owned()));
    }
    assert_eq!(uncertain, 1, "the text that was in the air, and no other");
    let done = pulled.elapsed().saturating_sub(GONE);
    println!("ready {ready:.2?} after its return, the queue of 10 empty after {done:.2?}");
    let mut texts = house.texts(TO).await;
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 40, "every text arrived");
}
