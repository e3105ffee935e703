//! Where flight recordings are kept: one folder per modem, the newest files of it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::domain::{ModemName, UnixMillis};

/// The folder of all modems, and how many files each may have in it.
#[derive(Clone, Debug)]
pub(crate) struct Recordings {
    pub(crate) folder: PathBuf,
    pub(crate) keep: usize,
}

/// 4,000 lines of 350 characters, and their marks: a recording is never larger.
const LARGEST: usize = 2 * 1024 * 1024;

impl Recordings {
    /// Writes one recording and lets the oldest go. Blocks.
    pub(super) fn save(
        &self,
        modem: &ModemName,
        at: UnixMillis,
        text: &str,
    ) -> io::Result<PathBuf> {
        let folder = self.folder.join(modem.as_str());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "at") {
                kept.push(path);
            }
        }
        // Their names begin with the time.
        kept.sort();
        let too_many = (kept.len() + 1).saturating_sub(self.keep);
        for old in kept.iter().take(too_many) {
            std::fs::remove_file(old)?;
        }
        // Two within a second: the milliseconds tell them apart.
        let name = format!("{}{:03}.at", at.compact(), at.0.rem_euclid(1000));
        let path = folder.join(name);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        let end = text.floor_char_boundary(LARGEST);
        file.write_all(&text.as_bytes()[..end])?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_recordings_are_kept_and_nobody_else_may_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let recordings = Recordings {
            folder: folder.path().join("recorder"),
            keep: 2,
        };
        let modem = ModemName::parse("m1").unwrap();
        for at in 0..4 {
            let path = recordings
                .save(&modem, UnixMillis(at * 1000), &at.to_string())
                .unwrap();
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let mut kept: Vec<_> = std::fs::read_dir(folder.path().join("recorder/m1"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        kept.sort();
        assert_eq!(kept, ["19700101000002000.at", "19700101000003000.at"]);
    }
}
