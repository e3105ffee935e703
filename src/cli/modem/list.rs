//! `cellpost modem list`: the modems of a running gateway as they stand.

use clap::Args;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::cli::client::{Client, DaemonArgs};
use crate::cli::columns::{self, plain};
use crate::cli::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Print JSON, one modem per line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ListArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        let client = Client::find(&args.daemon)?;
        let mut modems = all(&client).await?;
        add_figures(&client, &mut modems).await?;
        match args.json {
            true => modems.iter().for_each(|modem| println!("{modem}")),
            false => print!("{}", table(&modems)),
        }
        Ok(())
    })
}

async fn all(client: &Client) -> Result<Vec<Value>, CommandError> {
    let mut modems = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", "200");
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        let path = format!("/v1/modems?{}", query.finish());
        let page = client.call(Method::GET, &path, None).await?.accepted()?;
        modems.extend(page["data"].as_array().into_iter().flatten().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(modems);
        }
    }
}

/// What SIMs have left, and what their probes came to, beside them; a key that may not see the statistics sees none.
async fn add_figures(client: &Client, modems: &mut [Value]) -> Result<(), CommandError> {
    let answer = client.call(Method::GET, "/v1/stats", None).await?;
    if answer.status == StatusCode::FORBIDDEN {
        return Ok(());
    }
    let stats = answer.accepted()?;
    let figures = stats["modems"].as_array().map_or(&[][..], Vec::as_slice);
    for modem in modems {
        let Some(of_it) = figures.iter().find(|one| one["id"] == modem["id"]) else {
            continue;
        };
        for name in ["balance", "loopback"] {
            if !of_it[name].is_null() {
                modem[name] = of_it[name].clone();
            }
        }
    }
    Ok(())
}

const HEADINGS: [&str; 9] = [
    "NAME", "STATE", "DEVICE", "NUMBER", "OPERATOR", "SIGNAL", "QUEUE", "TODAY", "BALANCE",
];

/// A line for each modem, and what is wrong with it in words below.
fn table(modems: &[Value]) -> String {
    if modems.is_empty() {
        return "no modems: name their ports in sections [modem.NAME] of the config\n".to_owned();
    }
    let rows: Vec<[String; 9]> = std::iter::once(HEADINGS.map(str::to_owned))
        .chain(modems.iter().map(row))
        .collect();
    let mut shown = String::new();
    for (at, line) in columns::lines(&rows).into_iter().enumerate() {
        shown.push_str(&line);
        shown.push('\n');
        let modem = at.checked_sub(1).map(|at| &modems[at]);
        if let Some(error) = modem.and_then(|modem| modem["last_error"].as_str()) {
            shown.push_str(&format!("    {}\n", plain(error)));
        }
        if let Some(probes) = modem.and_then(|modem| probes(&modem["loopback"])) {
            shown.push_str(&format!("    {probes}\n"));
        }
    }
    shown
}

/// What its SIM's texts to another SIM came to.
fn probes(loopback: &Value) -> Option<String> {
    let (sent, received) = (loopback["sent"].as_u64()?, loopback["received"].as_u64()?);
    let delay = |name: &str| loopback[name].as_f64().map(|millis| millis / 1000.0);
    let delays = match (delay("last_delay_ms"), delay("mean_delay_ms")) {
        (Some(last), Some(mean)) => format!(", the last after {last:.1} s, {mean:.1} s on average"),
        _ => String::new(),
    };
    Some(format!("probes: {received} of {sent} came{delays}"))
}

fn row(modem: &Value) -> [String; 9] {
    let text = |name: &str| plain(modem[name].as_str().unwrap_or("-"));
    let count = |name: &str| modem[name].as_u64().unwrap_or(0);
    let operator = match (modem["operator"].as_str(), modem["tech"].as_str()) {
        (Some(operator), Some(tech)) => plain(&format!("{operator} {tech}")),
        (Some(operator), None) => plain(operator),
        (None, _) => "-".to_owned(),
    };
    let operator = match modem["network"].as_str() {
        Some("roaming") => format!("{operator} (roaming)"),
        _ => operator,
    };
    let signal = modem["signal_dbm"].as_i64();
    [
        text("id"),
        text("state"),
        text("device"),
        text("number"),
        operator,
        signal.map_or_else(|| "-".to_owned(), |dbm| format!("{dbm} dBm")),
        (count("queue") + count("sending")).to_string(),
        match count("failed_today") {
            0 => format!("{} sent", count("sent_today")),
            failed => format!("{} sent, {failed} failed", count("sent_today")),
        },
        modem["balance"]["amount"]
            .as_str()
            .map_or_else(|| "-".to_owned(), plain),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn modems_are_a_table_with_what_is_wrong_below() {
        let modems = [
            json!({
                "id": "m1", "device": "/dev/ttyUSB2", "state": "ready", "number": "+8613800138000",
                "operator": "46000", "network": "roaming", "tech": "lte", "signal_dbm": -82,
                "queue": 2, "sending": 1, "sent_today": 12, "failed_today": 0, "last_error": null,
                "balance": { "amount": "3.0000", "low": false },
                "loopback": { "sent": 3, "received": 2, "last_delay_ms": 1500, "mean_delay_ms": 2250 },
            }),
            json!({
                "id": "m2", "device": "tcp://10.0.0.7:4001", "state": "absent", "network": "none",
                "queue": 0, "sending": 0, "sent_today": 0, "failed_today": 3,
                "last_error": "there is no such port: \u{1b}[2J",
            }),
        ];
        assert_eq!(
            table(&modems),
            "NAME  STATE   DEVICE               NUMBER          OPERATOR             SIGNAL   QUEUE  TODAY             BALANCE\n\
             m1    ready   /dev/ttyUSB2         +8613800138000  46000 lte (roaming)  -82 dBm  3      12 sent           3.0000\n    \
                 probes: 2 of 3 came, the last after 1.5 s, 2.2 s on average\n\
             m2    absent  tcp://10.0.0.7:4001  -               -                    -        0      0 sent, 3 failed  -\n    \
                 there is no such port: \u{FFFD}[2J\n"
        );
    }

    #[test]
    fn no_modem_is_a_line_that_says_what_to_do() {
        assert!(table(&[]).contains("[modem.NAME]"));
    }
}
