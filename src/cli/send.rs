//! `cellpost send`: one text through a running gateway.

use std::time::Duration;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, DaemonArgs};
use super::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Recipient, with country code: +8613800138000.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// The text.
    #[arg(long)]
    text: String,
    /// otp, alert, transactional, notification or bulk.
    #[arg(long)]
    category: Option<String>,
    /// Wait until it is delivered or has failed, and show each state.
    #[arg(long)]
    wait: bool,
    /// With --wait: give up waiting after this many seconds.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,
    /// Print the message as JSON.
    #[arg(long)]
    json: bool,
}

/// How often a waiting command asks: a person is watching.
const ASK_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(args: &SendArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        let client = Client::find(&args.daemon)?;
        let mut request = json!({ "to": args.to, "text": args.text });
        if let Some(category) = &args.category {
            request["category"] = json!(category);
        }
        let accepted = client
            .call(Method::POST, "/v1/messages", Some(&request))
            .await?
            .accepted()?;
        let last = match args.wait {
            true => {
                let patience = Duration::from_secs(args.timeout);
                tokio::time::timeout(patience, follow(&client, args, accepted))
                    .await
                    .map_err(|_| {
                        CommandError::Failed(format!(
                            "not final after {} s; it goes on without this command",
                            args.timeout
                        ))
                    })??
            }
            false => {
                show(args, &accepted);
                accepted
            }
        };
        if args.json {
            println!("{last}");
        }
        verdict(&last)
    })
}

/// Shows each state until it is final.
async fn follow(client: &Client, args: &SendArgs, accepted: Value) -> Result<Value, CommandError> {
    let path = format!("/v1/messages/{}", text_of(&accepted, "id"));
    let mut message = accepted;
    let mut shown = String::new();
    loop {
        let line = state_line(&message);
        if line != shown {
            show(args, &message);
            shown = line;
        }
        if message["final"] == json!(true) {
            return Ok(message);
        }
        tokio::time::sleep(ASK_EVERY).await;
        message = client.call(Method::GET, &path, None).await?.accepted()?;
    }
}

fn show(args: &SendArgs, message: &Value) {
    if !args.json {
        println!("{}", state_line(message));
    }
}

fn state_line(message: &Value) -> String {
    let mut line = format!("{} {}", text_of(message, "id"), text_of(message, "status"));
    if let Some(route) = message["route"].as_str() {
        line += &format!(" via {route}");
    }
    for reason in ["pending_reason", "error"] {
        if let Some(why) = message[reason]["message"].as_str() {
            line += &format!(": {why}");
        }
    }
    line
}

fn text_of<'a>(message: &'a Value, key: &str) -> &'a str {
    message[key].as_str().unwrap_or("?")
}

/// A text that is over and did not arrive is a failed command.
fn verdict(message: &Value) -> Result<(), CommandError> {
    match text_of(message, "status") {
        state @ ("failed" | "undelivered" | "expired" | "canceled") => Err(CommandError::Failed(
            format!("the text was not delivered: {state}"),
        )),
        _ => Ok(()),
    }
}
