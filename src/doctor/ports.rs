//! What is plugged in against what the config names.

use std::collections::BTreeMap;
use std::path::Path;

use super::Severity::{Advice, Problem, Warning};
use super::{Access, Finding, Section, Sight, Snapshot, finding};
use crate::usb::{Device, KEEP_MODEM_MANAGER_OFF, Kind, Role, TtyPort};

pub(super) fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in &snapshot.sections {
        if let (Some(device), Some(sight)) = (&section.device, &section.sight) {
            findings.extend(of_section(snapshot, section, device, sight));
        }
    }
    findings.extend(one_stick_twice(snapshot));
    for device in &snapshot.devices {
        findings.extend(of_device(snapshot, device));
    }
    findings.extend(nothing_there(snapshot));
    findings
}

/// `modem.m1 (/dev/ttyUSB2)`
fn named(section: &Section, device: &Path) -> String {
    format!("modem.{} ({})", section.name, device.display())
}

fn of_section(
    snapshot: &Snapshot,
    section: &Section,
    device: &Path,
    sight: &Sight,
) -> Vec<Finding> {
    let place = named(section, device);
    let Some(node) = &sight.node else {
        return vec![absent(snapshot, device, place)];
    };
    if !sight.is_tty {
        return vec![finding(
            Problem,
            "port_not_a_tty",
            place,
            "the device is no serial port",
            "name the modem's port, best one of /dev/serial/by-id",
        )];
    }
    let mut findings = Vec::new();
    findings.extend(denied(sight, device, &place));
    findings.extend(held(sight, &place));
    if let Some((stick, port)) = owner(snapshot, node) {
        findings.extend(role(stick, port, &place));
        findings.extend(will_move(device, stick, &place));
    }
    findings
}

fn absent(snapshot: &Snapshot, device: &Path, place: String) -> Finding {
    let mut free = snapshot
        .devices
        .iter()
        .filter(|stick| !is_named(snapshot, stick))
        .filter_map(|stick| Some((stick, stick.at_ports().next()?)));
    let remedy = match free.next() {
        Some((stick, port)) => format!(
            "a {} is at {}: name that port, or better its link in /dev/serial/by-id",
            stick.name(),
            port.node.display()
        ),
        None if device.starts_with("/dev/serial") || is_numbered(device) => {
            "plug the modem in; if it is, look whether dmesg and lsusb show it, and try another port or a powered hub"
                .to_owned()
        }
        None => "correct the path, or plug the modem in".to_owned(),
    };
    finding(
        Problem,
        "port_absent",
        place,
        "the port does not exist",
        remedy,
    )
}

fn denied(sight: &Sight, device: &Path, place: &str) -> Option<Finding> {
    let Access::Denied { user, group, mode } = &sight.access else {
        return None;
    };
    let remedy = match mode & 0o060 {
        0o060 => format!("usermod -aG {group} {user}, and restart the gateway"),
        _ => format!(
            "chgrp dialout {0} && chmod 660 {0}, and a udev rule for good: SUBSYSTEM==\"tty\", GROUP=\"dialout\", MODE=\"0660\"",
            device.display()
        ),
    };
    let what = format!("{user} may not open the port (group {group}, mode {mode:04o})");
    Some(finding(Problem, "port_forbidden", place, what, remedy))
}

fn held(sight: &Sight, place: &str) -> Option<Finding> {
    let holder = sight.holder.as_ref()?;
    let remedy = match holder.command.as_str() {
        "ModemManager" => KEEP_MODEM_MANAGER_OFF.to_owned(),
        "cellpost" => "another gateway runs: stop it, or name other ports".to_owned(),
        "smsd" => "stop it: systemctl stop smstools".to_owned(),
        "bearerbox" => "stop it: systemctl stop kannel".to_owned(),
        command @ ("gammu-smsd" | "brltty") => format!("stop it: systemctl stop {command}"),
        _ => format!("stop it: kill {}", holder.pid),
    };
    let what = format!(
        "the port is held by {} (pid {})",
        holder.command, holder.pid
    );
    Some(finding(Problem, "port_busy", place, what, remedy))
}

fn role(stick: &Device, port: &TtyPort, place: &str) -> Option<Finding> {
    let best = stick.at_ports().next();
    let other = best.filter(|best| best.node != port.node).map_or_else(
        || "find the AT port: cellpost modem probe --port P, port by port".to_owned(),
        |best| format!("name {} instead", best.node.display()),
    );
    match port.role {
        Role::Silent => Some(finding(
            Problem,
            "port_is_no_at_port",
            place,
            format!(
                "interface {} of a {} gives positions, diagnostics or audio and takes no AT commands",
                port.interface,
                stick.name()
            ),
            other,
        )),
        Role::Data if best.is_some() => Some(finding(
            Warning,
            "port_is_for_data",
            place,
            format!(
                "interface {} of a {} is the port for dial-up: texts may not be announced there",
                port.interface,
                stick.name()
            ),
            other,
        )),
        Role::Primary | Role::Secondary | Role::Data | Role::Unknown => None,
    }
}

fn is_numbered(device: &Path) -> bool {
    let name = device.file_name().unwrap_or_default().to_string_lossy();
    ["ttyUSB", "ttyACM"].iter().any(|start| {
        let number = name.strip_prefix(start);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// Numbers are given in the order in which sticks come up.
fn will_move(device: &Path, stick: &Device, place: &str) -> Option<Finding> {
    if !is_numbered(device) {
        return None;
    }
    let remedy = match &stick.serial {
        Some(_) => "name its link in /dev/serial/by-id",
        None => "name its link in /dev/serial/by-path: sticks of one model share a link in by-id",
    };
    let what = "the number of the port changes when sticks are plugged in another order";
    Some(finding(Advice, "port_will_move", place, what, remedy))
}

/// The stick and the port of it that a node is.
fn owner<'a>(snapshot: &'a Snapshot, node: &Path) -> Option<(&'a Device, &'a TtyPort)> {
    snapshot.devices.iter().find_map(|stick| {
        let port = stick.ports.iter().find(|port| port.node == node)?;
        Some((stick, port))
    })
}

fn nodes(snapshot: &Snapshot) -> impl Iterator<Item = (&Section, &Path)> {
    snapshot.sections.iter().filter_map(|section| {
        let node = section.sight.as_ref()?.node.as_deref()?;
        Some((section, node))
    })
}

fn is_named(snapshot: &Snapshot, stick: &Device) -> bool {
    nodes(snapshot)
        .filter_map(|(_, node)| owner(snapshot, node))
        .any(|(owner, _)| owner.place == stick.place)
}

fn one_stick_twice(snapshot: &Snapshot) -> Vec<Finding> {
    let mut sections: BTreeMap<&str, Vec<&Section>> = BTreeMap::new();
    for (section, node) in nodes(snapshot) {
        if let Some((stick, _)) = owner(snapshot, node) {
            sections.entry(&stick.place).or_default().push(section);
        }
    }
    let twice = sections.into_iter().filter(|(_, all)| all.len() > 1);
    twice
        .map(|(place, all)| {
            let names: Vec<String> = all
                .iter()
                .map(|one| format!("modem.{}", one.name))
                .collect();
            finding(
                Problem,
                "one_stick_twice",
                names.join(", "),
                format!("these sections name ports of one stick, at USB port {place}"),
                "keep one of them: a stick is one modem with one SIM, whatever ports it has",
            )
        })
        .collect()
}

fn of_device(snapshot: &Snapshot, device: &Device) -> Option<Finding> {
    let place = format!(
        "{} ({}) at USB port {}",
        device.name(),
        device.id(),
        device.place
    );
    match device.kind {
        Kind::Storage => Some(finding(
            Problem,
            "stick_is_a_disk",
            place,
            "the stick still shows the disk with its driver, and no modem",
            "apt install usb-modeswitch and plug it in again; if it stays a disk, try another USB port or a powered hub",
        )),
        Kind::HiLink => Some(finding(
            Problem,
            "stick_is_a_network_card",
            place,
            "the stick has a router's firmware (HiLink): a network card and a web page, and no port for AT commands",
            "give it stick firmware, or use another stick: a gateway cannot send through it",
        )),
        Kind::Modem if device.at_ports().next().is_none() && !is_named(snapshot, device) => {
            Some(finding(
                Problem,
                "model_unknown",
                place,
                format!(
                    "which of its {} ports takes AT commands is not known of this model",
                    device.ports.len()
                ),
                "find it port by port with cellpost modem probe --port P, and name it in a section [modem.NAME]",
            ))
        }
        Kind::Modem if !snapshot.sections.is_empty() && !is_named(snapshot, device) => {
            // A section that goes by IMEI or SIM may mean it, and one whose port is not there says so itself.
            let may_be_meant = snapshot.sections.iter().any(|one| {
                let is_seen = |sight: &Sight| sight.node.is_some();
                one.device.is_none() || !one.sight.as_ref().is_none_or(is_seen)
            });
            let port = device.at_ports().next()?;
            (!may_be_meant).then(|| {
                finding(
                    Advice,
                    "stick_unused",
                    place,
                    "no section names this modem",
                    format!(
                        "add a section [modem.NAME] with device = \"{}\"",
                        port.node.display()
                    ),
                )
            })
        }
        Kind::Adapter if !is_named(snapshot, device) => {
            let is_all = snapshot.patients.is_empty() && snapshot.sections.is_empty();
            let port = device.ports.first()?;
            Some(finding(
                if is_all { Problem } else { Advice },
                "adapter_unnamed",
                place,
                "a serial adapter does not say what hangs on it, so it is not opened unasked",
                format!(
                    "if a modem hangs on it, add a section [modem.NAME] with device = \"{0}\"; cellpost modem probe --port {0} asks",
                    port.node.display()
                ),
            ))
        }
        Kind::Modem | Kind::Adapter | Kind::Other => None,
    }
}

fn nothing_there(snapshot: &Snapshot) -> Option<Finding> {
    let has_hope = |device: &Device| device.kind != Kind::Other;
    let is_empty = snapshot.sections.is_empty()
        && snapshot.patients.is_empty()
        && !snapshot.is_simulation
        && !snapshot.devices.iter().any(has_hope);
    is_empty.then(|| {
        finding(
            Problem,
            "no_modem",
            "USB",
            "no modem is plugged in, and the config names none",
            "plug one in, or name a port in a section [modem.NAME]",
        )
    })
}
