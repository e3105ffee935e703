//! `cellpost serve`: the daemon and its screen.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustix::fs::Mode;
use tokio::runtime::Handle;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::{CommandError, ServeArgs, load, runtime};
use crate::app::Gateway;
use crate::config::{Log, LogFormat};
use crate::domain::{FleetView, ModemState};
use crate::store::{BatchStep, Step};
use crate::system::{Signal, Signals, notify};
use crate::telemetry::{self, Form, Logging};

pub(super) fn run(args: &ServeArgs) -> Result<(), CommandError> {
    // The database, its WAL and the ledger hold people's numbers and texts.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    #[cfg_attr(not(feature = "sim"), allow(unused_mut))]
    let mut config = load(&args.config, &args.listen, args.simulate)?;
    #[cfg(feature = "sim")]
    {
        config.simulate.cloud |= args.simulate_cloud;
    }
    let log = start_log(config.log)?;
    let shows_steps = config.simulate.modems > 0 || std::io::stdout().is_terminal();
    runtime()?.block_on(async {
        // Before anything is started: a signal must never find nobody listening.
        let signals = Signals::new()
            .map_err(|error| CommandError::Failed(format!("signals cannot be read: {error}")))?;
        let gateway = Gateway::start(config).await?;
        settle_down(&gateway).await;
        show(&gateway);
        let screen = shows_steps.then(|| show_steps(gateway.steps(), gateway.batch_steps()));
        notify::ready();
        let ended = serve_until_told(&gateway, signals, || reload(args, &log, &gateway)).await;
        notify::stopping();
        gateway.stop().await;
        if let Some(screen) = screen {
            // It ends with the store; what it still prints is the last step. Nobody may be reading.
            let _ = tokio::time::timeout(LAST_STEPS, screen).await;
        }
        ended
    })
}

/// What systemd shows of the service.
fn fleet_line(fleet: &FleetView) -> String {
    let ready = fleet
        .iter()
        .filter(|modem| modem.state == ModemState::Ready)
        .count();
    format!("{ready} of {} modems ready", fleet.len())
}

/// SIGHUP. A bad file changes nothing.
async fn reload(args: &ServeArgs, log: &Logging, gateway: &Gateway) {
    let config = match load(&args.config, &args.listen, args.simulate) {
        Ok(config) => config,
        Err(error) => return warn!(%error, "the config is kept as it was"),
    };
    match gateway.read_again(&config).await {
        Ok(()) => {
            log.set_level(config.log.level);
            info!(
                "config read again: log.level, [limits], [guard], auth.anonymous_*, the sections of modems, modems.adopt and modems.profiles_dir hold from now on, every other key from the next start"
            );
        }
        Err(error) => warn!(%error, "the config is kept as it was"),
    }
}

fn start_log(log: Log) -> Result<Logging, CommandError> {
    let is_terminal = std::io::stderr().is_terminal();
    let form = match log.format {
        LogFormat::Auto => Form::fitting(is_terminal),
        LogFormat::Journal => Form::Journal,
        LogFormat::Json => Form::Json,
        LogFormat::Text => Form::text(is_terminal),
    };
    telemetry::init(log.level, form)
        .map_err(|error| CommandError::Failed(format!("the log cannot be started: {error}")))
}

/// How often the daemon looks at itself when no watchdog asks for more.
const HEARTBEAT: Duration = Duration::from_secs(10);

async fn serve_until_told<R: Future<Output = ()>>(
    gateway: &Gateway,
    mut signals: Signals,
    reload: impl Fn() -> R,
) -> Result<(), CommandError> {
    let mut heartbeat = tokio::time::interval(notify::watchdog_interval().unwrap_or(HEARTBEAT));
    let mut reloads = FuturesUnordered::new();
    loop {
        tokio::select! {
            // It may wait for a modem, and the watchdog does not.
            Some(()) = reloads.next() => {}
            signal = signals.next() => match signal {
                Signal::Terminate | Signal::Interrupt => {
                    info!("stopping: what is under way is finished first");
                    return Ok(());
                }
                Signal::Hangup => reloads.push(reload()),
            },
            _ = heartbeat.tick() => {
                if gateway.is_broken() {
                    error!("a room that must not end has ended");
                    return Err(CommandError::Failed(
                        "a part of the gateway ended by itself; the log above says why".into(),
                    ));
                }
                notify::alive();
                notify::status(&fleet_line(&gateway.modems().borrow()));
            }
        }
    }
}

/// The screen shows each modem with its state: those that are there are given a moment to say it.
async fn settle_down(gateway: &Gateway) {
    const MOMENT: Duration = Duration::from_secs(2);
    let mut view = gateway.modems();
    let all_have_said = view.wait_for(|fleet| {
        let is_on_its_way = |state| {
            matches!(
                state,
                ModemState::Absent | ModemState::Starting | ModemState::Registering
            )
        };
        !fleet.iter().any(|modem| is_on_its_way(modem.state))
    });
    // One that takes longer is shown as it is.
    let _ = tokio::time::timeout(MOMENT, all_have_said).await;
}

/// One screen: what runs, where, and what to paste.
fn show(gateway: &Gateway) {
    let mut out = std::io::stdout().lock();
    // A closed standard output must not end a daemon.
    let _ = write_screen(&mut out, gateway);
}

fn write_screen(out: &mut impl Write, gateway: &Gateway) -> std::io::Result<()> {
    let config = gateway.config();
    let data = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
    let key_file = config.secret_path(&config.auth.admin_key_file);
    let key_file = std::path::absolute(&key_file).unwrap_or(key_file);
    writeln!(out, "cellpost {}", env!("CARGO_PKG_VERSION"))?;
    for address in gateway.addresses() {
        writeln!(out, "  listening  http://{address}")?;
    }
    writeln!(out, "  data       {}", data.display())?;
    write_modems(out, &gateway.modems().borrow())?;
    if let Some(key) = gateway.new_admin_key() {
        writeln!(out, "  admin key  {key}")?;
        writeln!(
            out,
            "             shown this once; kept in {}",
            key_file.display()
        )?;
    }
    if let Some(address) = gateway.addresses().first() {
        writeln!(out)?;
        writeln!(out, "Send a text:")?;
        writeln!(out, "  {}", curl_line(&address.to_string(), &key_file))?;
    }
    #[cfg(feature = "sim")]
    if let Some(simulation) = gateway.simulation() {
        writeln!(out)?;
        writeln!(
            out,
            "Simulated: nothing leaves this machine, and no quota or pause per SIM applies; every limit of [limits] does."
        )?;
        let program = std::env::current_exe().unwrap_or_else(|_| "cellpost".into());
        let control = std::path::absolute(simulation.control())
            .unwrap_or_else(|_| simulation.control().to_owned());
        writeln!(
            out,
            "  {} sim handset +8613800138000 --control {}",
            shell_word(&program.to_string_lossy()),
            shell_word(&control.to_string_lossy())
        )?;
    }
    #[cfg(feature = "sim")]
    if let Some(cloud) = gateway.simulated_cloud() {
        writeln!(out)?;
        writeln!(
            out,
            "A simulated provider is the route cloud:sim; what it was given: curl -sS {}/control/ledger",
            cloud.url()
        )?;
    }
    writeln!(out)?;
    out.flush()
}

fn write_modems(out: &mut impl Write, fleet: &FleetView) -> std::io::Result<()> {
    if fleet.is_empty() {
        return writeln!(
            out,
            "  modems     none: add a [modem.NAME] section, or try --simulate 2"
        );
    }
    for (at, modem) in fleet.iter().enumerate() {
        let heading = if at == 0 { "modems" } else { "" };
        write!(
            out,
            "  {heading:<9}  {} {} {}",
            modem.name,
            modem.device,
            modem.state.as_str()
        )?;
        match (&modem.last_error, modem.state) {
            (Some(error), state) if state != ModemState::Ready => writeln!(out, ": {error}")?,
            _ => writeln!(out)?,
        }
    }
    Ok(())
}

/// Pasted into a shell it sends one text. The key stays in its file.
fn curl_line(address: &str, key_file: &Path) -> String {
    format!(
        "curl -sS http://{address}/v1/messages -H \"Authorization: Bearer $(cat {})\" \
         -H 'Content-Type: application/json' -d '{{\"to\":\"+8613800138000\",\"text\":\"Hello from Cellpost\"}}'",
        shell_word(&key_file.to_string_lossy())
    )
}

/// A path as one word of a POSIX shell.
fn shell_word(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@".contains(&b);
    match path.bytes().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// So long the last steps may take to be printed.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// One line per step of each message, until the store closes; then what is answered ends.
///
/// On a thread of its own: a terminal that was stopped, or a pipe that nobody reads, holds up nothing else.
fn show_steps(
    mut steps: Receiver<Step>,
    mut batches: Receiver<BatchStep>,
) -> oneshot::Receiver<()> {
    let (over, is_over) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || {
        while let Some(line) = runtime.block_on(next_line(&mut steps, &mut batches)) {
            if writeln!(std::io::stdout(), "{line}").is_err() {
                break;
            }
        }
        drop(over);
    });
    is_over
}

async fn next_line(
    steps: &mut Receiver<Step>,
    batches: &mut Receiver<BatchStep>,
) -> Option<String> {
    let line = tokio::select! {
        // A batch ends after its last message has.
        biased;
        step = steps.recv() => step.map(|step| step_line(&step)),
        step = batches.recv() => step.map(|step| batch_line(&step)),
    };
    match line {
        Ok(line) => Some(line),
        Err(RecvError::Lagged(missed)) => Some(format!("… {missed} steps not shown")),
        Err(RecvError::Closed) => None,
    }
}

fn batch_line(step: &BatchStep) -> String {
    let state = step.state.as_str().to_ascii_lowercase();
    format!("{} {} {state}", step.at, step.batch)
}

fn step_line(step: &Step) -> String {
    let event = &step.event;
    let mut line = format!("{} {} {}", event.at, step.message, event.kind.as_str());
    if let Some(part) = event.part {
        line += &format!(" part {}", part.0);
    }
    if let Some(route) = &event.route {
        line += &format!(" via {route}");
    }
    if let Some(detail) = &event.detail {
        line += &format!(" ({detail})");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, EventKind, MessageId, PartNumber, UnixMillis};

    #[test]
    fn the_curl_line_reads_the_key_from_its_file_whatever_the_path_is() {
        let line = curl_line("127.0.0.1:30006", Path::new("/tmp/it's here/admin.key"));
        assert!(
            line.contains(r"$(cat '/tmp/it'\''s here/admin.key')"),
            "{line}"
        );
    }

    #[test]
    fn a_step_is_one_line() {
        let step = Step {
            message: MessageId::parse("MSG_1").unwrap(),
            event: Event::new(UnixMillis(1_700_000_000_000), EventKind::PartSent)
                .part(PartNumber(1))
                .route("modem:sim1")
                .detail("reference 7"),
        };
        assert_eq!(
            step_line(&step),
            "2023-11-14T22:13:20.000Z MSG_1 part_sent part 1 via modem:sim1 (reference 7)"
        );
    }
}
