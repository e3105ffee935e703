//! What is known of a machine and its modems at one moment. It only holds.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::profile::Answers;
use crate::usb::{Device, Holder};

#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) host: Host,
    pub(crate) devices: Vec<Device>,
    pub(crate) sections: Vec<Section>,
    /// The modems are simulated ones: nothing need be plugged in.
    pub(crate) is_simulation: bool,
    pub(crate) patients: Vec<Patient>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// Pid of ModemManager, and whether a udev rule of this machine's own tells it to keep off.
    pub(crate) modem_manager: Option<u32>,
    pub(crate) modem_manager_is_kept_off: bool,
    pub(crate) brltty: Option<u32>,
    /// Each that a Raspberry Pi tells: bit 0 is too little voltage now, bit 16 since it was started.
    pub(crate) throttled: Vec<u32>,
    /// Year of the clock on the wall.
    pub(crate) year: i32,
    /// Places of modems that the kernel may put to sleep.
    pub(crate) sleepers: Vec<String>,
    pub(crate) data: Option<DataFolder>,
    /// Addresses that cannot be listened on, while no gateway of ours does.
    pub(crate) listening: Vec<Listening>,
    /// The files of the service, the unit before its drop-ins.
    pub(crate) unit: String,
    /// What of `/sys` could not be read.
    pub(crate) blind: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct DataFolder {
    pub(crate) path: PathBuf,
    pub(crate) is_writable: bool,
    /// Octets that are free for the gateway.
    pub(crate) free: u64,
    /// What the look at the database's file said, if it is not sound.
    pub(crate) database: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) is_taken: bool,
    pub(crate) why: String,
}

/// `[modem.NAME]`
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) name: String,
    /// As it is written; `None`: it is found by what it says it is.
    pub(crate) device: Option<PathBuf>,
    pub(crate) has_pin: bool,
    /// `None` of a port of another machine.
    pub(crate) sight: Option<Sight>,
}

/// A port as it can be seen without opening it.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// Behind all links: the node of a device's port, where it is one. `None`: nothing is there.
    pub(crate) node: Option<PathBuf>,
    pub(crate) is_tty: bool,
    pub(crate) access: Access,
    /// Another program than a gateway that runs on this data folder.
    pub(crate) holder: Option<Holder>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    Granted,
    Denied {
        /// Who would open it: the owner of the data folder, or who asks.
        user: String,
        /// The node's group, by name where it has one.
        group: String,
        /// Its permission bits.
        mode: u32,
    },
}

/// A modem and what is known of it: from the gateway that has it open, or asked for this.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patient {
    /// Its section's name, else its port.
    pub(crate) name: String,
    pub(crate) device: String,
    pub(crate) contact: Contact,
    /// As `GET /v1/modems` names it.
    pub(crate) state: String,
    pub(crate) network: String,
    pub(crate) error: Option<String>,
    pub(crate) has_pin: bool,
    pub(crate) iccid: Option<String>,
    /// −113 … −51
    pub(crate) signal_dbm: Option<i64>,
    /// Slots of the storage for texts: used, and there are.
    pub(crate) storage: Option<(u32, u32)>,
    /// The quotas that are used up: `hour`, `day`, `month`.
    pub(crate) spent: Vec<String>,
    /// What an unknown model answered; `None` of one that has a profile.
    pub(crate) unknown: Option<Answers>,
}

/// How far one came with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Contact {
    /// It is as its state says.
    #[default]
    Heard,
    /// Nothing answers AT.
    Silent,
    /// It streams positions.
    Nmea,
    /// It answers, and cannot be used: why, in words with the remedy.
    Unfit(String),
    Refused(Refusal, String),
    /// The port went away meanwhile.
    Lost,
}

/// Why a port was not opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Absent,
    Busy,
    Forbidden,
    NotATty,
    Unreachable,
    Other,
}
