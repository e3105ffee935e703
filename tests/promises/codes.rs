//! A one-time code reaches its phone and nobody else's eyes: it is in no file, no log and no answer, it goes first, and it
//! is good once.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use http::Method;
use modem_sim::{Fault, NetworkSettings};
use serde_json::{Value, json};

use crate::house::{House, fast};

const TO: &str = "+8613800138000";

/// No limit in the way, and codes so long that their digits stand nowhere by chance.
const CONFIG: &str = "[verify]\ncode_length = 10\n[verify.profile.v1]\nlimits = []\n";

async fn begins(house: &House, more: Value) -> Value {
    let mut asked = json!({ "to": TO });
    asked
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let reply = house
        .ask(Method::POST, "/v1/verifications", Some(asked))
        .await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.body
}

async fn checks(house: &House, verification: &Value, code: &str) -> Value {
    let id = verification["id"].as_str().unwrap();
    let path = format!("/v1/verifications/{id}/check");
    let body = json!({ "code": code });
    house.ask(Method::POST, &path, Some(body)).await.body
}

fn code_in(text: &str) -> String {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.max_by_key(|run| run.len()).unwrap().to_owned()
}

/// The code of the newest text on the phone, once there are so many texts.
async fn arrives(house: &House, texts: usize) -> String {
    house
        .until("the code is on the phone", async || {
            let all = house.texts(TO).await;
            (all.len() == texts).then(|| code_in(&all[texts - 1]))
        })
        .await
}

/// Every file of the gateway that holds these digits, in whatever form they would be written.
fn files_with(folder: &Path, digits: &str) -> Vec<String> {
    let wide: Vec<u8> = digits.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let hex = |octets: &[u8]| -> String { octets.iter().map(|o| format!("{o:02X}")).collect() };
    let needles = [
        digits.as_bytes().to_vec(),
        wide.clone(),
        hex(&wide).into_bytes(),
        hex(digits.as_bytes()).into_bytes(),
    ];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, digits));
            continue;
        }
        let Ok(octets) = std::fs::read(&path) else {
            continue;
        };
        let holds = |needle: &Vec<u8>| octets.windows(needle.len()).any(|some| some == needle);
        if needles.iter().any(holds) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A backup of the database as it stands, in the data folder.
fn backs_up(house: &House, name: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_cellpost"))
        .arg("backup")
        .arg(house.data_dir().join(name))
        .arg("--data-dir")
        .arg(house.data_dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(house.data_dir().join(name).exists());
}

#[tokio::test]
async fn the_code_on_the_phone_is_the_one_that_is_right() {
    let house = House::with_network(1, fast(), CONFIG).await;
    let made = begins(&house, json!({ "purpose": "login" })).await;
    let code = arrives(&house, 1).await;
    assert_eq!(code.len(), 10);
    let message = made["sends"][0]["message_id"].as_str().unwrap();
    house.becomes(message, "delivered").await;
    let id = made["id"].as_str().unwrap();
    let shown = house
        .ask(Method::GET, &format!("/v1/verifications/{id}"), None)
        .await
        .body;
    assert_eq!(shown["sends"][0]["status"], "delivered");
    assert_eq!(checks(&house, &made, "0000").await["valid"], false);
    assert_eq!(
        checks(&house, &made, &code).await,
        json!({ "valid": true, "status": "approved" })
    );
    assert_eq!(checks(&house, &made, &code).await["valid"], false);
}

#[tokio::test]
async fn a_code_is_in_no_file_from_its_first_moment_to_its_last() {
    // It waits, is sent, is checked and is over: at each of these moments everything is looked through.
    for resend in ["replace", "keep", "same_code"] {
        let config = format!("{CONFIG}resend = '{resend}'\n");
        let slow = NetworkSettings {
            latency: Duration::from_millis(300),
            ..fast()
        };
        let house = House::with_network(1, slow, &config).await;
        let key = [("idempotency-key", "one")];
        let asked = Some(json!({ "to": TO, "locale": "zh", "domain": "example.com" }));
        let first = house
            .ask_with(Method::POST, "/v1/verifications", asked.clone(), &key)
            .await;
        assert_eq!(first.status, 201, "{}", first.body);
        let made = first.body;
        let id = made["id"].as_str().unwrap();
        let again = format!("/v1/verifications/{id}/resend");
        let reply = house.ask(Method::POST, &again, None).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        // While they wait and are sent; which they are is known later.
        backs_up(&house, "waiting.db");
        let copied = house.data_dir().join("waiting.wal");
        std::fs::copy(house.data_dir().join("cellpost.db-wal"), copied).unwrap();
        let texts = match resend {
            // The one that had left, or the one that replaced it before it could.
            "replace" => {
                house
                    .until("the second code is on the phone", async || {
                        let newest =
                            house.message(reply.body["sends"][1]["message_id"].as_str().unwrap());
                        let is_sent = newest.await["status"] == "delivered";
                        is_sent.then_some(house.texts(TO).await)
                    })
                    .await
            }
            _ => {
                arrives(&house, 2).await;
                house.texts(TO).await
            }
        };
        let codes: Vec<String> = texts.iter().map(|text| code_in(text)).collect();
        backs_up(&house, "sent.db");
        for code in &codes {
            assert_eq!(code.len(), 10, "{texts:?}");
            assert_eq!(
                files_with(&house.data_dir(), code),
                [""; 0],
                "{resend}: {code}"
            );
        }
        let replay = house
            .ask_with(Method::POST, "/v1/verifications", asked, &key)
            .await;
        assert_eq!(replay.headers["idempotency-replayed"], "true");
        for code in &codes {
            assert!(!replay.body.to_string().contains(code.as_str()));
        }
        assert_eq!(
            checks(&house, &made, codes.last().unwrap()).await["valid"],
            true
        );
        backs_up(&house, "over.db");
        for code in &codes {
            assert_eq!(
                files_with(&house.data_dir(), code),
                [""; 0],
                "{resend}: {code}"
            );
        }
    }
}

#[tokio::test]
async fn a_code_goes_before_everything_that_waits() {
    let slow = NetworkSettings {
        latency: Duration::from_millis(100),
        ..fast()
    };
    let house = House::with_network(1, slow, CONFIG).await;
    let mut waiting = Vec::new();
    for at in 0..20 {
        waiting.push(house.send(&format!("+86138001381{at:02}"), "news").await);
    }
    let made = begins(&house, json!({})).await;
    let code = made["sends"][0]["message_id"].as_str().unwrap();
    house.becomes(code, "delivered").await;
    let last = house.message(waiting.last().unwrap()).await;
    assert_eq!(last["status"], "queued", "{last}");
}

#[tokio::test]
async fn a_code_whose_text_fails_may_be_asked_for_again_at_once() {
    let house = House::with_network(1, fast(), "").await;
    // 1, unassigned number: a verdict about the number, and no try follows.
    house
        .fault(
            0,
            Fault::Refuse {
                sends: vec![(1, 1)],
            },
        )
        .await;
    let made = begins(&house, json!({})).await;
    let message = made["sends"][0]["message_id"].as_str().unwrap();
    house.becomes(message, "failed").await;
    let id = made["id"].as_str().unwrap();
    let shown = house
        .ask(Method::GET, &format!("/v1/verifications/{id}"), None)
        .await
        .body;
    assert_eq!(shown["status"], "pending");
    assert_eq!(shown["sends"][0]["status"], "failed");
    let again = house
        .ask(
            Method::POST,
            &format!("/v1/verifications/{id}/resend"),
            None,
        )
        .await;
    assert_eq!(again.status, 200, "{}", again.body);
    let code = arrives(&house, 1).await;
    assert_eq!(checks(&house, &made, &code).await["valid"], true);
}

#[tokio::test]
async fn a_code_outlives_a_restart() {
    let mut house = House::with_network(1, fast(), CONFIG).await;
    let made = begins(&house, json!({})).await;
    let code = arrives(&house, 1).await;
    house.stop().await;
    house.start().await;
    assert_eq!(checks(&house, &made, &code).await["valid"], true);
}

#[tokio::test]
async fn the_command_line_sends_a_code_and_checks_it() {
    let house = House::with_network(1, fast(), CONFIG).await;
    let otp = async |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellpost"));
        command
            .arg("otp")
            .args(args)
            .args(["--url", &house.url()])
            .arg("--key-file")
            .arg(house.data_dir().join("admin.key"));
        // The gateway that it talks to runs on this thread.
        let output = tokio::task::spawn_blocking(move || command.output());
        output.await.unwrap().unwrap()
    };
    let output = otp(&["send", "--to", TO, "--purpose", "login", "--json"]).await;
    assert!(output.status.success(), "{output:?}");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = arrives(&house, 1).await;
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&code));
    let output = otp(&["check", "--to", TO, "--purpose", "login", "--code", "0000"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "cellpost: the code is wrong; attempts left: 4\n");
    let output = otp(&["check", made["id"].as_str().unwrap(), "--code", &code]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "approved\n");
}
