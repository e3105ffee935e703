//! A text that reaches a SIM is in the inbox, once, in the order of its arrival, and leaves the SIM only when it is.

use std::collections::BTreeMap;
use std::time::Instant;

use http::{Method, StatusCode};
use modem_sim::Fault;
use serde_json::Value;

use crate::house::House;

const FROM: &str = "+8613800138000";

#[tokio::test]
async fn a_text_is_in_the_inbox_as_it_was_written() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.writes(FROM, "你好, world").await;
    let texts = house.inbox_holds(1).await;
    let text = &texts[0];
    assert_eq!(text["from"], FROM);
    assert_eq!(text["text"], "你好, world");
    assert_eq!(text["encoding"], "ucs2");
    assert_eq!(text["modem"], "m1");
    assert_eq!(
        (&text["parts"], &text["complete"]),
        (&1.into(), &true.into())
    );
    assert_eq!(text["read"], false);
    assert!(text["smsc_at"].is_string(), "{text}");
    let modem = house.modem_becomes("m1", "ready").await;
    assert_eq!(text["to"], modem["number"]);

    let id = text["id"].as_str().unwrap();
    let one = house
        .ask(Method::GET, &format!("/v1/inbox/{id}"), None)
        .await;
    assert_eq!((one.status, &one.body), (StatusCode::OK, text));
}

#[tokio::test]
async fn texts_that_came_while_the_gateway_was_off_are_found_at_its_start() {
    let mut house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.stop().await;
    for number in 0..10 {
        house.writes(FROM, &format!("text {number}")).await;
    }
    house.start().await;
    let texts = house.inbox_holds(10).await;
    let said: Vec<&str> = texts.iter().map(said).collect();
    let expected: Vec<String> = (0..10).map(|number| format!("text {number}")).collect();
    assert_eq!(said, expected);
}

#[tokio::test]
async fn texts_that_came_while_the_modem_was_away_are_there_when_it_is_back() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.phones(|phones| phones.unplug(0).unwrap()).await;
    house.modem_becomes("m1", "absent").await;
    house.writes(FROM, "while away").await;
    house.phones(|phones| phones.plug(0).unwrap()).await;
    let texts = house.inbox_holds(1).await;
    assert_eq!(said(&texts[0]), "while away");
}

#[tokio::test]
async fn texts_come_in_while_texts_go_out() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(house.send(FROM, &format!("out {number}")).await);
        house.writes(FROM, &format!("in {number}")).await;
    }
    house.inbox_holds(40).await;
    for id in ids {
        house.becomes(&id, "delivered").await;
    }
    assert_eq!(house.handset(FROM).await.len(), 40);
}

#[tokio::test]
async fn two_hundred_texts_at_once_are_all_there_in_order_and_none_twice() {
    two_hundred_at_once(House::with(1).await, 50).await;
}

/// `slots`: of the SIM.
async fn two_hundred_at_once(house: House, slots: usize) {
    house.modem_becomes("m1", "ready").await;
    let started = Instant::now();
    house
        .phones(|phones| {
            for number in 0..200 {
                let from = format!("+86138001380{:02}", number % 4);
                let text = format!("text {number}");
                phones.reply_to(0, &from, &text).unwrap();
            }
        })
        .await;
    let texts = house.inbox_holds(200).await;
    println!(
        "200 texts at once, SIM of {slots} slots: all in the inbox after {} ms",
        started.elapsed().as_millis()
    );
    let mut per_sender: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in &texts {
        let from = text["from"].as_str().unwrap();
        per_sender.entry(from).or_default().push(said(text));
    }
    assert_eq!(per_sender.len(), 4);
    for (sender, (_, said)) in per_sender.into_iter().enumerate() {
        let expected: Vec<String> = (0..50)
            .map(|step| format!("text {}", 4 * step + sender))
            .collect();
        assert_eq!(said, expected, "sender {sender}");
    }
}

#[tokio::test]
async fn an_announcement_that_points_nowhere_or_comes_twice_changes_nothing() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    for text in ["+CMTI: \"SM\",-1", "+CMTI: \"SM\",49", "+CMTI: 0,111"] {
        let text = text.to_owned();
        house.fault(0, Fault::Urc { text }).await;
    }
    house.writes(FROM, "one").await;
    let text = "+CMTI: \"SM\",1".to_owned();
    house.fault(0, Fault::Urc { text }).await;
    house.inbox_holds(1).await;
    house.writes(FROM, "two").await;
    let texts = house.inbox_holds(2).await;
    assert_eq!(said(&texts[1]), "two");
}

#[tokio::test]
async fn the_inbox_survives_a_restart() {
    let mut house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house.writes(FROM, "kept").await;
    let before = house.inbox_holds(1).await;
    house.stop().await;
    house.start().await;
    house.modem_becomes("m1", "ready").await;
    assert_eq!(house.inbox().await, before);
}

fn said(text: &Value) -> &str {
    text["text"].as_str().unwrap()
}
