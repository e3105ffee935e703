//! Several modems share the line by smallest expected wait.

use std::time::Duration;

use crate::house::{House, fast};

#[tokio::test]
async fn two_equal_modems_take_about_half_each() {
    let mut network = fast();
    network.latency = Duration::from_millis(40);
    let house = House::with_network(2, network, "").await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    let mut last = String::new();
    for number in 0..40 {
        last = house
            .send(&format!("+86138001380{number:02}"), "shared")
            .await;
    }
    house.network_took(40).await;
    house.becomes(&last, "delivered").await;
    let stats = house.stats().await;
    let (one, two) = (stats[0].accepted, stats[1].accepted);
    assert_eq!(one + two, 40);
    assert!(one >= 12 && two >= 12, "{one} and {two}");
}

#[tokio::test]
async fn a_modem_that_is_gone_leaves_its_work_to_its_neighbour() {
    let house = House::with(2).await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    house.phones(|phones| phones.unplug(0).unwrap()).await;
    for number in 0..5 {
        let id = house
            .send(&format!("+861380013800{number}"), "by the other")
            .await;
        let message = house.becomes(&id, "delivered").await;
        assert_eq!(message["route"], "modem:m2");
    }
}

#[tokio::test]
async fn a_text_that_names_its_modem_leaves_by_it() {
    let house = House::with(2).await;
    for name in ["m2", "m1"] {
        let request = serde_json::json!({ "to": "+8613800138000", "text": "hello", "from": name });
        let id = house.send_as(request).await;
        let message = house.becomes(&id, "delivered").await;
        assert_eq!(message["route"], format!("modem:{name}"));
    }
}
