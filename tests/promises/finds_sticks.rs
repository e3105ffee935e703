//! Sticks are known by what they are, wherever they are plugged in; they may come and go while the gateway runs.

use std::path::PathBuf;
use std::time::Duration;

use http::{Method, StatusCode};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::house::House;
use crate::machine::{CH340, EC25};
use crate::sticks::{BACK, LEFT, RIGHT, TO};

/// Two sections, each of which means one of two sticks by its IMEI.
async fn two_by_imei() -> House {
    let mut house = House::with_machine(2, "").await;
    let (one, two) = (house.imei(0).await, house.imei(1).await);
    house.adds_to_config(&format!(
        "[modem.one]\nmatch_imei = '{one}'\n[modem.two]\nmatch_imei = '{two}'\n"
    ));
    house
}

#[tokio::test]
async fn a_stick_is_found_by_its_imei_and_again_at_another_place_under_another_number() {
    let mut house = two_by_imei().await;
    house.puts(0, LEFT);
    house.start().await;
    house.is_ready_as("one", 0).await;
    house.modem_becomes("two", "absent").await;
    house.sends_by("one", 0).await;
    house.pulls(0, LEFT).await;
    house.modem_becomes("one", "absent").await;
    let waits = house.bound_to("one", "patience").await;
    assert_eq!(house.message(&waits).await["status"], "queued");
    house.puts_back(0, BACK).await;
    house.becomes(&waits, "delivered").await;
    house.is_ready_as("one", 0).await;
    assert_eq!(house.names().await, ["one", "two"]);
}

#[tokio::test]
async fn twins_that_are_swapped_stay_who_they_are() {
    let mut house = two_by_imei().await;
    house.puts(0, LEFT);
    house.puts(1, RIGHT);
    house.start().await;
    house.is_ready_as("one", 0).await;
    house.is_ready_as("two", 1).await;
    house.pulls(0, LEFT).await;
    house.pulls(1, RIGHT).await;
    house.puts_back(0, RIGHT).await;
    house.puts_back(1, LEFT).await;
    house.is_ready_as("one", 0).await;
    house.is_ready_as("two", 1).await;
    house.sends_by("one", 0).await;
    house.sends_by("two", 1).await;
}

#[tokio::test]
async fn twins_that_come_back_under_each_others_number_while_nobody_looks_are_told_apart() {
    let mut house = two_by_imei().await;
    house.puts(0, LEFT);
    house.puts(1, RIGHT);
    house.start().await;
    house.is_ready_as("one", 0).await;
    house.is_ready_as("two", 1).await;
    // sysfs shows the same two sticks all the time.
    house
        .order(json!({ "kind": "swap_ports", "with": 1, "for_ms": 500 }))
        .await;
    house.modem_becomes("one", "absent").await;
    house.is_ready_as("one", 0).await;
    house.is_ready_as("two", 1).await;
    house.sends_by("one", 0).await;
    house.sends_by("two", 1).await;
}

#[tokio::test]
async fn a_stick_is_found_by_its_sim() {
    let mut house = House::with_machine(2, "").await;
    house.puts(0, LEFT);
    house.puts(1, RIGHT);
    house.start().await;
    let second = house.nickname(1).await;
    house.is_ready_as(&second, 1).await;
    let iccid = house.shown(&second).await.unwrap()["iccid"].clone();
    house.stop().await;
    let iccid = iccid.as_str().unwrap();
    house.adds_to_config(&format!("[modem.sim]\nmatch_iccid = '{iccid}'\n"));
    house.start().await;
    house.is_ready_as("sim", 1).await;
    // The other is not opened beside a section, and known.
    let first = house.nickname(0).await;
    house.modem_becomes(&first, "absent").await;
    assert_eq!(house.names().await, ["sim", first.as_str()]);
}

/// A section that means the SIM which stick `modem` has at first.
async fn by_sim_of(modem: usize) -> House {
    let mut house = House::with_machine(2, "").await;
    let iccid = house.stats().await[modem].iccid.clone();
    house.adds_to_config(&format!("[modem.sim]\nmatch_iccid = '{iccid}'\n"));
    house
}

#[tokio::test]
async fn a_sim_that_is_put_into_a_stick_which_is_plugged_in_is_found() {
    let mut house = by_sim_of(0).await;
    house.order(json!({ "kind": "sim_absent" })).await;
    house.puts(0, LEFT);
    house.start().await;
    house.is_idle(0).await;
    house.modem_becomes("sim", "absent").await;
    let waits = house.bound_to("sim", "patience").await;
    house
        .order(json!({ "kind": "sim_absent", "on": false }))
        .await;
    house.is_ready_as("sim", 0).await;
    house.becomes(&waits, "delivered").await;
}

#[tokio::test]
async fn a_sim_that_takes_the_place_of_another_in_a_stick_that_nobody_uses_is_found() {
    let mut house = by_sim_of(1).await;
    house.puts(0, LEFT);
    house.start().await;
    house.is_idle(0).await;
    house.modem_becomes("sim", "absent").await;
    let waits = house.bound_to("sim", "patience").await;
    // Out of a stick that is in no socket.
    house
        .phones(|phones| {
            let moves = serde_json::from_value(json!({ "kind": "sim_moves", "to": 0 })).unwrap();
            phones.fault(1, &moves).unwrap();
        })
        .await;
    house.is_ready_as("sim", 0).await;
    house.becomes(&waits, "delivered").await;
}

#[tokio::test]
async fn a_section_follows_its_sim_into_another_stick_and_so_do_the_texts_that_wait() {
    let mut house = by_sim_of(0).await;
    // Only one SIM is about: the second stick has an empty holder.
    house
        .phones(|phones| {
            let empty = serde_json::from_value(json!({ "kind": "sim_absent" })).unwrap();
            phones.fault(1, &empty).unwrap();
        })
        .await;
    house.puts(0, LEFT);
    house.puts(1, RIGHT);
    house.start().await;
    house.is_ready_as("sim", 0).await;
    house.sends_by("sim", 0).await;
    house.is_idle(1).await;
    house.order(json!({ "kind": "sim_absent" })).await;
    house.modem_becomes("sim", "no_sim").await;
    let waits = house.bound_to("sim", "by the other stick").await;
    assert_eq!(house.message(&waits).await["status"], "queued");
    house.order(json!({ "kind": "sim_moves", "to": 1 })).await;
    house.is_ready_as("sim", 1).await;
    house.becomes(&waits, "delivered").await;
    let stats = house.stats().await;
    assert_eq!((stats[0].accepted, stats[1].accepted), (1, 1));
    // And back, by pulling the stick out with it.
    house.pulls(1, RIGHT).await;
    house.modem_becomes("sim", "absent").await;
    house
        .phones(|phones| {
            let back = serde_json::from_value(json!({ "kind": "sim_moves", "to": 0 })).unwrap();
            phones.fault(1, &back).unwrap();
        })
        .await;
    house.is_ready_as("sim", 0).await;
    house.sends_by("sim", 0).await;
}

#[tokio::test]
async fn a_stick_that_is_plugged_in_is_adopted_and_sends_without_a_restart() {
    let mut house = House::with_machine(2, "").await;
    house.start().await;
    assert!(house.names().await.is_empty());
    house.puts(0, LEFT);
    let first = house.nickname(0).await;
    house
        .until("it is adopted", async || house.shown(&first).await)
        .await;
    house.is_ready_as(&first, 0).await;
    house.sends_by(&first, 0).await;
    house.puts(1, RIGHT);
    let second = house.nickname(1).await;
    house
        .until("its twin is adopted", async || house.shown(&second).await)
        .await;
    house.is_ready_as(&second, 1).await;
    house.sends_by(&second, 1).await;
    let id = house.send(TO, "by any of them").await;
    house.becomes(&id, "delivered").await;
}

#[tokio::test]
async fn an_adopted_stick_that_is_away_at_the_next_start_is_known_and_waited_for() {
    let mut house = House::with_machine(1, "").await;
    house.puts(0, LEFT);
    house.start().await;
    let name = house.nickname(0).await;
    house
        .until("it is adopted", async || house.shown(&name).await)
        .await;
    house.is_ready_as(&name, 0).await;
    house.stop().await;
    house.pulls(0, LEFT).await;
    house.start().await;
    assert_eq!(house.names().await, [name.as_str()]);
    house.modem_becomes(&name, "absent").await;
    let waits = house.bound_to(&name, "patience").await;
    let message = house.message(&waits).await;
    assert_eq!(message["status"], "queued");
    assert_eq!(message["pending_reason"]["code"], "no_modem");
    house.puts_back(0, RIGHT).await;
    house.becomes(&waits, "delivered").await;
    assert_eq!(
        house.names().await,
        [name.as_str()],
        "it was not adopted twice"
    );
}

#[tokio::test]
async fn no_port_of_an_adapter_and_no_port_for_diagnostics_ever_receives_an_octet() {
    let mut house = House::with_machine(1, "[modems]\nadopt = true\n").await;
    let (adapter, diagnostics, positions) = (Ear::new(), Ear::new(), Ear::new());
    let pty = house.port(0);
    house
        .machine()
        .plug(&CH340, "1-3", 20, &[adapter.name.as_path()]);
    let ports = [&diagnostics.name, &positions.name, &pty].map(PathBuf::as_path);
    house
        .machine()
        .plug(&EC25, LEFT.place, LEFT.first_tty, &ports);
    house.start().await;
    let name = house.nickname(0).await;
    house
        .until("it is adopted", async || house.shown(&name).await)
        .await;
    house.is_ready_as(&name, 0).await;
    // What came with a second stick is looked at too, and the adapter by then twice.
    house.pulls(0, LEFT).await;
    house.modem_becomes(&name, "absent").await;
    house.puts_back(0, RIGHT).await;
    house.is_ready_as(&name, 0).await;
    assert_eq!(house.names().await, [name.as_str()]);
    for ear in [&adapter, &diagnostics, &positions] {
        assert_eq!(ear.heard(), b"");
    }
    // They would have heard it; a pty hands on what was written a moment later.
    std::fs::write(&adapter.name, "AT").unwrap();
    house
        .until("the adapter hears", async || {
            (adapter.heard() == b"AT").then_some(())
        })
        .await;
}

/// A pty that nobody but a mistaken gateway writes to.
struct Ear {
    name: PathBuf,
    master: std::fs::File,
    /// Keeps what is written readable.
    _slave: std::fs::File,
}

impl Ear {
    fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::<u8>::new()).unwrap();
        let name = PathBuf::from(name.into_string().unwrap());
        let slave = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        rustix::io::ioctl_fionbio(&master, true).unwrap();
        Self {
            name,
            master: master.into(),
            _slave: slave.into(),
        }
    }

    fn heard(&self) -> Vec<u8> {
        let mut buf = [0; 256];
        match std::io::Read::read(&mut &self.master, &mut buf) {
            Ok(count) => buf[..count].to_vec(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_stick_that_will_not_return_is_forgotten_and_what_waited_for_it_fails() {
    let mut house = House::with_machine(2, "").await;
    house.puts(0, LEFT);
    house.puts(1, RIGHT);
    house.start().await;
    let (gone, stays) = (house.nickname(0).await, house.nickname(1).await);
    for (name, modem) in [(&gone, 0), (&stays, 1)] {
        house
            .until("it is adopted", async || house.shown(name).await)
            .await;
        house.is_ready_as(name, modem).await;
    }
    let path = format!("/v1/modems/{gone}");
    let refused = house.ask(Method::DELETE, &path, None).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    house.sends_by(&gone, 0).await;

    house.pulls(0, LEFT).await;
    house.modem_becomes(&gone, "absent").await;
    let waits = house.bound_to(&gone, "never").await;
    let in_a_day =
        json!({ "to": TO, "text": "tomorrow", "from": gone, "scheduled_at": tomorrow() });
    let later = house.send_as(in_a_day).await;
    let other = house.send(TO, "by the other").await;
    let forgotten = house.ask(Method::DELETE, &path, None).await;
    assert!(forgotten.status.is_success(), "{}", forgotten.body);
    for id in [&waits, &later] {
        let failed = house.becomes(id, "failed").await;
        assert_eq!(failed["error"]["code"], "no_route", "{failed}");
    }
    house.becomes(&other, "delivered").await;
    assert_eq!(house.names().await, [stays.as_str()]);
    let missing = house.ask(Method::GET, &path, None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);

    // Also over a restart; and whoever returns after all is adopted anew.
    house.stop().await;
    house.start().await;
    assert_eq!(house.names().await, [stays.as_str()]);
    house.puts_back(0, LEFT).await;
    house
        .until("it is adopted anew", async || house.shown(&gone).await)
        .await;
    house.is_ready_as(&gone, 0).await;
    house.sends_by(&gone, 0).await;
}

impl House {
    /// The first stick loses its SIM, is forgotten, and has its SIM again.
    async fn is_forgotten_without_its_sim(&self, name: &str) {
        self.order(json!({ "kind": "sim_absent" })).await;
        self.modem_becomes(name, "no_sim").await;
        let path = format!("/v1/modems/{name}");
        let forgotten = self.ask(Method::DELETE, &path, None).await;
        assert_eq!(forgotten.status, StatusCode::OK, "{}", forgotten.body);
        self.order(json!({ "kind": "sim_absent", "on": false }))
            .await;
    }
}

#[tokio::test]
async fn a_stick_that_is_forgotten_while_it_is_plugged_in_stays_so_until_it_is_plugged_in_again() {
    let mut house = House::with_machine(2, "[modems]\nadopt = true\n").await;
    house.start().await;
    let name = house.adopts(0, LEFT).await;
    house.is_forgotten_without_its_sim(&name).await;
    // What else comes and goes makes no difference.
    let other = house.adopts(1, RIGHT).await;
    house.pulls(1, RIGHT).await;
    house.modem_becomes(&other, "absent").await;
    house.puts_back(1, BACK).await;
    house.is_ready_as(&other, 1).await;
    assert_eq!(house.names().await, [other.as_str()]);
    house.pulls(0, LEFT).await;
    house.puts_back(0, RIGHT).await;
    house.is_ready_as(&name, 0).await;
    house.sends_by(&name, 0).await;
}

#[tokio::test]
async fn a_stick_that_was_forgotten_is_adopted_when_the_config_is_read_again() {
    let mut house = House::with_machine(1, "[modems]\nadopt = true\n").await;
    house.start().await;
    let name = house.adopts(0, LEFT).await;
    house.is_forgotten_without_its_sim(&name).await;
    assert!(house.names().await.is_empty());
    house.reload().await.unwrap();
    house.is_ready_as(&name, 0).await;
}

pub(crate) fn tomorrow() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let at = (now + Duration::from_secs(86_400)).as_millis();
    cellpost::domain::UnixMillis(at.try_into().unwrap()).to_string()
}
