//! **Usb**: what is plugged in, which of its ports may be spoken to, and who has them open.
//!
//! Everything is read from sysfs, `/dev` and `/proc`; where these are is a parameter. Which interface of which device
//! answers AT is a table, `hardware/usb-modems.toml`.
//!
//! Never: speaks AT, opens a tty, makes a port a candidate that the table does not name.
//! May use: no other room.
//! Read first: [`scan`], then the table.

mod holder;
mod reset;
mod sysfs;
mod table;
#[cfg(test)]
pub(crate) mod tree;
mod watch;

use std::path::{Path, PathBuf};

pub(crate) use holder::{Holder, holder, modem_manager, running};
#[cfg(test)]
pub(crate) use reset::ResetError;
pub(crate) use reset::reset;
pub(crate) use sysfs::scan;
pub(crate) use watch::Watch;

/// Where the kernel tells.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    /// `/sys`
    pub(crate) sys: PathBuf,
    /// `/dev`
    pub(crate) dev: PathBuf,
    /// `/proc`
    pub(crate) proc: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            sys: "/sys".into(),
            dev: "/dev".into(),
            proc: "/proc".into(),
        }
    }
}

/// The device behind a port's name, which may be a link of `/dev/serial/by-id`: one that comes and goes with the device.
pub(crate) fn node(port: &Path) -> PathBuf {
    port.canonicalize().unwrap_or_else(|_| port.to_owned())
}

/// What keeps ModemManager off the modems for good.
pub(crate) const KEEP_MODEM_MANAGER_OFF: &str = "keep it off: copy 99-cellpost-modems.rules (folder systemd) to \
     /etc/udev/rules.d and plug the modem in again; for a model that it does not name add SUBSYSTEM==\"usb\", \
     ATTR{idVendor}==\"XXXX\", ENV{ID_MM_DEVICE_IGNORE}=\"1\" with the vendor that lsusb shows";

/// Something on the USB that is no hub.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Device {
    /// The physical port: `1-1.4` is the fourth port of the hub in the first port of bus 1.
    pub(crate) place: String,
    pub(crate) vendor: u16,
    pub(crate) product: u16,
    pub(crate) maker: Option<String>,
    pub(crate) product_name: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) kind: Kind,
    /// What the table calls it.
    pub(crate) known_as: Option<String>,
    /// In the order of their interfaces.
    pub(crate) ports: Vec<TtyPort>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// From a maker of modems, with ports; which of them answer AT is each port's role.
    Modem,
    /// A modem that still shows the disk with its driver.
    Storage,
    /// A network card with a web page: its firmware has no AT port.
    HiLink,
    /// A serial adapter, which does not say what hangs on it: never opened unasked.
    Adapter,
    Other,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TtyPort {
    /// `/dev/ttyUSB2`
    pub(crate) node: PathBuf,
    /// `bInterfaceNumber`
    pub(crate) interface: u8,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Primary,
    Secondary,
    /// Where PPP would run.
    Data,
    /// Diagnostics, NMEA, audio: never opened.
    Silent,
    /// Not in the table: never opened unasked.
    #[serde(skip)]
    Unknown,
}

/// What a stick or a program calls itself, without what a terminal would obey: each writes its own name.
fn plain(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let shown = text.trim().chars();
    shown
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

impl Device {
    /// The ports that may be opened unasked, the best first. None of anything but a modem.
    pub(crate) fn at_ports(&self) -> impl Iterator<Item = &TtyPort> {
        let of = |role| {
            let is_modem = self.kind == Kind::Modem;
            self.ports
                .iter()
                .filter(move |port| is_modem && port.role == role)
        };
        of(Role::Primary).chain(of(Role::Secondary))
    }

    /// `12d1:1506`, as `lsusb` writes it.
    pub(crate) fn id(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.product)
    }

    /// What a person would call it.
    pub(crate) fn name(&self) -> String {
        match (&self.product_name, &self.known_as, &self.maker) {
            (Some(product), _, Some(maker)) if !product.starts_with(maker.as_str()) => {
                format!("{maker} {product}")
            }
            (Some(product), _, _) => product.clone(),
            (None, Some(known), _) => known.clone(),
            (None, None, Some(maker)) => maker.clone(),
            (None, None, None) => self.id(),
        }
    }
}

#[cfg(test)]
mod tests;
