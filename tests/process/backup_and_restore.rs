//! A backup beside a running gateway, by hand and by the clock; and the way back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::daemon::{Daemon, Site, run, text, until};

fn accepted(daemon: &Daemon, key: &str, body: &str) -> String {
    let content = json!({ "to": "+8613800138000", "text": body, "category": "otp" }).to_string();
    let reply = daemon.ask("POST", "/v1/messages", key, &content);
    assert_eq!(reply.status, 202, "{}", reply.body);
    reply.body["id"].as_str().unwrap().to_owned()
}

fn scheduled(daemon: &Daemon, key: &str) -> String {
    let tomorrow = Command::new("date")
        .args(["-u", "-d", "+1 day", "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    let at = text(&tomorrow.stdout);
    let content = json!({ "to": "+8613800138000", "text": "tomorrow", "scheduled_at": at.trim() });
    let reply = daemon.ask("POST", "/v1/messages", key, &content.to_string());
    assert_eq!(reply.status, 202, "{}", reply.body);
    reply.body["id"].as_str().unwrap().to_owned()
}

fn at_data<'a>(command: &[&'a str], site: &'a Path) -> Vec<&'a str> {
    let mut all = command.to_vec();
    all.extend(["--data-dir", site.to_str().unwrap()]);
    all
}

fn occurs(what: &[u8], file: &Path) -> bool {
    let content = std::fs::read(file).unwrap();
    content.windows(what.len()).any(|window| window == what)
}

#[test]
fn a_backup_beside_a_running_gateway_is_restored_and_goes_on() {
    let site = Site::new(1, Duration::from_millis(5));
    let (data, folder) = (site.data_dir(), site.folder.path());
    let daemon = site.serve();
    let key = site.key();
    let delivered = accepted(&daemon, &key, "Your code is 482915");
    daemon.becomes(&delivered, &key, "delivered");
    let waiting = scheduled(&daemon, &key);

    let backup = run(&at_data(&["backup", "copy.db"], &data), folder);
    assert_eq!(backup.status.code(), Some(0), "{}", text(&backup.stderr));
    let said = text(&backup.stdout);
    assert!(said.contains("pepper.key"), "{said}");
    let copy = folder.join("copy.db");
    assert!(!occurs(b"482915", &copy), "a code is in the backup");
    assert!(!occurs(key.as_bytes(), &copy), "the key is in the backup");
    let again = run(&at_data(&["backup", "copy.db"], &data), folder);
    assert_eq!(again.status.code(), Some(1), "a copy is never replaced");

    let after = accepted(&daemon, &key, "Too late for the copy");
    daemon.becomes(&after, &key, "delivered");

    let refused = run(&at_data(&["restore", "copy.db"], &data), folder);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("another cellpost runs"), "{said}");
    daemon.message(&after, &key);

    daemon.kill();
    let restored = run(&at_data(&["restore", "copy.db"], &data), folder);
    assert_eq!(
        restored.status.code(),
        Some(0),
        "{}",
        text(&restored.stderr)
    );
    let said = text(&restored.stdout);
    assert!(said.contains("1 messages that waited"), "{said}");

    let daemon = site.serve();
    assert_eq!(daemon.message(&delivered, &key)["status"], "delivered");
    let gone = daemon.ask("GET", &format!("/v1/messages/{after}"), &key, "");
    assert_eq!(gone.status, 404, "it came after the backup");
    let held = daemon.message(&waiting, &key);
    assert_eq!(held["status"], "scheduled");
    assert_eq!(held["may_be_duplicate"], true);
    let new = accepted(&daemon, &key, "It goes on");
    daemon.becomes(&new, &key, "delivered");
    let aside = std::fs::read_dir(&data).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("cellpost.db.before-")
    });
    assert!(aside.count() >= 1, "the old database is kept");
}

#[test]
fn what_waited_in_a_backup_is_canceled_on_request() {
    let site = Site::new(1, Duration::from_millis(5));
    let (data, folder) = (site.data_dir(), site.folder.path());
    let daemon = site.serve();
    let key = site.key();
    let waiting = scheduled(&daemon, &key);
    let backup = run(&at_data(&["backup", "copy.db"], &data), folder);
    assert_eq!(backup.status.code(), Some(0), "{}", text(&backup.stderr));
    daemon.kill();
    let restored = run(
        &at_data(&["restore", "copy.db", "--cancel-waiting"], &data),
        folder,
    );
    assert_eq!(
        restored.status.code(),
        Some(0),
        "{}",
        text(&restored.stderr)
    );
    let daemon = site.serve();
    assert_eq!(daemon.message(&waiting, &key)["status"], "canceled");
}

#[test]
fn backups_are_made_by_the_clock_and_a_damaged_one_is_not_restored() {
    let site = Site::new(1, Duration::from_millis(5));
    let (data, folder) = (site.data_dir(), site.folder.path());
    let config = std::fs::read_to_string(site.config()).unwrap();
    let config = format!("{config}[database]\nbackup_dir = \"backups\"\n");
    std::fs::write(site.config(), config).unwrap();
    let daemon = site.serve();
    let key = site.key();
    let backups = data.join("backups");
    let made: PathBuf = until("the first backup is made", || {
        let entry = std::fs::read_dir(&backups).ok()?.next()?.ok()?.path();
        (entry.extension()? == "db").then_some(entry)
    });
    let delivered = accepted(&daemon, &key, "After it");
    daemon.becomes(&delivered, &key, "delivered");
    daemon.kill();

    // Behind the first page, which says that it is a database.
    let mut content = std::fs::read(&made).unwrap();
    content[4096..4096 * 4].fill(0x5a);
    let damaged = folder.join("damaged.db");
    std::fs::write(&damaged, content).unwrap();
    let refused = run(&at_data(&["restore", "damaged.db"], &data), folder);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("damaged"), "{said}");
    let daemon = site.serve();
    assert_eq!(daemon.message(&delivered, &key)["status"], "delivered");
}
