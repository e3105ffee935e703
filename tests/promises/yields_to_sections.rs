//! A modem that was adopted counts until it is forgotten, also while the config adopts none; a section that has its stick
//! takes its place, and the texts that wait for it with it.

use http::{Method, StatusCode};
use serde_json::json;

use crate::house::House;
use crate::sticks::{LEFT, RIGHT, TO};

impl House {
    /// It is listed, away, and says what to do.
    async fn is_left_alone(&self, name: &str, modem: usize) {
        let shown = self
            .until(&format!("{name} says what to do"), async || {
                let shown = self.shown(name).await?;
                let said = shown["last_error"].as_str()?;
                let remedies = [
                    "modems.adopt = true",
                    &format!("cellpost modem forget {name}"),
                ];
                let all = remedies.iter().all(|remedy| said.contains(remedy));
                (shown["state"] == "absent" && all).then_some(shown)
            })
            .await;
        assert_eq!(shown["imei"], self.imei(modem).await.as_str());
    }

    async fn waits_for(&self, name: &str) -> String {
        let id = self.bound_to(name, "patience").await;
        let message = self.message(&id).await;
        assert_eq!(message["status"], "queued");
        assert_eq!(message["pending_reason"]["code"], "no_modem", "{message}");
        id
    }

    /// Nothing is remembered of those that were adopted.
    async fn knows_of_none(&mut self) {
        self.stop().await;
        self.start().await;
        assert!(self.names().await.is_empty());
    }
}

/// One stick that was adopted, in a gateway that adopts none by now; what it was told up to then.
async fn left_alone() -> (House, String, u64) {
    let mut house = House::with_machine(2, "[modems]\nadopt = true\n").await;
    house.start().await;
    let name = house.adopts(0, LEFT).await;
    house.stop().await;
    house.changes_config("adopt = true", "adopt = false");
    let lines = house.stats().await[0].at_lines;
    house.start().await;
    (house, name, lines)
}

/// Two sticks that were adopted and run, the first of them paused, and the text that waits for it.
async fn two_adopted(config: &str) -> (House, String, String, String) {
    let mut house = House::with_machine(2, config).await;
    house.start().await;
    let (one, other) = (house.adopts(0, LEFT).await, house.adopts(1, RIGHT).await);
    house
        .ask(Method::POST, &format!("/v1/modems/{one}/pause"), None)
        .await;
    house.modem_becomes(&one, "paused").await;
    let waits = house.bound_to(&one, "patience").await;
    (house, one, other, waits)
}

#[tokio::test]
async fn what_the_config_adopts_no_more_is_listed_and_not_opened_and_forgotten_when_somebody_says_so()
 {
    let (mut house, name, lines) = left_alone().await;
    house.is_left_alone(&name, 0).await;
    let waits = house.waits_for(&name).await;
    // It counts as configured.
    let anybodys = house.send(TO, "by any of them").await;
    assert_eq!(house.message(&anybodys).await["status"], "queued");
    let path = format!("/v1/modems/{name}");
    house
        .ask(Method::POST, &format!("{path}/pause"), None)
        .await;
    house.modem_becomes(&name, "paused").await;
    let forgotten = house.ask(Method::DELETE, &path, None).await;
    assert_eq!(forgotten.status, StatusCode::OK, "{}", forgotten.body);
    assert_eq!(forgotten.body["messages"], 1);
    let failed = house.becomes(&waits, "failed").await;
    assert_eq!(failed["error"]["code"], "no_route", "{failed}");
    assert!(house.names().await.is_empty());
    assert_eq!(house.stats().await[0].at_lines, lines, "it was not opened");
    house.knows_of_none().await;
}

#[tokio::test]
async fn beside_a_simulation_what_was_adopted_is_listed_and_not_opened() {
    let mut house = House::with_machine(1, "").await;
    house.start().await;
    let name = house.adopts(0, LEFT).await;
    house.stop().await;
    let lines = house.stats().await[0].at_lines;
    house.adds_to_config("[simulate]\nmodems = 1\n");
    house.start().await;
    house.modem_becomes("sim1", "ready").await;
    house.is_left_alone(&name, 0).await;
    assert_eq!(house.names().await, ["sim1", name.as_str()]);
    let id = house.send(TO, "simulated").await;
    house.becomes(&id, "delivered").await;
    assert_eq!(house.stats().await[0].at_lines, lines, "it was not opened");
}

#[tokio::test]
async fn what_was_adopted_rests_and_goes_on_as_the_config_that_is_read_again_says() {
    let mut house = House::with_machine(1, "[modems]\nadopt = true\n").await;
    house.start().await;
    let name = house.adopts(0, LEFT).await;
    house.changes_config("adopt = true", "adopt = false");
    house.reload().await.unwrap();
    house.is_left_alone(&name, 0).await;
    let waits = house.waits_for(&name).await;
    let lines = house.stats().await[0].at_lines;
    // Its stick may come and go: nobody looks.
    house.pulls(0, LEFT).await;
    house.puts_back(0, RIGHT).await;
    assert_eq!(house.message(&waits).await["status"], "queued");
    assert_eq!(house.stats().await[0].at_lines, lines, "it was not opened");
    house.changes_config("adopt = false", "adopt = true");
    house.reload().await.unwrap();
    house.becomes(&waits, "delivered").await;
    assert_eq!(house.names().await, [name.as_str()]);
}

#[tokio::test]
async fn a_section_that_names_the_stick_by_its_imei_takes_its_place_and_its_texts() {
    let (mut house, name, _) = left_alone().await;
    let waits = house.waits_for(&name).await;
    let later = json!({ "to": TO, "text": "later", "from": name, "scheduled_at": crate::finds_sticks::tomorrow() });
    let later = house.send_as(later).await;
    let section = format!("[modem.one]\nmatch_imei = '{}'\n", house.imei(0).await);
    house.adds_to_config(&section);
    house.reload().await.unwrap();
    let sent = house.becomes(&waits, "delivered").await;
    assert_eq!(sent["route"], "modem:one", "{sent}");
    assert_eq!(house.names().await, ["one"]);
    // It waits for the section: whoever forgets that ends it.
    house.pulls(0, LEFT).await;
    house.modem_becomes("one", "absent").await;
    let forgotten = house.ask(Method::DELETE, "/v1/modems/one", None).await;
    assert_eq!(forgotten.body["messages"], 1, "{}", forgotten.body);
    house.becomes(&later, "failed").await;
    house.changes_config(&section, "");
    house.knows_of_none().await;
}

#[tokio::test]
async fn a_section_whose_port_the_stick_is_at_takes_its_place_and_its_texts() {
    let (mut house, name, _) = left_alone().await;
    let waits = house.waits_for(&name).await;
    let port = house.machine().folder().join("dev/ttyUSB2");
    let section = format!("[modem.port]\ndevice = '{}'\n", port.display());
    house.adds_to_config(&section);
    house.stop().await;
    house.start().await;
    house.becomes(&waits, "delivered").await;
    house.is_ready_as("port", 0).await;
    assert_eq!(house.names().await, ["port"]);
    house.changes_config(&section, "");
    house.knows_of_none().await;
}

#[tokio::test]
async fn a_section_that_names_its_port_gets_it_while_the_config_adopts() {
    let (mut house, one, other, waits) = two_adopted("[modems]\nadopt = true\n").await;
    let port = house.machine().folder().join("dev/ttyUSB2");
    house.adds_to_config(&format!("[modem.port]\ndevice = '{}'\n", port.display()));
    house.reload().await.unwrap();
    house.is_ready_as("port", 0).await;
    house.becomes(&waits, "delivered").await;
    house.is_ready_as(&other, 1).await;
    let names = house.names().await;
    assert!(!names.contains(&one), "{names:?}");
}

#[tokio::test]
async fn a_section_that_means_the_sim_in_the_stick_takes_its_place_and_its_texts() {
    let (mut house, one, other, waits) = two_adopted("").await;
    let iccid = house.stats().await[0].iccid.clone();
    // Written while both run: "auto" adopts none beside a section.
    let section = format!("[modem.sim]\nmatch_iccid = '{iccid}'\n");
    house.adds_to_config(&section);
    house.reload().await.unwrap();
    house.is_ready_as("sim", 0).await;
    house.becomes(&waits, "delivered").await;
    assert_eq!(house.stats().await[0].accepted, 1);
    assert_eq!(house.names().await, ["sim", other.as_str()]);
    house.is_left_alone(&other, 1).await;
    // What was taken over is adopted anew when nothing means it any more, and the other goes on.
    house.changes_config(&section, "");
    house.reload().await.unwrap();
    house.is_ready_as(&one, 0).await;
    house.is_ready_as(&other, 1).await;
}

#[tokio::test]
async fn a_section_that_is_not_enabled_has_the_stick_too() {
    let (mut house, name, lines) = left_alone().await;
    let waits = house.waits_for(&name).await;
    let imei = house.imei(0).await;
    house.adds_to_config(&format!(
        "[modem.one]\nmatch_imei = '{imei}'\nenabled = false\n"
    ));
    house.stop().await;
    house.start().await;
    assert!(house.names().await.is_empty());
    assert_eq!(house.message(&waits).await["status"], "queued");
    assert_eq!(house.stats().await[0].at_lines, lines, "it was not opened");
    house.changes_config("enabled = false\n", "");
    house.reload().await.unwrap();
    house.becomes(&waits, "delivered").await;
}

#[tokio::test]
async fn a_section_gets_its_sim_also_where_an_adopted_modem_holds_the_stick() {
    let mut house = House::with_machine(2, "[modems]\nadopt = true\n").await;
    let iccid = house.stats().await[0].iccid.clone();
    house.adds_to_config(&format!("[modem.sim]\nmatch_iccid = '{iccid}'\n"));
    house.start().await;
    let name = house.adopts(1, RIGHT).await;
    house.modem_becomes("sim", "absent").await;
    house.sends_by(&name, 1).await;
    // Its SIM is taken out, and the section's is put in.
    house
        .phones(|phones| {
            let empty = serde_json::from_value(json!({ "kind": "sim_absent" })).unwrap();
            phones.fault(1, &empty).unwrap();
        })
        .await;
    house.modem_becomes(&name, "no_sim").await;
    let waits = house.bound_to(&name, "by this stick").await;
    let for_sim = house.bound_to("sim", "by this SIM").await;
    house.order(json!({ "kind": "sim_moves", "to": 1 })).await;
    house.is_ready_as("sim", 1).await;
    house.becomes(&for_sim, "delivered").await;
    house.becomes(&waits, "delivered").await;
    assert_eq!(house.names().await, ["sim"]);
    assert_eq!(house.stats().await[1].accepted, 3);
}
