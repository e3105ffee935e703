//! What is under way when the gateway is told to stop is finished, what is not waits in the store.

use std::time::Duration;

use crate::house::{House, fast};

const TO: &str = "+8613800138000";

#[tokio::test]
async fn the_text_in_the_air_is_finished_and_the_rest_goes_after_the_restart() {
    let mut network = fast();
    network.latency = Duration::from_millis(200);
    let mut house = House::with_network(1, network, "").await;
    house.modem_becomes("m1", "ready").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(house.send(TO, &format!("text {number}")).await);
    }
    house.network_took(1).await;
    house.stop().await;
    house.start().await;
    for id in &ids {
        let message = house.becomes(id, "delivered").await;
        assert_eq!(message["may_be_duplicate"], false);
    }
    let texts = house.texts(TO).await;
    assert_eq!(texts, ["text 0", "text 1", "text 2", "text 3", "text 4"]);
}

#[tokio::test]
async fn a_stopped_gateway_leaves_no_run_file_and_can_start_again_at_once() {
    let mut house = House::with(1).await;
    let run_file = house.data_dir().join("run.json");
    assert!(run_file.exists());
    let key = house.key();
    house.stop().await;
    assert!(!run_file.exists());
    house.start().await;
    assert_eq!(house.key(), key, "the admin key outlives a restart");
}

#[tokio::test]
async fn a_second_gateway_on_the_same_folder_is_refused() {
    let house = House::with(1).await;
    let start = cellpost::embed::Start {
        data_dir: house.data_dir(),
        ..cellpost::embed::Start::default()
    };
    let refused = cellpost::embed::Embedded::start(start).await.unwrap_err();
    assert!(refused.contains("another cellpost runs"), "{refused}");
}
