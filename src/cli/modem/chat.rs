//! `cellpost modem chat`: a terminal to one modem, through the running gateway and between its texts.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::path;
use crate::cli::client::{Client, DaemonArgs};
use crate::cli::columns::plain;
use crate::cli::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// The modem, as `cellpost modem list` shows it.
    name: String,
    #[command(flatten)]
    daemon: DaemonArgs,
}

/// Each line of the input is said to the modem; what it says comes back, `!` before what nobody asked for.
pub(super) fn run(args: &ChatArgs) -> Result<(), CommandError> {
    let client = Client::find(&args.daemon)?;
    let runtime = runtime()?;
    let place = path(&args.name, "at");
    let is_terminal = std::io::stdin().is_terminal();
    if is_terminal {
        println!(
            "one line at a time, between texts; an empty line shows what came unasked, Ctrl-D ends"
        );
    }
    loop {
        if is_terminal {
            prompt()?;
        }
        let Some(line) = next_line()? else {
            return Ok(());
        };
        let asked = json!({ "command": line });
        let reply = runtime.block_on(client.call(Method::POST, &place, Some(&asked)))?;
        let goes_on = reply.status.is_client_error() && reply.status != 404 || is_terminal;
        match reply.accepted() {
            Ok(answer) => print!("{}", shown(&answer)),
            // A line that may not be said, or a modem that is away at the moment.
            Err(error) if goes_on => println!("{error}"),
            Err(error) => return Err(error),
        }
    }
}

fn shown(answer: &Value) -> String {
    let lines = |name: &str| {
        let list = answer[name].as_array().map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).map(plain)
    };
    let result = answer["result"].as_str().map(plain);
    let unasked = lines("unsolicited").map(|line| format!("! {line}"));
    unasked
        .chain(lines("lines"))
        .chain(result)
        .map(|line| line + "\n")
        .collect()
}

fn prompt() -> Result<(), CommandError> {
    print!("> ");
    std::io::stdout().flush().map_err(failed)
}

fn next_line() -> Result<Option<String>, CommandError> {
    let mut line = String::new();
    let read = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(failed)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

fn failed(error: std::io::Error) -> CommandError {
    CommandError::Failed(format!("the terminal: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_is_marked_and_stands_first() {
        let answer = json!({
            "lines": ["+CSQ: 17,99"], "result": "OK", "unsolicited": ["^RSSI:18", "\u{1b}[2J"],
        });
        assert_eq!(
            shown(&answer),
            "! ^RSSI:18\n! \u{FFFD}[2J\n+CSQ: 17,99\nOK\n"
        );
    }
}
