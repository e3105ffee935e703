//! A text that reaches a SIM is in the inbox, once, in the order of its arrival, and leaves the SIM only when it is.

use std::collections::BTreeMap;
use std::time::Instant;

use http::{Method, StatusCode};
use modem_sim::{Fault, MobileText};
use serde_json::{Value, json};

use crate::house::{House, fast};

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

/// The modem gives nothing more unless each is acknowledged in time, and takes no second acknowledgement.
#[tokio::test]
async fn texts_that_come_directly_are_acknowledged_when_they_are_in_the_inbox() {
    let profiles = tempfile::tempdir().unwrap();
    let profile = profiles.path().join("direct.toml");
    std::fs::write(profile, "[messages]\ndirect = true\n").unwrap();
    let config = format!(
        "[modems]\nprofiles_dir = \"{}\"\n",
        profiles.path().display()
    );
    let modem = "profile = \"direct\"\n";
    let house = House::with_modems(1, fast(), &config, modem).await;
    house.modem_becomes("m1", "ready").await;
    for number in 0..20 {
        house.writes(FROM, &format!("text {number}")).await;
    }
    let texts = house.inbox_holds(20).await;
    let said: Vec<&str> = texts.iter().map(said).collect();
    let expected: Vec<String> = (0..20).map(|number| format!("text {number}")).collect();
    assert_eq!(said, expected);
    let waiting = house
        .phones(|phones| phones.call(&json!({"do": "waiting", "modem": 0})).unwrap())
        .await;
    assert_eq!(waiting["texts"], 0, "{waiting}");
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
    for slots in [50, 10] {
        two_hundred_at_once(House::with_make("generic", Some(slots), &[]).await, slots).await;
    }
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

/// What a modem may do to an announcement, to the place of a text and to the lines it is read by.
fn oddities() -> Vec<Value> {
    let mut oddities = vec![
        json!({"kind": "announcement", "index": -1}),
        json!({"kind": "announcement", "copies": 2}),
        json!({"kind": "announce_empty", "store": "SM", "index": 9}),
        json!({"kind": "empty_slot", "answer": "nothing"}),
        json!({"kind": "empty_slot", "answer": "zeros"}),
        json!({"kind": "class0"}),
        json!({"kind": "cpms_lies", "used": 0}),
        json!({"kind": "cpms_forms", "values": [3]}),
        json!({"kind": "line_ends", "style": "doubled"}),
        json!({"kind": "fragments", "octets": 1}),
        json!({"kind": "split_lines", "after_ms": 5}),
        json!({"kind": "urc_before_answer", "text": "^RSSI:26", "times": 5}),
        json!({"kind": "errors_in_words"}),
        json!({"kind": "clock_offset", "quarters": 32, "seconds": -3600}),
    ];
    for form in [
        "no_name",
        "trailing_quote",
        "wrong_length",
        "padded",
        "lower_case",
        "no_service_centre",
    ] {
        oddities.push(json!({"kind": "read_form", "form": form}));
    }
    oddities
}

#[tokio::test]
async fn a_text_is_received_once_whatever_its_modem_does_to_it() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    for (at, oddity) in oddities().into_iter().enumerate() {
        house.order(oddity.clone()).await;
        let text = format!("text {at}: {oddity}");
        house.writes(FROM, &text).await;
        let texts = house.inbox_holds(at + 1).await;
        assert_eq!(said(&texts[at]), text);
        house.order(json!({"kind": "clear"})).await;
    }
}

#[tokio::test]
async fn a_text_that_a_modem_puts_into_another_memory_than_it_was_told_is_found() {
    let house = House::with_make("quectel-ec25", None, &[]).await;
    house.modem_becomes("m1", "ready").await;
    for (at, store) in ["SM", "ME", "SM"].into_iter().enumerate() {
        house
            .order(json!({"kind": "stores_texts_in", "store": store}))
            .await;
        house.writes(FROM, &format!("text {at}")).await;
        house.inbox_holds(at + 1).await;
    }
}

#[tokio::test]
async fn a_text_that_is_cut_short_is_kept_as_far_as_it_goes() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house
        .order(json!({"kind": "read_form", "form": "truncated"}))
        .await;
    house.writes(FROM, "0123456789").await;
    let texts = house.inbox_holds(1).await;
    let text = said(&texts[0]);
    assert!("0123456789".starts_with(text) && !text.is_empty(), "{text}");
    house.order(json!({"kind": "clear"})).await;
    house.writes(FROM, "next").await;
    house.inbox_holds(2).await;
}

#[tokio::test]
async fn what_a_full_sim_keeps_out_comes_when_there_is_room_again() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    house
        .order(json!({"kind": "storage_full", "on": true}))
        .await;
    for number in 0..3 {
        house.writes(FROM, &format!("text {number}")).await;
    }
    assert_eq!(house.inbox().await.len(), 0);
    house
        .order(json!({"kind": "storage_full", "on": false}))
        .await;
    let texts = house.inbox_holds(3).await;
    let said: Vec<&str> = texts.iter().map(said).collect();
    assert_eq!(said, ["text 0", "text 1", "text 2"]);
}

#[tokio::test]
async fn names_data_and_other_alphabets_are_received_as_they_are() {
    let house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let data = MobileText {
        data: Some("00FF10".into()),
        ..MobileText::new(FROM, "")
    };
    let turkish = MobileText {
        turkish: true,
        ..MobileText::new(FROM, "ığş")
    };
    house
        .brings(vec![
            MobileText::new("BigBank", "your code is 1234"),
            data,
            turkish,
            MobileText::new(FROM, "👍 {€} ~"),
        ])
        .await;
    let texts = house.inbox_holds(4).await;
    let shown: Vec<[&str; 3]> = texts
        .iter()
        .map(|text| ["from", "encoding", "text"].map(|field| text[field].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ["BigBank", "gsm7", "your code is 1234"],
            [FROM, "8bit", "00FF10"],
            [FROM, "gsm7", "ığş"],
            [FROM, "ucs2", "👍 {€} ~"],
        ]
    );
}

#[tokio::test]
async fn every_make_of_modem_receives_and_brings_its_reports() {
    for make in modem_sim::PERSONALITIES {
        let house = House::with_make(make, None, &[]).await;
        house.modem_becomes("m1", "ready").await;
        house.writes(FROM, make).await;
        house.writes(FROM, &"long ".repeat(40)).await;
        let id = house.send(FROM, "out").await;
        let texts = house.inbox_holds(2).await;
        assert_eq!(said(&texts[0]), *make);
        assert_eq!(said(&texts[1]), "long ".repeat(40), "{make}");
        house.becomes(&id, "delivered").await;
    }
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
