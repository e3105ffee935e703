//! Sections of modems come, change and go while the gateway runs.

use std::time::Duration;

use http::{Method, StatusCode};
use modem_sim::NetworkSettings;
use serde_json::{Value, json};

use crate::cares_for_sims::{BALANCE, figure};
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
    // On a busy machine the text is in the air for longer than that, and would rightly be given up.
    house.changes_config("send_timeout = 2", "send_timeout = 60");
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

#[tokio::test]
async fn a_text_in_the_air_when_the_grace_runs_out_is_settled_by_its_late_answer() {
    let slow = NetworkSettings {
        latency: Duration::from_secs(3),
        ..fast()
    };
    let mut house = House::with_network(1, slow, "[server]\nshutdown_grace = 1\n").await;
    house.modem_becomes("m1", "ready").await;
    house.stop().await;
    house.changes_config("send_timeout = 2", "send_timeout = 60");
    house.start().await;
    house.modem_becomes("m1", "ready").await;
    let id = house.send(TO, "in the air").await;
    house
        .until("it is in the air", async || {
            (house.stats().await[0].cmgs == 1).then_some(())
        })
        .await;
    house.changes_config("send_timeout = 60", "send_timeout = 61");
    house.reload().await.unwrap();
    // Whoever writes while it begins anew is not refused.
    let meanwhile = house.only_by("m1").await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["may_be_duplicate"], false);
    let events = house.events(&id).await;
    for step in ["uncertain", "settled"] {
        assert!(events.contains(&step.to_owned()), "{events:?}");
    }
    house.becomes(&meanwhile, "delivered").await;
    assert_eq!(house.ledger().await.len(), 2, "each left once");
}

#[tokio::test]
async fn long_texts_are_numbered_as_the_section_that_was_read_again_says() {
    let mut house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let two_by_8 = "a".repeat(2 * 153);
    let id = house.send(TO, &two_by_8).await;
    assert_eq!(house.becomes(&id, "delivered").await["parts"], 2);
    house.changes_config("[modem.m1]", "[modem.m1]\nref16 = true");
    house.reload().await.unwrap();
    let id = house.send(TO, &two_by_8).await;
    assert_eq!(house.becomes(&id, "delivered").await["parts"], 3);
    assert_eq!(house.texts(TO).await, [two_by_8.as_str(); 2]);
}

#[tokio::test]
async fn what_a_sim_has_left_is_asked_from_the_moment_its_section_says_so() {
    let mut house = House::with(1).await;
    house.modem_becomes("m1", "ready").await;
    let section = format!("[modem.m1]\n{BALANCE}");
    house.changes_config("[modem.m1]", &section);
    house.reload().await.unwrap();
    let balance = figure(&house, 0, "balance").await;
    assert_eq!(balance["amount"], "3.0000");
}

#[tokio::test]
async fn what_people_want_of_a_modem_outlives_that_it_begins_anew() {
    let mut house = House::with(2).await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
    house.modem_becomes("m1", "paused").await;
    for change in [json!({ "weight": 7 }), json!({ "enabled": false })] {
        let path = "/v1/routes/modem:m2";
        let reply = house.ask(Method::PATCH, path, Some(change)).await;
        assert!(reply.status.is_success(), "{}", reply.body);
    }
    let before = [house.lines_to(0).await, house.lines_to(1).await];
    house.changes_config("send_timeout = 2", "send_timeout = 3");
    house.reload().await.unwrap();
    for (modem, before) in before.into_iter().enumerate() {
        house
            .until("it is set up anew", async || {
                (house.lines_to(modem).await > before + FEW).then_some(())
            })
            .await;
    }
    house.modem_becomes("m2", "ready").await;
    house.modem_becomes("m1", "paused").await;
    let routes = house.ask(Method::GET, "/v1/routes", None).await.body;
    let of = |name: &str| {
        let mut routes = routes["data"].as_array().unwrap().iter();
        routes.find(|route| route["name"] == name).unwrap().clone()
    };
    assert_eq!(of("modem:m2")["weight"], 7, "{routes}");
    assert_eq!(of("modem:m2")["enabled"], false, "{routes}");
    assert_eq!(of("modem:m1")["weight"], 100, "{routes}");
    let waits = house.only_by("m1").await;
    let message = house.message(&waits).await;
    assert_eq!(message["status"], "queued");
    assert_eq!(
        message["pending_reason"]["code"], "route_paused",
        "{message}"
    );
    house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
    house.becomes(&waits, "delivered").await;
    let on = Some(json!({ "enabled": true }));
    house.ask(Method::PATCH, "/v1/routes/modem:m2", on).await;
    house
        .until("it is switched on", async || {
            let routes = house.ask(Method::GET, "/v1/routes", None).await.body;
            let mut routes = routes["data"].as_array()?.iter();
            let route = routes.find(|route| route["name"] == "modem:m2")?;
            (route["enabled"] == true).then_some(())
        })
        .await;
    let id = house.only_by("m2").await;
    house.becomes(&id, "delivered").await;
    let stats = house.stats().await;
    assert_eq!((stats[0].accepted, stats[1].accepted), (1, 1));
}

impl House {
    fn writes_pin(&self, pin: &str) {
        std::fs::write(self.folder.path().join("sim.pin"), pin).unwrap();
    }

    async fn says(&self, words: &str) {
        self.until(&format!("m1 says: {words}"), async || {
            let shown = self.modem("m1").await;
            let said = shown["last_error"].as_str()?;
            (shown["state"] == "pin_required" && said.contains(words)).then_some(())
        })
        .await;
    }
}

/// One modem whose SIM wants 1234, and whose pin_file holds another.
async fn with_wrong_pin() -> House {
    let pin = [("sim.pin", "1111".to_owned())];
    let mut house = House::with_secrets(1, fast(), "", "pin_file = 'sim.pin'\n", &pin).await;
    house.stop().await;
    house
        .order(json!({ "kind": "sim_lock", "pin": "1234" }))
        .await;
    house.start().await;
    house.says("2 tries are left").await;
    house
}

#[tokio::test]
async fn a_pin_that_was_mended_in_its_file_is_entered_when_the_config_is_read_again() {
    let house = with_wrong_pin().await;
    let before = (house.modem("m1").await, house.lines_to(0).await);
    house.reload().await.unwrap();
    house.writes_pin("1234");
    house.reload().await.unwrap();
    house.modem_becomes("m1", "ready").await;
    let id = house.only_by("m1").await;
    house.becomes(&id, "delivered").await;
    // Read again once more: nothing has changed.
    let ready = house.modem("m1").await;
    let lines = house.lines_to(0).await;
    house.reload().await.unwrap();
    assert_eq!(house.modem("m1").await["since"], ready["since"]);
    assert!(house.lines_to(0).await - lines <= FEW, "{before:?}");
}

#[tokio::test]
async fn no_pin_is_the_last_try_however_often_the_config_is_read_again() {
    let house = with_wrong_pin().await;
    house.writes_pin("2222");
    house.reload().await.unwrap();
    house.says("1 tries are left").await;
    for pin in ["3333", "1111", "2222", "1234"] {
        house.writes_pin(pin);
        house.reload().await.unwrap();
        house.says("the last is yours").await;
    }
    // The right one is taken by a person.
}

#[tokio::test]
async fn a_profile_that_was_written_or_mended_is_that_of_the_modem_it_fits() {
    let folder = tempfile::tempdir().unwrap();
    let written = |text: &str| std::fs::write(folder.path().join("mine.toml"), text).unwrap();
    let config = format!("[modems]\nprofiles_dir = \"{}\"\n", folder.path().display());
    let house = House::with_network(1, fast(), &config).await;
    for text in [
        "[match]\nmodel = [\"SIM-1\"]\n",
        "[match]\nmodel = [\"SIM-1\"]\n[start]\ngap_ms = 1\n",
    ] {
        house.modem_becomes("m1", "ready").await;
        let before = house.lines_to(0).await;
        written(text);
        house.reload().await.unwrap();
        house
            .until("it is set up anew", async || {
                (house.lines_to(0).await > before + FEW).then_some(())
            })
            .await;
    }
    house.modem_becomes("m1", "ready").await;
    let id = house.only_by("m1").await;
    house.becomes(&id, "delivered").await;
    let before = house.lines_to(0).await;
    house.reload().await.unwrap();
    let id = house.only_by("m1").await;
    house.becomes(&id, "delivered").await;
    let nothing_new = house.lines_to(0).await - before;
    assert!(nothing_new <= FEW, "{nothing_new}");
    written("[match]\nmodle = []\n");
    let error = house.reload().await.unwrap_err();
    assert!(
        error.contains("mine.toml") && error.contains("modle"),
        "{error}"
    );
}
