//! After a kill the first answer already tells the truth about what was under way.

use std::time::Duration;

use serde_json::json;

use crate::daemon::{Site, until};

#[test]
fn the_first_answer_after_a_kill_knows_what_is_uncertain() {
    let site = Site::new(1, Duration::from_millis(1500));
    let daemon = site.serve();
    let key = site.key();
    let send = |category: &str| {
        let body = json!({ "to": "+8613800138000", "text": category, "category": category });
        let reply = daemon.ask("POST", "/v1/messages", &key, &body.to_string());
        reply.body["id"].as_str().unwrap().to_owned()
    };
    let in_the_air = send("bulk");
    until("the PDU is in the air", || {
        let sending = daemon.message(&in_the_air, &key)["status"] == "sending";
        (sending && site.phones().stats().unwrap()[0].cmgs == 1).then_some(())
    });
    std::thread::sleep(Duration::from_millis(100));
    let waiting = send("notification");
    daemon.kill();

    let daemon = site.serve();
    let first = daemon.message(&in_the_air, &key);
    assert_ne!(first["status"], "sending", "{first}");
    let events = daemon.event_types(&in_the_air, &key);
    assert!(events.contains(&"uncertain".to_owned()), "{events:?}");
    // The modem still says what became of the part: its answer is listened for before anything is written.
    until("the late answer settles it", || {
        let status = daemon.message(&in_the_air, &key)["status"].clone();
        (status == "sent" || status == "delivered").then_some(())
    });
    daemon.becomes(&waiting, &key, "delivered");
    let texts: Vec<String> = site
        .phones()
        .handset("+8613800138000")
        .unwrap()
        .into_iter()
        .map(|received| received.text)
        .collect();
    assert_eq!(texts, ["bulk", "notification"]);
}
