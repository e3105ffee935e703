//! `cellpost queue`: what waits in a running gateway, and for what.

use clap::Args;
use http::Method;
use serde_json::Value;

use super::client::{Client, DaemonArgs};
use super::columns::{self, plain};
use super::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Print JSON, one line for each group of messages that wait for the same thing.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &QueueArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        let client = Client::find(&args.daemon)?;
        let answer = client.call(Method::GET, "/v1/stats", None).await?;
        let queue = &answer.accepted()?["queue"];
        let groups = queue["waiting"].as_array().map_or(&[][..], Vec::as_slice);
        match args.json {
            true => groups.iter().for_each(|group| println!("{group}")),
            false => print!("{}", table(queue, groups)),
        }
        Ok(())
    })
}

const HEADINGS: [&str; 7] = [
    "WHY",
    "CATEGORY",
    "ROUTE",
    "MESSAGES",
    "OLDEST",
    "NEXT LOOK",
    "FIRST END",
];

/// A line on the whole, then what waits for the same thing in a line each, and why in words below it.
fn table(queue: &Value, groups: &[Value]) -> String {
    let number = |name: &str| queue[name].as_i64().unwrap_or(0);
    let mut shown = format!(
        "{} queued, {} scheduled, {} sending\n",
        number("queued"),
        number("scheduled"),
        number("sending")
    );
    if groups.is_empty() {
        return shown;
    }
    let rows: Vec<[String; 7]> = std::iter::once(HEADINGS.map(str::to_owned))
        .chain(groups.iter().map(row))
        .collect();
    for (at, line) in columns::lines(&rows).into_iter().enumerate() {
        shown.push_str(&line);
        shown.push('\n');
        if let Some(group) = at.checked_sub(1).map(|group| &groups[group]) {
            let why = group["reason"]["message"].as_str().unwrap_or_default();
            shown.push_str(&format!("    {}\n", plain(why)));
        }
    }
    if queue["is_sample"] == true {
        shown.push_str("More is held back than is shown here: of that, what is looked at first.\n");
    }
    shown
}

fn row(group: &Value) -> [String; 7] {
    let text = |value: &Value| plain(value.as_str().unwrap_or("any"));
    // To the second: milliseconds help nobody here.
    let time = |name: &str| {
        let moment = group[name].as_str().unwrap_or("?");
        moment
            .get(..19)
            .map_or(moment.to_owned(), |second| format!("{second}Z"))
    };
    [
        text(&group["reason"]["code"]),
        text(&group["category"]),
        text(&group["route"]),
        group["messages"].to_string(),
        time("oldest_at"),
        time("next_attempt_at"),
        time("first_expires_at"),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_queue_is_a_table_of_what_waits_for_what() {
        let queue = json!({
            "queued": 12, "scheduled": 1, "sending": 2, "is_sample": false,
            "waiting": [
                {
                    "reason": { "code": "in_line", "message": "in line for modem m1" },
                    "category": "bulk", "route": null, "messages": 12,
                    "oldest_at": "2023-11-14T22:13:20.007Z",
                    "next_attempt_at": "2023-11-14T22:13:24.007Z",
                    "first_expires_at": "2023-11-15T22:13:20.007Z"
                },
                {
                    "reason": { "code": "no_modem", "message": "modem m2 absent: \u{1b}[2J" },
                    "category": "otp", "route": "modem:m2", "messages": 1,
                    "oldest_at": "2023-11-14T22:13:20.007Z",
                    "next_attempt_at": "2023-11-14T22:13:50.007Z",
                    "first_expires_at": "2023-11-14T22:23:20.007Z"
                }
            ],
        });
        let groups = queue["waiting"].as_array().unwrap();
        assert_eq!(
            table(&queue, groups),
            "12 queued, 1 scheduled, 2 sending\n\
             WHY       CATEGORY  ROUTE     MESSAGES  OLDEST                NEXT LOOK             FIRST END\n\
             in_line   bulk      any       12        2023-11-14T22:13:20Z  2023-11-14T22:13:24Z  2023-11-15T22:13:20Z\n    \
                 in line for modem m1\n\
             no_modem  otp       modem:m2  1         2023-11-14T22:13:20Z  2023-11-14T22:13:50Z  2023-11-14T22:23:20Z\n    \
                 modem m2 absent: \u{FFFD}[2J\n"
        );
    }

    #[test]
    fn an_empty_queue_is_one_line() {
        let queue = json!({ "queued": 0, "scheduled": 0, "sending": 0, "waiting": [] });
        assert_eq!(table(&queue, &[]), "0 queued, 0 scheduled, 0 sending\n");
    }
}
