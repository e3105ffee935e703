//! `cellpost modem forget`: what waits for a modem or a SIM that will not return ends.

use clap::Args;
use http::Method;

use super::path_of;
use crate::cli::client::{Client, DaemonArgs};
use crate::cli::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct ForgetArgs {
    /// The modem, as `cellpost modem list` shows it.
    name: String,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ForgetArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        let client = Client::find(&args.daemon)?;
        let answer = client
            .call(Method::DELETE, &path_of(&args.name), None)
            .await?
            .accepted()?;
        match args.json {
            true => println!("{answer}"),
            false => println!(
                "{} is forgotten; messages that only it could send, and that have failed now: {}",
                args.name, answer["messages"]
            ),
        }
        Ok(())
    })
}
