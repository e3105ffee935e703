//! Reads sysfs: the devices on the USB, their interfaces and their ttys. What they are is the table's to say.
//!
//! Whatever stands there, it never panics and never fails over one device: what is odd about a device costs that device.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::table::{Class, Id, Interface, Table};
use super::{Device, Roots, TtyPort, plain};

/// A tty with a device below it, before anybody has judged it.
#[derive(Debug)]
struct Found {
    node: PathBuf,
    interface: Interface,
}

/// An attribute of sysfs is a line; more is none.
const LONGEST_ATTRIBUTE: u64 = 4096;
/// From where the `device` link of a tty ends up to its interface: none for ttyACM, one for ttyUSB.
const STEPS_TO_INTERFACE: usize = 3;

/// Everything on the USB but hubs, in the order of places.
///
/// # Errors
/// When the folder of ttys or of devices is there and cannot be read.
pub(crate) fn scan(roots: &Roots) -> io::Result<Vec<Device>> {
    let mut folders: BTreeMap<PathBuf, Vec<Found>> = BTreeMap::new();
    for entry in entries(&roots.sys.join("bus/usb/devices"))? {
        if let Ok(folder) = fs::canonicalize(&entry)
            && folder.join("idVendor").is_file()
        {
            folders.entry(folder).or_default();
        }
    }
    for tty in entries(&roots.sys.join("class/tty"))? {
        if let Some((folder, found)) = tty_of(roots, &tty) {
            folders.entry(folder).or_default().push(found);
        }
    }
    let mut devices: Vec<Device> = folders
        .into_iter()
        .filter_map(|(folder, ttys)| judged(&folder, ttys))
        .collect();
    devices.sort_by_key(|device| steps_of(&device.place));
    Ok(devices)
}

/// `1-1.10` comes after `1-1.4`.
fn steps_of(place: &str) -> (Vec<u32>, String) {
    let steps = place
        .split(['-', '.'])
        .map(|step| step.parse().unwrap_or(u32::MAX));
    (steps.collect(), place.to_owned())
}

/// The paths in a folder, sorted; none of a folder that does not exist.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    Ok(paths)
}

/// The tty's USB device and interface, if it has one.
fn tty_of(roots: &Roots, tty: &Path) -> Option<(PathBuf, Found)> {
    let name = tty.file_name()?;
    let link = fs::canonicalize(tty.join("device")).ok()?;
    let interface = link
        .ancestors()
        .take(STEPS_TO_INTERFACE)
        .find(|folder| folder.join("bInterfaceNumber").is_file())?;
    let device = interface.parent()?;
    let number = octet(interface, "bInterfaceNumber")?;
    let found = Found {
        node: roots.dev.join(name),
        interface: Interface {
            number,
            class: class_of(interface, "bInterface"),
        },
    };
    device
        .join("idVendor")
        .is_file()
        .then(|| (device.to_owned(), found))
}

/// `None` for a hub, and for what does not say what it is.
fn judged(folder: &Path, mut ttys: Vec<Found>) -> Option<Device> {
    let place = folder.file_name()?.to_str()?.to_owned();
    let id = Id {
        vendor: word(folder, "idVendor")?,
        product: word(folder, "idProduct")?,
    };
    if class_of(folder, "bDevice").is_hub() {
        return None;
    }
    ttys.sort_by(|one, other| {
        (one.interface.number, &one.node).cmp(&(other.interface.number, &other.node))
    });
    let table = Table::built_in();
    let interfaces: Vec<Interface> = ttys.iter().map(|tty| tty.interface).collect();
    let roles = table.roles(id, &interfaces);
    let verdict = table.verdict(id, &roles, &interfaces_of(folder));
    let ports = ttys.into_iter().zip(roles).map(|(tty, role)| TtyPort {
        node: tty.node,
        interface: tty.interface.number,
        role,
    });
    Some(Device {
        vendor: id.vendor,
        product: id.product,
        maker: attribute(folder, "manufacturer"),
        product_name: attribute(folder, "product"),
        serial: attribute(folder, "serial"),
        kind: verdict.kind,
        known_as: verdict.known_as.map(str::to_owned),
        ports: ports.collect(),
        place,
    })
}

/// All interfaces of a device, with ttys and without.
fn interfaces_of(folder: &Path) -> Vec<Interface> {
    let folders = entries(folder).unwrap_or_default();
    let interfaces = folders.iter().filter_map(|interface| {
        let number = octet(interface, "bInterfaceNumber")?;
        let class = class_of(interface, "bInterface");
        Some(Interface { number, class })
    });
    interfaces.collect()
}

/// Zeros where it does not say: that is no class of the table.
fn class_of(folder: &Path, prefix: &str) -> Class {
    let read = |name: &str| octet(folder, &format!("{prefix}{name}")).unwrap_or(0);
    Class([read("Class"), read("SubClass"), read("Protocol")])
}

fn octet(folder: &Path, name: &str) -> Option<u8> {
    u8::from_str_radix(&attribute(folder, name)?, 16).ok()
}

fn word(folder: &Path, name: &str) -> Option<u16> {
    u16::from_str_radix(&attribute(folder, name)?, 16).ok()
}

/// One attribute; `None` of one that is empty or no plain file.
pub(super) fn attribute(folder: &Path, name: &str) -> Option<String> {
    let path = folder.join(name);
    // A fifo or a device in its place would be waited for.
    let metadata = fs::metadata(&path).ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST_ATTRIBUTE {
        return None;
    }
    let octets = fs::read(path).ok()?;
    let text = plain(&octets);
    (!text.is_empty()).then_some(text)
}
