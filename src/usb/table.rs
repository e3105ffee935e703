//! The table of devices, `hardware/usb-modems.toml`: which interface of which device answers AT. It reads no files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};

use super::{Kind, Role};

/// One interface as its device describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) number: u8,
    pub(super) class: Class,
}

/// Class, subclass and protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Class(pub(super) [u8; 3]);

#[derive(Debug)]
pub(super) struct Table {
    raw: RawTable,
    devices: HashMap<Id, usize>,
    makers: BTreeSet<u16>,
}

/// What a device is taken for.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    pub(super) kind: Kind,
    pub(super) known_as: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Id {
    pub(super) vendor: u16,
    pub(super) product: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    device: Vec<Row>,
    class: Vec<ClassRow>,
    storage: Vec<Named>,
    network: Vec<Named>,
    adapter: Vec<AdapterRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    ids: Vec<Id>,
    ports: BTreeMap<String, Role>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassRow {
    #[serde(deserialize_with = "hexadecimal")]
    vendor: u16,
    classes: Vec<Class>,
    /// Only these; empty: all.
    #[serde(default)]
    interfaces: Vec<u8>,
    #[serde(default)]
    first: bool,
    role: Role,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    ids: Vec<Id>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdapterRow {
    name: String,
    #[serde(deserialize_with = "hexadecimal")]
    vendor: u16,
}

const MASS_STORAGE: u8 = 0x08;
const HUB: u8 = 0x09;

/// Ethernet over USB in its forms: ECM, NCM, RNDIS.
const NETWORK_CARDS: [[u8; 2]; 3] = [[0x02, 0x06], [0x02, 0x0d], [0xe0, 0x01]];

static BUILT_IN: LazyLock<Table> = LazyLock::new(|| {
    // A test reads it.
    Table::parse(include_str!("../../hardware/usb-modems.toml"))
        .expect("the table that is compiled in is sound")
});

impl Table {
    pub(super) fn built_in() -> &'static Self {
        &BUILT_IN
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let raw: RawTable = toml::from_str(text)?;
        let rows = raw.device.iter().enumerate();
        let devices: HashMap<Id, usize> = rows
            .flat_map(|(at, row)| row.ids.iter().map(move |id| (*id, at)))
            .collect();
        let of_devices = devices.keys().map(|id| id.vendor);
        let makers = of_devices
            .chain(raw.class.iter().map(|row| row.vendor))
            .collect();
        Ok(Self {
            raw,
            devices,
            makers,
        })
    }

    /// The roles of the ports of a device, in the order of `ports`.
    pub(super) fn roles(&self, id: Id, ports: &[Interface]) -> Vec<Role> {
        let mut roles: Vec<Role> = ports.iter().map(|port| self.role(id, *port)).collect();
        if !roles.contains(&Role::Primary)
            && let Some((at, role)) = self.first(id, ports, &roles)
        {
            roles[at] = role;
        }
        roles
    }

    fn role(&self, id: Id, port: Interface) -> Role {
        let of_class = |row: &&ClassRow| !row.first && row.holds(id, port);
        let rows = || self.raw.class.iter().filter(of_class);
        if rows().any(|row| row.role == Role::Silent) {
            return Role::Silent;
        }
        let named = self.devices.get(&id).and_then(|at| {
            let ports = &self.raw.device[*at].ports;
            ports.get(&port.number.to_string()).copied()
        });
        named
            .or_else(|| rows().next().map(|row| row.role))
            .unwrap_or(Role::Unknown)
    }

    /// The lowest interface of a row with `first`, where nothing else is known of it.
    fn first(&self, id: Id, ports: &[Interface], roles: &[Role]) -> Option<(usize, Role)> {
        let rows = self.raw.class.iter().filter(|row| row.first);
        rows.flat_map(|row| {
            let open = ports.iter().enumerate().filter(|(at, port)| {
                roles.get(*at) == Some(&Role::Unknown) && row.holds(id, **port)
            });
            open.map(|(at, port)| (port.number, at, row.role))
                .min_by_key(|(number, ..)| *number)
        })
        .map(|(_, at, role)| (at, role))
        .next()
    }

    /// What the device is. `ports`: the roles of its ttys; `interfaces`: all of it.
    pub(super) fn verdict(&self, id: Id, ports: &[Role], interfaces: &[Interface]) -> Verdict<'_> {
        let row = self
            .devices
            .get(&id)
            .map(|at| self.raw.device[*at].name.as_str());
        let adapters = &self.raw.adapter;
        let adapter = adapters.iter().find(|row| row.vendor == id.vendor);
        let named = |rows: &'_ [Named]| rows.iter().position(|row| row.ids.contains(&id));
        let of_maker = self.makers.contains(&id.vendor);
        let (kind, known_as) = if let Some(adapter) = adapter {
            (Kind::Adapter, Some(adapter.name.as_str()))
        } else if !ports.is_empty() && of_maker {
            (Kind::Modem, row)
        } else if !ports.is_empty() {
            (Kind::Other, None)
        } else if let Some(at) = named(&self.raw.network) {
            (Kind::HiLink, Some(self.raw.network[at].name.as_str()))
        } else if let Some(at) = named(&self.raw.storage) {
            (Kind::Storage, Some(self.raw.storage[at].name.as_str()))
        } else if of_maker && interfaces.iter().any(Interface::is_network_card) {
            (Kind::HiLink, row)
        } else if of_maker && interfaces.iter().any(Interface::is_storage) {
            (Kind::Storage, row)
        } else {
            (Kind::Other, row)
        };
        Verdict { kind, known_as }
    }
}

impl ClassRow {
    fn holds(&self, id: Id, port: Interface) -> bool {
        self.vendor == id.vendor
            && self.classes.contains(&port.class)
            && (self.interfaces.is_empty() || self.interfaces.contains(&port.number))
    }
}

impl Interface {
    fn is_storage(&self) -> bool {
        self.class.0[0] == MASS_STORAGE
    }

    fn is_network_card(&self) -> bool {
        NETWORK_CARDS
            .iter()
            .any(|card| self.class.0[..2] == card[..])
    }
}

impl Class {
    pub(super) fn is_hub(self) -> bool {
        self.0[0] == HUB
    }
}

fn word(text: &str) -> Option<u16> {
    let is_word = text.len() == 4 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    is_word
        .then(|| u16::from_str_radix(text, 16).ok())
        .flatten()
}

fn hexadecimal<'de, D: Deserializer<'de>>(source: D) -> Result<u16, D::Error> {
    let text = String::deserialize(source)?;
    word(&text).ok_or_else(|| serde::de::Error::custom("must be four hexadecimal digits"))
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let parts = text.split_once(':');
        parts
            .and_then(|(vendor, product)| {
                Some(Self {
                    vendor: word(vendor)?,
                    product: word(product)?,
                })
            })
            .ok_or_else(|| serde::de::Error::custom("must be vendor:product, such as 12d1:1001"))
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let octets: Option<Vec<u8>> = text
            .split('/')
            .map(|octet| u8::from_str_radix(octet, 16).ok())
            .collect();
        octets
            .and_then(|octets| octets.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("must be class/subclass/protocol"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        let (vendor, product) = text.split_once(':').unwrap();
        Id {
            vendor: word(vendor).unwrap(),
            product: word(product).unwrap(),
        }
    }

    fn roles(device: &str, ports: &[(u8, [u8; 3])]) -> Vec<Role> {
        let ports: Vec<Interface> = ports
            .iter()
            .map(|(number, class)| Interface {
                number: *number,
                class: Class(*class),
            })
            .collect();
        Table::built_in().roles(id(device), &ports)
    }

    const ALIKE: [u8; 3] = [0xff, 0xff, 0xff];

    #[test]
    fn the_table_that_is_compiled_in_is_sound_and_names_each_device_once() {
        let table = Table::built_in();
        let mut seen = BTreeMap::new();
        let rows = table.raw.device.iter().map(|row| (&row.name, &row.ids));
        let named = table.raw.storage.iter().chain(&table.raw.network);
        for (name, ids) in rows.chain(named.map(|row| (&row.name, &row.ids))) {
            for id in ids {
                let key = (id.vendor, id.product);
                let before = seen.insert(key, name);
                assert_eq!(before, None, "{key:04x?}: {name}");
            }
        }
        for row in &table.raw.device {
            for number in row.ports.keys() {
                assert!(number.parse::<u8>().is_ok(), "{}: {number}", row.name);
            }
            let primaries = row.ports.values().filter(|role| **role == Role::Primary);
            assert_eq!(primaries.count(), 1, "{}", row.name);
        }
    }

    #[test]
    fn a_row_gives_each_interface_its_role_and_nothing_to_the_others() {
        use Role::{Primary, Secondary, Silent, Unknown};
        let quectel = [0, 1, 2, 3, 4].map(|number| (number, [0xff, 0, 0]));
        assert_eq!(
            roles("2c7c:0125", &quectel),
            [Silent, Silent, Primary, Secondary, Unknown]
        );
        assert_eq!(roles("2c7c:eeee", &quectel), [Unknown; 5]);
        assert_eq!(roles("1a86:7523", &quectel), [Unknown; 5]);
    }

    #[test]
    fn a_new_huawei_is_known_by_the_classes_of_its_interfaces() {
        use Role::{Data, Primary, Silent, Unknown};
        let newer = [
            (0, [0xff, 0x02, 0x01]),
            (1, [0xff, 0x02, 0x03]),
            (2, [0xff, 0x02, 0x02]),
            (3, [0xff, 0x02, 0x7c]),
        ];
        assert_eq!(roles("12d1:15ee", &newer), [Data, Silent, Primary, Unknown]);
        let alike = [0, 3, 1, 2].map(|number| (number, ALIKE));
        // Diagnostics stay silent where the row of another firmware would have a port.
        assert_eq!(roles("12d1:1506", &newer)[1], Silent);
        assert_eq!(roles("12d1:1506", &newer)[2], Primary);
        assert_eq!(roles("12d1:1506", &alike)[2..], [Primary, Unknown]);
        assert_eq!(
            roles("12d1:1003", &alike),
            [Unknown, Unknown, Primary, Unknown]
        );
        assert_eq!(roles("12d1:1001", &alike), [Data, Unknown, Silent, Primary]);
    }
}
