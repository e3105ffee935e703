//! What the gateway stands on: an ordinary disk, a small one that fills up, or one whose fsync fails now and then.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::daemon::{BINARY, Site, until};

/// Room for the data of a short torture, and little more.
const SIZE: &str = "24m";

pub(super) struct Ground {
    data: PathBuf,
    /// The data folder as this process sees it.
    seen: PathBuf,
    key: String,
    disk: Disk,
}

enum Disk {
    Plain,
    /// Mounted in the name space of this process, which lives as long as the mount must.
    Small(Keeper),
    Failing {
        shim: PathBuf,
        switch: PathBuf,
    },
}

/// Killed when dropped, and its mount with it.
struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const KEY: &str = "a-key-that-all-callers-of-this-torture-know-0123456789";

pub(super) fn may_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

impl Ground {
    pub(super) fn plain(site: &Site) -> Self {
        std::fs::create_dir(site.data_dir()).unwrap();
        Self::on(site.data_dir(), site.data_dir(), Disk::Plain)
    }

    pub(super) fn small(site: &Site) -> Self {
        let data = site.data_dir();
        std::fs::create_dir(&data).unwrap();
        // Let SQLite meet the full disk itself.
        let config = std::fs::read_to_string(site.config()).unwrap();
        let config = format!("{config}[database]\nmin_free_bytes = 0\n");
        std::fs::write(site.config(), config).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={SIZE} none '{0}' && touch '{0}/mounted' && exec sleep infinity",
            data.display()
        );
        let keeper = Command::new("unshare")
            .args(["-Urm", "sh", "-c", &script])
            .spawn()
            .unwrap();
        let seen = PathBuf::from(format!("/proc/{}/root{}", keeper.id(), data.display()));
        until("the small disk is mounted", || {
            seen.join("mounted").exists().then_some(())
        });
        Self::on(data, seen, Disk::Small(Keeper(keeper)))
    }

    pub(super) fn failing_fsync(site: &Site) -> Self {
        std::fs::create_dir(site.data_dir()).unwrap();
        let shim = site.folder.path().join("failing_fsync.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/failing_fsync.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&shim, &source])
            .arg("-ldl")
            .status()
            .unwrap();
        assert!(built.success());
        let switch = site.folder.path().join("fsync-fails");
        let disk = Disk::Failing { shim, switch };
        Self::on(site.data_dir(), site.data_dir(), disk)
    }

    fn on(data: PathBuf, seen: PathBuf, disk: Disk) -> Self {
        // An admin.key that exists is taken as the admin key.
        let file = seen.join("admin.key");
        std::fs::write(&file, KEY).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Self {
            data,
            seen,
            key: KEY.to_owned(),
            disk,
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn command(&self, site: &Site) -> Command {
        let mut command = match &self.disk {
            Disk::Small(keeper) => {
                let mut command = Command::new("nsenter");
                command
                    .args(["--target", &keeper.0.id().to_string()])
                    .args(["--user", "--mount", "--preserve-credentials", BINARY]);
                command
            }
            Disk::Failing { shim, switch } => {
                let mut command = Command::new(BINARY);
                command
                    .env("LD_PRELOAD", shim)
                    .env("FSYNC_FAILS_WHILE", switch);
                command
            }
            Disk::Plain => Command::new(BINARY),
        };
        command
            .arg("serve")
            .arg("--config")
            .arg(site.config())
            .arg("--data-dir")
            .arg(&self.data)
            .args(["--listen", "127.0.0.1:0"]);
        command
    }

    pub(super) fn trouble(&self) {
        match &self.disk {
            Disk::Plain => {}
            Disk::Small(_) => {
                let filled = Command::new("dd")
                    .arg("if=/dev/zero")
                    .arg(format!("of={}", self.ballast().display()))
                    .arg("bs=4096")
                    .stderr(Stdio::null())
                    .status()
                    .unwrap();
                assert!(!filled.success(), "the disk is full now");
            }
            Disk::Failing { switch, .. } => std::fs::write(switch, "").unwrap(),
        }
    }

    pub(super) fn trouble_ends(&self) {
        match &self.disk {
            Disk::Plain => {}
            Disk::Small(_) => std::fs::remove_file(self.ballast()).unwrap(),
            Disk::Failing { switch, .. } => std::fs::remove_file(switch).unwrap(),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.seen.join("ballast")
    }
}
