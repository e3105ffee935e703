//! `cellpost doctor`: takes a snapshot of the machine and its modems and prints what the doctor finds.

mod answers;
mod collect;
pub(super) mod gateway;
mod person;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::columns::plain;
use super::{CommandError, ConfigArgs, load, runtime};
use crate::doctor::{Finding, Severity, diagnose};
use crate::usb::Roots;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    looking: LookingArgs,
    /// Print JSON, one finding per line.
    #[arg(long)]
    json: bool,
}

/// Where and how long modems are looked for.
#[derive(Debug, Args)]
pub(super) struct LookingArgs {
    /// Seconds that a modem has to become ready.
    #[arg(long, value_name = "S", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=600))]
    patience: u64,
    /// Look at the machine whose sys, dev, proc and etc are in this folder, as a container has them of its host.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl LookingArgs {
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }

    pub(super) fn roots(&self) -> Roots {
        Roots {
            sys: self.root.join("sys"),
            dev: self.root.join("dev"),
            proc: self.root.join("proc"),
        }
    }

    fn etc(&self) -> PathBuf {
        self.root.join("etc")
    }

    fn root(&self) -> &Path {
        &self.root
    }
}

pub(super) fn run(args: &DoctorArgs) -> Result<(), CommandError> {
    let config = load(&args.config, &[], None)?;
    let snapshot = runtime()?.block_on(collect::snapshot(&config, &args.looking))?;
    let findings = diagnose(&snapshot);
    match args.json {
        true => findings
            .iter()
            .for_each(|finding| println!("{}", json(finding))),
        false => findings
            .iter()
            .for_each(|finding| print!("{}", words(finding))),
    }
    let count = |severity| {
        let of = findings
            .iter()
            .filter(|finding| finding.severity == severity);
        of.count()
    };
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    if problems + warnings > 0 {
        return Err(CommandError::Failed(format!(
            "{problems} problems and {warnings} warnings for a person to mend"
        )));
    }
    if !args.json {
        let ready = snapshot
            .patients
            .iter()
            .filter(|modem| modem.state == "ready");
        println!("nothing is wrong: {} modems are ready", ready.count());
    }
    Ok(())
}

fn json(finding: &Finding) -> serde_json::Value {
    json!({
        "severity": finding.severity.as_str(),
        "code": finding.code,
        "where": finding.place,
        "what": finding.what,
        "remedy": finding.remedy,
    })
}

fn words(finding: &Finding) -> String {
    let mut remedy = finding.remedy.lines().map(plain);
    let first = remedy.next().unwrap_or_default();
    let mut shown = format!(
        "{:8} {}: {}\n         → {first}\n",
        finding.severity.as_str(),
        plain(&finding.place),
        plain(&finding.what),
    );
    for line in remedy {
        shown.push_str(&format!("           {line}\n"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_what_and_where_and_below_it_what_to_do() {
        let finding = Finding {
            severity: Severity::Problem,
            code: "port_busy",
            place: "modem.m1 (/dev/ttyUSB2)".to_owned(),
            what: "the port is held by a\u{1b}[2Jb (pid 7)".to_owned(),
            remedy: "stop it: kill 7\nand again".to_owned(),
        };
        assert_eq!(
            words(&finding),
            "problem  modem.m1 (/dev/ttyUSB2): the port is held by a\u{FFFD}[2Jb (pid 7)\n         \
             → stop it: kill 7\n           and again\n"
        );
        assert_eq!(json(&finding)["code"], "port_busy");
    }
}
