//! `cellpost bench`: the gateway measured on simulated modems over real ptys, with its real store on a real disk.
//!
//! Definitions: architecture, budgets. Times are taken by the simulation's ledger (CLOCK_MONOTONIC).

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use modem_sim::client::Client as SimClient;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::client::Client;
use super::{CommandError, runtime};
use crate::app::{Gateway, wall_clock};
use crate::config::{Config, Sources};
use crate::domain::{Body, Category, Destination, Encoding, ModemState, Pepper, UnixMillis};
use crate::store::{Store, Submission};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// How busy the modems are kept while a queue of single texts drains.
    Drain {
        #[command(flatten)]
        common: CommonArgs,
        #[arg(long, default_value_t = 200)]
        messages: usize,
        #[arg(long, default_value_t = 1)]
        modems: usize,
    },
    /// From an HTTP request to AT+CMGS on an idle gateway.
    Latency {
        #[command(flatten)]
        common: CommonArgs,
        #[arg(long, default_value_t = 200)]
        messages: usize,
    },
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Ctrl-Z to +CMGS of the simulated network.
    #[arg(long, default_value_t = 20, value_name = "MILLISECONDS")]
    latency_ms: u64,
    /// Folder for the data, on the disk to be measured; removed afterwards.
    #[arg(long, default_value = "cellpost-bench", value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BenchArgs) -> Result<(), CommandError> {
    let (common, figures) = match &args.command {
        BenchCommand::Drain {
            common,
            messages,
            modems,
        } => (
            common,
            in_folder(common, |folder| drain(folder, common, *messages, *modems))?,
        ),
        BenchCommand::Latency { common, messages } => (
            common,
            in_folder(common, |folder| latency(folder, common, *messages))?,
        ),
    };
    show(&figures, common.json);
    Ok(())
}

type Figures = Vec<(&'static str, Value)>;

fn show(figures: &Figures, as_json: bool) {
    if as_json {
        let object: serde_json::Map<String, Value> = figures
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        println!("{}", Value::Object(object));
        return;
    }
    for (name, value) in figures {
        match value.as_str() {
            Some(text) => println!("{name:<26} {text}"),
            None => println!("{name:<26} {value}"),
        }
    }
}

/// The folder must be new: nobody's data is measured, or removed.
fn in_folder(
    common: &CommonArgs,
    measure: impl FnOnce(&Path) -> Result<Figures, CommandError>,
) -> Result<Figures, CommandError> {
    let folder = &common.dir;
    std::fs::create_dir(folder).map_err(|error| {
        CommandError::Failed(format!(
            "{}: {error}; choose a new folder with --dir",
            folder.display()
        ))
    })?;
    let figures = measure(folder);
    let removed = std::fs::remove_dir_all(folder);
    let figures = figures?;
    removed.map_err(|error| CommandError::Failed(format!("{}: {error}", folder.display())))?;
    Ok(figures)
}

const LIFTED: &str = "key_rps, key_burst, max_backlog (simulated modems have no quota or pause)";

fn settings(folder: &Path, modems: usize, latency_ms: u64) -> Result<Config, CommandError> {
    let set = |key: &str, value: &str| (format!("CELLPOST_{key}"), value.to_owned());
    let sources = Sources {
        // Whatever is configured on this machine is not measured.
        config: Some(folder.join("bench.toml")),
        data_dir: Some(folder.to_owned()),
        listen: vec![([127, 0, 0, 1], 0).into()],
        simulate: Some(modems),
        env: vec![
            set("SIMULATE__LATENCY_MS", &latency_ms.to_string()),
            set("SIMULATE__PROMPT_MS", "0"),
            set("SIMULATE__REPORT_AFTER_MS", "1000"),
            set("LIMITS__KEY_RPS", "0"),
            set("LIMITS__KEY_BURST", "0"),
            set("MESSAGE__MAX_BACKLOG", "0"),
        ],
    };
    std::fs::write(folder.join("bench.toml"), "")
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(crate::config::load(&sources).map_err(crate::app::StartError::from)?)
}

/// Held back this long after the start, so that the modems are ready before the first text is due.
const UNTIL_DUE: Duration = Duration::from_secs(4);

fn drain(
    folder: &Path,
    common: &CommonArgs,
    messages: usize,
    modems: usize,
) -> Result<Figures, CommandError> {
    let config = settings(folder, modems, common.latency_ms)?;
    let fsync_p50 = fsync_p50(folder)?;
    runtime()?.block_on(async {
        let due = wall_clock().plus(UNTIL_DUE);
        fill_queue(&config, messages, due).await?;
        let gateway = Gateway::start(config).await?;
        ready(&gateway).await?;
        let control = control_of(&gateway)?;
        let before = at_lines(&control).await?;
        if wall_clock() >= due {
            return Err(CommandError::Failed(
                "the modems were not ready in time; measure again".into(),
            ));
        }
        let patience = UNTIL_DUE
            + Duration::from_secs(30)
            + Duration::from_millis(common.latency_ms + 50)
                * u32::try_from(messages).unwrap_or(u32::MAX);
        let entries = ledger_of(&control, messages, patience).await?;
        let after = at_lines(&control).await?;
        gateway.stop().await;
        let timings = timings(&entries)?;
        let span = span(&timings);
        let busy: f64 = timings.iter().map(Timing::air).sum();
        let overhead = gaps(&timings, |next| next.pdu);
        let to_cmgs = gaps(&timings, |next| next.cmgs);
        let to_prompt = gaps(&timings, |next| next.prompt);
        let lines = count(after - before) / count(messages as u64);
        Ok(vec![
            ("messages", json!(messages)),
            ("modems", json!(modems)),
            ("network latency ms", json!(common.latency_ms)),
            (
                "busy percent",
                rounded(100.0 * busy / span / modems as f64, 2),
            ),
            ("AT lines per message", rounded(lines, 3)),
            (
                "host overhead p50 ms",
                rounded(percentile(&overhead, 50) / 1e6, 3),
            ),
            (
                "host overhead p99 ms",
                rounded(percentile(&overhead, 99) / 1e6, 3),
            ),
            (
                "result to CMGS p50 ms",
                rounded(percentile(&to_cmgs, 50) / 1e6, 3),
            ),
            (
                "result to prompt p50 ms",
                rounded(percentile(&to_prompt, 50) / 1e6, 3),
            ),
            ("fsync p50 ms", rounded(fsync_p50, 3)),
            ("limits lifted", json!(LIFTED)),
        ])
    })
}

/// Accepts the texts straight through the store's door: intake is not what is measured here.
async fn fill_queue(config: &Config, messages: usize, due: UnixMillis) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    // Nothing here is of category otp, so nothing is sealed with this pepper.
    let pepper = Pepper::new(&[0; Pepper::OCTETS]);
    let (store, threads) =
        Store::open(&config.database_path(), pepper).map_err(|error| failed(&error))?;
    let at = wall_clock();
    let accepts = (0..messages).map(|number| {
        let submission = Submission {
            app: "default".into(),
            to: Destination::stored(&format!("+86138{number:08}")).expect("13 digits, first 86"),
            to_raw: String::new(),
            category: Category::Transactional,
            severity: None,
            body: Body::stored(format!("Message {number} of a queue")),
            encoding: Encoding::Gsm7,
            parts: 1,
            flash: false,
            ref16: false,
            from_modem: None,
            client_ref: None,
            template: None,
            scheduled_at: Some(due),
            expires_at: due.plus(Duration::from_secs(86_400)),
            at,
        };
        store.accept(submission, None)
    });
    for accepted in futures_util::future::join_all(accepts).await {
        accepted.map_err(|error| failed(&error))?;
    }
    drop(store);
    tokio::task::spawn_blocking(|| threads.join())
        .await
        .map_err(|error| failed(&error))
}

/// Between two requests, so that each meets an idle gateway.
const PAUSE: Duration = Duration::from_millis(10);

fn latency(folder: &Path, common: &CommonArgs, messages: usize) -> Result<Figures, CommandError> {
    let config = settings(folder, 1, common.latency_ms)?;
    let key_file = config.secret_path(&config.auth.admin_key_file);
    let fsync_p50 = fsync_p50(folder)?;
    runtime()?.block_on(async {
        let gateway = Gateway::start(config).await?;
        ready(&gateway).await?;
        let control = control_of(&gateway)?;
        let key = std::fs::read_to_string(&key_file)
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        let client = Client::new(
            format!("http://{}", gateway.addresses()[0]),
            key.trim().to_owned(),
        );
        let mut asked_at = Vec::with_capacity(messages);
        for number in 0..messages {
            asked_at.push(monotonic_ns());
            let request =
                json!({ "to": format!("+86138{number:08}"), "text": "Your table is ready" });
            client
                .call(Method::POST, "/v1/messages", Some(&request))
                .await?
                .accepted()?;
            ledger_of(&control, number + 1, Duration::from_secs(30)).await?;
            tokio::time::sleep(PAUSE).await;
        }
        let entries = ledger_of(&control, messages, Duration::from_secs(30)).await?;
        gateway.stop().await;
        let waits: Vec<f64> = timings(&entries)?
            .iter()
            .zip(&asked_at)
            .map(|(timing, asked)| timing.cmgs - asked)
            .collect();
        let waits = sorted(waits);
        Ok(vec![
            ("messages", json!(messages)),
            (
                "request to CMGS p50 ms",
                rounded(percentile(&waits, 50) / 1e6, 3),
            ),
            (
                "request to CMGS p99 ms",
                rounded(percentile(&waits, 99) / 1e6, 3),
            ),
            (
                "request to CMGS max ms",
                rounded(percentile(&waits, 100) / 1e6, 3),
            ),
            ("fsync p50 ms", rounded(fsync_p50, 3)),
            ("limits lifted", json!(LIFTED)),
        ])
    })
}

async fn ready(gateway: &Gateway) -> Result<(), CommandError> {
    let mut view = gateway.modems();
    let all_ready = view.wait_for(|fleet| {
        !fleet.is_empty() && fleet.iter().all(|modem| modem.state == ModemState::Ready)
    });
    match tokio::time::timeout(Duration::from_secs(30), all_ready).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(CommandError::Failed(
            "the simulated modems did not become ready within 30 s".into(),
        )),
    }
}

fn control_of(gateway: &Gateway) -> Result<PathBuf, CommandError> {
    gateway
        .simulation()
        .map(|simulation| simulation.control().to_owned())
        .ok_or_else(|| CommandError::Failed("no simulation runs".into()))
}

/// Runs `ask` on a thread that may block: the simulation's client does.
async fn ask<T: Send + 'static>(
    control: &Path,
    ask: impl FnOnce(&mut SimClient) -> Result<T, modem_sim::SimError> + Send + 'static,
) -> Result<T, CommandError> {
    let control = control.to_owned();
    let answer = tokio::task::spawn_blocking(move || ask(&mut SimClient::connect(&control)?));
    match answer.await {
        Ok(answer) => Ok(answer?),
        Err(error) => Err(CommandError::Failed(error.to_string())),
    }
}

async fn at_lines(control: &Path) -> Result<u64, CommandError> {
    let stats = ask(control, SimClient::stats).await?;
    Ok(stats.iter().map(|modem| modem.at_lines).sum())
}

/// Waits until the network has taken so many texts, and reads what the ledger says of them. The ledger's line is
/// written a moment after the acceptance, with the answer.
async fn ledger_of(
    control: &Path,
    accepted: usize,
    patience: Duration,
) -> Result<Vec<Value>, CommandError> {
    ask(control, move |client| {
        let started = std::time::Instant::now();
        client.wait_accepted(accepted as u64, patience)?;
        let mut entries = Vec::new();
        let mut from = 1;
        while entries.len() < accepted {
            let (page, next) = client.ledger(from)?;
            if page.is_empty() {
                if started.elapsed() > patience {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            entries.extend(page);
            from = next;
        }
        Ok(entries)
    })
    .await
}

/// One text's way through a modem, in nanoseconds of CLOCK_MONOTONIC.
struct Timing {
    modem: u64,
    cmgs: f64,
    prompt: f64,
    pdu: f64,
    answer: f64,
}

impl Timing {
    /// Ctrl-Z to final result.
    fn air(&self) -> f64 {
        self.answer - self.pdu
    }
}

fn timings(entries: &[Value]) -> Result<Vec<Timing>, CommandError> {
    entries
        .iter()
        .map(|entry| {
            let at = |key: &str| entry[key].as_f64();
            let timing = (
                entry["modem"].as_u64(),
                at("cmgs_ns"),
                at("prompt_ns"),
                at("pdu_ns"),
                at("answer_ns"),
            );
            let (Some(modem), Some(cmgs), Some(prompt), Some(pdu), Some(answer)) = timing else {
                return Err(CommandError::Failed(
                    "a text of the ledger has no answer: the figures would be wrong".into(),
                ));
            };
            Ok(Timing {
                modem,
                cmgs,
                prompt,
                pdu,
                answer,
            })
        })
        .collect()
}

/// First CMGS line to last final result.
fn span(timings: &[Timing]) -> f64 {
    let first = timings.iter().map(|t| t.cmgs).fold(f64::INFINITY, f64::min);
    let last = timings.iter().map(|t| t.answer).fold(0.0, f64::max);
    last - first
}

/// From the final result of one text to a moment of the next one on the same modem, ascending.
fn gaps(timings: &[Timing], until: impl Fn(&Timing) -> f64) -> Vec<f64> {
    let mut gaps = Vec::new();
    for (at, timing) in timings.iter().enumerate() {
        let next = timings[at + 1..]
            .iter()
            .find(|next| next.modem == timing.modem);
        gaps.extend(next.map(|next| until(next) - timing.answer));
    }
    sorted(gaps)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of ascending values; 0 when there are none.
fn percentile(ascending: &[f64], percent: usize) -> f64 {
    let at = (ascending.len() * percent).div_ceil(100).saturating_sub(1);
    ascending.get(at).copied().unwrap_or(0.0)
}

fn rounded(value: f64, digits: i32) -> Value {
    let scale = 10f64.powi(digits);
    json!((value * scale).round() / scale)
}

#[allow(clippy::cast_precision_loss)]
fn count(value: u64) -> f64 {
    value as f64
}

fn monotonic_ns() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    count(seconds * 1_000_000_000 + nanos)
}

/// What one durable write of a page costs on this disk.
fn fsync_p50(folder: &Path) -> Result<f64, CommandError> {
    use std::io::{Seek, SeekFrom, Write};
    let path = folder.join("fsync");
    let measured = || -> std::io::Result<Vec<f64>> {
        let mut file = std::fs::File::create(&path)?;
        let mut waits = Vec::new();
        for round in 0..200u64 {
            let started = std::time::Instant::now();
            file.seek(SeekFrom::Start(round % 64 * 4096))?;
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
            waits.push(started.elapsed().as_secs_f64() * 1e3);
        }
        Ok(waits)
    };
    let waits = measured().map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(percentile(&sorted(waits), 50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let waits: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&waits, 50), 100.0);
        assert_eq!(percentile(&waits, 99), 198.0);
        assert_eq!(percentile(&waits, 100), 200.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[test]
    fn overhead_is_the_gap_on_the_same_modem() {
        let timing = |modem, cmgs, pdu, answer| Timing {
            modem,
            cmgs,
            prompt: cmgs,
            pdu,
            answer,
        };
        let timings = [
            timing(0, 0.0, 1.0, 21.0),
            timing(1, 0.0, 2.0, 22.0),
            timing(0, 21.0, 23.0, 43.0),
        ];
        assert_eq!(gaps(&timings, |next| next.pdu), [2.0]);
        assert_eq!(gaps(&timings, |next| next.cmgs), [0.0]);
        assert_eq!(span(&timings), 43.0);
    }
}
