//! Which devices are plugged in, and what is known of each.
//!
//! Pure: looks, answers and time go in; whom to ask and who was seen come out. A device that goes is forgotten with all
//! that was known of it, so that its twin in the same place is asked anew.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Sighting;
use crate::usb::Device;

#[derive(Debug, Default)]
pub(super) struct Register {
    entries: Vec<Entry>,
}

/// One device as long as it stays where it is, with the same nodes.
#[derive(Debug)]
struct Entry {
    asked: Asked,
    known: Known,
}

/// What is asked, and by which name it is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Asked {
    pub(super) place: String,
    pub(super) id: (u16, u16),
    pub(super) name: String,
    /// The best first.
    pub(super) ports: Vec<PathBuf>,
}

/// Who answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Identity {
    pub(super) node: PathBuf,
    pub(super) imei: Option<String>,
    pub(super) iccid: Option<String>,
}

#[derive(Debug)]
enum Known {
    /// Asked from this moment on; `mute`: so often it has not answered.
    Nothing {
        from: Instant,
        mute: u32,
    },
    /// `mute` as above.
    Asking {
        mute: u32,
    },
    Seen(Identity),
}

const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

impl Register {
    /// What is plugged in now.
    ///
    /// `taken`: the nodes of ports that sections of the config name; their devices are left to them.
    pub(super) fn see(&mut self, devices: &[Device], taken: &[PathBuf], now: Instant) {
        let there: Vec<Asked> = devices
            .iter()
            .filter(|device| !device.ports.iter().any(|port| taken.contains(&port.node)))
            .map(asked)
            .filter(|asked| !asked.ports.is_empty())
            .collect();
        self.entries.retain(|entry| there.contains(&entry.asked));
        for asked in there {
            if !self.entries.iter().any(|entry| entry.asked == asked) {
                let known = Known::Nothing { from: now, mute: 0 };
                self.entries.push(Entry { asked, known });
            }
        }
    }

    /// Whom to ask now. Each is answered by [`Register::told`].
    pub(super) fn next_to_ask(&mut self, now: Instant) -> Vec<Asked> {
        let mut next = Vec::new();
        for entry in &mut self.entries {
            if let Known::Nothing { from, mute } = entry.known
                && from <= now
            {
                entry.known = Known::Asking { mute };
                next.push(entry.asked.clone());
            }
        }
        next
    }

    /// `None`: nobody said who it is. An answer of a device that is gone meanwhile is nobody's.
    pub(super) fn told(&mut self, asked: &Asked, identity: Option<Identity>, now: Instant) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.asked == *asked) else {
            return;
        };
        let Known::Asking { mute } = entry.known else {
            return;
        };
        entry.known = match identity {
            Some(identity) => Known::Seen(identity),
            None => Known::Nothing {
                from: now + (FIRST_PAUSE * 2u32.pow(mute.min(16))).min(LONGEST_PAUSE),
                mute: mute + 1,
            },
        };
    }

    /// Whoever was seen at this port may be another by now.
    pub(super) fn doubt(&mut self, node: &Path, now: Instant) {
        for entry in &mut self.entries {
            if matches!(&entry.known, Known::Seen(identity) if identity.node == node) {
                // Asked at once: whoever doubts it has left the port.
                entry.known = Known::Nothing { from: now, mute: 0 };
            }
        }
    }

    pub(super) fn sightings(&self) -> impl Iterator<Item = Sighting> + '_ {
        self.entries.iter().filter_map(|entry| match &entry.known {
            Known::Seen(identity) => Some(Sighting {
                node: identity.node.clone(),
                imei: identity.imei.clone(),
                iccid: identity.iccid.clone(),
                name: entry.asked.name.clone(),
            }),
            Known::Nothing { .. } | Known::Asking { .. } => None,
        })
    }

    /// When somebody is to be asked though nothing happens.
    pub(super) fn asks_again_at(&self) -> Option<Instant> {
        let waits = self.entries.iter().filter_map(|entry| match entry.known {
            Known::Nothing { from, .. } => Some(from),
            Known::Asking { .. } | Known::Seen(_) => None,
        });
        waits.min()
    }
}

fn asked(device: &Device) -> Asked {
    Asked {
        place: device.place.clone(),
        id: (device.vendor, device.product),
        name: device.name(),
        ports: device.at_ports().map(|port| port.node.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usb::{Kind, Role, TtyPort};

    fn stick(place: &str, first: u8) -> Device {
        let port = |number: u8, role| TtyPort {
            node: format!("/dev/ttyUSB{}", first + number).into(),
            interface: number,
            role,
        };
        Device {
            place: place.to_owned(),
            vendor: 0x2c7c,
            product: 0x0125,
            maker: Some("Quectel".to_owned()),
            product_name: Some("EC25".to_owned()),
            serial: None,
            kind: Kind::Modem,
            known_as: None,
            ports: vec![
                port(0, Role::Silent),
                port(2, Role::Primary),
                port(3, Role::Secondary),
            ],
        }
    }

    fn identity(node: &str, imei: &str) -> Option<Identity> {
        Some(Identity {
            node: node.into(),
            imei: Some(imei.to_owned()),
            iccid: None,
        })
    }

    fn seen(register: &Register) -> Vec<(String, String)> {
        let shown = |seen: Sighting| {
            (
                seen.node.display().to_string(),
                seen.imei.unwrap_or_default(),
            )
        };
        register.sightings().map(shown).collect()
    }

    #[test]
    fn a_device_is_asked_once_by_its_ports_in_order_and_never_by_the_silent_ones() {
        let (mut register, now) = (Register::default(), Instant::now());
        register.see(&[stick("1-1", 0)], &[], now);
        let asked = register.next_to_ask(now);
        assert_eq!(asked.len(), 1);
        let ports: Vec<_> = asked[0]
            .ports
            .iter()
            .map(|port| port.display().to_string())
            .collect();
        assert_eq!(ports, ["/dev/ttyUSB2", "/dev/ttyUSB3"]);
        assert!(register.next_to_ask(now).is_empty(), "it is being asked");
        register.told(&asked[0], identity("/dev/ttyUSB2", "1"), now);
        register.see(&[stick("1-1", 0)], &[], now);
        assert!(register.next_to_ask(now).is_empty(), "it is known");
        assert_eq!(
            seen(&register),
            [("/dev/ttyUSB2".to_owned(), "1".to_owned())]
        );
        assert_eq!(register.asks_again_at(), None);
    }

    #[test]
    fn a_device_that_went_or_has_other_nodes_is_asked_anew() {
        let (mut register, now) = (Register::default(), Instant::now());
        register.see(&[stick("1-1", 0)], &[], now);
        let asked = register.next_to_ask(now);
        register.told(&asked[0], identity("/dev/ttyUSB2", "1"), now);
        register.see(&[stick("1-1", 4)], &[], now);
        assert!(seen(&register).is_empty());
        let again = register.next_to_ask(now);
        assert_eq!(again.len(), 1);
        register.see(&[], &[], now);
        register.told(&again[0], identity("/dev/ttyUSB6", "1"), now);
        assert!(
            seen(&register).is_empty(),
            "it was pulled out while it was asked"
        );
    }

    #[test]
    fn what_does_not_answer_is_asked_again_ever_later() {
        let (mut register, mut now) = (Register::default(), Instant::now());
        register.see(&[stick("1-1", 0)], &[], now);
        for pause in [10, 20, 40, 80, 160, 320, 600, 600] {
            let asked = register.next_to_ask(now);
            assert_eq!(asked.len(), 1, "before {pause} s");
            register.told(&asked[0], None, now);
            assert!(register.next_to_ask(now).is_empty());
            now += Duration::from_secs(pause);
            assert_eq!(register.asks_again_at(), Some(now));
        }
    }

    #[test]
    fn who_is_doubted_is_asked_anew_and_the_port_of_a_section_is_left_to_it() {
        let now = Instant::now();
        let mut register = Register::default();
        let taken = ["/dev/ttyUSB6".into()];
        register.see(&[stick("1-1", 0), stick("1-2", 4)], &taken, now);
        let asked = register.next_to_ask(now);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].place, "1-1");
        register.told(&asked[0], identity("/dev/ttyUSB2", "1"), now);
        register.doubt(Path::new("/dev/ttyUSB2"), now);
        assert!(seen(&register).is_empty());
        assert_eq!(register.next_to_ask(now).len(), 1);
    }
}
