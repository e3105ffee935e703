//! The simulator as other programs meet it: terminals, a control socket and a ledger in a folder.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use modem_sim::client::Client;
use modem_sim::{Fault, NetworkSettings, Settings, Sim, SimError, start};
use pdu_codec::{Address, AlphabetChoice, Envelope, Reference, Submit, SubmitOptions};
use rustix::termios::{ioctl_tiocexcl, tcgetattr};
use serde_json::{Value, json};

const FRIEND: &str = "+8613800138000";
/// A limit for what should happen at once, not a measurement.
const PATIENCE: Duration = Duration::from_secs(10);

fn fast(modems: usize) -> Settings {
    Settings {
        modems,
        seed: 1,
        network: NetworkSettings {
            latency: Duration::from_millis(5),
            prompt: Duration::ZERO,
            report_after: Duration::from_millis(5),
            report_status: 0,
        },
        ..Settings::default()
    }
}

fn simulate(modems: usize) -> (tempfile::TempDir, Sim, Client) {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(&dir.path().join("sim"), fast(modems)).unwrap();
    let client = Client::connect(sim.control()).unwrap();
    (dir, sim, client)
}

/// A program that has a port open.
struct Host {
    port: File,
    chunks: Receiver<Vec<u8>>,
    heard: String,
}

impl Host {
    fn open(path: &Path) -> Self {
        let port = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let mut reader = port.try_clone().unwrap();
        let (sender, chunks) = channel();
        thread::spawn(move || {
            let mut buf = [0; 4096];
            // Ends with the port: 0 octets or EIO.
            while let Ok(count) = reader.read(&mut buf) {
                if count == 0 || sender.send(buf[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            port,
            chunks,
            heard: String::new(),
        }
    }

    fn write(&mut self, text: &str) {
        self.port.write_all(text.as_bytes()).unwrap();
    }

    /// Everything up to and including `end`.
    #[track_caller]
    fn hear(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.heard.find(end) {
                let rest = self.heard.split_off(at + end.len());
                return std::mem::replace(&mut self.heard, rest);
            }
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => self.heard.push_str(&String::from_utf8_lossy(&chunk)),
                Err(error) => panic!("{error}: waited for {end:?}, heard {:?}", self.heard),
            }
        }
    }

    #[track_caller]
    fn set_up(&mut self) {
        self.write("ATE0\r");
        self.hear("OK\r\n");
        self.write("AT+CMEE=1;+CNMI=2,1,0,1,0\r");
        assert_eq!(self.hear("OK\r\n"), "\r\nOK\r\n");
    }

    #[track_caller]
    fn send(&mut self, text: &str) -> String {
        let mut answers = String::new();
        let to = Address::parse(FRIEND).unwrap();
        let options = SubmitOptions {
            reference: Reference::Sixteen(0x1234),
            ..SubmitOptions::default()
        };
        for submit in Submit::texts(&to, text, AlphabetChoice::Auto, &options).unwrap() {
            let envelope = Envelope::new(None, submit.encode());
            self.write(&format!("AT+CMGS={}\r", envelope.cmgs_length()));
            assert_eq!(self.hear("> "), "\r\n> ");
            self.write(&format!("{}\u{1A}", envelope.to_hex()));
            answers.push_str(&self.hear("\r\n\r\nOK\r\n"));
        }
        answers
    }

    /// Waits for the end of the line.
    #[track_caller]
    fn reads_its_end(self) {
        loop {
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
                Err(error) => panic!("the port did not end: {error}"),
            }
        }
    }
}

#[test]
fn a_long_text_in_chinese_reaches_the_handset_whole() {
    let (_dir, sim, mut client) = simulate(1);
    let mut host = Host::open(&sim.ports()[0]);
    host.set_up();
    let text = "您的验证码是 😀 ".repeat(15);
    let answers = host.send(&text);
    assert_eq!(answers.matches("+CMGS: ").count(), 3);

    let texts = client.handset(FRIEND).unwrap();
    assert_eq!(texts.len(), 1);
    assert_eq!((texts[0].text.as_str(), texts[0].parts), (text.as_str(), 3));
    assert_eq!(texts[0].from, client.stats().unwrap()[0].number);
}

#[test]
fn the_ledger_has_a_line_for_each_accepted_text() {
    let (_dir, sim, mut client) = simulate(1);
    let mut host = Host::open(&sim.ports()[0]);
    host.set_up();
    host.send("eins");
    host.send("zwei");
    assert_eq!(client.wait_accepted(2, PATIENCE).unwrap(), 2);

    let file = std::fs::read_to_string(sim.ledger()).unwrap();
    let lines: Vec<Value> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["n"], 2);
    assert_eq!(lines[1]["text"], "zwei");
    assert_eq!(lines[1]["to"], FRIEND);
    let times = ["cmgs_ns", "prompt_ns", "pdu_ns", "answer_ns"];
    let times = times.map(|name| lines[1][name].as_u64().unwrap());
    assert!(times.is_sorted(), "{times:?}");
    assert!(times[3] - times[2] >= 5_000_000, "5 ms of latency");
    assert_eq!(client.ledger(2).unwrap(), (vec![lines[1].clone()], 3));
}

#[test]
fn an_unplugged_modem_is_gone_and_comes_back_as_after_power_up() {
    let (_dir, sim, mut client) = simulate(2);
    let port = sim.ports()[1].clone();
    let mut host = Host::open(&port);
    host.set_up();
    client.unplug(1).unwrap();
    host.reads_its_end();
    assert!(port.symlink_metadata().is_err(), "the link is gone");
    assert!(sim.ports()[0].exists(), "the neighbour stays");
    assert!(matches!(client.unplug(1), Err(SimError::Refused { .. })));

    client.plug(1).unwrap();
    let mut host = Host::open(&port);
    host.write("AT\r");
    assert_eq!(host.hear("OK\r\n"), "AT\r\r\nOK\r\n");
}

#[test]
fn a_modem_unplugged_for_a_while_returns_by_itself() {
    let (_dir, sim, mut client) = simulate(1);
    let host = Host::open(&sim.ports()[0]);
    client.unplug_for(0, Duration::from_millis(50)).unwrap();
    host.reads_its_end();
    wait_until("the port is back", || sim.ports()[0].exists());
    let mut host = Host::open(&sim.ports()[0]);
    host.write("AT\r");
    host.hear("OK\r\n");
}

#[test]
fn a_port_can_be_opened_again_after_its_host_died_with_the_exclusive_flag_set() {
    let (_dir, sim, _client) = simulate(1);
    let node = std::fs::canonicalize(&sim.ports()[0]).unwrap();
    std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o666)).unwrap();

    let host = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&node)
        .unwrap();
    ioctl_tiocexcl(&host).unwrap();
    assert!(
        !others_can_open(&node),
        "the flag holds while its host lives"
    );
    drop(host);
    wait_until("the flag is cleared", || others_can_open(&node));
}

/// Root may open an exclusive terminal, so somebody else tries.
fn others_can_open(node: &Path) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", "exec 3<>\"$0\""]).arg(node);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    command.output().unwrap().status.success()
}

#[test]
fn a_host_that_left_echo_on_does_not_make_the_modem_talk_to_itself() {
    let (_dir, sim, mut client) = simulate(1);
    let host = File::open(&sim.ports()[0]).unwrap();
    let mut mode = tcgetattr(&host).unwrap();
    mode.local_modes |= rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON;
    rustix::termios::tcsetattr(&host, rustix::termios::OptionalActions::Now, &mode).unwrap();
    drop(host);
    let watcher = File::open(&sim.ports()[0]).unwrap();
    wait_until("the terminal is raw again", || {
        let modes = tcgetattr(&watcher).unwrap().local_modes;
        !modes.contains(rustix::termios::LocalModes::ECHO)
    });
    client.fault(0, &Fault::Urc { text: "AT".into() }).unwrap();
    assert_eq!(client.stats().unwrap()[0].at_lines, 0);
}

#[test]
fn what_nobody_reads_is_kept_for_the_next_host_up_to_a_limit() {
    let (_dir, sim, mut client) = simulate(1);
    let text = "x".repeat(4000);
    for n in 0..50 {
        let text = format!("{n} {text}");
        client.fault(0, &Fault::Urc { text }).unwrap();
    }
    let mut host = Host::open(&sim.ports()[0]);
    host.hear("\r\n49 xxx");
    host.hear("x\r\n");
    host.write("AT\r");
    host.hear("OK\r\n");
}

#[test]
fn a_reply_and_a_report_reach_the_host() {
    let (_dir, sim, mut client) = simulate(1);
    let mut host = Host::open(&sim.ports()[0]);
    host.set_up();
    assert_eq!(client.reply(FRIEND, "好").unwrap(), 0);
    host.hear("+CMTI: \"SM\",1\r\n");
    host.write("AT+CMGR=1\r");
    assert!(host.hear("OK\r\n").contains("\r\n+CMGR: 0,,"));
    // transcripts/03, "hello" with a report wanted
    host.write("AT+CMGS=18\r");
    host.hear("> ");
    host.write("0021000C91447700091032000005E8329BFD06\u{1A}");
    host.hear("OK\r\n");
    host.hear("+CDS: 25\r\n");
    host.hear("\r\n");
}

#[test]
fn control_answers_whatever_it_is_sent() {
    let (_dir, sim, mut client) = simulate(1);
    for (request, complaint) in [
        (json!({}), "do"),
        (json!({ "do": "fly" }), "fly"),
        (json!({ "do": "unplug", "modem": 7 }), "no modem 7"),
        (
            json!({ "do": "reply", "number": "", "text": "x" }),
            "no number",
        ),
        (
            json!({ "do": "wait_accepted", "count": 1, "timeout_ms": 1 }),
            "0 of 1",
        ),
        (
            json!({ "do": "fault", "modem": 0, "fault": { "kind": "x" } }),
            "x",
        ),
        (json!([[[]]]), "request"),
    ] {
        match client.call(&request) {
            Err(SimError::Refused { why }) => assert!(why.contains(complaint), "{why}"),
            other => panic!("{request} gave {other:?}"),
        }
    }
    let mut raw = UnixStream::connect(sim.control()).unwrap();
    raw.write_all(b"\xFF\xFE\n").unwrap();
    let mut answer = [0; 12];
    raw.read_exact(&mut answer).unwrap();
    assert!(answer.starts_with(b"{"));
    raw.write_all(&vec![b'x'; 70_000]).unwrap_or_default();
    let mut rest = String::new();
    let _ = raw.read_to_string(&mut rest);
    assert!(rest.contains("64 KiB"), "{rest}");
    assert!(client.stats().is_ok());
}

#[test]
fn the_thirty_third_connection_is_turned_away_and_a_place_becomes_free() {
    let (_dir, sim, client) = simulate(1);
    let mut others: Vec<_> = (0..31)
        .map(|_| Client::connect(sim.control()).unwrap())
        .collect();
    for other in &mut others {
        other.stats().unwrap();
    }
    let one_more = Client::connect(sim.control()).and_then(|mut client| client.stats());
    assert!(one_more.is_err());
    drop(client);
    wait_until("a place is free", || {
        let again = Client::connect(sim.control()).and_then(|mut client| client.stats());
        again.is_ok()
    });
}

#[test]
fn the_network_can_be_changed_while_it_runs() {
    let (_dir, _sim, mut client) = simulate(1);
    let now = client
        .call(&json!({ "do": "network", "latency_ms": 20, "report_status": 70 }))
        .unwrap();
    let expected = json!({
        "ok": true, "latency_ms": 20, "prompt_ms": 0, "report_after_ms": 5, "report_status": 70,
    });
    assert_eq!(now, expected);
}

#[test]
fn one_folder_holds_one_living_simulation() {
    let (_dir, sim, _client) = simulate(1);
    let folder = sim.control().parent().unwrap().to_owned();
    assert!(matches!(
        start(&folder, fast(1)),
        Err(SimError::AlreadyRunning { .. })
    ));
    assert!(sim.ports()[0].exists(), "the living one was left alone");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(sim.control())), (0o700, 0o600));

    let (control, port) = (sim.control().to_owned(), sim.ports()[0].clone());
    sim.stop();
    assert!(!control.exists() && port.symlink_metadata().is_err());
    start(&folder, fast(1)).unwrap();
}

#[test]
fn what_a_dead_simulation_left_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(dir.path().join("ctl")).unwrap());
    symlink("/dev/pts/99999", dir.path().join("modem0")).unwrap();
    symlink("/dev/pts/99998", dir.path().join("modem7")).unwrap();
    let sim = start(dir.path(), fast(1)).unwrap();
    Client::connect(sim.control()).unwrap().stats().unwrap();
    assert!(sim.ports()[0].exists());
    assert!(dir.path().join("modem7").symlink_metadata().is_err());
}

#[test]
fn what_is_not_ours_is_left_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("modem0"), "precious").unwrap();
    assert!(matches!(
        start(dir.path(), fast(1)),
        Err(SimError::InTheWay { .. })
    ));
    assert_eq!(
        std::fs::read_to_string(dir.path().join("modem0")).unwrap(),
        "precious"
    );
}

/// For what another process or thread does in its own time.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_fault_of_the_list_can_be_ordered_through_the_control_socket() {
    let (_dir, _sim, mut client) = simulate(2);
    for listed in Fault::CATALOGUE {
        let fault = listed.example().unwrap();
        client
            .fault(0, &fault)
            .unwrap_or_else(|error| panic!("{}: {error}", listed.name));
        client.fault(0, &Fault::Clear).unwrap();
        for modem in 0..2 {
            if !client.stats().unwrap()[modem].plugged {
                client.plug(modem).unwrap();
            }
        }
    }
}

#[test]
fn a_port_that_another_program_holds_cannot_be_locked() {
    use rustix::fs::{FlockOperation, flock};
    let (_dir, sim, mut client) = simulate(1);
    let port = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(&sim.ports()[0])
    };
    client.fault(0, &Fault::PortBusy { on: true }).unwrap();
    // TIOCEXCL does not keep root out; the lock that careful programs take does.
    let taken = port().is_err_and(|error| error.kind() == std::io::ErrorKind::ResourceBusy)
        || port().is_ok_and(|port| flock(&port, FlockOperation::NonBlockingLockExclusive).is_err());
    assert!(taken);
    client.fault(0, &Fault::PortBusy { on: false }).unwrap();
    let port = port().unwrap();
    flock(&port, FlockOperation::NonBlockingLockExclusive).unwrap();
}
