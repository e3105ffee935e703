//! What is wrong with the machine: other programs, power, clock, disk, addresses, the service's own walls.

use super::Severity::{Problem, Warning};
use super::{DataFolder, Finding, Host, Listening, Snapshot, finding};
use crate::usb::{KEEP_MODEM_MANAGER_OFF, Kind};

/// No gateway was built before; codes, quotas and certificates need a clock.
const FIRST_YEAR: i32 = 2025;
/// Under it the database's own room becomes scarce.
const LITTLE_FREE: u64 = 64 << 20;

const UNDER_VOLTAGE_NOW: u32 = 1;
const UNDER_VOLTAGE_BEFORE: u32 = 1 << 16;

pub(super) fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let host = &snapshot.host;
    let mut findings = Vec::new();
    findings.extend(other_programs(snapshot));
    findings.extend(power(host));
    findings.extend(clock(host));
    findings.extend(host.data.iter().flat_map(data_folder));
    findings.extend(host.listening.iter().map(listening));
    findings.extend(unit(&host.unit));
    if let Some(why) = &host.blind {
        let remedy = "run it where /sys is mounted, and in a container with /sys of the host";
        findings.push(finding(Problem, "sysfs_unreadable", "/sys", why, remedy));
    }
    findings
}

fn other_programs(snapshot: &Snapshot) -> Vec<Finding> {
    let host = &snapshot.host;
    let mut findings = Vec::new();
    let has_modem = snapshot
        .devices
        .iter()
        .any(|device| device.kind == Kind::Modem);
    let is_serial = |port: &super::Section| port.sight.is_some();
    if let Some(pid) = host.modem_manager
        && !host.modem_manager_is_kept_off
        && (has_modem || snapshot.sections.iter().any(is_serial))
    {
        findings.push(finding(
            Warning,
            "modem_manager",
            format!("ModemManager (pid {pid})"),
            "it opens modems and writes AT commands of its own between the gateway's",
            KEEP_MODEM_MANAGER_OFF,
        ));
    }
    let has_adapter = snapshot
        .devices
        .iter()
        .any(|device| device.kind == Kind::Adapter);
    if let Some(pid) = host.brltty
        && has_adapter
    {
        findings.push(finding(
            Warning,
            "brltty",
            format!("brltty (pid {pid})"),
            "it takes serial adapters for braille displays and pulls their ports away",
            "remove it: apt remove brltty; or stop it: systemctl disable --now brltty",
        ));
    }
    findings
}

fn power(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = host.throttled.iter().fold(0, |all, bits| all | bits);
    let supply = "use the board's own supply, and a powered hub for the modems";
    if all & UNDER_VOLTAGE_NOW != 0 {
        let what = "the board has too little voltage at this moment";
        findings.push(finding(Problem, "under_voltage", "power", what, supply));
    } else if all & UNDER_VOLTAGE_BEFORE != 0 {
        let what = "the board had too little voltage since it was started";
        findings.push(finding(Warning, "under_voltage", "power", what, supply));
    }
    for place in &host.sleepers {
        findings.push(finding(
            Warning,
            "autosuspend",
            format!("USB port {place}"),
            "the kernel may put this modem to sleep, and it may not wake up",
            format!(
                "echo on > /sys/bus/usb/devices/{place}/power/control, and exclude it in TLP or powertop"
            ),
        ));
    }
    findings
}

fn clock(host: &Host) -> Option<Finding> {
    (host.year < FIRST_YEAR).then(|| {
        finding(
            Problem,
            "clock_not_set",
            "clock",
            format!("the clock says that it is {}", host.year),
            "set it: timedatectl set-ntp true, or date -s; a board without a battery needs the network first",
        )
    })
}

fn data_folder(data: &DataFolder) -> Vec<Finding> {
    let place = data.path.display().to_string();
    let mut findings = Vec::new();
    if !data.is_writable {
        findings.push(finding(
            Problem,
            "data_folder_read_only",
            place.as_str(),
            "the gateway cannot write to its data folder",
            "make it the gateway's own (chown), mount the disk for writing, or choose another with --data-dir",
        ));
    }
    if data.free < LITTLE_FREE {
        findings.push(finding(
            Problem,
            "disk_full",
            place.as_str(),
            format!(
                "{} MB are free on the disk of the data folder",
                data.free >> 20
            ),
            "make room, or move the data folder to another disk",
        ));
    }
    if let Some(said) = &data.database {
        findings.push(finding(
            Problem,
            "database_damaged",
            place,
            // What a start would say, without what to do about it.
            said.split(';').next().unwrap_or_default(),
            "stop the gateway and put the last backup in its place: cellpost restore FILE",
        ));
    }
    findings
}

fn listening(listening: &Listening) -> Finding {
    let Listening { address, why, .. } = listening;
    match listening.is_taken {
        true => finding(
            Problem,
            "address_taken",
            address.to_string(),
            "another program listens on the gateway's address",
            format!(
                "ss -ltnp 'sport = :{}' names it: stop it, or choose another with server.listen",
                address.port()
            ),
        ),
        false => finding(
            Problem,
            "address_refused",
            address.to_string(),
            format!("the gateway cannot listen there: {why}"),
            "choose an address of this machine, and a port above 1023, with server.listen",
        ),
    }
}

/// The service's walls, where they keep it from its own modems.
fn unit(text: &str) -> Vec<Finding> {
    let lines = || text.lines().map(str::trim);
    let last = |key: &str| {
        let mut values =
            lines().filter_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        values.next_back().map(str::trim).unwrap_or_default()
    };
    let place = "cellpost.service";
    let mut findings = Vec::new();
    if matches!(last("PrivateDevices"), "yes" | "true" | "on" | "1") {
        findings.push(finding(
            Problem,
            "service_without_devices",
            place,
            "PrivateDevices= hides every modem from the service",
            "systemctl edit cellpost, write PrivateDevices=no below [Service], and restart it",
        ));
    }
    let is_closed = matches!(last("DevicePolicy"), "closed" | "strict");
    let lets_in =
        |name: &str| lines().any(|line| line.starts_with("DeviceAllow=") && line.contains(name));
    let is_open = [
        "char-ttyUSB",
        "char-ttyACM",
        "/dev/tty",
        "/dev/serial",
        "char-*",
    ]
    .iter()
    .any(|name| lets_in(name));
    if is_closed && !is_open {
        findings.push(finding(
            Problem,
            "service_without_ports",
            place,
            "DevicePolicy= keeps the service from every serial port",
            "systemctl edit cellpost, write DeviceAllow=char-ttyUSB rw and DeviceAllow=char-ttyACM rw below [Service], and restart it",
        ));
    }
    findings
}
