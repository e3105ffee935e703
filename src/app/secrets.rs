//! The secrets in the data folder: made at the first start, read at every other, refused when others can read them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::StartError;
use crate::domain::Pepper;
use crate::modem::Pin;

/// `pepper.key`: 32 octets.
pub(super) fn pepper(path: &Path) -> Result<Pepper, StartError> {
    let wrong = |why: String| StartError::Secret {
        path: path.to_owned(),
        why,
    };
    let octets = read_or_create(path, || rand::random::<[u8; Pepper::OCTETS]>().to_vec())?.0;
    let secret: &[u8; Pepper::OCTETS] = octets.as_slice().try_into().map_err(|_| {
        wrong(format!(
            "a pepper file holds {} octets, this one {}",
            Pepper::OCTETS,
            octets.len()
        ))
    })?;
    Ok(Pepper::new(secret))
}

/// The admin key, and whether it was created now.
pub(super) fn admin_key(path: &Path) -> Result<(String, bool), StartError> {
    let fresh = || {
        let secret: [u8; 32] = rand::random();
        format!("sk_{}\n", URL_SAFE_NO_PAD.encode(secret)).into_bytes()
    };
    let (octets, is_new) = read_or_create(path, fresh)?;
    let key = String::from_utf8(octets).unwrap_or_default();
    let key = key.strip_suffix('\n').unwrap_or(&key);
    let key = key.strip_suffix('\r').unwrap_or(key);
    if key.len() < 16 || !key.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(StartError::Secret {
            path: path.to_owned(),
            why: "an admin key is one line of at least 16 printable characters; delete the file to get a new one"
                .into(),
        });
    }
    Ok((key.to_owned(), is_new))
}

/// The PIN of a SIM: a file that must be there.
pub(super) fn pin(path: &Path, pepper: &Pepper) -> Result<Pin, StartError> {
    let wrong = |why: String| StartError::Secret {
        path: path.to_owned(),
        why,
    };
    let mut file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    check_mode(path, &file).map_err(wrong)?;
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|error| wrong(error.to_string()))?;
    let digits = text.strip_suffix('\n').unwrap_or(&text);
    let digits = digits.strip_suffix('\r').unwrap_or(digits);
    Pin::parse(digits, pepper)
        .ok_or_else(|| wrong("a PIN file holds one line of 4 to 8 digits".to_owned()))
}

/// A secret on one line, in a file that must be there: a token, a password.
pub(super) fn line(path: &Path) -> Result<String, StartError> {
    let wrong = |why: String| StartError::Secret {
        path: path.to_owned(),
        why,
    };
    let mut file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    check_mode(path, &file).map_err(wrong)?;
    let mut text = String::new();
    // Longer than any of them.
    (&mut file)
        .take(LONGEST_LINE)
        .read_to_string(&mut text)
        .map_err(|error| wrong(error.to_string()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line.is_empty() || line.chars().any(char::is_control) {
        true => Err(wrong("it must hold a secret on one line".to_owned())),
        false => Ok(line.to_owned()),
    }
}

const LONGEST_LINE: u64 = 16 * 1024;

fn read_or_create(path: &Path, fresh: impl Fn() -> Vec<u8>) -> Result<(Vec<u8>, bool), StartError> {
    let wrong = |why: String| StartError::Secret {
        path: path.to_owned(),
        why,
    };
    match File::open(path) {
        Ok(mut file) => {
            check_mode(path, &file).map_err(wrong)?;
            let mut octets = Vec::new();
            file.read_to_end(&mut octets)
                .map_err(|error| wrong(error.to_string()))?;
            Ok((octets, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let octets = fresh();
            create_secret(path, &octets).map_err(|error| wrong(error.to_string()))?;
            Ok((octets, true))
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Nobody but its owner may read a secret. Files that systemd hands over are its own affair.
fn check_mode(path: &Path, file: &File) -> Result<(), String> {
    let handed_over = std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|folder| path.starts_with(PathBuf::from(folder)));
    let mode = file
        .metadata()
        .map_err(|error| error.to_string())?
        .permissions()
        .mode();
    if !handed_over && mode & 0o077 != 0 {
        return Err(format!(
            "others may read it (mode {:o}): chmod 600 it",
            mode & 0o777
        ));
    }
    Ok(())
}

/// Written whole or not at all: a power cut must not leave an empty key.
fn create_secret(path: &Path, octets: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(octets)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
