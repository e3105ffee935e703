//! Builds trees as sysfs, `/dev` and `/proc` look, for tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Roots;

/// A machine in a temporary folder.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: tempfile::TempDir,
}

/// What is plugged in.
#[derive(Debug)]
pub(crate) struct Plug<'a> {
    pub(crate) place: &'a str,
    pub(crate) id: &'a str,
    pub(crate) maker: &'a str,
    pub(crate) product: &'a str,
    /// Number, class and the name of the tty of each interface; no tty: an empty name.
    pub(crate) interfaces: &'a [(u8, &'a str, &'a str)],
}

impl Tree {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "sys/bus/usb/devices",
            "sys/class/tty",
            "dev/bus/usb/001",
            "proc",
        ] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots {
            sys: self.folder.path().join("sys"),
            dev: self.folder.path().join("dev"),
            proc: self.folder.path().join("proc"),
        }
    }

    /// The device's folder in sysfs.
    pub(crate) fn plug(&self, plug: &Plug<'_>) -> PathBuf {
        let sys = self.folder.path().join("sys");
        let device = sys.join("devices/platform/soc/usb1").join(plug.place);
        fs::create_dir_all(&device).unwrap();
        let (vendor, product) = plug.id.split_once(':').unwrap();
        for (name, value) in [
            ("idVendor", vendor),
            ("idProduct", product),
            ("bDeviceClass", "00"),
            ("manufacturer", plug.maker),
            ("product", plug.product),
            ("busnum", "1"),
            ("devnum", "7"),
        ] {
            fs::write(device.join(name), format!("{value}\n")).unwrap();
        }
        symlink(&device, sys.join("bus/usb/devices").join(plug.place)).unwrap();
        for (number, class, tty) in plug.interfaces {
            self.interface(&device, plug.place, *number, class, tty);
        }
        device
    }

    fn interface(&self, device: &Path, place: &str, number: u8, class: &str, tty: &str) {
        let sys = self.folder.path().join("sys");
        let interface = device.join(format!("{place}:1.{number}"));
        fs::create_dir_all(&interface).unwrap();
        let mut classes = class.split('/');
        for (name, value) in [
            ("bInterfaceNumber", format!("{number:02x}")),
            ("bInterfaceClass", classes.next().unwrap().to_owned()),
            ("bInterfaceSubClass", classes.next().unwrap().to_owned()),
            ("bInterfaceProtocol", classes.next().unwrap().to_owned()),
        ] {
            fs::write(interface.join(name), format!("{value}\n")).unwrap();
        }
        if tty.is_empty() {
            return;
        }
        // A ttyUSB hangs on a port below the interface, a ttyACM on the interface itself.
        let owner = match tty.starts_with("ttyUSB") {
            true => interface.join(tty),
            false => interface,
        };
        let node = owner.join("tty").join(tty);
        fs::create_dir_all(&node).unwrap();
        symlink(&owner, node.join("device")).unwrap();
        symlink(&node, sys.join("class/tty").join(tty)).unwrap();
    }

    /// The node of a tty, leading to `target`.
    pub(crate) fn node(&self, tty: &str, target: &Path) -> PathBuf {
        let node = self.folder.path().join("dev").join(tty);
        symlink(target, &node).unwrap();
        node
    }

    /// A process of this name that has these files open.
    pub(crate) fn process(&self, pid: u32, command: &str, open: &[&Path]) {
        let folder = self.folder.path().join("proc").join(pid.to_string());
        fs::create_dir_all(folder.join("fd")).unwrap();
        fs::write(folder.join("comm"), format!("{command}\n")).unwrap();
        for (number, file) in open.iter().enumerate() {
            let target = fs::canonicalize(file).unwrap();
            symlink(target, folder.join("fd").join(number.to_string())).unwrap();
        }
    }
}
