//! `cellpost modem …`: what is plugged in, through a running gateway or without one. A file for each command.

mod list;

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
}

pub(super) fn run(args: &ModemArgs) -> Result<(), CommandError> {
    match &args.command {
        ModemCommand::List(args) => list::run(args),
    }
}
