//! `cellpost sim cloud`: simulated providers alone, for a gateway that runs elsewhere on this machine.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use cloud_sim::{CALLBACK_SECRET, Fault, MAGIC, Order, Provider, Settings, Sim, refusals};

use super::super::{CommandError, runtime};
use crate::system::{Signal, Signals};

#[derive(Debug, Args)]
pub(super) struct CloudArgs {
    /// A loopback address; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the gateway is called back: its `server.public_url`.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:30006")]
    public_url: String,
    /// Connect here to call back, whatever host the callbacks' URLs have.
    #[arg(long, value_name = "ADDRESS")]
    callbacks_to: Option<SocketAddr>,
    /// From taking a text to its last report.
    #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS")]
    report_after_ms: u64,
    /// A fault from the start, such as `{"kind":"server_error","status":500,"taken":true}`, or an order of one, such as
    /// `{"provider":"twilio","to":"61","fault":{"kind":"report_twice"},"times":3}`; may be repeated.
    #[arg(long, value_name = "JSON")]
    fault: Vec<String>,
    /// All faults, the recipients to whom something happens by themselves, and every provider's codes.
    #[arg(long)]
    list_faults: bool,
}

pub(super) fn run(args: &CloudArgs) -> Result<(), CommandError> {
    if args.list_faults {
        list_faults();
        return Ok(());
    }
    let faults = args.fault.iter().map(|fault| order(fault));
    let mut settings = Settings {
        listen: args.listen,
        report_after: Duration::from_millis(args.report_after_ms),
        callbacks_to: args.callbacks_to,
        faults: faults.collect::<Result<_, _>>()?,
        ..Settings::default()
    };
    let base = args.public_url.trim_end_matches('/');
    let reports = |name: &str| Some(format!("{base}/callbacks/{name}/{CALLBACK_SECRET}"));
    settings.aliyun.report_url = reports("aliyun");
    settings.tencent.report_url = reports("tencent");
    runtime()?.block_on(async {
        let mut signals = Signals::new()
            .map_err(|error| CommandError::Failed(format!("signals cannot be read: {error}")))?;
        let sim =
            cloud_sim::start(settings).map_err(|error| CommandError::Failed(error.to_string()))?;
        print!("{}", welcome(&sim, base));
        std::io::stdout().flush().ok();
        while signals.next().await == Signal::Hangup {}
        sim.stop();
        Ok(())
    })
}

/// An order, or a fault alone: for everybody, until it is cleared.
fn order(text: &str) -> Result<Order, CommandError> {
    let is_alone = serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|value| value.get("kind").is_some());
    let order = match is_alone {
        true => serde_json::from_str::<Fault>(text).map(Order::always),
        false => serde_json::from_str(text),
    };
    order.map_err(|error| {
        CommandError::Usage(format!(
            "the fault {text} cannot be read: {error}; `cellpost sim cloud --list-faults` names them"
        ))
    })
}

/// The base URLs, and what is to be pasted to use them.
fn welcome(sim: &Sim, public_url: &str) -> String {
    let mut lines = Vec::new();
    for provider in Provider::ALL {
        lines.push(format!("{provider} {}", sim.base_url(provider)));
    }
    lines.push(format!("control {}/control", sim.url()));
    lines.push("\n# For the gateway's config:\n".into());
    lines.push(format!("[server]\npublic_url = \"{public_url}\"\n"));
    let kits = sim.kits();
    lines.extend(kits.iter().map(|kit| kit.section.clone()));
    lines.push("# In the folder of the config, as the user of the gateway:\n".into());
    let files: BTreeMap<_, _> = kits.into_iter().flat_map(|kit| kit.files).collect();
    for (name, value) in files {
        lines.push(format!("(umask 077; printf %s {value} > {name})"));
    }
    lines.join("\n") + "\n"
}

fn list_faults() {
    println!("Faults (--fault, POST /control):");
    for listed in Fault::CATALOGUE {
        println!("  {}  {}", listed.example, listed.meaning);
    }
    println!("\nRecipients, by their last five digits:");
    for magic in MAGIC {
        println!("  {}  {}", magic.digits, magic.meaning);
    }
    for provider in Provider::ALL {
        println!("\n{provider}, for refuse_with:");
        for row in refusals(provider) {
            println!("  {}  {}  {}", row.status, row.code, row.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_may_be_given_alone_or_as_an_order() {
        let alone = order(r#"{"kind":"report_twice"}"#).unwrap();
        assert_eq!(alone, Order::always(Fault::ReportTwice));
        let given = r#"{"provider":"twilio","to":"61","fault":{"kind":"report_twice"},"times":1}"#;
        let expected = Order::once(Fault::ReportTwice)
            .by(Provider::Twilio)
            .to("61");
        assert_eq!(order(given).unwrap(), expected);
        for wrong in [
            r#"{"kind":"typo"}"#,
            r#"{"fault":{"kind":"report_twice"},"typo":1}"#,
            "typo",
        ] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_sections_that_are_printed_are_toml_and_name_their_files() {
        let sim = cloud_sim::start(Settings::default()).unwrap();
        let welcome = welcome(&sim, "http://127.0.0.1:30006");
        for kit in sim.kits() {
            assert!(welcome.contains(&kit.section));
            let section: toml::Table = kit.section.parse().unwrap();
            let section = &section["cloud"][kit.provider.name()];
            for (name, value) in kit.files {
                let is_named = |key: &str| {
                    section
                        .get(key)
                        .is_some_and(|one| one.as_str() == Some(name))
                };
                assert!(
                    is_named("secret_file") || is_named("callback_secret_file"),
                    "{name}"
                );
                assert!(welcome.contains(&format!("printf %s {value} > {name}")));
            }
        }
    }
}
