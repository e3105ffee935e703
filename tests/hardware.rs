//! What stands beside the code about real modems: a page and a personality for each profile, and the udev rules.

// The lint spares test functions, not the verbs that they use; a panic is how a test fails.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names of the files of this kind in a folder, without their ending.
fn names(folder: &str, kind: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == kind))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "README")
        .collect()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn each_profile_has_its_page_and_its_personality_and_the_other_way_round() {
    let profiles = names("hardware/profiles", "toml");
    assert!(profiles.len() >= 14, "{profiles:?}");
    assert_eq!(names("hardware", "md"), profiles);
    assert_eq!(names("crates/modem-sim/personalities", "toml"), profiles);
    let readme = read("hardware/README.md");
    let simulator = read("docs/SIMULATOR.md");
    for name in profiles {
        assert!(readme.contains(&format!("[{name}]({name}.md)")), "{name}");
        assert!(simulator.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

#[test]
fn each_page_has_its_sections_and_explains_every_line_that_the_profile_says() {
    let sections = [
        "## Models",
        "## On the USB bus",
        "## What is odd, and what Cellpost does about it",
        "## Settings worth knowing",
        "## Modes and updates",
        "## Not verified",
    ];
    for name in names("hardware/profiles", "toml") {
        let page = read(format!("hardware/{name}.md"));
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, sections, "{name}");
        let profile: toml::Table = read(format!("hardware/profiles/{name}.toml"))
            .parse()
            .unwrap();
        for line in said_by(&profile) {
            assert!(page.contains(&line), "{name}.md says nothing of {line}");
        }
    }
}

/// Every line after AT that stands in a profile.
fn said_by(profile: &toml::Table) -> Vec<String> {
    let mut lines = Vec::new();
    for (section, keys) in profile {
        if section == "match" || section == "messages" {
            continue;
        }
        // How USSD codes are written is a word of ours.
        let keys = keys.as_table().unwrap().iter();
        for (_, value) in keys.filter(|(key, _)| *key != "coding") {
            texts(value, &mut lines);
        }
    }
    lines
}

fn texts(value: &toml::Value, found: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => found.push(text.clone()),
        toml::Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        toml::Value::Table(table) => table.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn each_profile_names_its_sources() {
    for name in names("hardware/profiles", "toml") {
        let profile = read(format!("hardware/profiles/{name}.toml"));
        assert!(profile.contains("\n# Sources: "), "{name}");
    }
}

/// One comparison or assignment of a rule: key, attribute, operator, value.
#[derive(Debug)]
struct Clause {
    key: String,
    attribute: String,
    operator: String,
    value: String,
}

fn rules() -> Vec<(usize, Vec<Clause>)> {
    let text = read("systemd/99-cellpost-modems.rules");
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| (at + 1, clauses(at + 1, line)))
        .collect()
}

/// Reads a line as udev(7) has it: clauses with commas between, values in quotes.
fn clauses(at: usize, line: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut rest = line;
    loop {
        let named = rest.find(['=', '!', '+', ':']);
        let cut = named.unwrap_or_else(|| panic!("line {at}: no operator in {rest}"));
        let (name, after) = rest.split_at(cut);
        let quote = after
            .find('"')
            .unwrap_or_else(|| panic!("line {at}: no value"));
        let (operator, value) = after.split_at(quote);
        let (value, after) = value[1..]
            .split_once('"')
            .unwrap_or_else(|| panic!("line {at}: a quote is open"));
        let (key, attribute) = match name.split_once('{') {
            Some((key, attribute)) => (key, attribute.strip_suffix('}').unwrap()),
            None => (name, ""),
        };
        clauses.push(Clause {
            key: key.to_owned(),
            attribute: attribute.to_owned(),
            operator: operator.to_owned(),
            value: value.to_owned(),
        });
        match after.strip_prefix(", ") {
            Some(next) => rest = next,
            None => {
                assert_eq!(after, "", "line {at}");
                return clauses;
            }
        }
    }
}

#[test]
fn the_udev_rules_are_written_in_forms_that_udev_knows() {
    let rules = rules();
    assert!(rules.len() > 20);
    for (at, clauses) in &rules {
        for clause in clauses {
            let compares = ["==", "!="].contains(&clause.operator.as_str());
            let sets = ["=", "+="].contains(&clause.operator.as_str());
            let is_known = match clause.key.as_str() {
                // SUBSYSTEMS would match the parents as well.
                "ACTION" | "SUBSYSTEM" => compares && clause.attribute.is_empty(),
                "ATTR" | "ATTRS" => compares && !clause.attribute.is_empty(),
                "ENV" => (compares || clause.operator == "=") && !clause.attribute.is_empty(),
                "GROUP" | "MODE" | "GOTO" | "LABEL" => clause.operator == "=",
                "SYMLINK" | "TAG" => sets,
                _ => false,
            };
            assert!(is_known, "line {at}: {clause:?}");
        }
        // What is compared of parents in one rule must belong to one of them.
        let parents: BTreeSet<bool> = clauses
            .iter()
            .filter(|clause| clause.key == "ATTRS")
            .map(|clause| clause.attribute.starts_with("bInterface"))
            .collect();
        assert!(parents.len() < 2, "line {at}");
    }
    let labels: Vec<_> = of(&rules, "LABEL").collect();
    for (at, wanted) in of(&rules, "GOTO") {
        let is_behind = labels
            .iter()
            .any(|(label, name)| *label > at && *name == wanted);
        assert!(is_behind, "line {at}: GOTO {wanted}");
    }
}

fn of<'a>(
    rules: &'a [(usize, Vec<Clause>)],
    key: &'a str,
) -> impl Iterator<Item = (usize, &'a str)> {
    rules.iter().flat_map(move |(at, clauses)| {
        let found = clauses.iter().filter(move |clause| clause.key == key);
        found.map(|clause| (*at, clause.value.as_str()))
    })
}

/// The USB numbers that a rule is for, as `vendor:product`.
fn numbers(clauses: &[Clause]) -> BTreeSet<String> {
    let value = |attribute: &str| {
        let mut found = clauses.iter();
        found.find(|clause| clause.attribute == attribute && clause.operator == "==")
    };
    let (Some(vendor), Some(products)) = (value("idVendor"), value("idProduct")) else {
        return BTreeSet::new();
    };
    let products = products.value.split('|');
    products
        .map(|product| format!("{}:{product}", vendor.value))
        .collect()
}

/// The USB devices of which Cellpost opens a port by itself, and the interface of that port.
fn opened_unasked() -> BTreeMap<String, u8> {
    let table: toml::Table = read("hardware/usb-modems.toml").parse().unwrap();
    let mut primary = BTreeMap::new();
    for device in table["device"].as_array().unwrap() {
        let ports = device.get("ports").and_then(toml::Value::as_table);
        let mut ports = ports.into_iter().flatten();
        let Some((interface, _)) = ports.find(|(_, role)| role.as_str() == Some("primary")) else {
            continue;
        };
        for id in device["ids"].as_array().unwrap() {
            primary.insert(id.as_str().unwrap().to_owned(), interface.parse().unwrap());
        }
    }
    primary
}

#[test]
fn whatever_is_opened_unasked_has_a_name_and_is_kept_from_modem_manager_and_is_on_a_page() {
    let (mut ignored, mut named) = (BTreeSet::new(), BTreeMap::new());
    for (_, clauses) in rules() {
        let sets = |key: &str, attribute: &str| {
            clauses
                .iter()
                .any(|clause| clause.key == key && clause.attribute == attribute)
        };
        if sets("ENV", "ID_MM_DEVICE_IGNORE") {
            ignored.extend(numbers(&clauses));
            // The service may reset it.
            assert!(sets("GROUP", "") && sets("MODE", ""), "{clauses:?}");
        }
        if sets("SYMLINK", "") {
            let interface = clauses
                .iter()
                .find(|clause| clause.attribute == "ID_USB_INTERFACE_NUM")
                .map(|clause| u8::from_str_radix(&clause.value, 16).unwrap());
            let numbers = numbers(&clauses).into_iter();
            named.extend(numbers.map(|number| (number, interface.unwrap())));
            assert!(sets("GROUP", ""), "{clauses:?}");
        }
    }
    assert_eq!(named, opened_unasked());
    assert_eq!(ignored, named.into_keys().collect());

    let pages: String = names("hardware", "md")
        .iter()
        .map(|name| read(format!("hardware/{name}.md")))
        .collect();
    for number in &ignored {
        let digits = number
            .bytes()
            .all(|octet| octet == b':' || octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet));
        assert!(digits && number.len() == 9, "{number}");
        assert!(pages.contains(number.as_str()), "{number} is on no page");
    }
}

#[test]
fn the_service_may_use_what_modems_are_made_of_and_waits_as_long_as_the_gateway_does() {
    let unit = read("systemd/cellpost.service");
    let lines: BTreeSet<&str> = unit.lines().collect();
    for line in [
        "Type=notify",
        "ExecStart=/usr/bin/cellpost serve",
        "RestartPreventExitStatus=2",
        "SupplementaryGroups=dialout",
        "DevicePolicy=closed",
        "DeviceAllow=char-ttyUSB rw",
        "DeviceAllow=char-ttyACM rw",
        "DeviceAllow=char-usb_device rw",
        "NoNewPrivileges=yes",
    ] {
        assert!(lines.contains(line), "{line}");
    }
    // Who holds a port, and whether ModemManager runs, is read from /proc.
    assert!(!unit.contains("\nProtectProc=invisible"));
    let stop = lines
        .iter()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="));
    let stop: u64 = stop.unwrap().parse().unwrap();
    let example = read("config/cellpost.toml");
    let grace = example
        .lines()
        .find_map(|line| line.strip_prefix("#shutdown_grace = "));
    let grace: u64 = grace.unwrap().parse().unwrap();
    assert!(stop > grace, "{stop} {grace}");
    let users = read("systemd/cellpost.sysusers");
    assert!(users.contains("\nu cellpost ") && users.contains("\nm cellpost dialout"));
}
