//! Which devices are plugged in, and what is known of each.
//!
//! Pure: looks, answers, aims, holds and time go in; whom to ask and who was seen come out. A device that goes is
//! forgotten with all that was known of it, so that its twin in the same place is asked anew.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::hold::{CardSeen, Holds};
use super::{Aims, Sighting};
use crate::domain::Sought;
use crate::usb::Device;

#[derive(Debug, Default)]
pub(super) struct Register {
    entries: Vec<Entry>,
    /// Devices that were ever plugged in.
    plugs: u64,
    aims: Aims,
    holds: Holds,
}

/// One device as long as it stays where it is, with the same nodes.
#[derive(Debug)]
struct Entry {
    asked: Asked,
    plug: u64,
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

/// Nothing tells of a SIM that is put into a modem that nobody holds open, also in another's place: it is asked again.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    identity: Identity,
    at: Instant,
    /// So often it was asked again and had nothing to show that is sought.
    blanks: u32,
}

#[derive(Debug)]
enum Known {
    /// Asked from this moment on; `mute`: so often it has not answered.
    Nothing {
        from: Instant,
        mute: u32,
    },
    /// `mute` as above; `before`: what it is still seen as.
    Asking {
        mute: u32,
        before: Option<Seen>,
    },
    Seen(Seen),
}

const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
const FIRST_BLANK: Duration = Duration::from_secs(2);
const LONGEST_BLANK: Duration = Duration::from_secs(300);

impl Register {
    /// What is plugged in now. Devices of ports that sections of the config name are left to them.
    ///
    /// `taken`: the nodes of those ports.
    pub(super) fn see(&mut self, devices: &[Device], taken: &[PathBuf], now: Instant) {
        let there: Vec<Asked> = devices
            .iter()
            .filter(|device| !device.ports.iter().any(|port| taken.contains(&port.node)))
            .map(asked)
            .filter(|asked| !asked.ports.is_empty())
            .collect();
        let found = self.found();
        self.entries.retain(|entry| there.contains(&entry.asked));
        if self.found() < found {
            // Its SIM may be put into another.
            self.begin_anew();
        }
        for asked in there {
            if !self.entries.iter().any(|entry| entry.asked == asked) {
                let known = Known::Nothing { from: now, mute: 0 };
                self.plugs += 1;
                let plug = self.plugs;
                self.entries.push(Entry { asked, plug, known });
            }
        }
    }

    /// What is wanted from now on. A new wish makes whoever nobody uses worth another question soon.
    pub(super) fn aim(&mut self, aims: Aims) {
        if self.aims != aims {
            self.aims = aims;
            self.begin_anew();
        }
    }

    /// Which ports are held, and what those who hold them know of the SIM.
    pub(super) fn heed(&mut self, holds: Holds) {
        let mut is_lost = false;
        for seen in self.entries.iter_mut().filter_map(Entry::seen_mut) {
            let iccid = &mut seen.identity.iccid;
            match holds.get(&seen.identity.node) {
                Some(CardSeen::Gone) => is_lost |= iccid.take().is_some(),
                Some(CardSeen::Is(told)) => *iccid = Some(told.clone()),
                Some(CardSeen::NotYet) | None => {}
            }
        }
        self.holds = holds;
        if is_lost {
            // It may be put into any other.
            self.begin_anew();
        }
    }

    fn begin_anew(&mut self) {
        for seen in self.entries.iter_mut().filter_map(Entry::seen_mut) {
            seen.blanks = 0;
        }
    }

    /// Whom to ask now. Each is answered by [`Register::told`].
    pub(super) fn next_to_ask(&mut self, now: Instant) -> Vec<Asked> {
        let due: Vec<usize> = (0..self.entries.len())
            .filter(|at| {
                self.asks_at(&self.entries[*at])
                    .is_some_and(|due| due <= now)
            })
            .collect();
        let mut next = Vec::new();
        for at in due {
            let entry = &mut self.entries[at];
            let (mute, before) = match &entry.known {
                Known::Nothing { mute, .. } => (*mute, None),
                Known::Seen(seen) => (0, Some(seen.clone())),
                Known::Asking { .. } => continue,
            };
            entry.known = Known::Asking { mute, before };
            next.push(entry.asked.clone());
        }
        next
    }

    /// `None`: nobody said who it is. An answer of a device that is gone meanwhile is nobody's.
    pub(super) fn told(&mut self, asked: &Asked, identity: Option<Identity>, now: Instant) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.asked == *asked) else {
            return;
        };
        let Known::Asking { mute, before } = &entry.known else {
            return;
        };
        let blanks = before.as_ref().map_or(0, |before| before.blanks + 1);
        // Another program may have it for a while: it is still seen as what it was.
        let as_before = || before.as_ref().map(|before| before.identity.clone());
        entry.known = match identity.or_else(as_before) {
            Some(identity) => Known::Seen(Seen {
                identity,
                at: now,
                blanks,
            }),
            None => Known::Nothing {
                from: now + pause(FIRST_PAUSE, *mute, LONGEST_PAUSE),
                mute: mute + 1,
            },
        };
    }

    /// Whoever was seen at this port may be another by now.
    pub(super) fn doubt(&mut self, node: &Path, now: Instant) {
        for entry in &mut self.entries {
            if entry.seen().is_some_and(|seen| seen.identity.node == node) {
                // Asked at once: whoever doubts it has left the port.
                entry.known = Known::Nothing { from: now, mute: 0 };
            }
        }
    }

    /// Who it was when it was seen last.
    pub(super) fn known(&self, asked: &Asked) -> Option<&Identity> {
        let entry = self.entries.iter().find(|entry| entry.asked == *asked)?;
        Some(&entry.seen()?.identity)
    }

    pub(super) fn sightings(&self) -> impl Iterator<Item = Sighting> + '_ {
        self.entries.iter().filter_map(|entry| {
            let Seen { identity, .. } = entry.seen()?;
            Some(Sighting {
                node: identity.node.clone(),
                imei: identity.imei.clone(),
                iccid: identity.iccid.clone(),
                name: entry.asked.name.clone(),
                plug: entry.plug,
            })
        })
    }

    /// When somebody is to be asked though nothing happens.
    pub(super) fn asks_again_at(&self) -> Option<Instant> {
        let waits = self.entries.iter().filter_map(|entry| self.asks_at(entry));
        waits.min()
    }

    fn asks_at(&self, entry: &Entry) -> Option<Instant> {
        match &entry.known {
            _ if !self.aims.is_any() => None,
            Known::Nothing { from, .. } => Some(*from),
            Known::Seen(seen) if self.may_get_what_is_sought(&seen.identity) => {
                Some(seen.at + pause(FIRST_BLANK, seen.blanks, LONGEST_BLANK))
            }
            Known::Seen(_) | Known::Asking { .. } => None,
        }
    }

    /// Nobody has it open, and the SIM that is put into it may be one that is sought in vain.
    fn may_get_what_is_sought(&self, identity: &Identity) -> bool {
        let imei = identity.imei.as_deref();
        let is_wanted = |one: &Sought| one.is_met_by(imei, identity.iccid.as_deref());
        let is_idle =
            !self.holds.contains_key(&identity.node) && !self.aims.sought.iter().any(is_wanted);
        is_idle
            && self.aims.sought.iter().any(|one| {
                one.iccid.is_some() && !one.contradicts(imei, None) && !self.is_found(one)
            })
    }

    /// How many of those that are sought.
    fn found(&self) -> usize {
        let sought = self.aims.sought.iter();
        sought.filter(|sought| self.is_found(sought)).count()
    }

    fn is_found(&self, sought: &Sought) -> bool {
        let mut seen = self.entries.iter().filter_map(Entry::seen);
        seen.any(|Seen { identity, .. }| {
            sought.is_met_by(identity.imei.as_deref(), identity.iccid.as_deref())
        })
    }
}

impl Entry {
    fn seen(&self) -> Option<&Seen> {
        match &self.known {
            Known::Seen(seen) => Some(seen),
            Known::Asking { before, .. } => before.as_ref(),
            Known::Nothing { .. } => None,
        }
    }

    fn seen_mut(&mut self) -> Option<&mut Seen> {
        match &mut self.known {
            Known::Seen(seen) => Some(seen),
            Known::Asking { before, .. } => before.as_mut(),
            Known::Nothing { .. } => None,
        }
    }
}

/// It doubles each time.
fn pause(first: Duration, times: u32, longest: Duration) -> Duration {
    (first * 2u32.pow(times.min(16))).min(longest)
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

    /// To which any modem is welcome.
    fn register() -> Register {
        let mut register = Register::default();
        register.aim(Aims {
            all: true,
            ..Aims::default()
        });
        register
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
        let (mut register, now) = (register(), Instant::now());
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
        let (mut register, now) = (register(), Instant::now());
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
        let (mut register, mut now) = (register(), Instant::now());
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
        let mut register = register();
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

    #[test]
    fn a_device_that_is_asked_anew_is_plugged_in_once_and_one_that_comes_back_twice() {
        let (mut register, now) = (register(), Instant::now());
        let plug = |register: &mut Register| {
            for asked in register.next_to_ask(now) {
                register.told(&asked, identity("/dev/ttyUSB2", "1"), now);
            }
            let plugs: Vec<u64> = register.sightings().map(|seen| seen.plug).collect();
            plugs[0]
        };
        register.see(&[stick("1-1", 0)], &[], now);
        let first = plug(&mut register);
        register.doubt(Path::new("/dev/ttyUSB2"), now);
        register.see(&[stick("1-1", 0)], &[], now);
        assert_eq!(plug(&mut register), first);
        register.see(&[], &[], now);
        register.see(&[stick("1-1", 0)], &[], now);
        assert_ne!(plug(&mut register), first);
    }

    const SIM: &str = "89860012345678901234";

    fn seeking_sim() -> Aims {
        Aims {
            sought: vec![Sought {
                imei: None,
                iccid: Some(SIM.to_owned()),
            }],
            ..Aims::default()
        }
    }

    fn with_sim(identity: Option<Identity>) -> Option<Identity> {
        identity.map(|identity| Identity {
            iccid: Some(SIM.to_owned()),
            ..identity
        })
    }

    #[test]
    fn a_stick_without_a_sim_is_asked_ever_later_only_while_a_sim_is_sought_in_vain() {
        let (mut register, mut now) = (register(), Instant::now());
        register.see(&[stick("1-1", 0), stick("1-2", 4)], &[], now);
        for asked in register.next_to_ask(now) {
            let node = asked.ports[0].display().to_string();
            register.told(&asked, identity(&node, &asked.place), now);
        }
        assert_eq!(register.asks_again_at(), None, "nobody seeks a SIM");
        register.aim(seeking_sim());
        for pause in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            now += Duration::from_secs(pause);
            assert_eq!(register.asks_again_at(), Some(now));
            for asked in register.next_to_ask(now) {
                assert_eq!(seen(&register).len(), 2, "seen as before meanwhile");
                let node = asked.ports[0].display().to_string();
                // Of one of them nothing is to be had at all.
                let told = identity(&node, &asked.place).filter(|_| asked.place == "1-1");
                register.told(&asked, told, now);
            }
        }
        now += Duration::from_secs(300);
        for asked in register.next_to_ask(now) {
            let node = asked.ports[0].display().to_string();
            register.told(&asked, with_sim(identity(&node, &asked.place)), now);
        }
        assert_eq!(register.asks_again_at(), None, "it is found");
    }

    #[test]
    fn a_sim_that_takes_the_place_of_another_in_a_stick_that_nobody_uses_is_found() {
        let (mut register, mut now) = (register(), Instant::now());
        register.aim(seeking_sim());
        register.see(&[stick("1-1", 0)], &[], now);
        let with = |iccid: &str| {
            let identity = identity("/dev/ttyUSB2", "1");
            identity.map(|identity| Identity {
                iccid: Some(iccid.to_owned()),
                ..identity
            })
        };
        let asked = register.next_to_ask(now);
        register.told(&asked[0], with("89860012345678900000"), now);
        for pause in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            now += Duration::from_secs(pause);
            assert_eq!(register.asks_again_at(), Some(now));
            let asked = register.next_to_ask(now);
            register.told(&asked[0], with("89860012345678900000"), now);
        }
        now += Duration::from_secs(300);
        let asked = register.next_to_ask(now);
        register.told(&asked[0], with(SIM), now);
        assert_eq!(register.asks_again_at(), None, "it is found");
        let found: Vec<_> = register.sightings().map(|seen| seen.iccid).collect();
        assert_eq!(found, [Some(SIM.to_owned())]);
    }

    #[test]
    fn a_sim_that_whoever_holds_the_port_misses_is_looked_for_in_the_others_at_once() {
        let (mut register, mut now) = (register(), Instant::now());
        register.aim(seeking_sim());
        register.see(&[stick("1-1", 0), stick("1-2", 4)], &[], now);
        let asked = register.next_to_ask(now);
        register.told(&asked[0], with_sim(identity("/dev/ttyUSB2", "1")), now);
        register.told(&asked[1], identity("/dev/ttyUSB6", "2"), now);
        assert_eq!(register.asks_again_at(), None);
        now += Duration::from_secs(3600);
        let held = |card| Holds::from([(PathBuf::from("/dev/ttyUSB2"), card)]);
        register.heed(held(CardSeen::Gone));
        let again = register.next_to_ask(now);
        assert_eq!(again.len(), 1, "not the one that is held");
        assert_eq!(again[0].place, "1-2");
        register.told(&again[0], identity("/dev/ttyUSB6", "2"), now);
        register.heed(held(CardSeen::Is(SIM.to_owned())));
        assert_eq!(register.asks_again_at(), None, "it was put back");
    }
}
