//! What systemd wants to hear from a `Type=notify` service. Says nothing where nobody listens: without
//! NOTIFY_SOCKET every function here does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// The gateway takes requests.
pub(crate) fn ready() {
    tell(&NotifyState::Ready);
}

/// It takes no more, and finishes what it has in hand.
pub(crate) fn stopping() {
    tell(&NotifyState::Stopping);
}

/// One line for `systemctl status`.
pub(crate) fn status(line: &str) {
    tell(&NotifyState::Status(&on_one_line(line)));
}

/// The gateway lives. To be said at least every [`watchdog_interval`], by what must not hang.
pub(crate) fn alive() {
    tell(&NotifyState::Watchdog);
}

/// How often [`alive`] is to be said: half of what `WatchdogSec=` allows. `None`: nobody asks.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    let mut allowed = 0;
    let asked = sd_notify::watchdog_enabled(false, &mut allowed);
    (asked && allowed > 1).then(|| Duration::from_micros(allowed / 2))
}

fn tell(state: &NotifyState<'_>) {
    // The variables stay: taking them away is not safe once other threads run.
    if let Err(error) = sd_notify::notify(false, std::slice::from_ref(state)) {
        warn!(%error, "systemd cannot be told how the service is");
    }
}

/// A line of the protocol is one statement: a second line in a status would be another one.
fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use super::*;

    const CHILD: &str = "CELLPOST_TEST_NOTIFIES";

    /// The variables of systemd must be there from a process's beginning, so this test runs itself once more.
    #[test]
    fn systemd_hears_of_start_status_life_and_stop() {
        if std::env::var_os(CHILD).is_some() {
            assert_eq!(watchdog_interval(), Some(Duration::from_secs(15)));
            ready();
            status("2 modems\nSTOPPING=1");
            alive();
            stopping();
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let (_, module) = module_path!().split_once("::").unwrap();
        let child = Command::new("sh")
            .args(["-c", "WATCHDOG_PID=$$ exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(format!(
                "{module}::systemd_hears_of_start_status_life_and_stop"
            ))
            .env(CHILD, "1")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000000")
            .output()
            .unwrap();
        assert!(child.status.success(), "{child:?}");

        socket.set_nonblocking(true).unwrap();
        let mut said = String::new();
        let mut datagram = [0; 256];
        while let Ok(length) = socket.recv(&mut datagram) {
            said.push_str(std::str::from_utf8(&datagram[..length]).unwrap());
        }
        assert_eq!(
            said,
            "READY=1\nSTATUS=2 modems STOPPING=1\nWATCHDOG=1\nSTOPPING=1\n"
        );
    }

    #[test]
    fn without_systemd_nothing_is_said() {
        ready();
        assert_eq!(watchdog_interval(), None);
    }
}
