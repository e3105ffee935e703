//! What cannot work is refused at the start, with what to do, and nothing is touched.

use std::time::Duration;

use crate::daemon::{Site, run, text};

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_exit_code_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cellpost.toml");
    std::fs::write(
        &file,
        "[server]\nlisten = [\"127.0.0.1:0\"]\nlisten_on = 1\n",
    )
    .unwrap();
    for arguments in [
        vec!["check-config", "--config", "cellpost.toml"],
        vec!["serve", "--config", "cellpost.toml"],
    ] {
        let output = run(&arguments, folder.path());
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains("listen_on"), "{said}");
        assert!(said.contains('3'), "the line is named: {said}");
    }
}

#[test]
fn a_good_config_is_called_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cellpost.toml");
    std::fs::write(&file, "[modem.m1]\ndevice = \"/dev/ttyUSB2\"\n").unwrap();
    let output = run(
        &["check-config", "--config", "cellpost.toml"],
        folder.path(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_second_daemon_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let site = Site::new(1, Duration::from_millis(20));
    let first = site.serve();
    let output = site.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("another cellpost runs on this data folder"),
        "{said}"
    );
    assert_eq!(first.ask("GET", "/healthz", "", "").status, 200);
}

#[test]
fn a_database_that_is_none_is_refused_and_left_as_it_is() {
    let site = Site::new(1, Duration::from_millis(20));
    std::fs::create_dir(site.data_dir()).unwrap();
    let database = site.data_dir().join("cellpost.db");
    let content = "Dear diary, today I was mistaken for a database. ".repeat(40);
    std::fs::write(&database, &content).unwrap();
    let output = site.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("not a SQLite database"), "{said}");
    assert_eq!(std::fs::read_to_string(&database).unwrap(), content);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let site = Site::new(1, Duration::from_millis(20));
    std::fs::create_dir(site.data_dir()).unwrap();
    let database = site.data_dir().join("cellpost.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute_batch("CREATE TABLE later (x); PRAGMA user_version = 999;")
        .unwrap();
    drop(connection);
    let output = site.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("newer version"), "{said}");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 999);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let site = Site::new(1, Duration::from_millis(20));
    let mut command = site.command();
    let output = command.args(["--listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains(&address), "{said}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new(1, Duration::from_millis(20));
    std::fs::create_dir(site.data_dir()).unwrap();
    let key = site.data_dir().join("admin.key");
    std::fs::write(&key, "sk_0123456789012345678901234567890123456789012\n").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = site.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("chmod 600"), "{said}");
    assert!(!said.contains("sk_0123"), "{said}");
}

#[test]
fn a_bad_profile_is_named_with_file_line_and_key_and_an_unknown_one_with_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    let bad = profiles.join("stick.toml");
    let config = |modem: &str| {
        let lines = format!(
            "[modems]\nprofiles_dir = \"{}\"\n[modem.m1]\ndevice = \"/dev/ttyUSB2\"\n{modem}",
            profiles.display()
        );
        std::fs::write(folder.path().join("cellpost.toml"), lines).unwrap();
        let checked = ["check-config", "--config", "cellpost.toml"];
        run(&checked, folder.path())
    };
    std::fs::write(&bad, "[start]\nprepair = []\n").unwrap();
    let output = config("");
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("stick.toml:2: prepair: unknown field"),
        "{said}"
    );

    std::fs::write(&bad, "[start]\nboots_within = 60\n").unwrap();
    assert_eq!(config("profile = \"stick\"").status.code(), Some(0));
    let output = config("profile = \"stcik\"");
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("modem.m1.profile = \"stcik\"") && said.contains("stick"),
        "{said}"
    );
}

#[test]
fn a_recording_is_played_and_a_departure_from_it_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let recording = "> \\x1B\n@ +100\n> AT\\r\n< \\r\\nOK\\r\\n\n@ +100\n> ATE0\\r\n";
    std::fs::write(folder.path().join("good.at"), recording).unwrap();
    let output = run(&["replay", "good.at"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(
        said.ends_with("> ATE0\\r\n# at the end the modem is starting\n"),
        "{said}"
    );

    std::fs::write(
        folder.path().join("other.at"),
        recording.replace("ATE0", "ATZ"),
    )
    .unwrap();
    let output = run(&["replay", "other.at"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("> ATE0\\r (recorded: ATZ\\r)"), "{said}");
}
