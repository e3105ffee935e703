//! Texts to the modem: where they are kept, how they are announced, how their parts come.

use modem_sim::{Befell, MobileText, Order, Settings};
use serde_json::json;

use crate::host::{FRIEND, Host};

/// A stick that counts slots from 0, quieted.
async fn huawei(slots: usize) -> Host {
    let mut host = Host::of(Settings {
        personalities: vec!["huawei-e3372".into()],
        sim_slots: Some(slots),
        ..Settings::default()
    });
    host.play(
        "
        > ATE0
        << ATE0\\r
        < OK
        > AT^CURC=0
        < OK
        > AT+CNMI=1,1,0,1,0
        < OK
        ",
    )
    .await;
    host
}

#[tokio::test(start_paused = true)]
async fn every_fault_41_a_text_is_announced_elsewhere_twice_or_not_at_all() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "announcement", "store": "ME", "index": -1, "copies": 2 }))
        .await;
    host.receive("one").await;
    host.play("< +CMTI: \"ME\",-1\n< +CMTI: \"ME\",-1").await;
    host.fault(json!({ "kind": "announcement", "copies": 0 }))
        .await;
    host.receive("two").await;
    host.play("~ 60000\n> AT+CMGD=?\n< +CMGD: (1,2),(0-4)\n< OK")
        .await;

    let mut host = huawei(20).await;
    host.fault(json!({ "kind": "stores_texts_in", "store": "ME" }))
        .await;
    host.receive("hi").await;
    host.play(
        r#"
        < +CMTI: "ME",0
        > AT+CMGR=0
        < ERROR
        > AT+CPMS="ME","ME","ME"
        < +CPMS: 1,100,1,100,1,100
        < OK
        > AT+CMGR=0
        <* \r\n+CMGR: 0,,21\r\n*02E834\r\n\r\nOK\r\n
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_42_an_announced_slot_is_empty() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "announce_empty", "store": "SM", "index": 9 }))
        .await;
    host.play("< +CMTI: \"SM\",9\n> AT+CMGR=9\n< +CMS ERROR: 321")
        .await;
    host.fault(json!({ "kind": "empty_slot", "answer": "nothing" }))
        .await;
    host.play("> AT+CMGR=9\n< OK").await;
    host.fault(json!({ "kind": "empty_slot", "answer": "zeros" }))
        .await;
    host.play("> AT+CMGR=9\n< +CMGR: 0,,0\n< OK\n> AT+CMGR=51\n< +CMS ERROR: 321")
        .await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_43_a_full_store_is_told_of_and_the_rest_comes_after_a_delete() {
    let mut host = huawei(2).await;
    for n in 0..4 {
        host.receive(&n.to_string()).await;
    }
    host.play(
        r#"
        < +CMTI: "SM",0
        < +CMTI: "SM",1
        < ^SMMEMFULL:"SM"
        ~ 60000
        > AT+CMGD=0
        < OK
        < +CMTI: "SM",0
        < ^SMMEMFULL:"SM"
        > AT+CMGD=1,4
        < OK
        < +CMTI: "SM",0
        "#,
    )
    .await;
    host.fault(json!({ "kind": "storage_full" })).await;
    host.play("< ^SMMEMFULL:\"SM\"").await;
    host.receive("later").await;
    host.play("~ 60000\n> AT+CPMS=\"SM\",\"SM\",\"SM\"\n< +CPMS: 2,2,2,2,2,2\n< OK")
        .await;
    host.fault(json!({ "kind": "storage_full", "on": false }))
        .await;
    host.play("< +CMTI: \"SM\",1").await;
}

/// The reference, total and part of each stored part, as its header writes them.
async fn headers(host: &mut Host) -> Vec<String> {
    host.play_open("> AT+CMGL=4").await;
    let heard = host.hear().await;
    let pdus = heard.split("\r\n").filter(|line| line.starts_with("0891"));
    pdus.filter_map(|pdu| {
        let narrow = pdu.find("050003").map(|at| &pdu[at..at + 12]);
        narrow.or_else(|| pdu.find("060804").map(|at| &pdu[at..at + 14]))
    })
    .map(str::to_owned)
    .collect()
}

#[tokio::test(start_paused = true)]
async fn every_fault_46_parts_come_out_of_order_twice_or_never() {
    let long = "a".repeat(153 * 3);
    let mut host = Host::quiet().await;
    host.fault(json!({
        "kind": "parts", "order": "reversed", "missing": [2], "duplicated": [3],
        "wide": true, "reference": 513,
    }))
    .await;
    host.receive(&long).await;
    host.hear().await;
    let all = headers(&mut host).await;
    // 152 septets beside a wide reference make a fourth part.
    assert_eq!(
        all,
        [
            "06080402010404",
            "06080402010403",
            "06080402010403",
            "06080402010401"
        ]
    );
    host.receive(&long).await;
    host.hear().await;
    let all = headers(&mut host).await;
    assert_eq!(all[4..], ["050003020301", "050003020302", "050003020303"]);
}

#[tokio::test(start_paused = true)]
async fn two_references_of_different_width_may_be_mixed() {
    let long = "a".repeat(200);
    let mut host = Host::quiet().await;
    let texts = [true, false].map(|wide| MobileText {
        wide,
        reference: Some(7),
        order: Order::Given(vec![2, 1]),
        ..MobileText::new(FRIEND, &long)
    });
    host.sim.deliver(0, texts.to_vec()).await.unwrap();
    host.hear().await;
    assert_eq!(
        headers(&mut host).await,
        [
            "06080400070202",
            "06080400070201",
            "050003070202",
            "050003070201"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_fault_47_class_0_comes_straight_to_the_host_and_is_not_stored() {
    let mut host = Host::quiet().await;
    host.fault(json!({ "kind": "class0" })).await;
    host.receive("hi").await;
    host.play("<* \\r\\n+CMT: ,21\\r\\n*0010*02E834\\r\\n\n> AT+CMGL=4\n< OK")
        .await;
    host.receive("hi").await;
    host.play("< +CMTI: \"SM\",1").await;
}

#[tokio::test(start_paused = true)]
async fn every_fault_67_the_network_s_clock_is_in_another_zone_and_wrong() {
    let mut host = Host::quiet().await;
    // The quarters stand last in the time stamp: 00, and -20 with the sign in the first digit's octet.
    for (quarters, last) in [(0, "00"), (-20, "0A"), (32, "23")] {
        host.fault(json!({ "kind": "clock_offset", "quarters": quarters, "seconds": 0 }))
            .await;
        host.receive("hi").await;
        host.hear().await;
        host.play(&format!(
            "> AT+CMGL=0\n<* \\r\\n+CMGL: *{last}02E834\\r\\n\\r\\nOK\\r\\n"
        ))
        .await;
    }
    host.fault(json!({ "kind": "clock_offset", "quarters": 0, "seconds": -3_000_000_000_i64 }))
        .await;
    host.receive("hi").await;
    host.hear().await;
    host.play_open("> AT+CMGL=0").await;
    let heard = host.hear().await;
    let stamp = &heard[heard.find("02E834").unwrap() - 14..][..2];
    let year: String = stamp.chars().rev().collect();
    // 95 years and some back from now: the last century.
    assert!(year.parse::<u32>().unwrap() > 25, "{stamp}");
}

#[tokio::test(start_paused = true)]
async fn data_and_names_come_as_they_are() {
    let mut host = Host::quiet().await;
    let data = MobileText {
        data: Some("DEAD00".into()),
        ..MobileText::new("Bank", "")
    };
    host.sim.deliver(0, vec![data]).await.unwrap();
    host.play(
        r#"
        < +CMTI: "SM",1
        > AT+CMGR=1
        <* \r\n+CMGR: 0,,*\r\n0891683108100005F00407D0C2B07B0D0004*03DEAD00\r\n\r\nOK\r\n
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_texts_come_through_a_sim_of_ten() {
    let mut host = Host::quiet_of(Settings {
        sim_slots: Some(10),
        ..Settings::default()
    })
    .await;
    let texts = (0..200).map(|n| MobileText::new(FRIEND, &format!("text {n}")));
    host.sim.deliver(0, texts.collect()).await.unwrap();
    let mut announced = 0;
    while announced < 200 {
        let heard = host.hear().await;
        for index in heard.split("+CMTI: \"SM\",").skip(1) {
            announced += 1;
            let index = index.split("\r\n").next().unwrap();
            host.write_raw(&format!("AT+CMGD={index}\r")).await;
        }
    }
    assert_eq!(host.sim.waiting(0).await.unwrap(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn it_can_be_asked_whether_a_text_was_read_before_it_was_deleted() {
    let mut host = Host::quiet().await;
    for text in ["one", "two", "three"] {
        host.receive(text).await;
    }
    host.play(
        r#"
        < +CMTI: "SM",1
        < +CMTI: "SM",2
        < +CMTI: "SM",3
        > AT+CMGD=1
        < OK
        > AT+CMGL=3
        < OK
        > AT+CMGR=2
        <* \r\n+CMGR: 0,,22\r\n*\r\n\r\nOK\r\n
        > AT+CMGD=1,1
        < OK
        "#,
    )
    .await;
    let (notes, next) = host.sim.slots(0, 3).await.unwrap();
    let said: Vec<_> = notes.iter().map(|note| (note.what, note.index)).collect();
    assert_eq!(
        said,
        [
            (Befell::DeletedUnread, 1),
            (Befell::Read, 2),
            (Befell::Deleted, 2)
        ]
    );
    assert_eq!(notes[1].pdu, notes[2].pdu);
    assert_eq!(next, 6);
}
