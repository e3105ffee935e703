//! `cellpost modem ussd`: asks the network through a modem of a running gateway, and asks on while it wants a reply.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::path;
use crate::cli::client::{Client, DaemonArgs};
use crate::cli::columns::plain;
use crate::cli::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct UssdArgs {
    /// The modem, as `cellpost modem list` shows it.
    name: String,
    /// The code, such as *100#; or the reply to what the network asked just before.
    code: String,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Print JSON, and ask no more.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &UssdArgs) -> Result<(), CommandError> {
    runtime()?.block_on(ask(args))
}

async fn ask(args: &UssdArgs) -> Result<(), CommandError> {
    let client = Client::find(&args.daemon)?;
    let place = path(&args.name, "ussd");
    let mut code = args.code.clone();
    loop {
        let asked = json!({ "code": code });
        let answer = client
            .call(Method::POST, &place, Some(&asked))
            .await?
            .accepted()?;
        if args.json {
            println!("{answer}");
            return Ok(());
        }
        show(&answer)?;
        let is_open = answer["status"] == "reply_expected";
        if !is_open || !std::io::stdin().is_terminal() {
            return Ok(());
        }
        match reply()? {
            Some(reply) => code = reply,
            None => {
                client.call(Method::DELETE, &place, None).await?;
                return Ok(());
            }
        }
    }
}

/// # Errors
/// When the network has said nothing: why not.
fn show(answer: &Value) -> Result<(), CommandError> {
    let status = answer["status"].as_str().unwrap_or("?");
    match (answer["text"].as_str(), words(status)) {
        (Some(text), _) => {
            let lines: Vec<String> = text.lines().map(plain).collect();
            println!("{}", lines.join("\n"));
            Ok(())
        }
        (None, None) => Ok(()),
        (None, Some(words)) => Err(CommandError::Failed(format!("the network {words}"))),
    }
}

/// What a status means that brings no text.
fn words(status: &str) -> Option<&'static str> {
    Some(match status {
        "terminated" => "ended it without a word",
        "other_client" => "was asked by another program of the modem or of the SIM",
        "not_supported" => "does not do this; is the code right?",
        "network_timeout" => "took too long; ask again",
        _ => return None,
    })
}

/// `None`: an empty line, or the end of the input.
fn reply() -> Result<Option<String>, CommandError> {
    let failed = |error: std::io::Error| CommandError::Failed(format!("the terminal: {error}"));
    print!("reply (empty ends it)> ");
    std::io::stdout().flush().map_err(failed)?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(failed)?;
    let line = line.trim();
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
