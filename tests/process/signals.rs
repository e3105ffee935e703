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
