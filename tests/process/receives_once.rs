//! SIGKILL while texts come in: each is in the inbox once, and the SIM is empty in the end.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use serde_json::Value;

use crate::daemon::{Daemon, Site, until};

const TEXTS: usize = 120;

#[test]
fn a_kill_while_texts_come_in_loses_none_and_doubles_none() {
    let site = Site::new(1, Duration::from_millis(15));
    let mut daemon = site.serve();
    let key = site.key();
    ready(&daemon, &key);
    let mut phones = site.phones();
    for number in 0..TEXTS {
        phones
            .reply_to(0, "+8613800138000", &format!("text {number}"))
            .unwrap();
    }
    // The moments of the kills differ in what is under way: a read, a COMMIT, a delete.
    for stored in [1, 17, 54, 90] {
        until("more texts are stored", || {
            (inbox(&daemon, &key).len() >= stored).then_some(())
        });
        daemon.kill();
        daemon = site.serve();
    }
    let texts = until("all texts are in the inbox", || {
        let texts = inbox(&daemon, &key);
        (texts.len() >= TEXTS).then_some(texts)
    });
    let mut copies: HashMap<&str, usize> = HashMap::new();
    for text in &texts {
        *copies.entry(text["text"].as_str().unwrap()).or_default() += 1;
    }
    for number in 0..TEXTS {
        let text = format!("text {number}");
        assert_eq!(copies.get(text.as_str()), Some(&1), "{text}");
    }
    assert_eq!(texts.len(), TEXTS);
    is_emptied(&site, daemon);
}

#[test]
fn a_text_that_was_stored_and_not_yet_deleted_is_deleted_and_not_shown_again() {
    let site = Site::new(1, Duration::from_millis(15));
    // Everything a kill between COMMIT and delete leaves behind, for sure.
    let config = std::fs::read_to_string(site.config()).unwrap();
    let keeping = format!("[inbound]\ndelete_from_sim = false\n{config}");
    std::fs::write(site.config(), keeping).unwrap();
    let daemon = site.serve();
    let key = site.key();
    ready(&daemon, &key);
    for number in 0..5 {
        site.phones()
            .reply_to(0, "+8613800138000", &format!("text {number}"))
            .unwrap();
    }
    let before = until("five texts are in the inbox", || {
        let texts = inbox(&daemon, &key);
        (texts.len() == 5).then_some(texts)
    });
    daemon.kill();
    assert_eq!(used_slots(&site), 5);

    std::fs::write(site.config(), config).unwrap();
    let daemon = site.serve();
    ready(&daemon, &key);
    is_emptied(&site, daemon);
    let daemon = site.serve();
    assert_eq!(inbox(&daemon, &key), before);
}

fn ready(daemon: &Daemon, key: &str) {
    until("the modem is ready", || {
        let modem = daemon.ask("GET", "/v1/modems/m1", key, "");
        (modem.body["state"] == "ready").then_some(())
    });
}

/// Oldest first; fewer than a page.
fn inbox(daemon: &Daemon, key: &str) -> Vec<Value> {
    let page = daemon.ask("GET", "/v1/inbox?limit=200", key, "");
    assert_eq!(page.status, 200, "{}", page.body);
    let mut texts = page.body["data"].as_array().unwrap().clone();
    texts.reverse();
    texts
}

/// Looks into the SIM when the gateway has nothing more to do with it and has let go of its port.
fn is_emptied(site: &Site, daemon: Daemon) {
    let (mut lines, mut asked) = (0, 0);
    until("the modem is at rest", || {
        let now = site.phones().stats().unwrap()[0].at_lines;
        asked = if now == lines { asked + 1 } else { 0 };
        lines = now;
        (asked == 30).then_some(())
    });
    daemon.signal("-TERM");
    assert!(daemon.ends().success());
    assert_eq!(used_slots(site), 0);
}

/// How many slots the SIM says are taken.
fn used_slots(site: &Site) -> usize {
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&site.sim.ports()[0])
        .unwrap();
    (&port).write_all(b"\rAT+CPMS?\r").unwrap();
    let mut lines = BufReader::new(&port).lines();
    let line = lines.find_map(|line| {
        let line = line.unwrap();
        line.starts_with("+CPMS: \"").then_some(line)
    });
    let line = line.unwrap();
    // Of the three memories the one that texts come into.
    line.split(',').nth(7).unwrap().parse().unwrap()
}
