//! What is wrong with each modem, its SIM and its network.

use std::collections::BTreeMap;

use super::Severity::{Advice, Problem, Warning};
use super::{Contact, Finding, Patient, Refusal, Severity, Snapshot, finding};

/// At or below it many a text is lost or late: 5 of 31 on the scale of `+CSQ`.
const WEAK_DBM: i64 = -103;

const OTHER_PORT: &str =
    "name another port of the same stick: cellpost modem probe --port P asks each";

pub(super) fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for patient in &snapshot.patients {
        findings.extend(contact(patient));
        if patient.contact == Contact::Heard {
            findings.extend(state(patient));
            findings.extend(small_troubles(patient));
        }
    }
    findings.extend(one_sim_twice(snapshot));
    findings
}

/// `modem.m1 (/dev/ttyUSB2)`, or the port alone.
fn place(patient: &Patient) -> String {
    match patient.name == patient.device {
        true => patient.device.clone(),
        false => format!("modem.{} ({})", patient.name, patient.device),
    }
}

/// "what is wrong: what to do", as sessions and ports say it.
fn two_parts(words: &str, otherwise: &str) -> (String, String) {
    match words.split_once(": ") {
        Some((what, remedy)) => (what.to_owned(), remedy.to_owned()),
        None => (words.to_owned(), otherwise.to_owned()),
    }
}

fn contact(patient: &Patient) -> Option<Finding> {
    let found =
        |code, what: &str, remedy: &str| finding(Problem, code, place(patient), what, remedy);
    match &patient.contact {
        Contact::Heard => None,
        Contact::Silent => Some(found(
            "modem_silent",
            "nothing answers AT commands there",
            "pull the modem and plug it in again; if it stays silent, try its other ports with cellpost modem probe --port P, or another baud",
        )),
        Contact::Nmea => Some(found(
            "port_is_no_at_port",
            "the port gives positions (NMEA) and takes no AT commands",
            OTHER_PORT,
        )),
        Contact::Unfit(words) => Some(found("modem_unfit", words, OTHER_PORT)),
        Contact::Refused(refusal, words) => {
            let code = match refusal {
                Refusal::Absent => "port_absent",
                Refusal::Busy => "port_busy",
                Refusal::Forbidden => "port_forbidden",
                Refusal::NotATty => "port_not_a_tty",
                Refusal::Unreachable => "port_unreachable",
                Refusal::Other => "port_broken",
            };
            let (what, remedy) = match refusal {
                // Who holds it is part of what is the case.
                Refusal::Busy => words.split_once(" (pid ").and_then(|(who, rest)| {
                    let (pid, remedy) = rest.split_once("): ")?;
                    Some((format!("{who} (pid {pid})"), remedy.to_owned()))
                }),
                Refusal::Unreachable => words
                    .split_once("; ")
                    .map(|(what, remedy)| (what.to_owned(), remedy.to_owned())),
                _ => None,
            }
            .unwrap_or_else(|| two_parts(words, "look at dmesg, and plug the modem in again"));
            Some(found(code, &what, &remedy))
        }
        Contact::Lost => Some(found(
            "port_lost",
            "the port went away while the modem was asked",
            "look at dmesg for its power: a powered hub, a shorter cable, another USB port",
        )),
    }
}

fn state(patient: &Patient) -> Option<Finding> {
    let said = patient.error.as_deref().unwrap_or_default();
    let found = |severity: Severity, code, otherwise: (&str, &str)| {
        let (what, remedy) = match said.is_empty() {
            true => (otherwise.0.to_owned(), otherwise.1.to_owned()),
            false => two_parts(said, otherwise.1),
        };
        Some(finding(severity, code, place(patient), what, remedy))
    };
    let wait = "wait for it; if it stays so, pull it and plug it in again";
    match patient.state.as_str() {
        "no_sim" => found(
            Problem,
            "sim_absent",
            ("no SIM", "insert one, or check that it sits well"),
        ),
        "pin_required" => pin(patient, said),
        "no_network" if patient.network == "denied" => found(
            Problem,
            "network_denied",
            (
                "the network refuses this SIM",
                "is it active, and allowed in this network?",
            ),
        ),
        "no_network" => found(
            Problem,
            "no_network",
            (
                "no network",
                "check antenna, coverage and whether the SIM is active",
            ),
        ),
        "registering" => found(
            Problem,
            "network_searching",
            (
                "the modem is still searching a network",
                "check antenna, coverage and whether the SIM is active",
            ),
        ),
        "starting" => found(
            Warning,
            "modem_starting",
            ("the modem is not ready yet", wait),
        ),
        "recovering" => found(
            Warning,
            "modem_recovering",
            ("the modem is being brought back", wait),
        ),
        "quarantined" => found(
            Problem,
            "modem_quarantined",
            (
                "nothing brought the modem back",
                "pull it and plug it in again",
            ),
        ),
        "failed" => failed(patient, said),
        "absent" if said.contains("adopts no modems") => found(
            Advice,
            "modem_not_opened",
            ("the modem is not opened", "name it in a section"),
        ),
        "absent" => found(
            Problem,
            "port_absent",
            ("the modem is not plugged in", "plug it in"),
        ),
        "paused" => found(
            Advice,
            "modem_paused",
            (
                "the modem is paused by a person",
                "resume it: POST /v1/modems/{id}/resume",
            ),
        ),
        _ => None,
    }
}

/// The gateway could not use the port; its words say why.
fn failed(patient: &Patient, said: &str) -> Option<Finding> {
    let code = [
        ("busy", "port_busy"),
        ("permission", "port_forbidden"),
        ("is no tty", "port_not_a_tty"),
        ("is not reached", "port_unreachable"),
    ];
    let code = code.iter().find(|(word, _)| said.contains(word));
    let (what, remedy) = two_parts(said, "look at the gateway's log");
    Some(finding(
        Problem,
        code.map_or("modem_unfit", |(_, code)| code),
        place(patient),
        what,
        remedy,
    ))
}

fn pin(patient: &Patient, said: &str) -> Option<Finding> {
    let (code, remedy) = if said.contains("PUK") {
        ("sim_wants_puk", "enter the PUK in a phone")
    } else if said.contains("locked to") {
        (
            "modem_is_locked",
            "unlock it, or use the SIM or network it is locked to",
        )
    } else if said.contains("pin_file") && said.contains("refused") || said.contains("tries left") {
        ("pin_refused", "correct the file, and restart the gateway")
    } else if said.contains("before") || said.contains("again") {
        (
            "pin_refused",
            "check the PIN in a phone, and write it to pin_file",
        )
    } else if patient.has_pin {
        // It was asked without its PIN: the gateway enters it.
        return None;
    } else {
        (
            "sim_wants_pin",
            "write its PIN to a file and name that in pin_file of the section",
        )
    };
    let (what, remedy) = match said.is_empty() {
        true => ("the SIM wants a PIN".to_owned(), remedy.to_owned()),
        false => two_parts(said, remedy),
    };
    Some(finding(Problem, code, place(patient), what, remedy))
}

/// What lets a modem be ready all the same.
fn small_troubles(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(said), "ready") = (&patient.error, patient.state.as_str()) {
        let code = [
            ("service centre", "no_service_centre"),
            ("announces neither", "texts_unannounced"),
            ("lacks power", "under_voltage"),
        ];
        let code = code.iter().find(|(word, _)| said.contains(word));
        let code = code.map_or("modem_complains", |(_, code)| *code);
        let (what, remedy) = match code {
            "texts_unannounced" => (said.clone(), OTHER_PORT.to_owned()),
            _ => two_parts(said, "look at the gateway's log"),
        };
        findings.push(finding(Problem, code, place(patient), what, remedy));
    }
    if let Some(dbm) = patient.signal_dbm.filter(|dbm| *dbm <= WEAK_DBM) {
        findings.push(finding(
            Warning,
            "signal_weak",
            place(patient),
            format!("the signal is weak: {dbm} dBm"),
            "move the modem to a window, give it an antenna, or a long USB cable with a powered hub",
        ));
    }
    if let Some((used, slots)) = patient
        .storage
        .filter(|(used, slots)| *slots > 0 && used >= slots)
    {
        findings.push(finding(
            Problem,
            "storage_full",
            place(patient),
            format!(
                "the SIM's memory for texts is full ({used} of {slots}): no text comes in any more"
            ),
            "run the gateway, which stores and deletes them; or delete texts in a phone",
        ));
    }
    if !patient.spent.is_empty() {
        findings.push(finding(
            Warning,
            "quota_used_up",
            place(patient),
            format!(
                "the SIM has sent what it may in this {}",
                patient.spent.join(" and ")
            ),
            "wait, add a SIM, or raise hour_quota, day_quota or month_quota of the section",
        ));
    }
    if let Some(fitting) = patient.unknown.as_ref().and_then(super::Answers::profile) {
        findings.push(finding(
            Advice,
            "profile_generic",
            place(patient),
            "no profile knows this model, and it differs from the standards",
            format!("save this as a file in modems.profiles_dir:\n{fitting}"),
        ));
    }
    findings
}

fn one_sim_twice(snapshot: &Snapshot) -> Vec<Finding> {
    let mut owners: BTreeMap<&str, Vec<&Patient>> = BTreeMap::new();
    for patient in &snapshot.patients {
        if let Some(iccid) = &patient.iccid
            && patient.state == "ready"
        {
            owners.entry(iccid).or_default().push(patient);
        }
    }
    let twice = owners.into_values().filter(|all| all.len() > 1);
    twice
        .map(|all| {
            let places: Vec<String> = all.iter().map(|one| place(one)).collect();
            finding(
                Problem,
                "one_sim_twice",
                places.join(", "),
                "two modems tell the same SIM: they are ports of one stick, or its ICCID was copied",
                "keep one of the sections, or give one modem a SIM of its own",
            )
        })
        .collect()
}
