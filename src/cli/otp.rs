//! `cellpost otp send`, `cellpost otp check`: one-time codes through a running gateway.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, DaemonArgs};
use super::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct OtpArgs {
    #[command(subcommand)]
    command: OtpCommand,
}

#[derive(Debug, Subcommand)]
enum OtpCommand {
    /// Send a code to a number.
    Send(SendArgs),
    /// Check a code that somebody has typed: exit code 0 when it is right.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct SendArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Recipient, with country code: +8613800138000.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    #[command(flatten)]
    purpose: PurposeArgs,
    /// Language of the text, such as en or zh-CN.
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    /// Print the verification as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// The verification's id; without one, the newest of --to and --purpose.
    #[arg(required_unless_present = "to")]
    id: Option<String>,
    /// The number that the code was sent to.
    #[arg(long, value_name = "NUMBER", conflicts_with = "id")]
    to: Option<String>,
    #[command(flatten)]
    purpose: PurposeArgs,
    /// The code. Without it a line of standard input is read, so that it stands in no list of processes.
    #[arg(long)]
    code: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PurposeArgs {
    /// What the number is proven for.
    #[arg(long, default_value = "generic")]
    purpose: String,
}

pub(super) fn run(args: &OtpArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        match &args.command {
            OtpCommand::Send(args) => send(args).await,
            OtpCommand::Check(args) => check(args).await,
        }
    })
}

async fn send(args: &SendArgs) -> Result<(), CommandError> {
    let mut request = json!({ "to": args.to, "purpose": args.purpose.purpose });
    if let Some(locale) = &args.locale {
        request["locale"] = json!(locale);
    }
    let made = Client::find(&args.daemon)?
        .call(Method::POST, "/v1/verifications", Some(&request))
        .await?
        .accepted()?;
    match args.json {
        true => println!("{made}"),
        false => {
            let word = |key: &str| made[key].as_str().unwrap_or("?").to_owned();
            println!(
                "{} {} until {}",
                word("id"),
                word("status"),
                word("expires_at")
            );
        }
    }
    Ok(())
}

async fn check(args: &CheckArgs) -> Result<(), CommandError> {
    let code = match &args.code {
        Some(code) => code.clone(),
        None => line_of_input()?,
    };
    let (path, request) = match &args.id {
        Some(id) => {
            let mut path = String::from("/v1/verifications/");
            path.extend(url::form_urlencoded::byte_serialize(id.as_bytes()));
            (path + "/check", json!({ "code": code }))
        }
        None => {
            let purpose = &args.purpose.purpose;
            let request = json!({ "to": args.to, "purpose": purpose, "code": code });
            ("/v1/verifications/check".to_owned(), request)
        }
    };
    let answer = Client::find(&args.daemon)?
        .call(Method::POST, &path, Some(&request))
        .await?
        .accepted()?;
    if args.json {
        println!("{answer}");
    }
    verdict(&answer, args.json)
}

fn line_of_input() -> Result<String, CommandError> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| {
        CommandError::Failed(format!(
            "standard input: {error}; name the code with --code"
        ))
    })?;
    Ok(line)
}

/// A code that is not right is a failed command.
fn verdict(answer: &Value, is_shown: bool) -> Result<(), CommandError> {
    let status = answer["status"].as_str().unwrap_or("?");
    if answer["valid"] == json!(true) {
        if !is_shown {
            println!("{status}");
        }
        return Ok(());
    }
    let left = answer["remaining_attempts"].as_u64().unwrap_or(0);
    Err(CommandError::Failed(match status {
        "pending" => format!("the code is wrong; attempts left: {left}"),
        status => format!("the code is not right, and the verification is over: {status}"),
    }))
}
