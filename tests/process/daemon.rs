//! The real binary as a process, and simulated modems that outlive it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use modem_sim::{NetworkSettings, Settings, Sim};
use serde_json::Value;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cellpost");

/// How long anything that must happen may take on a loaded machine. Never waited out when it happens.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Modems in this process, a config that names them, and a data folder.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sim: Sim,
}

/// Tests send as much to one number as they like.
const LIFTED: &str =
    "[limits]\nkey_rps = 0\ndirect = []\nalert = []\nnotify = []\nceiling = []\nanonymous = '0'\n";

impl Site {
    pub(crate) fn new(modems: usize, latency: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = NetworkSettings {
            latency,
            prompt: Duration::from_millis(2),
            report_after: Duration::from_millis(20),
            report_status: 0,
        };
        let settings = Settings {
            modems,
            seed: 7,
            network,
            ..Settings::default()
        };
        let sim = modem_sim::start(&folder.path().join("sim"), settings).unwrap();
        let mut config = LIFTED.to_owned();
        for (at, port) in sim.ports().iter().enumerate() {
            config += &format!(
                "[modem.m{}]\ndevice = \"{}\"\nhour_quota = 0\nday_quota = 0\n",
                at + 1,
                port.display()
            );
        }
        std::fs::write(folder.path().join("cellpost.toml"), config).unwrap();
        Self { folder, sim }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("cellpost.toml")
    }

    /// Starts the gateway and waits until it shows its screen.
    pub(crate) fn serve(&self) -> Daemon {
        Daemon::start(&mut self.command())
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg("serve")
            .arg("--config")
            .arg(self.config())
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["--listen", "127.0.0.1:0"]);
        command
    }

    pub(crate) fn key(&self) -> String {
        let file = self.data_dir().join("admin.key");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    pub(crate) fn phones(&self) -> modem_sim::client::Client {
        modem_sim::client::Client::connect(self.sim.control()).unwrap()
    }

    /// Leaves its folder where it is.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    pub(crate) fn ledger(&self) -> Vec<Value> {
        let (mut entries, mut from, mut phones) = (Vec::new(), 1, self.phones());
        loop {
            let (page, next) = phones.ledger(from).unwrap();
            if page.is_empty() {
                return entries;
            }
            entries.extend(page);
            from = next;
        }
    }
}

/// A running `cellpost serve`. Dropped: killed.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// What it printed up to its curl line.
    pub(crate) screen: String,
}

impl Daemon {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (daemon, lines) = Self::shown(command);
        // A full pipe is a test of its own.
        drain(lines);
        daemon
    }

    /// What it prints after its screen is left in the pipe for the caller to read, or not.
    pub(crate) fn shown(command: &mut Command) -> (Self, BufReader<ChildStdout>) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut screen = String::new();
        let mut address = String::new();
        let address = loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                let mut log = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut log)
                    .unwrap();
                panic!("it ended before it showed its screen:\n{screen}{log}");
            }
            screen += &line;
            if let Some((_, at)) = line.split_once("listening  http://") {
                address = at.trim().to_owned();
            }
            if line.starts_with("  curl ") {
                break address;
            }
        };
        drain(child.stderr.take().unwrap());
        let daemon = Self {
            child,
            address,
            screen,
        };
        (daemon, lines)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ends(mut self) -> std::process::ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, key: &str, body: &str) -> Reply {
        ask(&self.address, method, path, key, body).unwrap()
    }

    pub(crate) fn message(&self, id: &str, key: &str) -> Value {
        let reply = self.ask("GET", &format!("/v1/messages/{id}"), key, "");
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// Waits until the message has this status.
    pub(crate) fn becomes(&self, id: &str, key: &str, status: &str) -> Value {
        self.becomes_one_of(id, key, &[status])
    }

    pub(crate) fn becomes_one_of(&self, id: &str, key: &str, statuses: &[&str]) -> Value {
        let started = Instant::now();
        loop {
            let message = self.message(id, key);
            if statuses.iter().any(|status| message["status"] == *status) {
                return message;
            }
            let waited_enough = started.elapsed() >= PATIENCE;
            assert!(!waited_enough, "not {statuses:?}: {message}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn events(&self, id: &str, key: &str) -> Vec<Value> {
        let reply = self.ask("GET", &format!("/v1/messages/{id}/events"), key, "");
        reply.body["data"].as_array().unwrap().clone()
    }

    pub(crate) fn event_types(&self, id: &str, key: &str) -> Vec<String> {
        let events = self.events(id, key);
        let types = events.iter().map(|event| event["type"].as_str().unwrap());
        types.map(str::to_owned).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// One request over a connection of its own, without a key if that is empty. `Err`: no whole answer came.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    key: &str,
    body: &str,
) -> std::io::Result<Reply> {
    ask_with(address, method, path, key, &[], body)
}

/// The same with more headers.
pub(crate) fn ask_with(
    address: &str,
    method: &str,
    path: &str,
    key: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut more: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    if !key.is_empty() {
        more += &format!("Authorization: Bearer {key}\r\n");
    }
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{more}\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(cut)?;
    let (_, content) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
    let body = match content {
        "" => Value::Null,
        content => serde_json::from_str(content).map_err(|_| cut())?,
    };
    Ok(Reply { status, body })
}

fn drain(mut pipe: impl Read + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()));
}

/// Asks until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "it did not come to pass: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str], folder: &Path) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
