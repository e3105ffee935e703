//! A full disk: 503, nothing half written, and it goes on when there is space again.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::daemon::{BINARY, Daemon, Site, until};

/// A file system of its own for the data folder: needs a user namespace.
const SIZE: &str = "8m";

#[test]
fn a_full_disk_refuses_sends_and_recovers_without_a_restart() {
    let site = Site::new(1, Duration::from_millis(5));
    let data = site.data_dir();
    std::fs::create_dir(&data).unwrap();
    let config = std::fs::read_to_string(site.config()).unwrap();
    // Let SQLite meet the full disk itself.
    let config = format!("{config}[database]\nmin_free_bytes = 0\n");
    std::fs::write(site.config(), config).unwrap();
    let script = format!(
        "mount -t tmpfs -o size={SIZE} none '{data}' && exec '{BINARY}' serve --config '{config}' \
         --data-dir '{data}' --listen 127.0.0.1:0",
        data = data.display(),
        config = site.config().display(),
    );
    let mut command = Command::new("unshare");
    command.args(["-Urm", "sh", "-c", &script]);
    let daemon = Daemon::start(&mut command);
    let inside = format!("/proc/{}/root{}", daemon.child.id(), data.display());
    let key = std::fs::read_to_string(format!("{inside}/admin.key")).unwrap();
    let key = key.trim();
    let post = || {
        let body = json!({ "to": "+8613800138000", "text": "hello" }).to_string();
        daemon.ask("POST", "/v1/messages", key, &body)
    };
    let first = post();
    assert_eq!(first.status, 202);
    let first = first.body["id"].as_str().unwrap().to_owned();
    daemon.becomes(&first, key, "delivered");

    let ballast = format!("{inside}/ballast");
    let filled = Command::new("dd")
        .args(["if=/dev/zero", &format!("of={ballast}"), "bs=4096"])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!filled.success(), "the disk is full now");
    // What fits into pages that the WAL already has may still be taken.
    let mut taken = vec![first];
    let refused = until("a send is refused", || {
        let reply = post();
        match reply.status {
            202 => {
                taken.push(reply.body["id"].as_str().unwrap().to_owned());
                None
            }
            _ => Some(reply),
        }
    });
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.body["code"], "overloaded");
    let listed = daemon.ask("GET", "/v1/messages?limit=200", key, "");
    assert_eq!(
        listed.body["data"].as_array().unwrap().len(),
        taken.len(),
        "nothing half written"
    );

    std::fs::remove_file(&ballast).unwrap();
    let again = until("there is space again", || {
        let reply = post();
        (reply.status == 202).then_some(reply)
    });
    taken.push(again.body["id"].as_str().unwrap().to_owned());
    for id in &taken {
        daemon.becomes(id, key, "delivered");
    }
}
