//! A server under measurement as a process of its own, and what the kernel says of it.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::CommandError;

/// The key of the measured gateway; it lives as long as its folder.
pub(super) const KEY: &str = "sk_benchbenchbenchbenchbenchbenchbenchbenchben";

/// A process of this very program; killed when it is dropped.
#[derive(Debug)]
pub(super) struct Served {
    /// The gateway, or the strace around it.
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) pid: u32,
}

/// How a gateway is started.
#[derive(Debug)]
pub(super) struct Recipe {
    folder: PathBuf,
    ports: Vec<PathBuf>,
    /// More of `[limits]`.
    limits: &'static str,
}

/// No limit of what is sent to a number.
const NO_LIMITS: &str = "notify = []\ndirect = []\nalert = []\nceiling = []\n";

impl Recipe {
    /// Writes the config of a gateway with these modems into the folder, and its key.
    pub(super) fn new(folder: &Path, ports: &[PathBuf]) -> Result<Self, CommandError> {
        Self::written(folder, ports, "")
    }

    /// The same without limits of what is sent to a number.
    pub(super) fn without_limits(folder: &Path, ports: &[PathBuf]) -> Result<Self, CommandError> {
        Self::written(folder, ports, NO_LIMITS)
    }

    fn written(
        folder: &Path,
        ports: &[PathBuf],
        limits: &'static str,
    ) -> Result<Self, CommandError> {
        let recipe = Self {
            folder: folder.to_owned(),
            ports: ports.to_owned(),
            limits,
        };
        recipe.write().map_err(failed)?;
        Ok(recipe)
    }

    fn write(&self) -> std::io::Result<()> {
        let mut config = format!(
            "[limits]\nkey_rps = 0\nkey_burst = 0\n{}[message]\nmax_backlog = 0\n",
            self.limits
        );
        for (at, port) in self.ports.iter().enumerate() {
            config += &format!(
                "[modem.m{}]\ndevice = \"{}\"\nhour_quota = 0\nday_quota = 0\n",
                at + 1,
                port.display()
            );
        }
        std::fs::write(self.config(), config)?;
        std::fs::create_dir(self.data())?;
        let mut key = OpenOptions::new();
        key.create(true).write(true).truncate(true).mode(0o600);
        key.open(self.data().join("admin.key"))?
            .write_all(KEY.as_bytes())
    }

    fn config(&self) -> PathBuf {
        self.folder.join("bench.toml")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.data().join("cellpost.db")
    }

    /// Starts the gateway; requests may be written at once and are answered when it is ready for them.
    pub(super) fn start(&self) -> Result<Served, CommandError> {
        let mut command = Command::new(this_program()?);
        self.serve(&mut command)
    }

    /// Starts it under strace, which writes each sync, with its time, to `log`.
    pub(super) fn start_traced(&self, log: &Path) -> Result<Served, CommandError> {
        let mut command = Command::new("strace");
        command
            .args(["-f", "--seccomp-bpf", "-ttt", "-e"])
            .arg("trace=fsync,fdatasync,sync_file_range,msync")
            .arg("-o")
            .arg(log)
            .arg(this_program()?);
        let mut served = self.serve(&mut command)?;
        served.pid = self.pid_of_run_file()?;
        Ok(served)
    }

    fn serve(&self, command: &mut Command) -> Result<Served, CommandError> {
        let address = free_address().map_err(failed)?;
        let _ = std::fs::remove_file(self.data().join("run.json"));
        command
            .arg("serve")
            .arg("--config")
            .arg(self.config())
            .arg("--data-dir")
            .arg(self.data())
            .arg("--listen")
            .arg(address.to_string());
        Served::spawn(command, address)
    }

    fn pid_of_run_file(&self) -> Result<u32, CommandError> {
        let path = self.data().join("run.json");
        let until = Instant::now() + PATIENCE;
        loop {
            let content = std::fs::read_to_string(&path).unwrap_or_default();
            let run: serde_json::Value = serde_json::from_str(&content).unwrap_or_default();
            if let Some(pid) = run["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()) {
                return Ok(pid);
            }
            if Instant::now() > until {
                return Err(CommandError::Failed(
                    "the gateway under strace did not start".into(),
                ));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

/// For a process to begin or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// proc(5) counts CPU time in hundredths of a second, on every machine Linux runs on.
const TICK_MS: u64 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Served {
    /// Starts the server that only answers 204.
    pub(super) fn bare() -> Result<Self, CommandError> {
        let address = free_address().map_err(failed)?;
        let mut command = Command::new(this_program()?);
        command.args(["bench", "bare", &address.to_string()]);
        Self::spawn(&mut command, address)
    }

    fn spawn(command: &mut Command, address: SocketAddr) -> Result<Self, CommandError> {
        // What is configured by the environment of this shell is not measured.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CELLPOST_") {
                command.env_remove(name);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| {
                let program = command.get_program().display();
                CommandError::Failed(format!("{program}: {error}"))
            })?;
        Ok(Self {
            pid: child.id(),
            child,
            address,
        })
    }

    /// Waits until it listens.
    pub(super) fn listens(&self) -> Result<(), CommandError> {
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(self.address).is_err() {
            if Instant::now() > until {
                return Err(CommandError::Failed(format!(
                    "nobody listens on {}",
                    self.address
                )));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Ends it in order; answers when it has ended.
    pub(super) fn stop(mut self) -> Result<(), CommandError> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|error| failed(error.into()))?;
        }
        self.child.wait().map_err(failed)?;
        Ok(())
    }

    /// What the kernel has counted of it so far.
    pub(super) fn usage(&self) -> Result<Usage, CommandError> {
        let process = PathBuf::from(format!("/proc/{}", self.pid));
        let read = |name: &str| std::fs::read_to_string(process.join(name)).map_err(failed);
        let stat = read("stat")?;
        // The second field, the name, may hold spaces; the fourteenth and fifteenth are the times.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = after_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        let mut switches = 0;
        for task in std::fs::read_dir(process.join("task")).map_err(failed)? {
            let path = task.map_err(failed)?.path().join("status");
            // A thread of the blocking pool may have ended meanwhile.
            let status = std::fs::read_to_string(path).unwrap_or_default();
            switches += field(&status, "voluntary_ctxt_switches:");
        }
        Ok(Usage {
            cpu: Duration::from_millis(ticks * TICK_MS),
            written: field(&read("io")?, "write_bytes:"),
            wake_ups: switches,
            resident_kib: field(&read("status")?, "VmRSS:"),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Totals since its start, but for the memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    /// Octets that it made the kernel send to a disk.
    pub(super) written: u64,
    /// Of all threads that are left: each time one of them had waited and was woken.
    pub(super) wake_ups: u64,
    pub(super) resident_kib: u64,
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

fn this_program() -> Result<PathBuf, CommandError> {
    std::env::current_exe().map_err(failed)
}

/// A port that is free at this moment.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn failed(error: std::io::Error) -> CommandError {
    CommandError::Failed(error.to_string())
}
