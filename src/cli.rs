//! **Commands**: what a person types, lowered to what a room does; exit codes and one-line errors.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or config.
//!
//! Never: decides anything about a message; prints a key, except at its creation.
//! May use: every room.

mod backup;
#[cfg(feature = "sim")]
mod bench;
mod client;
mod columns;
mod doctor;
mod inbox;
mod key;
mod modem;
mod otp;
mod pdu;
mod queue;
mod replay;
mod restore;
mod send;
mod serve;
#[cfg(feature = "sim")]
mod sim;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::StartError;
use crate::config::{Config, Sources};

/// A self-hosted SMS gateway: USB GSM modems behind an HTTP API.
#[derive(Debug, Parser)]
#[command(name = "cellpost", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(ServeArgs),
    /// Send one text through a running gateway.
    Send(send::SendArgs),
    /// Show the texts that a running gateway has received.
    Inbox(inbox::InboxArgs),
    /// Show what waits in a running gateway, and for what.
    Queue(queue::QueueArgs),
    /// Show the modems, and ask them.
    Modem(modem::ModemArgs),
    /// Say what is wrong with the modems and this machine, and what to do about it.
    Doctor(doctor::DoctorArgs),
    /// Make, show and revoke the keys of those who call a running gateway.
    Key(key::KeyArgs),
    /// Send and check one-time codes through a running gateway.
    Otp(otp::OtpArgs),
    /// Copy the database into a file, beside a running gateway or without one.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database. No gateway may run.
    Restore(restore::RestoreArgs),
    /// Check a config file: exit code 0 or 2.
    CheckConfig(ConfigArgs),
    /// Play a flight recording against this version: what it makes of what the modem said.
    Replay(replay::ReplayArgs),
    /// Encode and decode SMS PDUs: JSON objects over standard input and output.
    Pdu(pdu::PduArgs),
    /// Simulated modems on ptys, and the phones that their texts reach.
    #[cfg(feature = "sim")]
    Sim(sim::SimArgs),
    /// Measure the gateway on simulated modems.
    #[cfg(feature = "sim")]
    Bench(bench::BenchArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address and port to answer on, in place of server.listen. Repeatable.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,
    /// Run N simulated modems: no hardware is needed or opened.
    #[arg(long, value_name = "N")]
    simulate: Option<usize>,
    /// Run a simulated provider too: what no modem takes leaves by `cloud:sim`.
    #[cfg(feature = "sim")]
    #[arg(long)]
    simulate_cloud: bool,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Config file. Default: /etc/cellpost/cellpost.toml if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, the keys and the simulation.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    #[cfg_attr(not(feature = "sim"), allow(dead_code))]
    Usage(String),
}

impl CommandError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_)
            | Self::Start(
                StartError::Config(_) | StartError::Profile(_) | StartError::NoProfile { .. },
            ) => ExitCode::from(2),
            Self::Start(_) | Self::Failed(_) => ExitCode::from(1),
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Send(args) => send::run(&args),
        Command::Inbox(args) => inbox::run(&args),
        Command::Queue(args) => queue::run(&args),
        Command::Modem(args) => modem::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Otp(args) => otp::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::CheckConfig(args) => check_config(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Pdu(args) => pdu::run(&args),
        #[cfg(feature = "sim")]
        Command::Sim(args) => sim::run(&args),
        #[cfg(feature = "sim")]
        Command::Bench(args) => bench::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cellpost: {error}");
            error.exit_code()
        }
    }
}

fn check_config(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = load(args, &[], None)?;
    crate::app::profiles(&config)?;
    match &config.file {
        Some(file) => println!("{}: good", file.display()),
        None => println!("no config file: the defaults are good"),
    }
    Ok(())
}

fn load(
    args: &ConfigArgs,
    listen: &[SocketAddr],
    simulate: Option<usize>,
) -> Result<Config, StartError> {
    let sources = Sources {
        config: args.config.clone(),
        data_dir: args.data_dir.clone(),
        listen: listen.to_vec(),
        simulate,
        env: std::env::vars().collect(),
    };
    Ok(crate::config::load(&sources)?)
}

/// The runtime of every command: at most two worker threads, whatever the machine has.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("cellpost")
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(format!("the runtime does not start: {error}")))
}
