//! A machine's USB as a gateway sees it: a folder with `sys`, `dev` and `proc` whose nodes lead to ptys.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What is plugged in is what was plugged in here; nothing of the real host is seen.
pub(crate) struct Machine {
    folder: PathBuf,
}

/// A kind of device: whether it is one to be spoken to is the gateway's to know.
pub(crate) struct Make {
    vendor: &'static str,
    product: &'static str,
    name: &'static str,
    /// As many interfaces, each with a tty.
    interfaces: u8,
}

/// Its interfaces: diagnostics, NMEA, then the first and the second port for AT.
pub(crate) const EC25: Make = Make {
    vendor: "2c7c",
    product: "0125",
    name: "EC25",
    interfaces: 4,
};

/// A serial adapter.
pub(crate) const CH340: Make = Make {
    vendor: "1a86",
    product: "7523",
    name: "USB Serial",
    interfaces: 1,
};

impl Machine {
    pub(crate) fn new(folder: &Path) -> Self {
        for name in [
            "sys/bus/usb/devices",
            "sys/class/tty",
            "dev/bus/usb/001",
            "proc",
        ] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Into this physical port; its ttys are numbered from `first` on and lead to `ptys`, in the order of interfaces.
    /// An empty path: the tty is there and its node is not.
    pub(crate) fn plug(&self, make: &Make, place: &str, first: usize, ptys: &[&Path]) {
        let sys = self.folder.join("sys");
        let device = self.device(place);
        fs::create_dir_all(&device).unwrap();
        let about = [
            ("idVendor", make.vendor),
            ("idProduct", make.product),
            ("bDeviceClass", "00"),
            ("manufacturer", "Maker"),
            ("product", make.name),
        ];
        for (name, value) in about {
            fs::write(device.join(name), format!("{value}\n")).unwrap();
        }
        for number in 0..make.interfaces {
            let interface = device.join(format!("{place}:1.{number}"));
            let tty = format!("ttyUSB{}", first + usize::from(number));
            let class = interface.join(&tty).join("tty").join(&tty);
            fs::create_dir_all(&class).unwrap();
            let about = [
                ("bInterfaceNumber", format!("{number:02x}")),
                ("bInterfaceClass", "ff".to_owned()),
                ("bInterfaceSubClass", "00".to_owned()),
                ("bInterfaceProtocol", "00".to_owned()),
            ];
            for (name, value) in about {
                fs::write(interface.join(name), format!("{value}\n")).unwrap();
            }
            symlink(interface.join(&tty), class.join("device")).unwrap();
            symlink(&class, sys.join("class/tty").join(&tty)).unwrap();
        }
        symlink(&device, sys.join("bus/usb/devices").join(place)).unwrap();
        // The nodes last, as the kernel does: what they belong to is readable by then.
        for (number, pty) in ptys.iter().enumerate() {
            if !pty.as_os_str().is_empty() {
                symlink(pty, self.node(first + number)).unwrap();
            }
        }
    }

    /// What was plugged in there is gone, with its ttys.
    pub(crate) fn pull(&self, place: &str) {
        let sys = self.folder.join("sys");
        fs::remove_file(sys.join("bus/usb/devices").join(place)).unwrap();
        let device = self.device(place).canonicalize().unwrap();
        for link in fs::read_dir(sys.join("class/tty")).unwrap() {
            let link = link.unwrap().path();
            if link.canonicalize().unwrap().starts_with(&device) {
                fs::remove_file(&link).unwrap();
                let node = self.folder.join("dev").join(link.file_name().unwrap());
                // Not every tty has its node here.
                let _ = fs::remove_file(node);
            }
        }
        fs::remove_dir_all(device).unwrap();
    }

    fn device(&self, place: &str) -> PathBuf {
        self.folder.join("sys/devices/platform/usb1").join(place)
    }

    fn node(&self, number: usize) -> PathBuf {
        self.folder.join("dev").join(format!("ttyUSB{number}"))
    }
}
