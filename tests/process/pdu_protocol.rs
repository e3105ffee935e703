//! `cellpost pdu --json`: every vector of the codec, one process, a request at a time.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::daemon::BINARY;

struct Codec {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Codec {
    fn start() -> Self {
        let mut child = Command::new(BINARY)
            .args(["pdu", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            requests: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Sends a line and waits for its answer before the next is sent.
    #[track_caller]
    fn ask(&mut self, request: &str) -> Value {
        writeln!(self.requests, "{request}").unwrap();
        let mut answer = String::new();
        assert_ne!(self.answers.read_line(&mut answer).unwrap(), 0, "{request}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Ends the input; the process ends with success and has said nothing more.
    fn end(mut self) {
        drop(self.requests);
        let mut rest = String::new();
        assert_eq!(self.answers.read_line(&mut rest).unwrap(), 0, "{rest}");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

fn vectors(file: &str) -> Vec<Value> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crates/pdu-codec/tests/vectors"
    );
    let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

#[test]
fn every_vector_has_its_answer_from_one_process() {
    let mut codec = Codec::start();
    let mut asked = 0;
    for file in ["decode.json", "encode.json", "segments.json"] {
        for vector in vectors(file) {
            let answer = codec.ask(&request(&vector));
            assert_eq!(answer["id"], vector["id"]);
            assert_holds(&vector["id"], &vector["expect"], &answer, "");
            asked += 1;
        }
    }
    assert_eq!(asked, 138 + 46 + 39);
    codec.end();
}

#[test]
fn broken_input_has_an_acceptable_answer_and_never_ends_the_process() {
    let mut codec = Codec::start();
    let vectors = vectors("malformed.json");
    assert_eq!(vectors.len(), 198);
    for vector in vectors {
        let answer = codec.ask(&request(&vector));
        let ok = answer["ok"] == true;
        let acceptable = match vector["accept"].as_str().unwrap() {
            "error" => !ok,
            "error_or_truncated" => !ok || answer["truncated"] == true,
            "decode" => ok,
            _ => true,
        };
        assert!(acceptable, "{}: {answer}", vector["id"]);
        if ok {
            assert_holds(&vector["id"], &vector["if_ok"], &answer, "");
        } else {
            assert!(
                answer["error"]
                    .as_str()
                    .is_some_and(|error| !error.is_empty())
            );
        }
    }
    for line in [
        "",
        "nothing",
        "\u{0}",
        "[]",
        "{\"op\":\"decode\",\"pdu\":\"00",
    ] {
        assert_eq!(codec.ask(line)["ok"], false, "{line:?}");
    }
    codec.end();
}

#[test]
fn a_line_of_four_megabytes_is_answered() {
    let mut codec = Codec::start();
    let text = "ы".repeat(2_000_000);
    let answer = codec.ask(&json!({"op": "segment", "text": text, "id": "long"}).to_string());
    assert_eq!(answer["error"], "29851 parts needed, 255 at most");
    let zeros = "0".repeat(4_000_000);
    let answer = codec.ask(&json!({"op": "decode", "pdu": zeros, "id": "zeros"}).to_string());
    assert_eq!(
        (&answer["ok"], &answer["type"]),
        (&json!(true), &json!("deliver"))
    );
    codec.end();
}

fn request(vector: &Value) -> String {
    let mut request = vector["request"].clone();
    request["id"] = vector["id"].clone();
    request.to_string()
}

/// Every key that is expected must match, also within objects (a dot goes into one); hexadecimal without regard to case.
#[track_caller]
fn assert_holds(id: &Value, expected: &Value, answer: &Value, name: &str) {
    match (expected, answer) {
        (Value::Object(keys), Value::Object(_)) => {
            for (key, value) in keys {
                let found = key.split('.').try_fold(answer, |value, key| value.get(key));
                let found = found.unwrap_or_else(|| panic!("{id}: no {key} in {answer}"));
                assert_holds(id, value, found, key);
            }
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (wanted, got) in wanted.iter().zip(got) {
                assert_holds(id, wanted, got, name);
            }
        }
        (Value::String(wanted), Value::String(got)) if matches!(name, "pdu" | "data" | "raw") => {
            assert!(wanted.eq_ignore_ascii_case(got), "{id}: {name} is {got}");
        }
        // A vector without this key expects nothing.
        (Value::Null, _) if name.is_empty() => {}
        _ => assert_eq!(answer, expected, "{id}: {name}"),
    }
}
