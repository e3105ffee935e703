//! The line between a gateway and a simulated modem: a port on TCP, as a serial server gives it.
//!
//! A modem that is pulled out takes its port with it; a host that closes the port finds the modem as it was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use modem_sim::SimInMemory;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, split};
use tokio::net::{TcpListener, TcpStream};

use crate::tap::{Tap, Who};

/// Carries octets for as long as the simulation lives.
pub(crate) async fn carry(
    sim: Arc<SimInMemory>,
    modem: usize,
    mut listener: TcpListener,
    mut line: DuplexStream,
    tap: Arc<Tap>,
) {
    let address = listener.local_addr().unwrap();
    loop {
        let ended = tokio::select! {
            host = listener.accept() => talk(host.unwrap().0, line, &tap).await,
            line = gone(&sim, modem) => Ended::Replaced(line),
        };
        match ended {
            Ended::ByHost => match sim.reopen(modem).await {
                Ok(reopened) => line = reopened,
                Err(_) => (listener, line) = returned(&sim, modem, listener, address).await,
            },
            Ended::ByModem => (listener, line) = returned(&sim, modem, listener, address).await,
            Ended::Replaced(newer) => line = newer,
        }
    }
}

enum Ended {
    ByHost,
    ByModem,
    Replaced(DuplexStream),
}

async fn talk(host: TcpStream, line: DuplexStream, tap: &Tap) -> Ended {
    host.set_nodelay(true).unwrap();
    let (mut from_host, mut to_host) = host.into_split();
    let (mut from_modem, mut to_modem) = split(line);
    let ended = tokio::select! {
        _ = copy(&mut from_host, &mut to_modem, tap, Who::Host) => Ended::ByHost,
        _ = copy(&mut from_modem, &mut to_host, tap, Who::Modem) => Ended::ByModem,
    };
    let _ = to_host.shutdown().await;
    ended
}

/// Until one of the two ends.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    tap: &Tap,
    who: Who,
) {
    let mut octets = [0; 1024];
    while let Ok(length @ 1..) = from.read(&mut octets).await {
        tap.hear(who, &octets[..length]);
        if to.write_all(&octets[..length]).await.is_err() {
            return;
        }
    }
}

/// A modem that went and came while nobody listened.
async fn gone(sim: &SimInMemory, modem: usize) -> DuplexStream {
    match sim.next_port(modem).await {
        Ok(line) => line,
        Err(_) => std::future::pending().await,
    }
}

/// Nobody can connect until the modem is back.
async fn returned(
    sim: &SimInMemory,
    modem: usize,
    listener: TcpListener,
    address: SocketAddr,
) -> (TcpListener, DuplexStream) {
    drop(listener);
    let line = loop {
        if let Ok(line) = sim.reopen(modem).await {
            break line;
        }
        tokio::select! {
            line = gone(sim, modem) => break line,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    };
    (TcpListener::bind(address).await.unwrap(), line)
}
