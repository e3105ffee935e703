//! Sections of modems come, change and go while the gateway runs.

use std::time::Duration;

use http::{Method, StatusCode};
use modem_sim::NetworkSettings;
use serde_json::{Value, json};

use crate::house::{House, fast};
use crate::machine::EC25;

const TO: &str = "+8613800138000";

impl House {
    async fn modem(&self, name: &str) -> Value {
        let path = format!("/v1/modems/{name}");
        self.ask(Method::GET, &path, None).await.body
    }

    async fn is_unknown(&self, name: &str) {
        self.until(&format!("{name} is gone"), async || {
            let path = format!("/v1/modems/{name}");
            let reply = self.ask(Method::GET, &path, None).await;
            (reply.status == StatusCode::NOT_FOUND).then_some(())
        })
        .await;
    }

    async fn lines_to(&self, modem: usize) -> u64 {
        self.stats().await[modem].at_lines
    }

    async fn only_by(&self, modem: &str) -> String {
        let text = json!({ "to": TO, "text": "by this one", "from": modem });
        self.send_as(text).await
    }

    fn port_of(&self, modem: usize) -> String {
        let port = self.folder.path().join(format!("sim/modem{modem}"));
        port.display().to_string()
    }
}

/// A modem that is asked how it is now and then is told a line or two; one that is set up is told some dozens.
const FEW: u64 = 5;

#[tokio::test]
async fn a_section_comes_and_one_goes_and_the_others_are_not_disturbed() {
    let mut house = House::with(2).await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    let before = (house.modem("m1").await, house.lines_to(0).await);

    // The same port by another name: it is closed before it is opened.
    house.changes_config("[modem.m2]", "[modem.other]");
    house.reload().await.unwrap();
    house.is_unknown("m2").await;
    house.modem_becomes("other", "ready").await;
    let id = house.only_by("other").await;
    house.becomes(&id, "delivered").await;
    assert_eq!(house.stats().await[1].accepted, 1);

    let after = (house.modem("m1").await, house.lines_to(0).await);
    assert_eq!(after.0["since"], before.0["since"]);
    assert!(after.1 - before.1 <= FEW, "{before:?} {after:?}");
    let id = house.only_by("m1").await;
    house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn what_waits_for_a_modem_whose_section_goes_waits_until_it_is_back() {
    let mut house = House::with(2).await;
    house.modem_becomes("m2", "ready").await;
    house.ask(Method::POST, "/v1/modems/m2/pause", None).await;
    house.modem_becomes("m2", "paused").await;
    let waits = house.only_by("m2").await;
    house.changes_config("[modem.m2]", "[modem.m2]\nenabled = false");
    house.reload().await.unwrap();
    house.is_unknown("m2").await;
    let other = house.send(TO, "by the one that stays").await;
    house.becomes(&other, "delivered").await;
    assert_eq!(house.message(&waits).await["status"], "queued");
    house.changes_config("[modem.m2]\nenabled = false", "[modem.m2]");
    house.reload().await.unwrap();
    house.becomes(&waits, "delivered").await;
    assert_eq!(house.stats().await[1].accepted, 1);
}

#[tokio::test]
async fn a_section_that_is_another_begins_anew_and_what_is_in_the_air_is_finished() {
    let slow = NetworkSettings {
        latency: Duration::from_millis(700),
        ..fast()
    };
    let mut house = House::with_network(2, slow, "").await;
    let second = house.port_of(1);
    house.changes_config(
        &format!(
            "\n[modem.m2]\ndevice = \"{second}\"\nsend_timeout = 2\nhour_quota = 0\nday_quota = 0\n"
        ),
        "",
    );
    house.reload().await.unwrap();
    house.is_unknown("m2").await;
    house.modem_becomes("m1", "ready").await;
    let id = house.send(TO, "in the air").await;
    house
        .until("it is in the air", async || {
            (house.stats().await[0].cmgs == 1).then_some(())
        })
        .await;
    house.changes_config(&house.port_of(0), &second);
    house.reload().await.unwrap();
    let imei = house.stats().await[1].imei.clone();
    house
        .until("m1 is the other modem", async || {
            let shown = house.modem("m1").await;
            (shown["imei"] == imei.as_str() && shown["state"] == "ready").then_some(())
        })
        .await;
    house
        .until("it is sent", async || {
            let status = house.message(&id).await["status"].clone();
            (status == "sent" || status == "delivered").then_some(())
        })
        .await;
    assert_eq!(house.ledger().await.len(), 1, "it left once");
    let id = house.only_by("m1").await;
    house.becomes(&id, "delivered").await;
    assert_eq!(house.stats().await[1].accepted, 1);
}

#[tokio::test]
async fn a_config_that_cannot_be_carried_out_changes_nothing() {
    let mut house = House::with(2).await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    let before = (house.modem("m1").await, house.modem("m2").await);
    house.changes_config("[modem.m1]", "[guard]\ndeny_prefixes = ['+86']\n[modem.m1]");
    house.changes_config("[modem.m2]", "[modem.new]\npin_file = 'nowhere'");
    let error = house.reload().await.unwrap_err();
    assert!(error.contains("nowhere"), "{error}");
    house.changes_config("pin_file = 'nowhere'", "profile = 'unheard-of'");
    let error = house.reload().await.unwrap_err();
    assert!(error.contains("unheard-of"), "{error}");
    let id = house.only_by("m2").await;
    house.becomes(&id, "delivered").await;
    let after = (house.modem("m1").await, house.modem("m2").await);
    assert_eq!(after.0["since"], before.0["since"]);
    assert_eq!(after.1["since"], before.1["since"]);
    let missing = house.ask(Method::GET, "/v1/modems/new", None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_modem_is_sought_from_the_moment_a_section_means_it_and_left_alone_when_none_does() {
    let mut house = House::with_machine(2, "[modems]\nadopt = false\n").await;
    let ports = [house.port_of(0), house.port_of(1)];
    let none = std::path::Path::new("");
    for (place, first, port) in [("1-1", 0, &ports[0]), ("1-2", 4, &ports[1])] {
        let ptys = [none, none, std::path::Path::new(port), none];
        house.machine().plug(&EC25, place, first, &ptys);
    }
    house.start().await;
    let imei = house.stats().await[0].imei.clone();
    let section = format!("[modem.one]\nmatch_imei = '{imei}'\n");
    house.adds_to_config(&section);
    house.reload().await.unwrap();
    house.modem_becomes("one", "ready").await;
    house.changes_config(&section, "");
    house.changes_config("adopt = false", "adopt = true");
    house.reload().await.unwrap();
    house.is_unknown("one").await;
    for stick in house.stats().await {
        let name = format!("m{}", &stick.imei[9..]);
        house.modem_becomes(&name, "ready").await;
    }
    house.changes_config("adopt = true", "adopt = false");
    house.reload().await.unwrap();
    for stick in house.stats().await {
        let name = format!("m{}", &stick.imei[9..]);
        house.modem_becomes(&name, "absent").await;
    }
}
