//! A disk that the kernel makes read-only: 503, not ready, and it goes on when the disk can be written again.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::daemon::{Daemon, Site, until};

#[test]
fn a_read_only_disk_refuses_sends_and_recovers_without_a_restart() {
    let site = Site::new(1, Duration::from_millis(5));
    let shim = site.folder.path().join("read_only.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/read_only.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([shim.as_path().as_os_str(), source.as_ref()])
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(built.success());
    let flag = site.folder.path().join("read-only");
    let mut command = site.command();
    command
        .env("LD_PRELOAD", &shim)
        .env("READ_ONLY_WHILE", &flag);
    let daemon = Daemon::start(&mut command);
    let key = site.key();
    let post = || {
        let body = json!({ "to": "+8613800138000", "text": "hello" }).to_string();
        daemon.ask("POST", "/v1/messages", &key, &body)
    };
    let first = post();
    assert_eq!(first.status, 202, "{}", first.body);
    let first = first.body["id"].as_str().unwrap().to_owned();
    daemon.becomes(&first, &key, "delivered");

    std::fs::write(&flag, "").unwrap();
    // Of the write that met the error nobody knows what it came to (500); of those behind it, that they were not done.
    let refused = until("sends are refused", || {
        let reply = post();
        assert_ne!(reply.status, 202, "{}", reply.body);
        (reply.status == 503).then_some(reply)
    });
    assert_eq!(refused.body["code"], "overloaded", "{}", refused.body);
    let ready = daemon.ask("GET", "/readyz", "", "");
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert_ne!(ready.body["checks"]["database"], "ok");
    // What is stored can still be read.
    assert_eq!(daemon.message(&first, &key)["status"], "delivered");

    std::fs::remove_file(&flag).unwrap();
    let again = until("it can be written again", || {
        let reply = post();
        (reply.status == 202).then_some(reply)
    });
    let again = again.body["id"].as_str().unwrap().to_owned();
    daemon.becomes(&again, &key, "delivered");
    assert_eq!(daemon.ask("GET", "/readyz", "", "").status, 200);
}
