//! Opens a tty, a pty or a TCP connection for one modem, and names the reasons it could not.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use tokio_serial::{
    DataBits, ErrorKind, FlowControl, Parity, SerialPortBuilderExt, SerialStream, StopBits,
};

use crate::usb::{self, Holder, Roots};

/// Why a port could not be opened, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum PortError {
    #[error("{0} does not exist: is the modem plugged in?")]
    Absent(String),
    #[error("{port} is busy: {}", who_holds(port, holder.as_deref()))]
    Busy {
        port: String,
        holder: Option<Box<Holder>>,
    },
    #[error("{0} is no tty: device must name a serial port")]
    NotATty(String),
    #[error("no permission for {0}: add the user to group dialout")]
    Forbidden(String),
    #[error("{0} is not reached: {1}; is the device server on, and does it serve this port raw?")]
    Unreachable(String, String),
    #[error("{port} could not be opened: {why}")]
    Other { port: String, why: String },
}

/// The way to a modem's octets.
#[derive(Debug)]
pub(super) enum Port {
    Serial(SerialStream),
    /// A serial port behind a device server such as ser2net, which passes the octets on as they are.
    Tcp(TcpStream),
}

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// `tcp://host:port` names a port of another machine; everything else is a path.
pub(super) fn address(device: &Path) -> Option<&str> {
    device.to_str()?.strip_prefix("tcp://")
}

/// Opens `device`, whatever it is. Who holds it instead is looked for in `roots`.
///
/// # Errors
/// [`PortError`] in words for a person.
pub(super) async fn open(device: &Path, baud: u32, roots: &Roots) -> Result<Port, PortError> {
    let Some(address) = address(device) else {
        // A stick that hangs keeps whoever opens it waiting for seconds.
        let (path, roots) = (device.to_owned(), roots.clone());
        let opening = tokio::task::spawn_blocking(move || open_tty(&path, baud, &roots));
        let opened = opening.await.unwrap_or_else(|error| {
            Err(PortError::Other {
                port: device.display().to_string(),
                why: error.to_string(),
            })
        });
        return opened.map(Port::Serial);
    };
    let unreachable = |why: String| PortError::Unreachable(device.display().to_string(), why);
    let connecting = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
    let stream = match connecting {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(_) => return Err(unreachable("no answer within 10 s".to_owned())),
    };
    // A command is one small packet, and waits for nobody.
    stream
        .set_nodelay(true)
        .map_err(|error| unreachable(error.to_string()))?;
    Ok(Port::Tcp(stream))
}

/// Closes it, and waits until it is closed: an old descriptor gives the device another name when it returns.
///
/// On a thread of its own: the kernel waits up to 30 s for octets that a hung stick does not take (`closing_wait` of
/// `setserial(8)`). A close goes on when nobody waits for it any more.
pub(super) async fn close(port: Port) {
    // There is nothing to be told but that it is over.
    let _ = tokio::task::spawn_blocking(move || drop(port)).await;
}

impl AsyncRead for Port {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port) => Pin::new(port).poll_read(cx, buf),
            Self::Tcp(port) => Pin::new(port).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Port {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Serial(port) => Pin::new(port).poll_write(cx, octets),
            Self::Tcp(port) => Pin::new(port).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port) => Pin::new(port).poll_flush(cx),
            Self::Tcp(port) => Pin::new(port).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port) => Pin::new(port).poll_shutdown(cx),
            Self::Tcp(port) => Pin::new(port).poll_shutdown(cx),
        }
    }
}

/// Opens `device` raw, 8N1, without flow control, and for nobody else.
///
/// Exclusive means both `TIOCEXCL`, which keeps out everybody but root, and an advisory `flock`, which keeps
/// out the programs that ask. Both end when the port is closed.
///
/// # Errors
/// [`PortError`] in words for a person.
fn open_tty(device: &Path, baud: u32, roots: &Roots) -> Result<SerialStream, PortError> {
    let port = device.display().to_string();
    let metadata = std::fs::metadata(device).map_err(|error| of_io(&port, &error, roots))?;
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
        .map_err(|error| of_serial(port, &error, roots))
}

/// Looks who it is, once: `/proc` is read only where a port is busy.
fn busy(port: String, roots: &Roots) -> PortError {
    let by_name = || {
        let pid = usb::modem_manager(roots)?;
        // It runs as root, so that which ports it has open is not seen.
        let command = MODEM_MANAGER.to_owned();
        Some(Holder { pid, command })
    };
    let holder = usb::holder(roots, Path::new(&port)).or_else(by_name);
    PortError::Busy {
        port,
        holder: holder.map(Box::new),
    }
}

/// Who holds a port, and what to do about it.
fn who_holds(port: &str, holder: Option<&Holder>) -> String {
    let Some(Holder { pid, command }) = holder else {
        return format!("another program holds it: fuser -v {port}");
    };
    let remedy = match command.as_str() {
        MODEM_MANAGER => usb::KEEP_MODEM_MANAGER_OFF.to_owned(),
        "cellpost" => "another gateway runs: cellpost modem list shows its modems".to_owned(),
        "gammu-smsd" | "kannel" | "brltty" => format!("stop it: systemctl stop {command}"),
        "smsd" => "stop it: systemctl stop smstools".to_owned(),
        "bearerbox" => "stop it: systemctl stop kannel".to_owned(),
        _ => format!("stop it: kill {pid}"),
    };
    format!("held by {command} (pid {pid}): {remedy}")
}

const MODEM_MANAGER: &str = "ModemManager";

fn of_io(port: &str, error: &io::Error, roots: &Roots) -> PortError {
    of_kind(port.to_owned(), error.kind(), &error.to_string(), roots)
}

fn of_serial(port: String, error: &tokio_serial::Error, roots: &Roots) -> PortError {
    match error.kind {
        // serialport says so of EBUSY and of a lock that somebody holds.
        ErrorKind::NoDevice => busy(port, roots),
        ErrorKind::Io(kind) => of_kind(port, kind, &error.description, roots),
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

fn of_kind(port: String, kind: io::ErrorKind, why: &str, roots: &Roots) -> PortError {
    match kind {
        io::ErrorKind::NotFound => PortError::Absent(port),
        io::ErrorKind::PermissionDenied => PortError::Forbidden(port),
        io::ErrorKind::ResourceBusy => busy(port, roots),
        _ => PortError::Other {
            port,
            why: why.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::fs::{FlockOperation, flock};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A pty: its modem's end, and the path of ours.
    fn pty() -> (OwnedFd, String) {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&end).unwrap();
        unlockpt(&end).unwrap();
        let path = ptsname(&end, Vec::new()).unwrap();
        (end, path.into_string().unwrap())
    }

    /// On this machine.
    fn opened(device: &str) -> Result<SerialStream, PortError> {
        open_tty(Path::new(device), 115_200, &Roots::default())
    }

    fn refusal(device: &Path) -> String {
        opened(device.to_str().unwrap()).unwrap_err().to_string()
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
    async fn a_port_that_was_closed_can_be_opened_at_once() {
        let (_end, path) = pty();
        for _ in 0..20 {
            let opened = open(Path::new(&path), 115_200, &Roots::default()).await;
            close(opened.unwrap()).await;
        }
    }

    #[tokio::test]
    async fn a_port_that_another_program_holds_is_busy() {
        let (_end, path) = pty();
        let held = opened(&path).unwrap();
        assert_eq!(
            refusal(Path::new(&path)),
            format!("{path} is busy: another program holds it: fuser -v {path}")
        );
        drop(held);
        assert!(opened(&path).is_ok());
    }

    #[tokio::test]
    async fn the_program_that_holds_a_port_is_named_with_the_remedy() {
        let (_end, path) = pty();
        let port = std::fs::File::open(&path).unwrap();
        flock(&port, FlockOperation::NonBlockingLockExclusive).unwrap();
        // The lock goes with the open file, which is this program's alone from here on.
        let mut holder = std::process::Command::new("sleep")
            .arg("600")
            .stdin(port)
            .spawn()
            .unwrap();
        let said = refusal(Path::new(&path));
        holder.kill().unwrap();
        holder.wait().unwrap();
        let pid = holder.id();
        assert_eq!(
            said,
            format!("{path} is busy: held by sleep (pid {pid}): stop it: kill {pid}")
        );
    }

    #[tokio::test]
    async fn the_program_that_holds_a_port_is_looked_for_on_the_machine_that_was_given() {
        let (_end, path) = pty();
        let _held = opened(&path).unwrap();
        let tree = crate::usb::tree::Tree::new();
        tree.process(812, "gammu-smsd", &[Path::new(&path)]);
        let said = open_tty(Path::new(&path), 115_200, &tree.roots()).unwrap_err();
        assert_eq!(
            said.to_string(),
            format!(
                "{path} is busy: held by gammu-smsd (pid 812): stop it: systemctl stop gammu-smsd"
            )
        );
    }

    #[test]
    fn each_program_that_is_known_to_hold_modems_has_its_remedy() {
        for (command, remedy) in [
            ("ModemManager", "ID_MM_DEVICE_IGNORE"),
            ("gammu-smsd", "systemctl stop gammu-smsd"),
            ("smsd", "systemctl stop smstools"),
            ("cellpost", "cellpost modem list"),
            ("minicom", "kill 812"),
        ] {
            let holder = Holder {
                pid: 812,
                command: command.to_owned(),
            };
            let said = who_holds("/dev/ttyUSB2", Some(&holder));
            assert!(
                said.starts_with(&format!("held by {command} (pid 812): ")),
                "{said}"
            );
            assert!(said.contains(remedy), "{said}");
        }
    }

    #[tokio::test]
    async fn a_port_whose_modem_is_gone_reads_as_its_end() {
        let (end, path) = pty();
        let mut port = opened(&path).unwrap();
        drop(end);
        let read = port.read(&mut [0; 16]).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }

    #[tokio::test]
    async fn a_port_of_another_machine_is_opened_over_tcp() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let device = format!("tcp://{address}");
        let mut port = open(Path::new(&device), 115_200, &Roots::default())
            .await
            .unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        port.write_all(b"AT\r").await.unwrap();
        let mut heard = [0; 3];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"AT\r");
        drop((far, listener));
        assert!(matches!(port.read(&mut heard).await, Ok(0) | Err(_)));
        let error = open(Path::new(&device), 115_200, &Roots::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("is not reached") && error.contains("device server"),
            "{error}"
        );
    }
}
