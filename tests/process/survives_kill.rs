//! SIGKILL in the middle of a hundred messages: none is lost, at most one per modem is uncertain, and it is the one
//! that the store names.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use crate::daemon::Site;

const MESSAGES: usize = 100;

#[test]
fn a_kill_in_the_middle_of_a_hundred_messages_loses_none_and_doubles_only_what_it_names() {
    // The moment of the kill differs in what is under way: an answer, an intent, a PDU in the air.
    for killed_after in [10, 37, 61] {
        kill_in_the_middle(2, killed_after);
    }
}

fn kill_in_the_middle(modems: usize, killed_after: u64) {
    let site = Site::new(modems, Duration::from_millis(15));
    let daemon = site.serve();
    let key = site.key();
    let ids: HashMap<String, String> = (0..MESSAGES)
        .map(|number| {
            let text = format!("text {number}");
            let body = json!({ "to": "+8613800138000", "text": text }).to_string();
            let reply = daemon.ask("POST", "/v1/messages", &key, &body);
            assert_eq!(reply.status, 202, "{}", reply.body);
            (reply.body["id"].as_str().unwrap().to_owned(), text)
        })
        .collect();
    site.phones()
        .wait_accepted(killed_after, Duration::from_secs(60))
        .unwrap();
    daemon.kill();

    let daemon = site.serve();
    for id in ids.keys() {
        // A report that the killed process had read and not yet stored is gone: it is not acknowledged by `+CDS`.
        daemon.becomes_one_of(id, &key, &["sent", "delivered"]);
    }
    let mut uncertain = Vec::new();
    let mut per_modem: HashMap<String, usize> = HashMap::new();
    for id in ids.keys() {
        let events = daemon.events(id, &key);
        for event in events.iter().filter(|event| event["type"] == "uncertain") {
            let route = event["route"].as_str().unwrap().to_owned();
            *per_modem.entry(route).or_default() += 1;
            uncertain.push(id);
        }
    }
    assert!(
        per_modem.values().all(|count| *count == 1),
        "at most one part per modem was under way: {per_modem:?}"
    );

    let mut copies: HashMap<String, usize> = HashMap::new();
    for entry in site.ledger() {
        *copies
            .entry(entry["text"].as_str().unwrap().into())
            .or_default() += 1;
    }
    for (id, text) in &ids {
        let count = copies.get(text).copied().unwrap_or(0);
        assert!(count >= 1, "{text} is lost");
        if count > 1 {
            assert!(uncertain.contains(&id), "{text} was doubled unannounced");
            assert!(count == 2, "{text} left {count} times");
            assert_eq!(daemon.message(id, &key)["may_be_duplicate"], true);
        }
    }
}
