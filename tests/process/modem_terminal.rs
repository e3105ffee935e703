//! `modem ussd` and `modem chat` as a person has them: on a terminal, against a gateway with its own simulation.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::daemon::{BINARY, Daemon, run, text};

/// Both ends of a terminal: a person's, and a program's.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let path = ptsname(&person, Vec::new()).unwrap();
    let program = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path.into_string().unwrap())
        .unwrap();
    (File::from(person), program)
}

/// What the command prints while a person types this.
fn typed(arguments: &[&str], input: &[u8], folder: &Path) -> String {
    let (mut person, program) = terminal();
    let child = Command::new(BINARY)
        .args(arguments)
        .current_dir(folder)
        .stdin(program)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    person.write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

#[test]
fn on_a_terminal_the_reply_that_the_network_wants_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Command::new(BINARY);
    serve
        .current_dir(folder.path())
        .args(["serve", "--simulate", "1", "--listen", "127.0.0.1:0"]);
    let daemon = Daemon::start(&mut serve);
    assert!(daemon.screen.contains("modem0 ready"), "{}", daemon.screen);
    let session = r#"{"kind":"ussd","form":"session","text":"1 or 2?"}"#;
    let fault = run(&["sim", "fault", "0", session], folder.path());
    assert_eq!(fault.status.code(), Some(0), "{}", text(&fault.stderr));

    let ussd = ["modem", "ussd", "sim1", "*100#"];
    let shown = typed(&ussd, b"1\n", folder.path());
    assert_eq!(shown, "1 or 2?\nreply (empty ends it)> 1 or 2?\n");

    // Nobody at a terminal: the question is shown, and the next call is the reply.
    run(&["sim", "fault", "0", session], folder.path());
    let asked = run(&ussd, folder.path());
    assert_eq!(text(&asked.stdout), "1 or 2?\n");
    let replied = run(&["modem", "ussd", "sim1", "1", "--json"], folder.path());
    let answer: serde_json::Value = serde_json::from_slice(&replied.stdout).unwrap();
    assert_eq!(answer["status"], "done");

    // Ctrl-D behind two lines.
    let shown = typed(
        &["modem", "chat", "sim1"],
        b"AT+CSQ\nATD112\n\x04",
        folder.path(),
    );
    assert!(shown.contains("+CSQ: "), "{shown}");
    assert!(shown.contains("ATD dials"), "{shown}");
}
