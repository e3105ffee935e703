//! Each finding from the snapshot that shows it, and none from a machine that is well.

use std::path::PathBuf;

use super::*;
use crate::usb::{Device, Holder, Kind, Role, TtyPort};

fn stick(place: &str, kind: Kind, ports: &[(u8, &str, Role)]) -> Device {
    Device {
        place: place.to_owned(),
        vendor: 0x2c7c,
        product: 0x0125,
        maker: Some("Quectel".to_owned()),
        product_name: Some("EC25-E".to_owned()),
        serial: None,
        kind,
        known_as: None,
        ports: ports
            .iter()
            .map(|(interface, node, role)| TtyPort {
                node: PathBuf::from(node),
                interface: *interface,
                role: *role,
            })
            .collect(),
    }
}

fn quectel() -> Device {
    let ports = [
        (1, "/dev/ttyUSB1", Role::Silent),
        (2, "/dev/ttyUSB2", Role::Primary),
        (3, "/dev/ttyUSB3", Role::Secondary),
    ];
    stick("1-1.4", Kind::Modem, &ports)
}

fn section(name: &str, device: &str, node: &str) -> Section {
    Section {
        name: name.to_owned(),
        device: Some(PathBuf::from(device)),
        has_pin: false,
        sight: Some(Sight {
            node: Some(PathBuf::from(node)),
            is_tty: true,
            access: Access::Granted,
            holder: None,
        }),
    }
}

fn ready(name: &str) -> Patient {
    Patient {
        name: name.to_owned(),
        device: "/dev/serial/by-id/modem".to_owned(),
        state: "ready".to_owned(),
        network: "home".to_owned(),
        iccid: Some(format!("89860012345678{name}")),
        signal_dbm: Some(-77),
        storage: Some((2, 20)),
        ..Patient::default()
    }
}

/// A machine that is well.
fn well() -> Snapshot {
    Snapshot {
        host: Host {
            year: 2026,
            unit: "DevicePolicy=closed\nDeviceAllow=char-ttyUSB rw\n".to_owned(),
            data: Some(DataFolder {
                path: "/var/lib/cellpost".into(),
                is_writable: true,
                free: 1 << 30,
                database: None,
            }),
            ..Host::default()
        },
        devices: vec![quectel()],
        sections: vec![section("m1", "/dev/serial/by-id/modem", "/dev/ttyUSB2")],
        is_simulation: false,
        patients: vec![ready("m1")],
    }
}

/// What is found of a machine that is well but for this.
fn but(change: impl FnOnce(&mut Snapshot)) -> Vec<&'static str> {
    let mut snapshot = well();
    change(&mut snapshot);
    let findings = diagnose(&snapshot);
    for finding in &findings {
        assert!(
            !finding.place.is_empty() && !finding.what.is_empty() && finding.remedy.len() > 4,
            "{finding:?}"
        );
    }
    findings.iter().map(|finding| finding.code).collect()
}

fn said(state: &'static str, network: &'static str, error: &'static str) -> Vec<&'static str> {
    but(|snapshot| {
        let patient = &mut snapshot.patients[0];
        patient.state = state.to_owned();
        patient.network = network.to_owned();
        patient.error = Some(error.to_owned()).filter(|error| !error.is_empty());
    })
}

#[test]
fn of_a_machine_that_is_well_nothing_is_found() {
    assert_eq!(but(|_| {}), [""; 0]);
    // A machine that simulates has nothing plugged in.
    let simulates = but(|snapshot| {
        snapshot.devices.clear();
        snapshot.sections.clear();
        snapshot.patients.clear();
        snapshot.is_simulation = true;
    });
    assert_eq!(simulates, [""; 0]);
}

#[test]
fn what_is_wrong_with_the_machine_is_named() {
    let host = |change: fn(&mut Host)| but(|snapshot| change(&mut snapshot.host));
    assert_eq!(host(|host| host.year = 1970), ["clock_not_set"]);
    assert_eq!(host(|host| host.throttled = vec![0, 1]), ["under_voltage"]);
    assert_eq!(
        host(|host| host.throttled = vec![0x50000]),
        ["under_voltage"]
    );
    assert_eq!(
        host(|host| host.sleepers = vec!["1-1.4".to_owned()]),
        ["autosuspend"]
    );
    assert_eq!(host(|host| host.modem_manager = Some(7)), ["modem_manager"]);
    let kept_off = host(|host| {
        host.modem_manager = Some(7);
        host.modem_manager_is_kept_off = true;
    });
    assert_eq!(kept_off, [""; 0]);
    assert_eq!(
        host(|host| host.unit = "PrivateDevices=yes".to_owned()),
        ["service_without_devices"]
    );
    assert_eq!(
        host(|host| host.unit = "DevicePolicy=closed\nDeviceAllow=char-ttyS rw".to_owned()),
        ["service_without_ports"]
    );
    assert_eq!(
        host(|host| host.blind = Some("permission denied".to_owned())),
        ["sysfs_unreadable"]
    );
    let taken = |is_taken| {
        but(|snapshot| {
            snapshot.host.listening.push(Listening {
                address: ([127, 0, 0, 1], 8080).into(),
                is_taken,
                why: "in use".to_owned(),
            });
        })
    };
    assert_eq!(taken(true), ["address_taken"]);
    assert_eq!(taken(false), ["address_refused"]);
    let data = |change: fn(&mut DataFolder)| {
        but(|snapshot| snapshot.host.data.iter_mut().for_each(change))
    };
    assert_eq!(
        data(|data| data.is_writable = false),
        ["data_folder_read_only"]
    );
    assert_eq!(data(|data| data.free = 1 << 20), ["disk_full"]);
    assert_eq!(
        data(|data| data.database = Some("3 octets are left".to_owned())),
        ["database_damaged"]
    );
}

#[test]
fn what_is_wrong_with_a_port_is_named() {
    let sight = |change: fn(&mut Sight)| {
        but(|snapshot| snapshot.sections[0].sight.iter_mut().for_each(change))
    };
    assert_eq!(sight(|sight| sight.node = None), ["port_absent"]);
    assert_eq!(sight(|sight| sight.is_tty = false), ["port_not_a_tty"]);
    let denied = sight(|sight| {
        sight.access = Access::Denied {
            user: "cellpost".to_owned(),
            group: "dialout".to_owned(),
            mode: 0o660,
        };
    });
    assert_eq!(denied, ["port_forbidden"]);
    let held = sight(|sight| {
        sight.holder = Some(Holder {
            pid: 812,
            command: "gammu-smsd".to_owned(),
        });
    });
    assert_eq!(held, ["port_busy"]);
    let nmea = sight(|sight| sight.node = Some("/dev/ttyUSB1".into()));
    assert_eq!(nmea, ["port_is_no_at_port"]);
    let twice = but(|snapshot| {
        snapshot
            .sections
            .push(section("m2", "/dev/serial/by-id/other", "/dev/ttyUSB3"));
    });
    assert_eq!(twice, ["one_stick_twice"]);
    let numbered = but(|snapshot| {
        snapshot.sections[0].device = Some("/dev/ttyUSB2".into());
    });
    assert_eq!(numbered, ["port_will_move"]);
}

#[test]
fn a_remedy_names_the_port_that_is_meant() {
    let mut snapshot = well();
    snapshot.sections[0].sight.as_mut().unwrap().node = Some("/dev/ttyUSB1".into());
    let findings = diagnose(&snapshot);
    assert_eq!(findings[0].remedy, "name /dev/ttyUSB2 instead");
    snapshot.sections[0].sight.as_mut().unwrap().node = None;
    let findings = diagnose(&snapshot);
    let remedy = &findings[0].remedy;
    assert!(
        remedy.contains("a Quectel EC25-E is at /dev/ttyUSB2"),
        "{remedy}"
    );
}

#[test]
fn what_is_plugged_in_and_is_no_modem_yet_is_named() {
    let plugged = |device: Device| {
        but(|snapshot| {
            snapshot.devices = vec![device];
            snapshot.sections.clear();
            snapshot.patients.clear();
        })
    };
    assert_eq!(
        plugged(stick("1-2", Kind::Storage, &[])),
        ["stick_is_a_disk"]
    );
    assert_eq!(
        plugged(stick("1-2", Kind::HiLink, &[])),
        ["stick_is_a_network_card"]
    );
    let tty = [(0, "/dev/ttyUSB0", Role::Unknown)];
    assert_eq!(
        plugged(stick("1-2", Kind::Adapter, &tty)),
        ["adapter_unnamed"]
    );
    assert_eq!(plugged(stick("1-2", Kind::Modem, &tty)), ["model_unknown"]);
    assert_eq!(plugged(stick("1-2", Kind::Other, &[])), ["no_modem"]);
    let second = but(|snapshot| {
        let port = [(2, "/dev/ttyUSB8", Role::Primary)];
        snapshot.devices.push(stick("1-3", Kind::Modem, &port));
    });
    assert_eq!(second, ["stick_unused"]);
    let braille = but(|snapshot| {
        snapshot.devices.push(stick("1-3", Kind::Adapter, &tty));
        snapshot
            .sections
            .push(section("m2", "/dev/serial/by-id/a", "/dev/ttyUSB0"));
        snapshot.host.brltty = Some(9);
    });
    assert_eq!(braille, ["brltty"]);
}

#[test]
fn what_is_wrong_with_a_modem_or_its_sim_is_named() {
    for (state, network, error, code) in [
        (
            "no_sim",
            "none",
            "no SIM: insert one, or check that it sits well",
            "sim_absent",
        ),
        (
            "pin_required",
            "none",
            "the SIM wants a PIN: name its file with pin_file",
            "sim_wants_pin",
        ),
        (
            "pin_required",
            "none",
            "the SIM is blocked: enter the PUK in a phone",
            "sim_wants_puk",
        ),
        (
            "pin_required",
            "none",
            "the modem is locked to another SIM or network: unlock it or use that SIM",
            "modem_is_locked",
        ),
        (
            "pin_required",
            "none",
            "the SIM refused the PIN of pin_file; 2 tries are left: correct the file and reload (SIGHUP) or restart",
            "pin_refused",
        ),
        (
            "pin_required",
            "none",
            "the PIN has 1 tries left: the last is yours; enter it in a phone",
            "pin_refused",
        ),
        (
            "no_network",
            "denied",
            "the network refuses this SIM: is it active, and allowed in this network?",
            "network_denied",
        ),
        (
            "no_network",
            "none",
            "no network: check antenna, coverage and whether the SIM is active",
            "no_network",
        ),
        ("registering", "searching", "", "network_searching"),
        (
            "recovering",
            "none",
            "the modem does not answer: opened anew",
            "modem_recovering",
        ),
        ("quarantined", "none", "", "modem_quarantined"),
        (
            "absent",
            "none",
            "/dev/ttyUSB2 does not exist: is the modem plugged in?",
            "port_absent",
        ),
        (
            "absent",
            "none",
            "adopted before, and not opened while the config adopts no modems: name it in a section by match_imei",
            "modem_not_opened",
        ),
        (
            "failed",
            "none",
            "/dev/ttyUSB2 is busy: held by minicom (pid 9): stop it: kill 9",
            "port_busy",
        ),
        (
            "failed",
            "none",
            "no permission for /dev/ttyUSB2: add the user to group dialout",
            "port_forbidden",
        ),
        (
            "failed",
            "none",
            "it tells nothing of itself",
            "modem_unfit",
        ),
        ("paused", "home", "", "modem_paused"),
        (
            "ready",
            "home",
            "the SIM has no service centre number: set smsc in the section of this modem",
            "no_service_centre",
        ),
        (
            "ready",
            "home",
            "the modem announces neither texts nor reports: it sends, and what comes back is not seen",
            "texts_unannounced",
        ),
        (
            "ready",
            "home",
            "the modem lacks power: give it a powered hub",
            "under_voltage",
        ),
        ("ready", "home", "something new", "modem_complains"),
    ] {
        assert_eq!(said(state, network, error), [code], "{error}");
    }
}

#[test]
fn what_a_modem_that_is_ready_lacks_is_named() {
    let patient = |change: fn(&mut Patient)| but(|snapshot| change(&mut snapshot.patients[0]));
    assert_eq!(
        patient(|modem| modem.signal_dbm = Some(-109)),
        ["signal_weak"]
    );
    assert_eq!(patient(|modem| modem.signal_dbm = None), [""; 0]);
    assert_eq!(
        patient(|modem| modem.storage = Some((20, 20))),
        ["storage_full"]
    );
    assert_eq!(patient(|modem| modem.storage = Some((0, 0))), [""; 0]);
    assert_eq!(
        patient(|modem| modem.spent = vec!["day".to_owned()]),
        ["quota_used_up"]
    );
    let contact = |contact| but(|snapshot| snapshot.patients[0].contact = contact);
    assert_eq!(contact(Contact::Silent), ["modem_silent"]);
    assert_eq!(contact(Contact::Nmea), ["port_is_no_at_port"]);
    assert_eq!(contact(Contact::Lost), ["port_lost"]);
    assert_eq!(
        contact(Contact::Unfit("it cannot: try another".to_owned())),
        ["modem_unfit"]
    );
    let unknown = patient(|modem| {
        modem.unknown = Some(Answers {
            keeps_no_link: true,
            ..Answers::default()
        });
    });
    assert_eq!(unknown, ["profile_generic"]);
    assert_eq!(
        patient(|modem| modem.unknown = Some(Answers::default())),
        [""; 0]
    );
}

#[test]
fn two_modems_that_tell_one_sim_are_named_together() {
    let mut snapshot = well();
    snapshot.patients.push(Patient {
        device: "tcp://10.0.0.7:4001".to_owned(),
        iccid: snapshot.patients[0].iccid.clone(),
        ..ready("m2")
    });
    let findings = diagnose(&snapshot);
    let [finding] = &findings[..] else {
        panic!("{findings:?}");
    };
    assert_eq!(finding.code, "one_sim_twice");
    assert!(finding.place.contains("modem.m1") && finding.place.contains("modem.m2"));
}

#[test]
fn the_worst_comes_first() {
    let mut snapshot = well();
    snapshot.sections[0].device = Some("/dev/ttyUSB2".into());
    snapshot.host.modem_manager = Some(7);
    snapshot.host.year = 1970;
    let severities: Vec<Severity> = diagnose(&snapshot).iter().map(|one| one.severity).collect();
    assert_eq!(
        severities,
        [Severity::Problem, Severity::Warning, Severity::Advice]
    );
}
