//! `cellpost modem probe`: asks who is at the ports of the modems there are, or at one port, without a gateway.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{Ending, Examination, Wanted, examine};
use crate::cli::columns::plain;
use crate::cli::doctor::LookingArgs;
use crate::cli::doctor::gateway::Gateway;
use crate::cli::{CommandError, ConfigArgs, load, runtime};
use crate::config::Config;
use crate::usb::{self, Device};

#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Ask at this port and at no other, whatever hangs on it.
    #[arg(long, value_name = "P")]
    port: Option<PathBuf>,
    /// Speed of a real serial line.
    #[arg(long, value_name = "BAUD", default_value_t = 115_200)]
    baud: u32,
    #[command(flatten)]
    looking: LookingArgs,
    /// Print JSON, one modem per line.
    #[arg(long)]
    json: bool,
}

/// One modem to be asked: at the first of its ports that answers.
struct Candidate {
    ports: Vec<PathBuf>,
    stick: Option<Device>,
}

pub(super) fn run(args: &ProbeArgs) -> Result<(), CommandError> {
    let config = load(&args.config, &[], None)?;
    runtime()?.block_on(async {
        let gateway = Gateway::running(&config).await?;
        let candidates = candidates(args, gateway.as_ref())?;
        let mut asking = JoinSet::new();
        for (at, candidate) in candidates.into_iter().enumerate() {
            let wanted: Vec<Wanted> = candidate
                .ports
                .iter()
                .map(|port| wanted(args, &config, port))
                .collect::<Result<_, _>>()?;
            asking.spawn(async move { (at, candidate.stick, first_that_answers(wanted).await) });
        }
        let mut found = asking.join_all().await;
        found.sort_by_key(|(at, ..)| *at);
        for (_, stick, examination) in &found {
            match args.json {
                true => println!("{}", as_json(stick.as_ref(), examination)),
                false => print!("{}", as_words(stick.as_ref(), examination)),
            }
        }
        let is_met =
            |found: &Examination| matches!(found.ending, Ending::Settled | Ending::OutOfPatience);
        match found.iter().all(|(_, _, examination)| is_met(examination)) {
            true => Ok(()),
            false => Err(CommandError::Failed(
                "not every port was answered at; cellpost doctor says what to do".to_owned(),
            )),
        }
    })
}

/// The port that was named, else the modems that nobody has open.
fn candidates(args: &ProbeArgs, gateway: Option<&Gateway>) -> Result<Vec<Candidate>, CommandError> {
    let roots = args.looking.roots();
    let devices = usb::scan(&roots)
        .map_err(|error| CommandError::Failed(format!("{}: {error}", roots.sys.display())))?;
    let owner = |port: &PathBuf| gateway.and_then(|gateway| gateway.owner(port));
    if let Some(port) = &args.port {
        if let Some(modem) = owner(port) {
            return Err(CommandError::Failed(format!(
                "{}: the running gateway has it open as modem {modem}; `cellpost modem list` shows it, or stop the gateway first",
                port.display()
            )));
        }
        let stick = devices
            .into_iter()
            .find(|device| device.ports.iter().any(|one| one.node == *port));
        let ports = vec![port.clone()];
        return Ok(vec![Candidate { ports, stick }]);
    }
    let mut candidates = Vec::new();
    let mut held = 0;
    for device in devices {
        let ports: Vec<PathBuf> = device.at_ports().map(|port| port.node.clone()).collect();
        if let Some(modem) = device.ports.iter().find_map(|port| owner(&port.node)) {
            eprintln!(
                "cellpost: {}: the running gateway has it open as modem {modem}; `cellpost modem list` shows it",
                plain(&device.name())
            );
            held += 1;
        } else if !ports.is_empty() {
            let stick = Some(device);
            candidates.push(Candidate { ports, stick });
        }
    }
    match candidates.is_empty() {
        false => Ok(candidates),
        true if held > 0 => Err(CommandError::Failed(
            "every modem is open in the running gateway".to_owned(),
        )),
        true => Err(CommandError::Failed(
            "no modem whose ports are known is plugged in; --port asks at one port, `cellpost doctor` says what is there"
                .to_owned(),
        )),
    }
}

/// With the profile and the speed of the section that names the port, if one does.
fn wanted(args: &ProbeArgs, config: &Config, port: &Path) -> Result<Wanted, CommandError> {
    let profiles = crate::app::profiles(config)?;
    let section = config
        .modems
        .iter()
        .find(|modem| modem.port() == Some(port));
    let profile = section.and_then(|modem| modem.profile.as_deref());
    Ok(Wanted {
        device: port.to_path_buf(),
        baud: section.map_or(args.baud, |modem| modem.baud),
        profile: profile.and_then(|name| profiles.get(name)),
        profiles,
        storage: section.and_then(|modem| modem.storage.clone()),
        patience: args.looking.patience(),
        roots: args.looking.roots(),
    })
}

/// What came of the first port that answered; of the first port when none did.
async fn first_that_answers(wanted: Vec<Wanted>) -> Examination {
    let mut wanted = wanted.into_iter();
    let first = wanted.next().expect("a candidate has a port");
    let found = examine(first).await;
    if answers(&found) {
        return found;
    }
    for next in wanted {
        let other = examine(next).await;
        if answers(&other) {
            return other;
        }
    }
    found
}

fn answers(found: &Examination) -> bool {
    !matches!(
        found.ending,
        Ending::Silent | Ending::Unopened(_) | Ending::Lost
    )
}

/// Enough to know it again, not enough to copy it.
fn masked(digits: &str) -> String {
    let characters: Vec<char> = digits.chars().collect();
    let shown = match characters.len() {
        12.. => 6,
        _ => 0,
    };
    let hidden = characters.len().saturating_sub(4);
    characters
        .iter()
        .enumerate()
        .map(|(at, c)| if at < shown || at >= hidden { *c } else { '*' })
        .collect()
}

/// What stands for the end in a word, and in words for a person.
fn ending(found: &Examination) -> (&str, Option<String>) {
    let status = found.status.as_ref();
    let state = status.map_or("starting", |status| status.state.as_str());
    let error = status.and_then(|status| status.last_error.clone());
    match &found.ending {
        Ending::Settled => (state, error),
        Ending::OutOfPatience => (
            state,
            error.or_else(|| Some("it did not become ready in time; see --patience".to_owned())),
        ),
        Ending::Unopened(unopened) => ("failed", Some(unopened.words.clone())),
        Ending::Silent if found.is_nmea => (
            "silent",
            Some("the port gives positions (NMEA), it takes no AT commands".to_owned()),
        ),
        Ending::Silent => (
            "silent",
            Some("nothing answers AT commands there".to_owned()),
        ),
        Ending::Unfit(why) => ("failed", Some((*why).to_owned())),
        Ending::Lost => ("failed", Some("the port went away meanwhile".to_owned())),
    }
}

fn as_json(stick: Option<&Device>, found: &Examination) -> Value {
    let status = found.status.as_ref();
    let (state, error) = ending(found);
    let digits = |digits: Option<&String>| digits.map(|digits| masked(digits));
    json!({
        "port": found.device.display().to_string(),
        "usb": stick.map(|stick| json!({
            "id": stick.id(),
            "place": stick.place,
            "name": stick.name(),
        })),
        "state": state,
        "error": error,
        "maker": found.maker,
        "model": found.model,
        "firmware": found.revision,
        "profile": found.profile,
        "imei": digits(status.and_then(|status| status.imei.as_ref())),
        "iccid": digits(status.and_then(|status| status.iccid.as_ref())),
        "network": status.map(|status| status.network.as_str()),
        "operator": status.and_then(|status| status.operator.as_ref()),
        "tech": status.and_then(|status| status.tech),
        "signal_dbm": status.and_then(|status| status.signal_dbm),
    })
}

fn as_words(stick: Option<&Device>, found: &Examination) -> String {
    let facts = as_json(stick, found);
    let word = |name: &str| facts[name].as_str().filter(|word| !word.is_empty());
    let mut shown = plain(&found.device.display().to_string());
    if let Some(stick) = stick {
        shown.push_str(&format!(
            "  {} ({}) at USB port {}",
            plain(&stick.name()),
            stick.id(),
            stick.place
        ));
    }
    shown.push('\n');
    let mut line = |heading: &str, parts: Vec<Option<String>>| {
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            shown.push_str(&format!("  {heading:9} {}\n", plain(&parts.join(", "))));
        }
    };
    let text = |name: &str| word(name).map(str::to_owned);
    line("state", vec![text("state"), text("error")]);
    let model = [word("maker"), word("model")].into_iter().flatten();
    let model = Some(model.collect::<Vec<_>>().join(" ")).filter(|model| !model.is_empty());
    let firmware = word("firmware").map(|firmware| format!("firmware {firmware}"));
    line("model", vec![model, firmware]);
    line("profile", vec![text("profile")]);
    line("IMEI", vec![text("imei")]);
    line(
        "SIM",
        vec![word("iccid").map(|iccid| format!("ICCID {iccid}"))],
    );
    let network = word("network").filter(|network| *network != "none" || word("iccid").is_some());
    line(
        "network",
        vec![
            network.map(str::to_owned),
            text("operator"),
            text("tech"),
            facts["signal_dbm"].as_i64().map(|dbm| format!("{dbm} dBm")),
        ],
    );
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_of_a_number_is_shown_to_know_it_again() {
        assert_eq!(masked("867698041234567"), "867698*****4567");
        assert_eq!(masked("89860012345678901234"), "898600**********1234");
        assert_eq!(masked("1234567"), "***4567");
        assert_eq!(masked(""), "");
    }
}
