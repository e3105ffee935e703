//! `cellpost sim`: simulated modems alone, and the phones at the other end; simulated providers.

mod cloud;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use modem_sim::client::Client;
use modem_sim::{
    Fault, Listed, MobileText, NetworkSettings, PERSONALITIES, Scenario, Settings, SimError,
};

use super::client::data_folder;
use super::{CommandError, runtime};
use crate::system::{Signal, Signals};

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(super) struct SimArgs {
    /// All faults: number, name, an example of every parameter, and what they do.
    #[arg(long, required = true)]
    list_faults: bool,
    #[command(subcommand)]
    command: Option<SimCommand>,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    /// Run simulated modems on ptys DIR/modem0 …, control socket DIR/ctl, ledger DIR/ledger.jsonl.
    Run(RunArgs),
    /// Run simulated providers on a loopback port, and print what a gateway's config needs to use them.
    Cloud(cloud::CloudArgs),
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
    /// Texts to a modem's SIM, each as JSON, such as `{"from":"+8613800138000","text":"hello"}`.
    ///
    /// Further keys: data (hex, in place of text), class, turkish, reference, wide, order, missing, duplicated.
    Deliver {
        #[command(flatten)]
        at: ControlArgs,
        /// 0 for the first.
        modem: usize,
        #[arg(required = true, value_name = "JSON")]
        texts: Vec<String>,
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
    /// What they are like; a list is gone through in turn, so that fleets can be mixed.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "generic",
        value_parser = clap::builder::PossibleValuesParser::new(PERSONALITIES)
    )]
    personality: Vec<String>,
    /// How many texts each SIM can store, in place of what the personality has.
    #[arg(long, value_name = "SLOTS", value_parser = clap::value_parser!(u16).range(1..=1000))]
    sim_slots: Option<u16>,
    /// A file that says what befalls the modems when.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
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
    /// Let the first modem be reached over TCP too, as behind a serial server; again for the second, and so on.
    ///
    /// One connection at a time, and no password: choose a loopback address. Port 0 draws one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    tcp: Vec<SocketAddr>,
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
        for listed in Fault::CATALOGUE {
            println!("{}", line_of(listed));
        }
        return Ok(());
    };
    match command {
        SimCommand::Run(args) => run_modems(args),
        SimCommand::Cloud(args) => cloud::run(args),
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
        SimCommand::Deliver { at, modem, texts } => {
            let texts: Result<Vec<MobileText>, _> = texts
                .iter()
                .map(|text| serde_json::from_str(text))
                .collect();
            let texts = texts
                .map_err(|error| CommandError::Usage(format!("a text cannot be read: {error}")))?;
            at.connect()?.deliver(*modem, &texts)?;
            println!("{} text(s) for modem {modem}", texts.len());
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

/// Number, the order as it can be given, and what it does.
fn line_of(listed: &Listed) -> String {
    let number = listed.number.map_or("–".to_owned(), |n| n.to_string());
    let order = match listed.parameters {
        "{}" => format!("{{\"kind\":\"{}\"}}", listed.name),
        given => format!("{{\"kind\":\"{}\",{}", listed.name, &given[1..]),
    };
    format!("{number:>2}  {order}  {}", listed.meaning)
}

fn read_scenario(path: &Path, modems: usize) -> Result<Scenario, CommandError> {
    let failed = |why: String| CommandError::Usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Scenario::parse(&text, modems).map_err(|error| failed(error.to_string()))
}

fn run_modems(args: &RunArgs) -> Result<(), CommandError> {
    let scenario = args.scenario.as_deref();
    let scenario = scenario.map(|path| read_scenario(path, args.modems));
    let settings = Settings {
        personalities: args.personality.clone(),
        sim_slots: args.sim_slots.map(usize::from),
        scenario: scenario.transpose()?,
        modems: args.modems,
        seed: args.seed,
        doors: args.tcp.clone(),
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
        for door in sim.doors() {
            println!("tcp {door}");
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
