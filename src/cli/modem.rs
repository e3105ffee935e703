//! `cellpost modem …`: what is plugged in, through a running gateway or without one. A file for each command.

mod chat;
mod forget;
mod list;
mod probe;
mod ussd;

use clap::{Args, Subcommand};

use super::CommandError;

#[derive(Debug, Args)]
pub(super) struct ModemArgs {
    #[command(subcommand)]
    command: ModemCommand,
}

#[derive(Debug, Subcommand)]
enum ModemCommand {
    /// Show the modems of a running gateway.
    List(list::ListArgs),
    /// Ask who is at each modem's port, or at one port, without a gateway.
    Probe(probe::ProbeArgs),
    /// Say what is wrong, and what to do about it: as `cellpost doctor`.
    Doctor(super::doctor::DoctorArgs),
    /// Ask the network a code such as *100# through one of them.
    Ussd(ussd::UssdArgs),
    /// A terminal to one of them, between its texts.
    Chat(chat::ChatArgs),
    /// End what waits for one that will not return, or for its SIM.
    Forget(forget::ForgetArgs),
}

pub(super) fn run(args: &ModemArgs) -> Result<(), CommandError> {
    match &args.command {
        ModemCommand::List(args) => list::run(args),
        ModemCommand::Probe(args) => probe::run(args),
        ModemCommand::Doctor(args) => super::doctor::run(args),
        ModemCommand::Ussd(args) => ussd::run(args),
        ModemCommand::Chat(args) => chat::run(args),
        ModemCommand::Forget(args) => forget::run(args),
    }
}

/// What is asked of this modem.
fn path(name: &str, what: &str) -> String {
    path_of(name) + "/" + what
}

fn path_of(name: &str) -> String {
    let mut path = String::from("/v1/modems/");
    path.extend(url::form_urlencoded::byte_serialize(name.as_bytes()));
    path
}
