//! Trees as the kernel makes them, and trees as nothing makes them.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::tree::{Plug, Tree};
use super::*;

const ALIKE: &str = "ff/ff/ff";
const QUECTEL: Plug<'_> = Plug {
    place: "1-1.4",
    id: "2c7c:0125",
    maker: "Quectel",
    product: "EC25-E",
    interfaces: &[
        (0, ALIKE, "ttyUSB0"),
        (1, "ff/00/00", "ttyUSB1"),
        (2, "ff/00/00", "ttyUSB2"),
        (3, "ff/00/00", "ttyUSB3"),
        (4, ALIKE, ""),
    ],
};

fn pty() -> (OwnedFd, PathBuf) {
    let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&end).unwrap();
    unlockpt(&end).unwrap();
    let path = ptsname(&end, Vec::new()).unwrap();
    (end, path.into_string().unwrap().into())
}

fn kind_of(plug: &Plug<'_>) -> Kind {
    let tree = Tree::new();
    tree.plug(plug);
    let devices = scan(&tree.roots()).unwrap();
    assert_eq!(devices.len(), 1, "{plug:?}");
    assert_eq!(devices[0].at_ports().count(), 0, "{plug:?}");
    devices[0].kind
}

fn names<'a>(ports: impl Iterator<Item = &'a TtyPort>) -> Vec<String> {
    ports
        .map(|port| {
            port.node
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn a_modem_is_found_with_its_ports_and_their_roles() {
    let tree = Tree::new();
    tree.plug(&QUECTEL);
    let devices = scan(&tree.roots()).unwrap();
    let [device] = &devices[..] else {
        panic!("{devices:?}");
    };
    assert_eq!((device.place.as_str(), device.kind), ("1-1.4", Kind::Modem));
    assert_eq!((device.id().as_str(), device.vendor), ("2c7c:0125", 0x2c7c));
    assert_eq!(device.name(), "Quectel EC25-E");
    assert_eq!(device.serial, None);
    assert_eq!(names(device.ports.iter()).len(), 4);
    assert_eq!(names(device.at_ports()), ["ttyUSB2", "ttyUSB3"]);
    assert_eq!(device.ports[1].role, Role::Silent);
    assert_eq!(device.ports[2].node, tree.roots().dev.join("ttyUSB2"));
}

#[test]
fn ports_are_told_by_interface_whatever_their_numbers() {
    let tree = Tree::new();
    tree.plug(&Plug {
        interfaces: &[
            (0, ALIKE, "ttyUSB9"),
            (2, ALIKE, "ttyUSB11"),
            (3, ALIKE, "ttyUSB2"),
        ],
        ..QUECTEL
    });
    let devices = scan(&tree.roots()).unwrap();
    assert_eq!(
        names(devices[0].ports.iter()),
        ["ttyUSB9", "ttyUSB11", "ttyUSB2"]
    );
    assert_eq!(names(devices[0].at_ports()), ["ttyUSB11", "ttyUSB2"]);
}

#[test]
fn a_modem_of_the_communications_class_is_found_through_its_own_kind_of_link() {
    let tree = Tree::new();
    tree.plug(&Plug {
        place: "2-3",
        id: "1546:1102",
        maker: "u-blox",
        product: "u-blox Wireless Module",
        interfaces: &[
            (0, "02/02/01", "ttyACM0"),
            (1, "0a/00/00", ""),
            (2, "02/02/01", "ttyACM1"),
        ],
    });
    let devices = scan(&tree.roots()).unwrap();
    assert_eq!(names(devices[0].at_ports()), ["ttyACM0", "ttyACM1"]);
    assert_eq!(devices[0].name(), "u-blox Wireless Module");
}

#[test]
fn devices_stand_in_the_order_of_their_places_and_hubs_are_none() {
    let tree = Tree::new();
    for place in ["1-1.10", "1-1.4", "2-1"] {
        tree.plug(&Plug {
            place,
            interfaces: &[],
            ..QUECTEL
        });
    }
    let hub = tree.plug(&Plug {
        place: "1-1",
        id: "1d6b:0002",
        interfaces: &[],
        ..QUECTEL
    });
    fs::write(hub.join("bDeviceClass"), "09\n").unwrap();
    let devices = scan(&tree.roots()).unwrap();
    let places: Vec<&str> = devices.iter().map(|one| one.place.as_str()).collect();
    assert_eq!(places, ["1-1.4", "1-1.10", "2-1"]);
}

#[test]
fn what_has_no_port_to_speak_to_is_told_apart() {
    let plug = |id, interfaces| Plug {
        id,
        interfaces,
        ..QUECTEL
    };
    let disk: &[(u8, &str, &str)] = &[(0, "08/06/50", "")];
    let card: &[(u8, &str, &str)] = &[(0, "02/06/00", ""), (1, "0a/00/00", "")];
    let tty: &[(u8, &str, &str)] = &[(0, "ff/01/02", "ttyUSB0")];
    for (id, interfaces, kind) in [
        ("12d1:1f01", disk, Kind::Storage),
        ("12d1:9999", disk, Kind::Storage),
        ("0781:5567", disk, Kind::Other),
        ("12d1:14dc", card, Kind::HiLink),
        ("19d2:7777", card, Kind::HiLink),
        ("0bda:8153", card, Kind::Other),
        ("1a86:7523", tty, Kind::Adapter),
        ("10c4:ea60", tty, Kind::Adapter),
        ("067b:2303", tty, Kind::Adapter),
        ("0403:6001", tty, Kind::Adapter),
        ("2341:0043", tty, Kind::Other),
        ("2c7c:7777", tty, Kind::Modem),
    ] {
        assert_eq!(kind_of(&plug(id, interfaces)), kind, "{id}");
    }
}

#[test]
fn a_machine_without_usb_has_nothing_plugged_in() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots {
        sys: folder.path().join("sys"),
        dev: folder.path().join("dev"),
        proc: folder.path().join("proc"),
    };
    assert_eq!(scan(&roots).unwrap(), []);
    assert_eq!(modem_manager(&roots), None);
    assert_eq!(holder(&roots, Path::new("/dev/null")), None);
}

#[test]
fn what_a_stick_writes_as_its_name_is_obeyed_by_no_terminal() {
    let tree = Tree::new();
    tree.plug(&Plug {
        product: "stick\u{1b}[2J\nmodem",
        ..QUECTEL
    });
    let devices = scan(&tree.roots()).unwrap();
    assert_eq!(devices[0].name(), "Quectel stick\u{FFFD}[2J\u{FFFD}modem");
}

#[test]
fn the_program_that_has_a_port_open_is_named() {
    let tree = Tree::new();
    let (_end, path) = pty();
    let node = tree.node("ttyUSB2", &path);
    assert_eq!(holder(&tree.roots(), &node), None);
    tree.process(17, "bash", &[Path::new("/dev/null")]);
    tree.process(812, "gammu-smsd", &[Path::new("/dev/null"), &path]);
    let found = holder(&tree.roots(), &node).unwrap();
    assert_eq!((found.pid, found.command.as_str()), (812, "gammu-smsd"));
    assert_eq!(modem_manager(&tree.roots()), None);
    tree.process(40, "ModemManager", &[]);
    assert_eq!(modem_manager(&tree.roots()), Some(40));
}

#[test]
fn a_real_program_that_has_a_real_port_open_is_named() {
    let (_end, path) = pty();
    let port = fs::File::open(&path).unwrap();
    let mut child = std::process::Command::new("sleep")
        .arg("600")
        .stdin(port)
        .spawn()
        .unwrap();
    let found = holder(&Roots::default(), &path);
    child.kill().unwrap();
    child.wait().unwrap();
    let found = found.unwrap();
    assert_eq!((found.pid, found.command.as_str()), (child.id(), "sleep"));
}

#[test]
fn a_reset_by_sysfs_takes_the_device_away_and_gives_it_back() {
    let tree = Tree::new();
    let device = tree.plug(&QUECTEL);
    let authorized = device.join("authorized");
    fs::write(&authorized, "").unwrap();
    reset(&tree.roots(), "1-1.4").unwrap();
    // Two writes to one attribute: the second is what stays in a file.
    assert_eq!(fs::read_to_string(&authorized).unwrap(), "1");
}

#[test]
fn a_reset_that_is_not_to_be_had_says_why_and_what_permits_it() {
    let tree = Tree::new();
    tree.plug(&QUECTEL);
    let refusal = reset(&tree.roots(), "1-1.4").unwrap_err().to_string();
    assert!(refusal.contains("not permitted"), "{refusal}");
    assert!(refusal.contains("bus/usb/001/007"), "{refusal}");
    assert!(refusal.contains("ATTR{idVendor}==\"2c7c\""), "{refusal}");
    // A node that is none of the USB's: refused as it is, and by sysfs too.
    fs::write(tree.roots().dev.join("bus/usb/001/007"), "").unwrap();
    let refusal = reset(&tree.roots(), "1-1.4").unwrap_err();
    assert!(matches!(refusal, ResetError::Failed { .. }), "{refusal}");
    for place in [
        "1-1.5",
        "",
        "usb1",
        "../1-1.4",
        "1-1.4/../1-1.4",
        "1-1.4:1.0",
    ] {
        let refusal = reset(&tree.roots(), place).unwrap_err();
        assert!(
            matches!(refusal, ResetError::Absent(_)),
            "{place}: {refusal}"
        );
    }
}

#[tokio::test]
async fn a_stick_that_comes_or_goes_is_a_hint_and_other_nodes_are_none() {
    let tree = Tree::new();
    let dev = tree.roots().dev;
    let mut watch = Watch::new(&tree.roots()).unwrap();
    fs::write(dev.join("loop3"), "").unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), watch.changed()).await;
    assert!(quiet.is_err());
    let node = tree.node("ttyUSB0", Path::new("/dev/null"));
    watch.changed().await;
    fs::remove_file(node).unwrap();
    watch.changed().await;
    fs::write(dev.join("bus/usb/001/008"), "").unwrap();
    watch.changed().await;
    // A bus that was not there at the start.
    fs::create_dir(dev.join("bus/usb/002")).unwrap();
    watch.changed().await;
    fs::write(dev.join("bus/usb/002/001"), "").unwrap();
    watch.changed().await;
}

/// A stick that was pulled out while its port was being closed stayed in sight.
#[tokio::test]
async fn a_change_is_told_also_to_whoever_gives_up_waiting_for_it_again_and_again() {
    let tree = Tree::new();
    let mut watch = Watch::new(&tree.roots()).unwrap();
    tree.node("ttyUSB0", Path::new("/dev/null"));
    let impatient = async {
        let a_moment = Duration::from_millis(10);
        while tokio::time::timeout(a_moment, watch.changed())
            .await
            .is_err()
        {}
    };
    let told = tokio::time::timeout(Duration::from_secs(30), impatient).await;
    assert!(told.is_ok());
}

/// Ids of all kinds of rows, and some of no row.
const IDS: [&str; 12] = [
    "2c7c:0125",
    "12d1:1001",
    "12d1:1506",
    "12d1:beef",
    "1bc7:0021",
    "1a86:7523",
    "10c4:ea60",
    "0403:6001",
    "067b:2303",
    "dead:beef",
    "1e0e:9001",
    "19d2:0031",
];
const CLASSES: [&str; 8] = [
    "ff/01/02", "ff/01/03", "ff/02/03", "ff/ff/ff", "02/02/01", "08/06/50", "zz//ff", "ff/01/05",
];

/// What may stand in the place of an attribute.
fn oddity() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        Just(b"\xff\xfe\0\n".to_vec()),
        Just(b"ffff".to_vec()),
        Just(b"-1".to_vec()),
        prop::collection::vec(any::<u8>(), 0..16),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// However odd the tree is: no panic, and no candidate but what the table names.
    #[test]
    fn no_tree_makes_an_adapter_or_a_diagnostics_port_a_candidate(
        id in prop::sample::select(&IDS[..]),
        interfaces in prop::collection::vec((0..9u8, prop::sample::select(&CLASSES[..]), any::<bool>()), 0..7),
        odd in prop::collection::vec(
            (prop::sample::select(&["idVendor", "idProduct", "bDeviceClass", "product", "1-2:1.1/bInterfaceNumber", "1-2:1.2/bInterfaceClass"][..]), oddity()),
            0..3,
        ),
        loops in any::<bool>(),
    ) {
        let tree = Tree::new();
        let ttys: Vec<String> = (0..interfaces.len()).map(|n| format!("ttyUSB{n}")).collect();
        let mut numbers = std::collections::BTreeSet::new();
        let interfaces: Vec<(u8, &str, &str)> = interfaces
            .iter()
            .zip(&ttys)
            .filter(|((number, ..), _)| numbers.insert(*number))
            .map(|((number, class, has_tty), tty)| (*number, *class, if *has_tty { tty.as_str() } else { "" }))
            .map(|(number, class, tty)| (number, if class.split('/').count() == 3 { class } else { ALIKE }, tty))
            .collect();
        let device = tree.plug(&Plug { place: "1-2", id, maker: "any", product: "any", interfaces: &interfaces });
        for (name, octets) in &odd {
            if device.join(name).exists() {
                fs::write(device.join(name), octets).unwrap();
            }
        }
        if loops {
            let classes = tree.roots().sys.join("class/tty");
            fs::create_dir_all(classes.join("ttyUSB90")).unwrap();
            std::os::unix::fs::symlink(classes.join("ttyUSB91"), classes.join("ttyUSB91")).unwrap();
            std::os::unix::fs::symlink("device", classes.join("ttyUSB90/device")).unwrap();
            std::os::unix::fs::symlink("/", device.join("1-2:1.9")).unwrap();
        }
        let devices = scan(&tree.roots()).unwrap();
        for device in &devices {
            let adapter = [0x1a86, 0x10c4, 0x067b, 0x0403].contains(&device.vendor);
            for port in device.at_ports() {
                prop_assert!(!adapter);
                prop_assert_eq!(device.kind, Kind::Modem);
                prop_assert!(matches!(port.role, Role::Primary | Role::Secondary));
                // A diagnostics class of Huawei is never one, whatever its number.
                let written = interfaces.iter().find(|(_, _, tty)| port.node.ends_with(tty) && !tty.is_empty());
                let is_diagnostics = odd.is_empty() && device.vendor == 0x12d1
                    && written.is_some_and(|(_, class, _)| ["ff/01/03", "ff/02/03", "ff/01/05"].contains(class));
                prop_assert!(!is_diagnostics, "{:?}", written);
                // Interfaces 0 and 1 of these are diagnostics and NMEA.
                let known = odd.is_empty() && ["2c7c:0125", "1e0e:9001"].contains(&device.id().as_str());
                prop_assert!(!known || port.interface >= 2);
            }
        }
    }
}
