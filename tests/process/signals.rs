//! SIGTERM and SIGINT stop cleanly, SIGHUP does not stop.

use std::time::Duration;

use serde_json::json;

use crate::daemon::{Site, until};

#[test]
fn term_and_int_end_it_with_exit_code_0_and_the_part_in_the_air_is_finished() {
    for signal in ["-TERM", "-INT"] {
        let site = Site::new(1, Duration::from_millis(300));
        let daemon = site.serve();
        let key = site.key();
        let body = json!({ "to": "+8613800138000", "text": "in the air" }).to_string();
        let reply = daemon.ask("POST", "/v1/messages", &key, &body);
        let id = reply.body["id"].as_str().unwrap().to_owned();
        until("it is in the air", || {
            (site.phones().stats().unwrap()[0].cmgs == 1).then_some(())
        });
        daemon.signal(signal);
        assert_eq!(daemon.ends().code(), Some(0));
        assert!(!site.data_dir().join("run.json").exists());

        let daemon = site.serve();
        daemon.becomes(&id, &key, "delivered");
        assert_eq!(site.ledger().len(), 1, "it left once");
    }
}

#[test]
fn a_hangup_does_not_end_it() {
    let site = Site::new(1, Duration::from_millis(20));
    let daemon = site.serve();
    daemon.signal("-HUP");
    let reply = daemon.ask("GET", "/healthz", "", "");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["status"], "ok");
}

#[test]
fn after_a_hangup_the_limits_the_guard_and_who_needs_no_key_are_those_of_the_file() {
    let site = Site::new(1, Duration::from_millis(20));
    let daemon = site.serve();
    let key = site.key();
    let direct = json!({ "phoneNumber": "+8613800138000", "message": "hello" }).to_string();
    let abroad = json!({ "to": "+4915112345678", "text": "hello" }).to_string();
    let status = |path: &str, key: &str, body: &str| daemon.ask("POST", path, key, body).status;
    assert_eq!(status("/sms/send", "", &direct), 200);
    assert_eq!(status("/v1/messages", &key, &abroad), 202);

    let before = std::fs::read_to_string(site.config()).unwrap();
    let mut config = before.clone();
    config += "[auth]\nanonymous_cidrs = []\n[guard]\ndeny_prefixes = ['+4915']\n";
    std::fs::write(site.config(), config).unwrap();
    daemon.signal("-HUP");
    until("the file holds", || {
        (status("/v1/messages", &key, &abroad) == 403).then_some(())
    });
    assert_eq!(status("/sms/send", "", &direct), 401);
    assert_eq!(status("/sms/send", &key, &direct), 200);

    // A file that cannot be read changes nothing.
    std::fs::write(site.config(), "limits = 5\n").unwrap();
    daemon.signal("-HUP");
    let reply = daemon.ask("POST", "/v1/messages", &key, &abroad);
    assert_eq!(reply.status, 403);
    assert_eq!(reply.body["code"], "destination_blocked");

    // Nor does one whose provider lacks what its kind needs; with a whole one the rest of the file holds.
    let provider = "[cloud.v]\nkind = 'vonage'\naccount = 'abcd'\nfrom = 'Shop'\nenabled = false\n";
    std::fs::write(
        site.config(),
        before.clone() + &provider.replace("false", "true"),
    )
    .unwrap();
    daemon.signal("-HUP");
    assert_eq!(status("/v1/messages", &key, &abroad), 403);
    std::fs::write(site.config(), before + provider).unwrap();
    daemon.signal("-HUP");
    until("the file holds again", || {
        (status("/v1/messages", &key, &abroad) == 202).then_some(())
    });
}

#[test]
fn after_a_hangup_the_modems_are_those_of_the_file() {
    let site = Site::new(2, Duration::from_millis(20));
    let both = std::fs::read_to_string(site.config()).unwrap();
    let (first, second) = both.split_at(both.find("[modem.m2]").unwrap());
    std::fs::write(site.config(), first).unwrap();
    let daemon = site.serve();
    let key = site.key();
    let state = |name: &str| {
        let reply = daemon.ask("GET", &format!("/v1/modems/{name}"), &key, "");
        reply.body["state"].as_str().map(str::to_owned)
    };
    let is = |name: &str, wanted: Option<&str>| {
        until(&format!("{name} is {wanted:?}"), || {
            (state(name).as_deref() == wanted).then_some(())
        });
    };
    is("m1", Some("ready"));
    assert_eq!(state("m2"), None);

    std::fs::write(site.config(), &both).unwrap();
    daemon.signal("-HUP");
    is("m2", Some("ready"));
    let limits = &first[..first.find("[modem.m1]").unwrap()];
    std::fs::write(site.config(), format!("{limits}{second}")).unwrap();
    daemon.signal("-HUP");
    is("m1", None);
    let body = json!({ "to": "+8613800138000", "text": "hello" }).to_string();
    let reply = daemon.ask("POST", "/v1/messages", &key, &body);
    daemon.becomes(reply.body["id"].as_str().unwrap(), &key, "delivered");
    assert_eq!(site.phones().stats().unwrap()[1].accepted, 1);

    daemon.signal("-TERM");
    assert_eq!(daemon.ends().code(), Some(0));
}
