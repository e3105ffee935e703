//! The commands a person types, against a gateway that runs with its own simulation.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

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
    assert!(daemon.screen.contains("modem0 ready"), "{}", daemon.screen);

    let curl = daemon.screen.lines().last().unwrap();
    let pasted = Command::new("sh").args(["-c", curl]).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&pasted.stdout).unwrap();
    let id = answer["id"].as_str().unwrap();
    let key = std::fs::read_to_string(folder.path().join("cellpost-data/admin.key")).unwrap();
    daemon.becomes(id, key.trim(), "delivered");
    assert_eq!(
        daemon.event_types(id, key.trim()),
        [
            "queued",
            "sending",
            "part_sent",
            "sent",
            "report",
            "delivered"
        ]
    );

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

    let queue = run(&["queue"], folder.path());
    assert_eq!(text(&queue.stdout), "0 queued, 0 scheduled, 0 sending\n");

    let modems = run(&["modem", "list"], folder.path());
    assert_eq!(modems.status.code(), Some(0), "{}", text(&modems.stderr));
    let table = text(&modems.stdout);
    assert!(table.starts_with("NAME  STATE  DEVICE"), "{table}");
    assert_eq!(table.matches(" ready ").count(), 2, "{table}");
    let json = run(&["modem", "list", "--json"], folder.path());
    let first: serde_json::Value =
        serde_json::from_str(text(&json.stdout).lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["id"], &first["state"]),
        (&"sim1".into(), &"ready".into())
    );

    let balance = run(&["modem", "ussd", "sim1", "*100#"], folder.path());
    assert_eq!(text(&balance.stdout), "Balance 3.00\n");
    let no_code = run(&["modem", "ussd", "sim1", "*1 0#"], folder.path());
    assert_eq!(no_code.status.code(), Some(1));
    let typed = typed(
        &["modem", "chat", "sim2"],
        "AT+CSQ\nATD112\n",
        folder.path(),
    );
    let lines: Vec<&str> = typed.lines().collect();
    assert!(lines[0].starts_with("+CSQ: "), "{typed}");
    assert_eq!(lines[1], "OK");
    assert!(lines[2].contains("ATD dials"), "{typed}");

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

    let made = run(
        &[
            "key",
            "new",
            "shop",
            "--scope",
            "messages:send",
            "--credit",
            "1",
        ],
        folder.path(),
    );
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let key_file = folder.path().join("shop.key");
    std::fs::write(&key_file, text(&made.stdout)).unwrap();
    let file = key_file.to_str().unwrap();
    let send = [
        "send",
        "--to",
        "+8613800138000",
        "--text",
        "hello",
        "--key-file",
        file,
    ];
    assert_eq!(run(&send, folder.path()).status.code(), Some(0));
    let broke = run(&send, folder.path());
    assert_eq!(broke.status.code(), Some(1));
    let said = text(&broke.stderr);
    assert!(said.contains("insufficient_credit"), "{said}");
    let list = run(&["key", "list"], folder.path());
    let line = text(&list.stdout).to_owned();
    assert!(
        line.contains("shop  app default  messages:send  0 messages left"),
        "{line}"
    );
    let id = line.split(' ').next().unwrap();
    let revoked = run(&["key", "revoke", id], folder.path());
    assert_eq!(revoked.status.code(), Some(0), "{}", text(&revoked.stderr));
    assert_eq!(text(&run(&["key", "list"], folder.path()).stdout), "");
    let said = text(&run(&send, folder.path()).stderr).to_owned();
    assert!(said.contains("unauthorized"), "{said}");

    let wrong = run(
        &["send", "--to", "call me", "--text", "hello"],
        folder.path(),
    );
    assert_eq!(wrong.status.code(), Some(1));
    let said = text(&wrong.stderr);
    assert!(said.contains("invalid_phone"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// What a command prints for these lines of input.
fn typed(arguments: &[&str], input: &str, folder: &Path) -> String {
    let mut child = Command::new(BINARY)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    text(&child.wait_with_output().unwrap().stdout)
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

#[test]
fn a_screen_that_nobody_reads_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Command::new(BINARY);
    serve
        .current_dir(folder.path())
        .args(["serve", "--simulate", "1", "--listen", "127.0.0.1:0"]);
    let (daemon, unread) = Daemon::shown(&mut serve);
    let key = std::fs::read_to_string(folder.path().join("cellpost-data/admin.key")).unwrap();
    // A pipe holds 64 KiB, and each of these is a line of more than 60 octets.
    for batch in 0..3 {
        let to = |at: u32| serde_json::json!({ "to": format!("+8613{:09}", batch * 1000 + at) });
        let recipients: Vec<_> = (0..1000).map(to).collect();
        let asked = serde_json::json!({ "recipients": recipients, "text": "hello" });
        let reply = daemon.ask("POST", "/v1/batches", key.trim(), &asked.to_string());
        assert_eq!(reply.status, 202, "{}", reply.body);
    }
    assert_eq!(daemon.ask("GET", "/healthz", "", "").status, 200);
    daemon.signal("-TERM");
    assert_eq!(daemon.ends().code(), Some(0));
    drop(unread);
}

#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let unread = folder.path().join("unread");
    let made = Command::new("mkfifo").arg(&unread).status().unwrap();
    assert!(made.success());
    // Open for both, so that neither waits for the other.
    let mut opened = std::fs::OpenOptions::new();
    let unread = opened.read(true).write(true).open(&unread).unwrap();
    std::fs::write(
        folder.path().join("loud.toml"),
        "[log]\nlevel = \"debug\"\n",
    )
    .unwrap();
    let script = format!(
        "exec '{BINARY}' serve --config loud.toml --simulate 1 --listen 127.0.0.1:0 2> unread"
    );
    let mut serve = Command::new("sh");
    serve.current_dir(folder.path()).args(["-c", &script]);
    let daemon = Daemon::start(&mut serve);
    // A pipe holds 64 KiB, and each of these is a line of more than 60 octets.
    for _ in 0..2000 {
        let refused = daemon.ask("GET", "/v1/modems", "nobody", "");
        assert_eq!(refused.status, 401);
    }
    daemon.signal("-TERM");
    assert_eq!(daemon.ends().code(), Some(0));
    drop(unread);
}

#[test]
fn a_gateway_without_modems_serves_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    // As systemd would ask it, the daemon looks at itself every 5 ms.
    let script =
        format!("WATCHDOG_USEC=10000 WATCHDOG_PID=$$ exec '{BINARY}' serve --listen 127.0.0.1:0");
    let mut serve = Command::new("sh");
    serve.current_dir(folder.path()).args(["-c", &script]);
    let daemon = Daemon::start(&mut serve);
    assert!(
        daemon.screen.contains("modems     none"),
        "{}",
        daemon.screen
    );
    for _ in 0..100 {
        assert_eq!(daemon.ask("GET", "/healthz", "", "").status, 200);
    }
    let key = std::fs::read_to_string(folder.path().join("cellpost-data/admin.key")).unwrap();
    let body = r#"{"to":"+8613800138000","text":"hello"}"#;
    let refused = daemon.ask("POST", "/v1/messages", key.trim(), body);
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body["code"], "no_route");
    daemon.signal("-TERM");
    assert_eq!(daemon.ends().code(), Some(0));
}

#[test]
fn a_scenario_that_cannot_be_read_names_the_line_and_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("storm.toml");
    std::fs::write(
        &file,
        "[[at]]\nafter_ms = 5\nfault = { kind = \"silense\" }\n",
    )
    .unwrap();
    let run_with = ["sim", "run", "--dir", "sim", "--scenario", "storm.toml"];
    let output = run(&run_with, folder.path());
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("storm.toml: line 3, fault: unknown variant `silense`"),
        "{said}"
    );
}

#[test]
fn all_faults_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["sim", "--list-faults"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let listed = text(&output.stdout);
    for number in 1..=70 {
        let any = listed
            .lines()
            .any(|line| line.starts_with(&format!("{number:>2}  {{")));
        assert!(any, "no fault has the number {number}");
    }
    assert!(listed.contains(
        "13  {\"kind\":\"silence\",\"for_ms\":3000}  ignores all input and says nothing"
    ));
    assert_eq!(run(&["sim"], folder.path()).status.code(), Some(2));
}

#[test]
fn the_binary_holds_no_crash_points() {
    let binary = text(&std::fs::read(BINARY).unwrap());
    assert!(binary.contains("AT+CMGS="), "what is compiled in is found");
    for name in ["BeforeHandOver", "AfterAnswerIsRead", "crash::points"] {
        assert!(!binary.contains(name), "{name}");
    }
}
