//! A modem reached over TCP, as behind a serial server.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use modem_sim::client::Client;
use modem_sim::{Fault, Settings, Sim, SimError, start};

/// A limit for what should happen at once, not a measurement.
const PATIENCE: Duration = Duration::from_secs(10);

fn simulate() -> (tempfile::TempDir, Sim, Client) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        modems: 2,
        doors: vec![any_port()],
        ..Settings::default()
    };
    let sim = start(&dir.path().join("sim"), settings).unwrap();
    let client = Client::connect(sim.control()).unwrap();
    (dir, sim, client)
}

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

struct Host(TcpStream);

impl Host {
    fn connect(sim: &Sim) -> Self {
        let socket = TcpStream::connect(sim.doors()[0]).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// What is heard after a command, up to and including this.
    #[track_caller]
    fn ask(&mut self, command: &str, end: &str) -> String {
        self.0.write_all(command.as_bytes()).unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            let mut octet = [0];
            match self.0.read(&mut octet) {
                Ok(1) => heard.push(octet[0]),
                ended => panic!("{ended:?}: waited for {end:?}, heard {heard:?}"),
            }
        }
        String::from_utf8(heard).unwrap()
    }

    /// Everything until the connection ends.
    #[track_caller]
    fn last_words(mut self) -> String {
        let mut heard = Vec::new();
        match self.0.read_to_end(&mut heard) {
            Ok(_) => {}
            // What we wrote and nobody read makes a close a reset.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection did not end: {error}"),
        }
        String::from_utf8(heard).unwrap()
    }
}

#[test]
fn a_text_goes_through_the_door_to_its_handset() {
    let (_dir, sim, mut client) = simulate();
    let mut host = Host::connect(&sim);
    assert_eq!(host.ask("ATE0\r", "OK\r\n"), "ATE0\r\r\nOK\r\n");
    assert_eq!(host.ask("AT+CMGS=17\r", "> "), "\r\n> ");
    let answer = host.ask("0001000B913108108300F0000004F4F29C0E\u{1A}", "OK\r\n");
    assert!(answer.starts_with("\r\n+CMGS: "), "{answer:?}");
    let texts = client.handset("+13800138000").unwrap();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].text, "test");
}

#[test]
fn a_modem_keeps_what_one_connection_set_for_the_next() {
    let (_dir, sim, _client) = simulate();
    for expected in ["ATE0\r\r\nOK\r\n", "\r\nOK\r\n", "\r\nOK\r\n"] {
        // At once behind each other, as a script runs one program after another.
        assert_eq!(Host::connect(&sim).ask("ATE0\r", "OK\r\n"), expected);
    }
}

#[test]
fn a_second_connection_is_told_that_the_port_is_in_use() {
    let (_dir, sim, _client) = simulate();
    let mut first = Host::connect(&sim);
    first.ask("ATE0\r", "OK\r\n");
    let second = Host::connect(&sim);
    assert_eq!(second.last_words(), "Port already in use\r\n");
    assert_eq!(first.ask("AT\r", "OK\r\n"), "\r\nOK\r\n");
}

#[test]
fn a_connection_ends_with_the_modem_and_another_finds_it_when_it_is_back() {
    let (_dir, sim, mut client) = simulate();
    let mut host = Host::connect(&sim);
    host.ask("ATE0\r", "OK\r\n");
    client.unplug(0).unwrap();
    assert_eq!(host.last_words(), "");
    let words = Host::connect(&sim).last_words();
    assert!(
        words.starts_with("The port cannot be opened: No such file"),
        "{words:?}"
    );
    client.plug(0).unwrap();
    let mut host = Host::connect(&sim);
    assert_eq!(host.ask("ATE0\r", "OK\r\n"), "ATE0\r\r\nOK\r\n");
}

#[test]
fn a_port_that_another_program_holds_stays_closed() {
    let (_dir, sim, mut client) = simulate();
    client.fault(0, &Fault::PortBusy { on: true }).unwrap();
    let words = Host::connect(&sim).last_words();
    assert!(
        words.starts_with("The port cannot be opened: "),
        "{words:?}"
    );
    client.fault(0, &Fault::PortBusy { on: false }).unwrap();
    assert!(
        Host::connect(&sim)
            .ask("AT\r", "OK\r\n")
            .ends_with("OK\r\n")
    );
}

#[test]
fn a_door_without_a_modem_and_a_taken_address_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let with = |doors: Vec<SocketAddr>| Settings {
        doors,
        ..Settings::default()
    };
    let refused = start(&dir.path().join("a"), with(vec![any_port(); 2])).unwrap_err();
    assert!(
        matches!(
            refused,
            SimError::MoreDoors {
                doors: 2,
                modems: 1
            }
        ),
        "{refused}"
    );
    let taken = TcpListener::bind(any_port()).unwrap();
    let address = taken.local_addr().unwrap();
    let refused = start(&dir.path().join("b"), with(vec![address])).unwrap_err();
    let words = refused.to_string();
    assert!(
        words.starts_with(&format!("a modem cannot be reached at {address}: Address")),
        "{words}"
    );
}
