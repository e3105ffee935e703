//! The process is ended at every step, for both policies, and started again.
//!
//! The same test is parent and child: with `CRASH_POINT` in its environment it is the gateway that ends there.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use modem_sim::{NetworkSettings, Settings, Sim};
use serde_json::{Value, json};

use super::{Point, arm};
use crate::embed::{Embedded, Start};

const NAME: &str =
    "crash::tests::wherever_the_process_ends_no_text_is_lost_and_none_doubled_unannounced";
const TO: &str = "+8613800138000";
const FROM: &str = "+8613700137000";
const TEXT: &str = "the text that the crash is about";
/// Enough for the mean send time to come down to what the simulated network takes.
const WARM_UP: usize = 16;
/// Gateways that run at once.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn wherever_the_process_ends_no_text_is_lost_and_none_doubled_unannounced() {
    if let Ok(point) = std::env::var("CRASH_POINT") {
        live_until(&point);
    }
    let categories = ["transactional", "bulk"];
    let both = Point::ALL.into_iter();
    let rows: Vec<(usize, Point, &str)> = both
        .flat_map(|point| categories.map(|category| (point, category)))
        .enumerate()
        .map(|(at, (point, category))| (at, point, category))
        .collect();
    let waiting = Mutex::new(rows.into_iter());
    let table = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((at, point, category)) = next else {
                        return;
                    };
                    let row = crash_at(point, category);
                    table.lock().unwrap().push((at, row));
                }
            });
        }
    });
    let mut table = table.into_inner().unwrap();
    table.sort_by_key(|(at, _)| *at);
    let lines: Vec<String> = table.iter().map(|(_, row)| row.line()).collect();
    let text = format!("{HEADING}\n{}\n", lines.join("\n"));
    println!("{text}");
    write_table(&text);
    let wrong: Vec<&String> = lines.iter().filter(|line| line.contains("WRONG")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(table.len(), 44);
}

const HEADING: &str =
    "the process ended          policy     message    copies  may_be_duplicate  in";

/// Beside the tables of the other tests.
fn write_table(text: &str) {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap();
    let folder = target.join("tmp");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("crash-points.txt"), text).unwrap();
}

/// What one crash came to.
struct Row {
    point: Point,
    category: &'static str,
    /// Of the message; `None`: the crash was about a text that came in.
    sent: Option<(String, usize, bool)>,
    received: Option<usize>,
}

impl Row {
    fn line(&self) -> String {
        let policy = match self.category {
            "bulk" => "lose",
            _ => "duplicate",
        };
        let (status, copies, named) = match &self.sent {
            Some((status, copies, named)) => (&**status, copies.to_string(), named.to_string()),
            None => ("", String::new(), String::new()),
        };
        let received = self.received.map(|n| n.to_string()).unwrap_or_default();
        let verdict = match self.is_right() {
            true => "",
            false => "  WRONG",
        };
        let point = format!("{:?}", self.point);
        format!("{point:<26} {policy:<10} {status:<10} {copies:<7} {named:<17} {received}{verdict}")
    }

    fn is_right(&self) -> bool {
        use Point::*;
        let Some((status, copies, named)) = &self.sent else {
            return self.received == Some(1);
        };
        let seen = (self.category, &**status, *copies, *named);
        match self.point {
            // The intent is durable, and the process cannot know that nothing left.
            AfterIntentCommit | BeforeCtrlZ => matches!(
                seen,
                ("transactional", "sent" | "delivered", 1, true) | ("bulk", "unknown", 0, false)
            ),
            // The intent is committed while the modem makes its prompt: it may be durable at this moment, or not yet.
            AfterPrepare => matches!(
                seen,
                ("transactional", "sent" | "delivered", 1, _)
                    | ("bulk", "sent" | "delivered", 1, false)
                    | ("bulk", "unknown", 0, false)
            ),
            AfterCtrlZ | BeforeAnswerIsRead | AfterAnswerIsRead | BeforeHandOver
            | AfterHandOver | BeforeOutcomeCommit => matches!(
                seen,
                ("transactional", "sent" | "delivered", 2, true)
                    | ("bulk", "unknown", 1, false)
                    // A report or a late answer has settled it.
                    | (_, "sent" | "delivered", 1, false)
            ),
            _ => matches!(seen, (_, "sent" | "delivered", 1, false)),
        }
    }
}

fn is_inbound(point: Point) -> bool {
    use Point::*;
    matches!(
        point,
        BeforeInboundCommit | AfterInboundCommit | BeforeDelete | AfterDelete
    )
}

fn crash_at(point: Point, category: &'static str) -> Row {
    let folder = tempfile::tempdir().unwrap();
    let sim = network(folder.path());
    let config = format!(
        "[limits]\nkey_rps = 0\ndirect = []\nceiling = []\n[modem.m1]\ndevice = \"{}\"\nhour_quota = 0\nday_quota = 0\n",
        sim.ports()[0].display()
    );
    std::fs::write(folder.path().join("cellpost.toml"), config).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env("CRASH_POINT", format!("{point:?}"))
        .env("CRASH_CATEGORY", category)
        .env("CRASH_FOLDER", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(
        ended.signal(),
        Some(9),
        "{point:?} was not reached: {ended}"
    );

    let gateway = Place::open(folder.path());
    let (sent, received) = match is_inbound(point) {
        true => (None, Some(gateway.received(&sim))),
        false => (Some(gateway.sent(&sim, category)), None),
    };
    gateway.close();
    Row {
        point,
        category,
        sent,
        received,
    }
}

fn network(folder: &Path) -> Sim {
    let settings = Settings {
        modems: 1,
        seed: 5,
        network: NetworkSettings {
            latency: Duration::from_millis(20),
            prompt: Duration::from_millis(2),
            report_after: Duration::from_millis(100),
            report_status: 0,
        },
        ..Settings::default()
    };
    modem_sim::start(&folder.join("sim"), settings).unwrap()
}

/// The child: ready and warm first, then on its way to its end.
fn live_until(point: &str) -> ! {
    let folder = PathBuf::from(std::env::var("CRASH_FOLDER").unwrap());
    let category = std::env::var("CRASH_CATEGORY").unwrap();
    let all = Point::ALL.into_iter();
    let point = all.clone().find(|one| format!("{one:?}") == point).unwrap();
    let gateway = Place::open(&folder);
    for number in 0..WARM_UP {
        let to = format!("+86139{number:08}");
        gateway.asks(&to, "warm-up", "transactional", None);
    }
    gateway.until("all is delivered", || {
        let page = gateway.get("/v1/messages?limit=200&status=delivered");
        (page["data"].as_array().unwrap().len() == WARM_UP).then_some(())
    });
    arm(point);
    if is_inbound(point) {
        let control = folder.join("sim/ctl");
        let mut phones = modem_sim::client::Client::connect(&control).unwrap();
        phones.reply_to(0, FROM, TEXT).unwrap();
    } else {
        gateway.asks(TO, TEXT, &category, Some("the-key"));
    }
    std::thread::sleep(PATIENCE);
    std::process::exit(3);
}

/// A gateway and the program that talks to it.
struct Place {
    runtime: tokio::runtime::Runtime,
    gateway: Embedded,
    address: String,
    key: String,
}

impl Place {
    fn open(folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let start = Start {
            config: Some(folder.join("cellpost.toml")),
            data_dir: folder.join("data"),
            ..Start::default()
        };
        let gateway = runtime.block_on(Embedded::start(start)).unwrap();
        let key = std::fs::read_to_string(folder.join("data/admin.key")).unwrap();
        Self {
            address: gateway.url().strip_prefix("http://").unwrap().to_owned(),
            key: key.trim().to_owned(),
            runtime,
            gateway,
        }
    }

    fn close(self) {
        self.runtime.block_on(self.gateway.stop());
    }

    /// The crash was about this text: asked again with its key, and waited for until nothing more is to come.
    fn sent(&self, sim: &Sim, category: &str) -> (String, usize, bool) {
        let id = self.asks(TO, TEXT, category, Some("the-key"));
        let id = id.unwrap_or_else(|| panic!("the repeated request was refused"));
        let message = self.until("the message has an end", || {
            let message = self.get(&format!("/v1/messages/{id}"));
            let status = message["status"].as_str().unwrap();
            matches!(status, "sent" | "delivered" | "unknown").then_some(message)
        });
        let all = self.get("/v1/messages?limit=200&to=%2B8613800138000");
        assert_eq!(
            all["data"].as_array().unwrap().len(),
            1,
            "one message: {all}"
        );
        let copies = ledger(sim)
            .iter()
            .filter(|entry| entry["to"] == TO && entry["text"] == TEXT)
            .count();
        let status = message["status"].as_str().unwrap().to_owned();
        (status, copies, message["may_be_duplicate"] == true)
    }

    /// How often the text is in the inbox when the one behind it is there.
    fn received(&self, sim: &Sim) -> usize {
        let mut phones = modem_sim::client::Client::connect(sim.control()).unwrap();
        phones.reply_to(0, FROM, "the text behind it").unwrap();
        let texts = self.until("both texts are in the inbox", || {
            let page = self.get("/v1/inbox?limit=200");
            let texts = page["data"].as_array().unwrap().clone();
            let is_there = |text: &str| texts.iter().any(|one| one["text"] == text);
            (is_there("the text behind it") && is_there(TEXT)).then_some(texts)
        });
        texts.iter().filter(|one| one["text"] == TEXT).count()
    }

    /// `None`: no answer, or not 202.
    fn asks(&self, to: &str, text: &str, category: &str, key: Option<&str>) -> Option<String> {
        let body = json!({ "to": to, "text": text, "category": category }).to_string();
        let key = key.map(|key| format!("Idempotency-Key: {key}\r\n"));
        let reply = self.call("POST", "/v1/messages", &key.unwrap_or_default(), &body)?;
        reply["id"].as_str().map(str::to_owned)
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", path, "", "").unwrap()
    }

    fn call(&self, method: &str, path: &str, more: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n{more}\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.key,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, content) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(content).ok()
    }

    fn until<T>(&self, what: &str, ask: impl Fn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "it did not come to pass: {what}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn ledger(sim: &Sim) -> Vec<Value> {
    let mut client = modem_sim::client::Client::connect(sim.control()).unwrap();
    let (mut entries, mut from) = (Vec::new(), 1);
    loop {
        let (page, next) = client.ledger(from).unwrap();
        if page.is_empty() {
            return entries;
        }
        entries.extend(page);
        from = next;
    }
}
