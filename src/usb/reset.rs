//! Resets a device as pulling and plugging it would, where that is permitted; and where not, says what permits it.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nusb::MaybeFuture;

use super::Roots;
use super::sysfs::attribute;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ResetError {
    #[error("nothing is plugged in at USB port {0}")]
    Absent(String),
    #[error(
        "resetting the USB device at {place} is not permitted: run the gateway with write access to {node} \
         (udev: SUBSYSTEM==\"usb\", ATTR{{idVendor}}==\"{vendor}\", GROUP=\"dialout\", MODE=\"0660\")"
    )]
    NotPermitted {
        place: String,
        node: String,
        vendor: String,
    },
    #[error("the USB device at {place} could not be reset: {why}")]
    Failed { place: String, why: String },
}

/// Resets the device at `place`. Its nodes go and come back, perhaps under other names. Blocks for up to a second.
///
/// The device's node in `/dev/bus/usb` is asked first; where that may not be opened, `authorized` in sysfs is taken
/// away and given again.
///
/// # Errors
/// [`ResetError`] in words for a person.
pub(crate) fn reset(roots: &Roots, place: &str) -> Result<(), ResetError> {
    let folder = folder(roots, place).ok_or_else(|| ResetError::Absent(place.to_owned()))?;
    let node = node(roots, &folder);
    let through_node = match &node {
        Some(node) => through_usbfs(node),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    let Err(of_node) = through_node else {
        return Ok(());
    };
    let Err(of_sysfs) = through_sysfs(&folder) else {
        return Ok(());
    };
    let is_denied = |error: &io::Error| {
        use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
        matches!(
            error.kind(),
            PermissionDenied | ReadOnlyFilesystem | NotFound
        )
    };
    if is_denied(&of_node) && is_denied(&of_sysfs) {
        return Err(ResetError::NotPermitted {
            place: place.to_owned(),
            node: node.map_or_else(
                || "its node in /dev/bus/usb".to_owned(),
                |node| node.display().to_string(),
            ),
            vendor: attribute(&folder, "idVendor").unwrap_or_default(),
        });
    }
    let why = match is_denied(&of_node) {
        true => of_sysfs,
        false => of_node,
    };
    Err(ResetError::Failed {
        place: place.to_owned(),
        why: why.to_string(),
    })
}

/// A place is the name of a folder there, and nothing else: `..` and `/` are none.
fn folder(roots: &Roots, place: &str) -> Option<PathBuf> {
    let is_place = place.starts_with(|c: char| c.is_ascii_digit())
        && place.contains('-')
        && place
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '-' | '.'));
    let folder = roots.sys.join("bus/usb/devices").join(place);
    (is_place && folder.join("idVendor").is_file()).then_some(folder)
}

/// `/dev/bus/usb/001/007`
fn node(roots: &Roots, folder: &Path) -> Option<PathBuf> {
    let number = |name| attribute(folder, name)?.parse::<u16>().ok();
    let (bus, device) = (number("busnum")?, number("devnum")?);
    Some(roots.dev.join(format!("bus/usb/{bus:03}/{device:03}")))
}

fn through_usbfs(node: &Path) -> io::Result<()> {
    let opened = fs::OpenOptions::new().read(true).write(true).open(node)?;
    let device = nusb::Device::from_fd(OwnedFd::from(opened)).wait()?;
    Ok(device.reset().wait()?)
}

fn through_sysfs(folder: &Path) -> io::Result<()> {
    let authorized = folder.join("authorized");
    // What is not there is not made.
    let write = |word: &str| {
        let mut file = fs::OpenOptions::new().write(true).open(&authorized)?;
        io::Write::write_all(&mut file, word.as_bytes())
    };
    write("0")?;
    write("1")
}
