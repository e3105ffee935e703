//! Opens a tty or pty for one modem, and names the reasons it could not.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tokio_serial::{
    DataBits, ErrorKind, FlowControl, Parity, SerialPortBuilderExt, SerialStream, StopBits,
};

/// Why a port could not be opened, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum PortError {
    #[error("{0} does not exist: is the modem plugged in?")]
    Absent(String),
    #[error("{0} is busy: another program holds it: fuser -v {0}")]
    Busy(String),
    #[error("{0} is no tty: device must name a serial port")]
    NotATty(String),
    #[error("no permission for {0}: add the user to group dialout")]
    Forbidden(String),
    #[error("{port} could not be opened: {why}")]
    Other { port: String, why: String },
}

/// Opens `device` raw, 8N1, without flow control, and for nobody else.
///
/// Exclusive means both `TIOCEXCL`, which keeps out everybody but root, and an advisory `flock`, which keeps
/// out the programs that ask. Both end when the port is closed.
///
/// # Errors
/// [`PortError`] in words for a person.
pub(super) fn open(device: &Path, baud: u32) -> Result<SerialStream, PortError> {
    let port = device.display().to_string();
    let metadata = std::fs::metadata(device).map_err(|error| of_io(&port, &error))?;
    if !metadata.file_type().is_char_device() {
        return Err(PortError::NotATty(port));
    }
    tokio_serial::new(&port, baud)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None)
        .exclusive(true)
        .dtr_on_open(true)
        .open_native_async()
        .map_err(|error| of_serial(port, &error))
}

fn of_io(port: &str, error: &io::Error) -> PortError {
    of_kind(port.to_owned(), error.kind(), &error.to_string())
}

fn of_serial(port: String, error: &tokio_serial::Error) -> PortError {
    match error.kind {
        // serialport says so of EBUSY and of a lock that somebody holds.
        ErrorKind::NoDevice => PortError::Busy(port),
        ErrorKind::Io(kind) => of_kind(port, kind, &error.description),
        // ENOTTY has no kind of its own.
        _ if error.description.contains("Inappropriate ioctl")
            || error.description.contains("Not a typewriter") =>
        {
            PortError::NotATty(port)
        }
        _ => PortError::Other {
            port,
            why: error.description.clone(),
        },
    }
}

fn of_kind(port: String, kind: io::ErrorKind, why: &str) -> PortError {
    match kind {
        io::ErrorKind::NotFound => PortError::Absent(port),
        io::ErrorKind::PermissionDenied => PortError::Forbidden(port),
        io::ErrorKind::ResourceBusy => PortError::Busy(port),
        _ => PortError::Other {
            port,
            why: why.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use tokio::io::AsyncReadExt;

    use super::*;

    /// A pty: its modem's end, and the path of ours.
    fn pty() -> (OwnedFd, String) {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&end).unwrap();
        unlockpt(&end).unwrap();
        let path = ptsname(&end, Vec::new()).unwrap();
        (end, path.into_string().unwrap())
    }

    fn refusal(device: &Path) -> String {
        open(device, 115_200).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_port_that_cannot_be_opened_says_why_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("ttyUSB9");
        assert!(refusal(&missing).ends_with("does not exist: is the modem plugged in?"));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for device in [&*file, folder.path(), Path::new("/dev/null")] {
            assert!(refusal(device).contains("is no tty"), "{device:?}");
        }
    }

    #[tokio::test]
    async fn a_port_that_another_program_holds_is_busy() {
        let (_end, path) = pty();
        let held = open(Path::new(&path), 115_200).unwrap();
        assert_eq!(
            refusal(Path::new(&path)),
            format!("{path} is busy: another program holds it: fuser -v {path}")
        );
        drop(held);
        assert!(open(Path::new(&path), 115_200).is_ok());
    }

    #[tokio::test]
    async fn a_port_whose_modem_is_gone_reads_as_its_end() {
        let (end, path) = pty();
        let mut port = open(Path::new(&path), 115_200).unwrap();
        drop(end);
        let read = port.read(&mut [0; 16]).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}
