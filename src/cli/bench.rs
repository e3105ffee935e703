//! `cellpost bench`: the gateway measured on simulated modems over real ptys, with its real store on a real disk.
//!
//! Definitions: docs/PERFORMANCE.md. `drain` and `latency` run the gateway in this process and take their times from
//! the simulation's ledger (CLOCK_MONOTONIC); `intake`, `verify`, `queue` and `idle` start the gateway as a process of its own, so that
//! what it costs is not mixed with what the measuring costs.

mod bare;
mod drain;
mod entries;
mod fairness;
mod figures;
mod idle;
mod intake;
mod latency;
mod ledger;
mod load;
mod process;
mod queue;
mod verify;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{CommandError, runtime};
use crate::config::{Config, Sources};
use figures::{Figures, show};

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
        #[command(flatten)]
        air: AirArgs,
        #[arg(long, default_value_t = 200)]
        messages: usize,
        #[arg(long, default_value_t = 1)]
        modems: usize,
    },
    /// From an HTTP request to AT+CMGS on an idle gateway.
    Latency {
        #[command(flatten)]
        common: CommonArgs,
        #[command(flatten)]
        air: AirArgs,
        #[arg(long, default_value_t = 200)]
        messages: usize,
    },
    /// How long a code waits while a crowd of bulk messages stands in line.
    Fairness {
        #[command(flatten)]
        common: CommonArgs,
        #[command(flatten)]
        air: AirArgs,
        /// Bulk messages in line at the start.
        #[arg(long, default_value_t = 50_000)]
        messages: usize,
        /// Codes, one each second.
        #[arg(long, default_value_t = 60)]
        codes: usize,
        #[arg(long, default_value_t = 1)]
        modems: usize,
    },
    /// Durable accepts per second at 1, 16 and 64 connections, beside a server that only answers 204.
    Intake {
        #[command(flatten)]
        common: CommonArgs,
        /// Of each measurement.
        #[arg(long, default_value_t = 5, value_name = "SECONDS")]
        seconds: u64,
        /// Give each request an Idempotency-Key of its own.
        #[arg(long)]
        keyed: bool,
        /// Put so many entries of the last day into the logs of limits before.
        #[arg(long, default_value_t = 0, value_name = "N")]
        entries: u64,
        /// Without limits of what is sent to a number.
        #[arg(long)]
        unlimited: bool,
        /// Begin with a copy of this database of an earlier run, in place of making entries.
        #[arg(long, value_name = "FILE", conflicts_with = "entries")]
        database: Option<PathBuf>,
    },
    /// Codes sent and codes checked per second, at 64 connections.
    Verify {
        #[command(flatten)]
        common: CommonArgs,
        /// Of each measurement.
        #[arg(long, default_value_t = 5, value_name = "SECONDS")]
        seconds: u64,
        /// Put so many entries of the last day into the logs of limits before.
        #[arg(long, default_value_t = 0, value_name = "N")]
        entries: u64,
    },
    /// Start, memory, idle cost and the status of one message, with many messages stored.
    Queue {
        #[command(flatten)]
        common: CommonArgs,
        /// Messages in the large store; with 0 only an empty one is measured.
        #[arg(long, default_value_t = 1_000_000, value_name = "N")]
        stored: usize,
        /// Leave them all waiting for tomorrow; else they are over, as most of a history is.
        #[arg(long)]
        waiting: bool,
        /// How long the idle gateway is watched.
        #[arg(
            long,
            default_value_t = 30,
            value_name = "SECONDS",
            value_parser = clap::value_parser!(u64).range(1..)
        )]
        idle_seconds: u64,
    },
    /// What an idle gateway costs, by the number of its modems: memory, CPU, wake-ups.
    Idle {
        #[command(flatten)]
        common: CommonArgs,
        /// One measurement for each of these.
        #[arg(
            long,
            value_name = "N,…",
            value_delimiter = ',',
            default_value = "4,16",
            value_parser = clap::value_parser!(u16).range(1..=256)
        )]
        modems: Vec<u16>,
        /// How long each gateway is watched.
        #[arg(
            long,
            default_value_t = 60,
            value_name = "SECONDS",
            value_parser = clap::value_parser!(u64).range(1..)
        )]
        idle_seconds: u64,
    },
    /// Load any HTTP server with the generator of `bench intake`: GET requests over keep-alive connections.
    Load {
        #[arg(long, value_name = "ADDRESS:PORT")]
        address: SocketAddr,
        /// `{number}` in it becomes another phone number, without its +, in each request.
        #[arg(long)]
        path: String,
        #[arg(long, default_value_t = 64)]
        connections: usize,
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The server that `bench intake` compares with.
    #[command(hide = true)]
    Bare { address: SocketAddr },
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Folder for the data, on the disk to be measured; removed afterwards.
    #[arg(long, default_value = "cellpost-bench", value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct AirArgs {
    /// Ctrl-Z to +CMGS of the simulated network.
    #[arg(long, default_value_t = 20, value_name = "MILLISECONDS")]
    latency_ms: u64,
}

pub(super) fn run(args: &BenchArgs) -> Result<(), CommandError> {
    match &args.command {
        BenchCommand::Drain {
            common,
            air,
            messages,
            modems,
        } => in_folder(common, |folder| {
            drain::drain(folder, air.latency_ms, *messages, *modems)
        }),
        BenchCommand::Latency {
            common,
            air,
            messages,
        } => in_folder(common, |folder| {
            latency::latency(folder, air.latency_ms, *messages)
        }),
        BenchCommand::Fairness {
            common,
            air,
            messages,
            codes,
            modems,
        } => in_folder(common, |folder| {
            fairness::fairness(folder, air.latency_ms, *messages, *codes, *modems)
        }),
        BenchCommand::Intake {
            common,
            seconds,
            keyed,
            entries,
            unlimited,
            database,
        } => {
            let wanted = intake::Wanted {
                seconds: *seconds,
                keyed: *keyed,
                entries: *entries,
                unlimited: *unlimited,
                database: database.clone(),
            };
            in_folder(common, |folder| intake::intake(folder, wanted))
        }
        BenchCommand::Verify {
            common,
            seconds,
            entries,
        } => in_folder(common, |folder| verify::verify(folder, *seconds, *entries)),
        BenchCommand::Queue {
            common,
            stored,
            waiting,
            idle_seconds,
        } => in_folder(common, |folder| {
            queue::queue(folder, *stored, *waiting, *idle_seconds)
        }),
        BenchCommand::Idle {
            common,
            modems,
            idle_seconds,
        } => {
            let fleets: Vec<usize> = modems.iter().copied().map(usize::from).collect();
            in_folder(common, |folder| {
                idle::fleets(folder, &fleets, *idle_seconds)
            })
        }
        BenchCommand::Load {
            address,
            path,
            connections,
            seconds,
            json,
        } => {
            let figures = intake::load_only(*address, path, *connections, *seconds)?;
            show(&figures, *json);
            Ok(())
        }
        BenchCommand::Bare { address } => runtime()?.block_on(bare::serve(*address)),
    }
}

/// The folder must be new: nobody's data is measured, or removed.
fn in_folder(
    common: &CommonArgs,
    measure: impl FnOnce(&Path) -> Result<Figures, CommandError>,
) -> Result<(), CommandError> {
    let folder = &common.dir;
    let failed =
        |error: std::io::Error| CommandError::Failed(format!("{}: {error}", folder.display()));
    std::fs::create_dir(folder).map_err(|error| {
        CommandError::Failed(format!(
            "{}: {error}; choose a new folder with --dir",
            folder.display()
        ))
    })?;
    let folder = &std::path::absolute(folder).map_err(failed)?;
    let figures = measure(folder);
    let removed = std::fs::remove_dir_all(folder);
    show(&figures?, common.json);
    removed.map_err(failed)
}

const LIFTED: &str =
    "direct, key_rps, key_burst, max_backlog (simulated modems have no quota or pause)";

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
            set("LIMITS__DIRECT", ""),
            set("LIMITS__KEY_RPS", "0"),
            set("LIMITS__KEY_BURST", "0"),
            set("MESSAGE__MAX_BACKLOG", "0"),
        ],
    };
    std::fs::write(folder.join("bench.toml"), "")
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(crate::config::load(&sources).map_err(crate::app::StartError::from)?)
}
