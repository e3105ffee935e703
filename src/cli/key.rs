//! `cellpost key`: who may call a running gateway.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, DaemonArgs};
use super::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key and print it: it is shown this once.
    New(NewArgs),
    /// Show all keys, without what opens anything.
    List(ListArgs),
    /// Revoke a key for ever.
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct NewArgs {
    /// What people call it.
    name: String,
    /// What it may do, such as messages:send; repeatable.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// The name space of what it makes. Default: default.
    #[arg(long)]
    app: Option<String>,
    /// How many messages it may send. Default: any number.
    #[arg(long, value_name = "MESSAGES")]
    credit: Option<i64>,
    /// Where it may be used from: an address or a network; repeatable. Default: anywhere.
    #[arg(long = "cidr", value_name = "NETWORK")]
    cidrs: Vec<String>,
    /// When it ends, by RFC 3339. Default: never.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Print JSON, one key per line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// As `cellpost key list` shows it.
    id: String,
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(super) fn run(args: &KeyArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        match &args.command {
            KeyCommand::New(args) => new(args).await,
            KeyCommand::List(args) => list(args).await,
            KeyCommand::Revoke(args) => revoke(args).await,
        }
    })
}

async fn new(args: &NewArgs) -> Result<(), CommandError> {
    let client = Client::find(&args.daemon)?;
    let asked = json!({
        "name": args.name,
        "scopes": args.scopes,
        "app": args.app,
        "credit": args.credit,
        "cidrs": args.cidrs,
        "expires_at": args.expires_at,
    });
    let answer = client.call(Method::POST, "/v1/keys", Some(&asked)).await?;
    let made = answer.accepted()?;
    match args.json {
        true => println!("{made}"),
        // By itself, so that a script can put it where it belongs.
        false => println!("{}", made["key"].as_str().unwrap_or_default()),
    }
    Ok(())
}

async fn list(args: &ListArgs) -> Result<(), CommandError> {
    let client = Client::find(&args.daemon)?;
    let mut cursor = None;
    loop {
        let page = page(&client, cursor.as_deref()).await?;
        let keys = page["data"].as_array().map_or(&[][..], Vec::as_slice);
        for key in keys {
            match args.json {
                true => println!("{key}"),
                false => println!("{}", line(key)),
            }
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(());
        }
    }
}

async fn page(client: &Client, cursor: Option<&str>) -> Result<Value, CommandError> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", "200");
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    let path = format!("/v1/keys?{}", query.finish());
    client.call(Method::GET, &path, None).await?.accepted()
}

async fn revoke(args: &RevokeArgs) -> Result<(), CommandError> {
    let client = Client::find(&args.daemon)?;
    let mut path = String::from("/v1/keys/");
    path.extend(url::form_urlencoded::byte_serialize(args.id.as_bytes()));
    client
        .call(Method::DELETE, &path, None)
        .await?
        .accepted()
        .map(|_| ())
}

/// One line: its id, what it is for, what it may do, and what bounds it.
fn line(key: &Value) -> String {
    let text = |name: &str| key[name].as_str().unwrap_or("?").to_owned();
    let words = |name: &str| {
        let list = key[name].as_array().map_or(&[][..], Vec::as_slice);
        let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        words.join(" ")
    };
    let mut line = format!(
        "{}  {}  app {}  {}",
        text("id"),
        text("name"),
        text("app"),
        words("scopes")
    );
    if let Some(credit) = key["credit"].as_i64() {
        line.push_str(&format!("  {credit} messages left"));
    }
    if !words("cidrs").is_empty() {
        line.push_str(&format!("  from {}", words("cidrs")));
    }
    if let Some(end) = key["expires_at"].as_str() {
        line.push_str(&format!("  until {end}"));
    }
    if key["enabled"] == false {
        line.push_str("  switched off");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_line_that_says_what_bounds_it() {
        let key = json!({
            "id": "key_018bcfe5-6800-7000-8000-000000000000",
            "name": "shop",
            "app": "default",
            "scopes": ["messages:send", "verify"],
            "credit": 12,
            "cidrs": ["10.0.0.0/8"],
            "enabled": false,
            "expires_at": "2030-01-01T00:00:00.000Z",
        });
        assert_eq!(
            line(&key),
            "key_018bcfe5-6800-7000-8000-000000000000  shop  app default  messages:send verify  \
             12 messages left  from 10.0.0.0/8  until 2030-01-01T00:00:00.000Z  switched off"
        );
        let plain = json!({ "id": "key_1", "name": "all", "app": "a", "scopes": ["admin"], "enabled": true });
        assert_eq!(line(&plain), "key_1  all  app a  admin");
    }
}
