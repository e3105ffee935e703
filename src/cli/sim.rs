//! `cellpost sim`: simulated modems alone, and the phones at the other end.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use modem_sim::client::Client;
use modem_sim::{Fault, NetworkSettings, Settings, SimError};

use super::client::data_folder;
use super::{CommandError, runtime};
use crate::system::{Signal, Signals};

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(super) struct SimArgs {
    /// Names of all faults.
    #[arg(long, required = true)]
    list_faults: bool,
    #[command(subcommand)]
    command: Option<SimCommand>,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    /// Run simulated modems on ptys DIR/modem0 …, control socket DIR/ctl, ledger DIR/ledger.jsonl.
    Run(RunArgs),
    /// Print what the phone with this number received.
    Handset {
        #[command(flatten)]
        at: ControlArgs,
        number: String,
        /// Only the newest text: its exact bytes and one line end.
        #[arg(long)]
        last: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Answer from the phone with this number.
    Reply {
        #[command(flatten)]
        at: ControlArgs,
        number: String,
        text: String,
    },
    /// Pull a modem's plug.
    Unplug {
        #[command(flatten)]
        at: ControlArgs,
        /// 0 for the first.
        modem: usize,
        /// Plug it in again after this long.
        #[arg(long, value_name = "MILLISECONDS")]
        for_ms: Option<u64>,
    },
    /// Plug a modem in again.
    Plug {
        #[command(flatten)]
        at: ControlArgs,
        modem: usize,
    },
    /// Make a modem misbehave: a fault as JSON, such as `{"kind":"silence","for_ms":3000}`; names by `cellpost sim --list-faults`.
    Fault {
        #[command(flatten)]
        at: ControlArgs,
        modem: usize,
        fault: String,
    },
    /// What each modem has done so far, as JSON lines.
    Stats {
        #[command(flatten)]
        at: ControlArgs,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[arg(long, default_value_t = 1)]
    modems: usize,
    /// Which modem they are like.
    #[arg(long, default_value = "generic", value_parser = ["generic"])]
    personality: String,
    /// Ctrl-Z to +CMGS.
    #[arg(long, default_value_t = 500, value_name = "MILLISECONDS")]
    latency_ms: u64,
    /// AT+CMGS to prompt.
    #[arg(long, default_value_t = 20, value_name = "MILLISECONDS")]
    prompt_ms: u64,
    /// +CMGS to delivery report.
    #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS")]
    report_after_ms: u64,
    /// TP-Status of the reports.
    #[arg(long, default_value_t = 0)]
    report_status: u8,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct ControlArgs {
    /// Control socket of the simulation.
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Data folder of a `serve --simulate`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl ControlArgs {
    fn connect(&self) -> Result<Client, SimError> {
        let socket = self
            .control
            .clone()
            .unwrap_or_else(|| data_folder(self.data_dir.clone()).join("sim/ctl"));
        Client::connect(&socket)
    }
}

impl From<SimError> for CommandError {
    fn from(error: SimError) -> Self {
        Self::Failed(error.to_string())
    }
}

pub(super) fn run(args: &SimArgs) -> Result<(), CommandError> {
    let Some(command) = &args.command else {
        for (name, meaning) in Fault::CATALOGUE {
            println!("{name:<16} {meaning}");
        }
        return Ok(());
    };
    match command {
        SimCommand::Run(args) => run_modems(args),
        SimCommand::Handset {
            at,
            number,
            last,
            json,
        } => show_handset(&mut at.connect()?, number, *last, *json),
        SimCommand::Reply { at, number, text } => {
            let modem = at.connect()?.reply(number, text)?;
            println!("sent to modem {modem}");
            Ok(())
        }
        SimCommand::Unplug { at, modem, for_ms } => {
            let mut client = at.connect()?;
            match for_ms {
                Some(ms) => client.unplug_for(*modem, Duration::from_millis(*ms))?,
                None => client.unplug(*modem)?,
            }
            Ok(())
        }
        SimCommand::Plug { at, modem } => Ok(at.connect()?.plug(*modem)?),
        SimCommand::Fault { at, modem, fault } => {
            let fault: Fault = serde_json::from_str(fault).map_err(|error| {
                CommandError::Usage(format!(
                    "the fault cannot be read: {error}; `cellpost sim --list-faults` names them"
                ))
            })?;
            Ok(at.connect()?.fault(*modem, &fault)?)
        }
        SimCommand::Stats { at } => {
            for modem in at.connect()?.stats()? {
                println!("{}", serde_json::json!(modem));
            }
            Ok(())
        }
    }
}

fn run_modems(args: &RunArgs) -> Result<(), CommandError> {
    let settings = Settings {
        modems: args.modems,
        seed: args.seed,
        network: NetworkSettings {
            latency: Duration::from_millis(args.latency_ms),
            prompt: Duration::from_millis(args.prompt_ms),
            report_after: Duration::from_millis(args.report_after_ms),
            report_status: args.report_status,
        },
    };
    runtime()?.block_on(async {
        let mut signals = Signals::new()
            .map_err(|error| CommandError::Failed(format!("signals cannot be read: {error}")))?;
        let sim = modem_sim::start(&args.dir, settings)?;
        for port in sim.ports() {
            println!("{}", port.display());
        }
        println!("control {}", sim.control().display());
        println!("ledger {}", sim.ledger().display());
        std::io::stdout().flush().ok();
        while signals.next().await == Signal::Hangup {}
        sim.stop();
        Ok(())
    })
}

fn show_handset(
    client: &mut Client,
    number: &str,
    last: bool,
    json: bool,
) -> Result<(), CommandError> {
    let texts = client.handset(number)?;
    if last {
        let Some(newest) = texts.last() else {
            return Err(CommandError::Failed(format!(
                "the phone {number} has received nothing"
            )));
        };
        println!("{}", newest.text);
        return Ok(());
    }
    for received in &texts {
        if json {
            println!("{}", serde_json::json!(received));
        } else {
            let at = crate::domain::UnixMillis(received.received_at_unix_ms);
            println!("{at} from {} ({} part(s))", received.from, received.parts);
            println!("{}", received.text);
        }
    }
    Ok(())
}
