//! **Doctor**: what is wrong with the modems and with the machine under them, and what a person does about it.
//!
//! A snapshot of the host, of the config and of what each modem said goes in, findings come out. Who takes the
//! snapshot is the command line.
//!
//! Never: opens, asks or mends anything.
//! May use: `usb`.
//! Read first: [`diagnose`], then the snapshot.

mod host;
mod modems;
mod ports;
pub(crate) mod profile;
mod snapshot;

use std::collections::BTreeSet;

pub(crate) use profile::Answers;
pub(crate) use snapshot::{
    Access, Contact, DataFolder, Host, Listening, Patient, Refusal, Section, Sight, Snapshot,
};

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// Its name for programs: `port_busy`.
    pub(crate) code: &'static str,
    /// The section, port, device or folder that it is about.
    pub(crate) place: String,
    /// What is the case.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Severity {
    /// Nothing is sent or received by it until a person does something.
    Problem,
    /// It works, and will not always.
    Warning,
    /// It works, and could be better.
    Advice,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

/// Everything that is wrong, the worst first.
pub(crate) fn diagnose(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = host::judge(snapshot);
    findings.extend(ports::judge(snapshot));
    findings.extend(modems::judge(snapshot));
    // What is seen of a port and what a gateway says of it may be the same.
    let mut told = BTreeSet::new();
    findings.retain(|finding| told.insert((finding.code, finding.place.clone())));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn finding(
    severity: Severity,
    code: &'static str,
    place: impl Into<String>,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        severity,
        code,
        place: place.into(),
        what: what.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests;
