//! The commands a person types, against a gateway that runs with its own simulation.

use std::process::Command;

use crate::daemon::{BINARY, Daemon, run, text};

#[test]
fn the_pasted_curl_line_and_the_commands_of_the_readme_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Command::new(BINARY);
    serve
        .current_dir(folder.path())
        .args(["serve", "--simulate", "2", "--listen", "127.0.0.1:0"])
        .env("CELLPOST_SIMULATE__LATENCY_MS", "20")
        .env("CELLPOST_SIMULATE__REPORT_AFTER_MS", "20");
    let daemon = Daemon::start(&mut serve);
    assert!(daemon.screen.starts_with("cellpost "), "{}", daemon.screen);

    let sent = run(
        &[
            "send",
            "--to",
            "+8613800138000",
            "--text",
            "你好 🔥",
            "--wait",
        ],
        folder.path(),
    );
    assert_eq!(sent.status.code(), Some(0), "{}", text(&sent.stderr));
    assert!(text(&sent.stdout).contains("delivered via modem:sim"));

    let newest = run(
        &["sim", "handset", "+8613800138000", "--last"],
        folder.path(),
    );
    assert_eq!(text(&newest.stdout), "你好 🔥\n");

    let reply = run(
        &["sim", "reply", "+8613800138000", "thank you"],
        folder.path(),
    );
    assert_eq!(reply.status.code(), Some(0), "{}", text(&reply.stderr));

    let nobody = run(
        &["sim", "handset", "+8613900000000", "--last"],
        folder.path(),
    );
    assert_eq!(nobody.status.code(), Some(1));

    let wrong = run(
        &["send", "--to", "call me", "--text", "hello"],
        folder.path(),
    );
    assert_eq!(wrong.status.code(), Some(1));
    let said = text(&wrong.stderr);
    assert!(said.contains("invalid_phone"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_client_without_a_gateway_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        &["send", "--to", "+8613800138000", "--text", "hello"],
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("cellpost serve"), "{said}");
}

#[test]
fn a_wrong_option_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["serve", "--simulate", "two"], folder.path());
    assert_eq!(output.status.code(), Some(2));
}
