//! A fallback on a laptop, as the README shows it; and providers that are simulated for a gateway that runs elsewhere.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::daemon::{BINARY, Daemon, run, text};

#[test]
fn a_code_leaves_by_the_simulated_provider_when_the_simulated_modem_is_pulled_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Command::new(BINARY);
    serve
        .current_dir(folder.path())
        .args(["serve", "--simulate", "1", "--simulate-cloud"])
        .args(["--listen", "127.0.0.1:0"])
        .env("CELLPOST_SIMULATE__REPORT_AFTER_MS", "20");
    let daemon = Daemon::start(&mut serve);
    let key = std::fs::read_to_string(folder.path().join("cellpost-data/admin.key")).unwrap();
    let pulled = run(&["sim", "unplug", "0"], folder.path());
    assert_eq!(pulled.status.code(), Some(0), "{}", text(&pulled.stderr));
    let sent = run(&["otp", "send", "--to", "+8613800138000"], folder.path());
    assert_eq!(sent.status.code(), Some(0), "{}", text(&sent.stderr));
    let listed = daemon.ask("GET", "/v1/messages", key.trim(), "");
    let id = listed.body["data"][0]["id"].as_str().unwrap().to_owned();
    daemon.becomes(&id, key.trim(), "delivered");
    assert_eq!(daemon.message(&id, key.trim())["route"], "cloud:sim");
    daemon.kill();
}

#[test]
fn the_sections_that_sim_cloud_prints_are_good_when_they_are_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = Command::new(BINARY)
        .args(["sim", "cloud"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut config, mut is_config, mut files) = (String::new(), false, 0);
    for line in BufReader::new(cloud.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        is_config |= line.starts_with("# For the gateway's config");
        if line.starts_with("# In the folder of the config") {
            is_config = false;
        }
        if is_config {
            config += &format!("{line}\n");
        }
        if line.starts_with("(umask 077;") {
            let pasted = Command::new("sh")
                .args(["-c", &line])
                .current_dir(folder.path())
                .status();
            assert!(pasted.unwrap().success(), "{line}");
            files += 1;
            if files == MOST_FILES {
                break;
            }
        }
    }
    let path = folder.path().join("cellpost.toml");
    std::fs::write(&path, &config).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut serve = Command::new(BINARY);
    serve
        .current_dir(folder.path())
        .args(["serve", "--config", "cellpost.toml", "--data-dir", "data"])
        .args(["--listen", "127.0.0.1:0"]);
    let daemon = Daemon::start(&mut serve);
    let key = std::fs::read_to_string(folder.path().join("data/admin.key")).unwrap();
    let routes = daemon.ask("GET", "/v1/routes", key.trim(), "");
    let names: Vec<&str> = routes.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| route["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
    daemon.kill();
    cloud.kill().unwrap();
    cloud.wait().unwrap();
}

/// What five providers are opened by, and what their callbacks are proven by.
const MOST_FILES: usize = 7;

#[test]
fn what_aliyun_would_refuse_of_a_template_for_codes_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = "[verify]\ncode_length = 8\n\n[cloud.ali]\nkind = \"aliyun\"\naccount = \"LTAI1\"\n\
                  secret_file = \"secret\"\nsign_name = \"s\"\n\
                  template_map = { v1 = \"SMS_1\" }\n";
    std::fs::write(folder.path().join("cellpost.toml"), config).unwrap();
    let mut serve = Command::new(BINARY)
        .current_dir(folder.path())
        .args(["serve", "--config", "cellpost.toml", "--data-dir", "data"])
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(serve.stderr.take().unwrap()).lines();
    let said = lines
        .map_while(Result::ok)
        .find(|line| line.contains("Aliyun takes"))
        .unwrap();
    assert!(said.contains("WARN") && said.contains("v1"), "{said}");
    serve.kill().unwrap();
    serve.wait().unwrap();
}
