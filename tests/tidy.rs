//! The rules that the compiler cannot check: `tests/tidy.toml` is the table.

// The lint spares test functions, not the verbs that they use; a panic is how a test fails.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cellpost::domain::message::MESSAGE_STEPS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn table() -> toml::Table {
    let text = std::fs::read_to_string(root().join("tests/tidy.toml")).unwrap();
    text.parse().unwrap()
}

fn words(value: &toml::Value) -> Vec<String> {
    let array = value.as_array().unwrap();
    array
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

/// Every Rust file under `folder`, with its path from there.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy();
                found.push((name.into_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The code without its comments: a room may be named in prose.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What is built into the product: tests stand last in a file, and may look anywhere.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
}

fn is_test(file: &str) -> bool {
    file.ends_with("tests.rs") || file.contains("/tests/")
}

fn is_under(file: &str, path: &str) -> bool {
    file == path || file.starts_with(&format!("{path}/"))
}

/// Rooms named after `crate::`, in paths and in braces.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let listed = rest
            .strip_prefix('{')
            .map_or(rest, |inner| inner.split("};").next().unwrap_or_default());
        let names: Vec<&str> = match rest.starts_with('{') {
            true => listed.split(',').collect(),
            false => vec![listed],
        };
        for name in names {
            let word: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if !word.is_empty() {
                rooms.insert(word);
            }
        }
    }
    rooms
}

#[test]
fn rooms_look_only_into_the_rooms_that_the_table_allows() {
    let table = table();
    let rows = table["room"].as_array().unwrap();
    let rooms: BTreeSet<String> = rows
        .iter()
        .map(|row| row["path"].as_str().unwrap().trim_end_matches(".rs").into())
        .collect();
    for (file, text) in sources(&root().join("src")) {
        if is_test(&file) {
            continue;
        }
        let row = rows
            .iter()
            .filter(|row| is_under(&file, row["path"].as_str().unwrap()))
            .max_by_key(|row| row["path"].as_str().unwrap().len());
        let row = row.unwrap_or_else(|| panic!("src/{file} stands outside every room"));
        let own = row["path"].as_str().unwrap().trim_end_matches(".rs");
        let may = words(&row["may"]);
        let code = code(product(&text));
        for room in rooms_named(&code) {
            let allowed = room == own || may.contains(&room) || !rooms.contains(&room);
            assert!(allowed, "src/{file} looks into `{room}`; {own} may not");
        }
        let crates = words(&row["crates"]);
        for member in ["pdu_codec", "modem_sim", "cloud_sim", "tagged"] {
            let allowed = crates.iter().any(|one| one == member);
            assert!(
                allowed || !code.contains(&format!("{member}::")),
                "src/{file} uses {member}; {own} may not"
            );
        }
    }
}

#[test]
fn every_room_begins_with_its_card() {
    for room in std::fs::read_dir(root().join("src")).unwrap() {
        let path = room.unwrap().path().join("mod.rs");
        if path.exists() {
            let text = std::fs::read_to_string(&path).unwrap();
            for line in ["//! **", "//! Never: ", "//! May use: ", "//! Read first: "] {
                assert!(
                    text.lines().any(|one| one.starts_with(line)),
                    "{} has no line that begins with `{line}`",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for folder in [
        "src",
        "crates/pdu-codec/src",
        "crates/modem-sim/src",
        "crates/cloud-sim/src",
        "crates/tagged/src",
        "tests",
    ] {
        for (file, text) in sources(&root().join(folder)) {
            assert!(
                text.starts_with("//! "),
                "{folder}/{file} has no first line"
            );
        }
    }
}

#[test]
fn cores_receive_time_and_bytes_and_nothing_else() {
    let table = table();
    let cores = words(&table["cores"]["paths"]);
    let never = words(&table["cores"]["never"]);
    let clocks = words(&table["clock"]["may_read"]);
    for (file, text) in sources(&root().join("src")) {
        if is_test(&file) {
            continue;
        }
        let code = code(product(&text));
        if cores.iter().any(|core| is_under(&file, core)) {
            for word in &never {
                assert!(
                    !code.contains(word.as_str()),
                    "src/{file} is a core and uses {word}"
                );
            }
        }
        let reads = ["Instant::now()", "SystemTime::now()", "Timestamp::now()"];
        if !clocks.contains(&file) {
            for read in reads {
                assert!(!code.contains(read), "src/{file} reads a clock: {read}");
            }
        }
    }
}

#[test]
fn sql_is_in_the_store_only() {
    for (file, text) in sources(&root().join("src")) {
        if is_under(&file, "store") {
            continue;
        }
        for word in [
            "SELECT ",
            "INSERT INTO ",
            "UPDATE message",
            "DELETE FROM ",
            "rusqlite",
        ] {
            assert!(!code(&text).contains(word), "src/{file} holds SQL: {word}");
        }
    }
}

#[test]
fn no_file_is_a_grab_bag() {
    let never = words(&table()["names"]["never"]);
    for folder in ["src", "crates", "tests"] {
        for (file, _) in sources(&root().join(folder)) {
            let name = Path::new(&file).file_name().unwrap().to_string_lossy();
            assert!(
                !never.iter().any(|bag| *bag == name),
                "{folder}/{file}: find the noun"
            );
        }
    }
}

#[test]
fn nothing_that_needs_a_system_library_is_in_the_tree() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("rusqlite"), "the tree was read");
    for word in words(&table()["tree"]["never"]) {
        assert!(!tree.contains(&word), "{word} is in the tree");
    }
}

/// The rows of the Markdown table under `heading`, cells trimmed of blanks and back-ticks.
fn rows_under(document: &str, heading: &str) -> BTreeSet<Vec<String>> {
    let section = document
        .split(heading)
        .nth(1)
        .unwrap_or_else(|| panic!("no section `{heading}`"));
    section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').to_owned())
                .collect()
        })
        .collect()
}

#[test]
fn the_states_document_shows_exactly_the_steps_of_the_code() {
    let document = std::fs::read_to_string(root().join("docs/STATES.md")).unwrap();
    let written: BTreeSet<Vec<String>> = rows_under(&document, "## Message steps")
        .into_iter()
        .map(|row| row[..4].to_vec())
        .collect();
    let coded: BTreeSet<Vec<String>> = MESSAGE_STEPS
        .iter()
        .map(|(from, change, to, who)| {
            let words = [from.as_str(), &format!("{change:?}"), to.as_str(), who];
            words.map(str::to_owned).to_vec()
        })
        .collect();
    assert_eq!(written, coded);
}
