//! `cellpost inbox`: the texts that a running gateway has received. Reading only.

use clap::Args;
use http::Method;
use serde_json::Value;

use super::client::{Client, DaemonArgs};
use super::{CommandError, runtime};

#[derive(Debug, Args)]
pub(super) struct InboxArgs {
    /// Show this text only, whole.
    id: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Show the texts of this number or name only.
    #[arg(long, value_name = "SENDER", conflicts_with = "id")]
    from: Option<String>,
    /// Show texts that are not marked as read only.
    #[arg(long, conflicts_with = "id")]
    unread: bool,
    /// Show so many of the newest, at most 200.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Print JSON, one text per line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InboxArgs) -> Result<(), CommandError> {
    runtime()?.block_on(async {
        let client = Client::find(&args.daemon)?;
        let path = path(args);
        let answer = client.call(Method::GET, &path, None).await?.accepted()?;
        match &args.id {
            Some(_) => show(args, &answer, whole),
            // Oldest first, as on a phone: the newest stands above the prompt.
            None => {
                let texts = answer["data"].as_array().map_or(&[][..], Vec::as_slice);
                texts.iter().rev().for_each(|text| show(args, text, line));
            }
        }
        Ok(())
    })
}

fn path(args: &InboxArgs) -> String {
    if let Some(id) = &args.id {
        let mut url = String::from("/v1/inbox/");
        url.extend(url::form_urlencoded::byte_serialize(id.as_bytes()));
        return url;
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &args.limit.to_string());
    if let Some(from) = &args.from {
        query.append_pair("from", from);
    }
    if args.unread {
        query.append_pair("unread", "true");
    }
    format!("/v1/inbox?{}", query.finish())
}

fn show(args: &InboxArgs, text: &Value, shape: fn(&Value) -> String) {
    match args.json {
        true => println!("{text}"),
        false => println!("{}", shape(text)),
    }
}

/// One line: when, who, what. A text can bring no control characters onto a terminal.
fn line(text: &Value) -> String {
    let said = text["text"].as_str().unwrap_or_default();
    format!(
        "{}  {}  {}{}",
        text["received_at"].as_str().unwrap_or("?"),
        plain(text["from"].as_str().unwrap_or("?")),
        plain(&said.replace('\n', "⏎")),
        match text["complete"].as_bool() {
            Some(false) => "  (a part is missing)",
            _ => "",
        }
    )
}

fn whole(text: &Value) -> String {
    let field = |name: &str| plain(text[name].as_str().unwrap_or("?"));
    format!(
        "id           {}\nfrom         {}\nto           {} ({})\nreceived at  {}\nsent at      {}\nparts        {}{}\n\n{}",
        field("id"),
        field("from"),
        field("to"),
        field("modem"),
        field("received_at"),
        field("smsc_at"),
        text["parts"],
        match text["complete"].as_bool() {
            Some(false) => ", some missing",
            _ => "",
        },
        field("text"),
    )
}

/// Whatever a stranger sent, without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '\n',
            c if c.is_control() => '\u{FFFD}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(said: &str, complete: bool) -> Value {
        json!({
            "id": "IN_018bcfe5-6800-7000-8000-000000000000",
            "from": "BigBank",
            "to": null,
            "modem": "m1",
            "text": said,
            "parts": 2,
            "complete": complete,
            "received_at": "2023-11-14T22:13:20.000Z",
            "smsc_at": null,
        })
    }

    #[test]
    fn a_text_is_one_line_whatever_it_holds() {
        assert_eq!(
            line(&text("a\nb\u{1b}[2J", true)),
            "2023-11-14T22:13:20.000Z  BigBank  a⏎b\u{FFFD}[2J"
        );
        assert_eq!(
            line(&text("a[…]", false)),
            "2023-11-14T22:13:20.000Z  BigBank  a[…]  (a part is missing)"
        );
    }

    #[test]
    fn a_whole_text_is_shown_with_where_it_came_from() {
        let shown = whole(&text("a\nb", false));
        assert!(shown.starts_with("id           IN_018b"), "{shown}");
        assert!(shown.contains("to           ? (m1)"), "{shown}");
        assert!(shown.contains("parts        2, some missing"), "{shown}");
        assert!(shown.ends_with("\n\na\nb"), "{shown}");
    }

    #[test]
    fn what_is_asked_for_is_escaped() {
        let args = InboxArgs {
            id: None,
            daemon: DaemonArgs::default(),
            from: Some("+8613800138000&limit=1".into()),
            unread: true,
            limit: 7,
            json: false,
        };
        assert_eq!(
            path(&args),
            "/v1/inbox?limit=7&from=%2B8613800138000%26limit%3D1&unread=true"
        );
        let one = InboxArgs {
            id: Some("../messages".into()),
            ..args
        };
        assert_eq!(path(&one), "/v1/inbox/..%2Fmessages");
    }
}
