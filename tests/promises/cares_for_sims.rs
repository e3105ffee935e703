//! What a SIM has left is asked and told, a SIM that sends nothing sends a text in time, and one SIM's text to another is measured.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clock_may_be_set::host;
use crate::house::{House, fast};

const TO: &str = "+8613800138000";
const DAY: i64 = 86_400;

pub(crate) const BALANCE: &str =
    "balance_ussd = '*100#'\nbalance_regex = 'Balance ([0-9.]+)'\nbalance_min = '5.00'\n";

pub(crate) async fn figure(house: &House, modem: usize, name: &str) -> Value {
    let what = format!("{name} of modem {modem}");
    house
        .until(&what, async || {
            let stats = house.ask(Method::GET, "/v1/stats", None).await.body;
            let figure = stats["modems"][modem][name].clone();
            (!figure.is_null()).then_some(figure)
        })
        .await
}

#[tokio::test]
async fn what_a_sim_has_left_is_asked_and_told_when_it_is_little() {
    let mut house = House::with_modems(1, fast(), "", BALANCE).await;
    house.modem_becomes("m1", "ready").await;
    let balance = figure(&house, 0, "balance").await;
    assert_eq!(
        (&balance["amount"], &balance["low"]),
        (&json!("3.0000"), &json!(true))
    );
    let modem = house.ask(Method::GET, "/v1/modems/m1", None).await.body;
    let error = modem["last_error"].as_str().unwrap();
    assert!(error.contains("top it up"), "{error}");
    assert_eq!(modem["state"], "ready", "it sends all the same");
    let id = house.send(TO, "with what is left").await;
    house.becomes(&id, "delivered").await;
    // The network would say something else now; it is not asked again so soon.
    house
        .order(json!({ "kind": "ussd", "form": "text", "text": "Balance 9.00" }))
        .await;
    house.stop().await;
    house.start().await;
    house.modem_becomes("m1", "ready").await;
    let known = figure(&house, 0, "balance").await;
    assert_eq!(known, balance, "remembered over the restart, with its time");
}

#[tokio::test]
async fn a_balance_does_not_count_against_the_quota_of_the_plan() {
    let plan =
        format!("month_quota = 10\nhour_quota = 0\nday_quota = 0\nplan_reset_day = 28\n{BALANCE}");
    let house = House::with_modems(1, fast(), "", &plan).await;
    house.modem_becomes("m1", "ready").await;
    figure(&house, 0, "balance").await;
    let left = async || {
        let modem = house.ask(Method::GET, "/v1/modems/m1", None).await.body;
        modem["quota"]["month"].as_i64()
    };
    house
        .until("the quota is known", async || {
            left().await.filter(|left| *left == 10)
        })
        .await;
    let id = house.send(TO, "one of ten").await;
    house.becomes(&id, "delivered").await;
    assert_eq!(left().await, Some(9));
}

#[tokio::test]
async fn a_text_goes_first_while_the_balance_is_asked() {
    let house = House::with_modems(1, fast(), "", BALANCE).await;
    house.modem_becomes("m1", "ready").await;
    for number in 0..3 {
        let id = house.send(&format!("+861380013800{number}"), "now").await;
        house.becomes(&id, "delivered").await;
    }
    figure(&house, 0, "balance").await;
}

host!(quiet_months, "2026-03-01T00:00:00Z");

#[tokio::test]
async fn a_sim_that_has_sent_nothing_for_long_sends_one_text() {
    let care = "[sim_care]\nkeep_alive_days = 60\nkeep_alive_to = '+8613800138009'\nkeep_alive_text = 'still here'\n";
    let mut house = House::with_clocks((quiet_months::wall, quiet_months::since_boot), care).await;
    house.modem_becomes("m1", "ready").await;
    let id = house.send(TO, "long ago").await;
    house.becomes(&id, "delivered").await;
    for (days, texts) in [(59, 0), (2, 1), (1, 1), (60, 2)] {
        house.stop().await;
        quiet_months::sleeps(days * DAY);
        house.start().await;
        house.modem_becomes("m1", "ready").await;
        house
            .until(
                &format!("{texts} texts after {days} days more"),
                async || (house.texts("+8613800138009").await.len() == texts).then_some(()),
            )
            .await;
    }
    assert_eq!(house.texts("+8613800138009").await, ["still here"; 2]);
}

#[tokio::test]
async fn one_sim_writes_to_the_other_and_the_way_is_measured() {
    let care = "[sim_care]\nloopback_every = 3600\n";
    let house = House::with_network(2, fast(), care).await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    let figure = house
        .until("a probe is known to have come", async || {
            let stats = house.ask(Method::GET, "/v1/stats", None).await.body;
            let probes = [0, 1].map(|modem| stats["modems"][modem]["loopback"].clone());
            probes.into_iter().find(|one| one["received"] == 1)
        })
        .await;
    assert_eq!(figure["sent"], 1);
    assert!(figure["last_delay_ms"].is_u64(), "{figure}");
    let inbox = house.inbox_holds(1).await;
    let text = inbox[0]["text"].as_str().unwrap();
    assert!(text.starts_with("cellpost probe "), "{text}");
}

#[tokio::test]
async fn a_call_is_hung_up_and_texts_go_on() {
    let house = House::with_network(1, fast(), "[sim_care]\nhang_up = true\n").await;
    house.modem_becomes("m1", "ready").await;
    house
        .order(json!({ "kind": "ring_during_send", "number": "+8613800138001", "times": 1 }))
        .await;
    let id = house.send(TO, "while it rings").await;
    house.becomes(&id, "delivered").await;
    let asked = json!({ "command": "AT" });
    let reply = house
        .ask(Method::POST, "/v1/modems/m1/at", Some(asked))
        .await;
    assert_eq!(reply.status, StatusCode::OK);
}
