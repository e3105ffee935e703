//! Takes the snapshot: reads the host, looks at ports without opening them, and asks the modems, or the gateway that has
//! them open. No judgement is taken here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;

use super::gateway::Gateway;
use super::person::Person;
use super::{LookingArgs, answers};
use crate::app::{Wanted, examine};
use crate::cli::CommandError;
use crate::config::{Config, Modem};
use crate::doctor::{Access, DataFolder, Host, Listening, Patient, Section, Sight, Snapshot};
use crate::usb::{self, Device, Kind, Roots};

/// Mean length of a year: the year is all that is wanted of the clock.
const YEAR: Duration = Duration::from_secs(31_556_952);

pub(super) async fn snapshot(
    config: &Config,
    looking: &LookingArgs,
) -> Result<Snapshot, CommandError> {
    let roots = looking.roots();
    let gateway = Gateway::running(config).await?;
    let (devices, blind) = match usb::scan(&roots) {
        Ok(devices) => (devices, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let unit = unit(looking.root());
    let person = Person::of(&looking.etc(), &config.data_dir, &unit);
    let eyes = Eyes {
        roots: &roots,
        devices: &devices,
        person: &person,
        gateway: gateway.as_ref(),
    };
    let sections: Vec<Section> = config
        .modems
        .iter()
        .filter(|modem| modem.enabled)
        .map(|modem| eyes.section(modem))
        .collect();
    let patients = match &gateway {
        Some(gateway) => gateway.modems.iter().map(answers::of_gateway).collect(),
        None => asked(config, &sections, (&roots, &devices), looking.patience()).await?,
    };
    let host = Host {
        modem_manager: usb::modem_manager(&roots),
        modem_manager_is_kept_off: is_kept_off(looking.root()),
        brltty: usb::running(&roots, "brltty"),
        throttled: throttled(&roots.sys),
        year: year(),
        sleepers: sleepers(&roots, &devices),
        data: Some(data_folder(config)),
        listening: match &gateway {
            Some(_) => Vec::new(),
            None => config.server.listen.iter().filter_map(listening).collect(),
        },
        unit,
        blind,
    };
    Ok(Snapshot {
        host,
        devices,
        sections,
        is_simulation: config.simulate.modems > 0,
        patients,
    })
}

/// What is needed to look at a port.
struct Eyes<'a> {
    roots: &'a Roots,
    devices: &'a [Device],
    person: &'a Person,
    gateway: Option<&'a Gateway>,
}

impl Eyes<'_> {
    fn section(&self, modem: &Modem) -> Section {
        let here = |device: &&Path| !device.to_string_lossy().starts_with("tcp://");
        Section {
            name: modem.name.to_string(),
            sight: modem.port().filter(here).map(|device| self.sight(device)),
            device: modem.port().map(Path::to_path_buf),
            has_pin: modem.pin_file.is_some(),
        }
    }

    fn sight(&self, device: &Path) -> Sight {
        let metadata = fs::metadata(device).ok();
        let node = fs::canonicalize(device).ok();
        let holder = usb::holder(self.roots, device)
            .filter(|holder| self.gateway.is_none_or(|gateway| gateway.pid != holder.pid))
            // Simulated modems hold their own ports open.
            .filter(|holder| !is_simulator(self.roots, holder.pid));
        Sight {
            node: node.map(|node| self.known_node(node)),
            is_tty: metadata
                .as_ref()
                .is_some_and(|node| node.file_type().is_char_device()),
            access: metadata.map_or(Access::Granted, |node| self.person.access(&node)),
            holder,
        }
    }

    /// The name that the device it belongs to has for it.
    fn known_node(&self, node: PathBuf) -> PathBuf {
        let mut ports = self.devices.iter().flat_map(|device| &device.ports);
        let known = ports.find(|port| fs::canonicalize(&port.node).is_ok_and(|real| real == node));
        known.map_or(node, |port| port.node.clone())
    }
}

/// `cellpost sim run …`
fn is_simulator(roots: &Roots, pid: u32) -> bool {
    let line = fs::read(roots.proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
    let mut words = line.split(|octet| *octet == 0);
    let is_ours = words
        .next()
        .is_some_and(|program| program.ends_with(b"cellpost"));
    is_ours && words.next() == Some(b"sim")
}

/// Everything that may be asked, all at once: the sections' ports, or the modems there are when there is no section.
async fn asked(
    config: &Config,
    sections: &[Section],
    (roots, devices): (&Roots, &[Device]),
    patience: Duration,
) -> Result<Vec<Patient>, CommandError> {
    let profiles = crate::app::profiles(config)?;
    let mut asking = JoinSet::new();
    let mut begun = BTreeSet::new();
    let enabled = config.modems.iter().filter(|modem| modem.enabled);
    for (at, (modem, section)) in enabled.zip(sections).enumerate() {
        let port = modem.port().filter(|_| may_be_asked(section, devices));
        let Some(port) = port else {
            continue;
        };
        // Two ports of one stick lead to one modem, which is asked once.
        let stick = stick_of(section, devices).map(|device| device.place.as_str());
        if stick.is_some_and(|stick| !begun.insert(stick)) {
            continue;
        }
        let wanted = Wanted {
            device: port.to_path_buf(),
            baud: modem.baud,
            profile: modem.profile.as_deref().and_then(|name| profiles.get(name)),
            profiles: profiles.clone(),
            storage: modem.storage.clone(),
            patience,
            roots: roots.clone(),
        };
        let (name, has_pin) = (section.name.clone(), section.has_pin);
        asking.spawn(async move {
            let found = examine(wanted).await;
            (at, answers::of_examination(name, has_pin, &found))
        });
    }
    let is_named = |device: &Device| {
        let mut named = sections
            .iter()
            .filter_map(|section| stick_of(section, devices));
        named.any(|stick| stick.place == device.place)
    };
    // Who is sought may be any of those that no section names by its port.
    let seeks = sections.iter().any(|section| section.device.is_none());
    if (sections.is_empty() || seeks) && config.simulate.modems == 0 {
        for (at, device) in devices.iter().enumerate() {
            let port = device.at_ports().next().filter(|_| !is_named(device));
            let Some(port) = port else {
                continue;
            };
            let at = sections.len() + at;
            let wanted = Wanted {
                device: port.node.clone(),
                baud: 115_200,
                profile: None,
                profiles: profiles.clone(),
                storage: None,
                patience,
                roots: roots.clone(),
            };
            asking.spawn(async move {
                let found = examine(wanted).await;
                let name = found.device.display().to_string();
                (at, answers::of_examination(name, false, &found))
            });
        }
    }
    let mut patients = asking.join_all().await;
    patients.sort_by_key(|(at, _)| *at);
    Ok(patients.into_iter().map(|(_, patient)| patient).collect())
}

fn stick_of<'a>(section: &Section, devices: &'a [Device]) -> Option<&'a Device> {
    let node = section.sight.as_ref()?.node.as_ref()?;
    devices
        .iter()
        .find(|device| device.ports.iter().any(|port| port.node == *node))
}

/// Not a port that is not there or is another's, and not one that takes no AT.
fn may_be_asked(section: &Section, devices: &[Device]) -> bool {
    let Some(sight) = &section.sight else {
        return section.device.is_some();
    };
    let Some(node) = &sight.node else {
        return false;
    };
    let mut ports = devices.iter().flat_map(|device| &device.ports);
    let is_silent = ports.any(|port| port.node == *node && port.role == usb::Role::Silent);
    sight.is_tty && !is_silent && sight.holder.is_none() && sight.access == Access::Granted
}

fn year() -> i32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let years = since.map_or(0, |since| since.as_secs() / YEAR.as_secs());
    1970 + i32::try_from(years).unwrap_or(0)
}

fn listening(address: &std::net::SocketAddr) -> Option<Listening> {
    // It is closed at once: nobody has connected to it.
    let error = std::net::TcpListener::bind(address).err()?;
    Some(Listening {
        address: *address,
        is_taken: error.kind() == io::ErrorKind::AddrInUse,
        why: error.to_string(),
    })
}

fn data_folder(config: &Config) -> DataFolder {
    let path = config.data_dir.clone();
    // One that is not there yet is made in the nearest that is.
    let there = path
        .ancestors()
        .map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        })
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"));
    let is_writable = rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_ok();
    let free = rustix::fs::statvfs(there)
        .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let database = config.database_path();
    let database = match database.is_file() {
        true => crate::store::look(&database)
            .err()
            .map(|error| error.to_string()),
        false => None,
    };
    DataFolder {
        is_writable,
        free,
        database,
        path,
    }
}

/// Each `get_throttled` of the board's own devices, in hexadecimal.
fn throttled(sys: &Path) -> Vec<u32> {
    let devices = fs::read_dir(sys.join("devices/platform/soc"));
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("get_throttled")).ok()?;
        u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
    };
    devices
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(read)
        .collect()
}

fn sleepers(roots: &Roots, devices: &[Device]) -> Vec<String> {
    let modems = devices.iter().filter(|device| device.kind == Kind::Modem);
    modems
        .filter(|device| {
            let power = roots
                .sys
                .join("bus/usb/devices")
                .join(&device.place)
                .join("power");
            let control = fs::read_to_string(power.join("control")).unwrap_or_default();
            control.trim() == "auto"
        })
        .map(|device| device.place.clone())
        .collect()
}

/// A rule of this machine, or ours, that ModemManager obeys; the rules of its own package do not count.
fn is_kept_off(root: &Path) -> bool {
    let is_rule = |line: &str| {
        !line.trim_start().starts_with('#')
            && (line.contains("ID_MM_DEVICE_IGNORE") || line.contains("ID_MM_PORT_IGNORE"))
    };
    let folders = [
        "etc/udev/rules.d",
        "usr/lib/udev/rules.d",
        "lib/udev/rules.d",
    ];
    let files = folders
        .iter()
        .filter_map(|folder| fs::read_dir(root.join(folder)).ok())
        .flat_map(|files| files.flatten().map(|file| file.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.starts_with(root.join("etc")) || name.contains("cellpost")
        });
    let mut texts = files.filter_map(|path| fs::read_to_string(path).ok());
    texts.any(|text| text.lines().any(is_rule))
}

/// The unit of the service and its drop-ins, one after the other.
fn unit(root: &Path) -> String {
    let folders = [
        "etc/systemd/system",
        "usr/lib/systemd/system",
        "lib/systemd/system",
    ];
    let unit = folders
        .iter()
        .find_map(|folder| fs::read_to_string(root.join(folder).join("cellpost.service")).ok());
    let mut text = unit.unwrap_or_default();
    let mut drop_ins: Vec<PathBuf> =
        fs::read_dir(root.join("etc/systemd/system/cellpost.service.d"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "conf"))
            .collect();
    drop_ins.sort();
    for path in drop_ins {
        text.push('\n');
        text.push_str(&fs::read_to_string(path).unwrap_or_default());
    }
    text
}
