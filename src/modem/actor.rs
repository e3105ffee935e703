//! Drives one session over one port. No decision is taken here.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Order;
use super::fleet::outlet::Outlet;
use super::session::{Departure, Input, Output, Session};

/// What a port does not take within this time it does not take at all: a PDU is 350 octets.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// Lives until the port or the session ends, or the gateway stops.
pub(super) async fn run<P>(
    port: &mut P,
    session: &mut Session,
    orders: &mut mpsc::Receiver<Order>,
    outlet: &mut Outlet,
    stop: &CancellationToken,
) -> Departure
where
    P: AsyncRead + AsyncWrite + Unpin,
{
    let mut buf = [0; 1024];
    loop {
        while let Some(output) = session.poll() {
            match output {
                Output::Write(octets) => {
                    outlet.wrote(&octets);
                    crash_point!(before_write(&octets));
                    write(port, session, &octets).await;
                    crash_point!(after_write(&octets));
                }
                Output::Status(status) => outlet.status(*status),
                Output::Event(event) => outlet.event(event).await,
                Output::Claim(lock) => {
                    let may = outlet.claims(lock).await;
                    session.handle(now(), Input::Claimed(may));
                }
                Output::Opened(lock) => outlet.opened(lock).await,
                Output::Told(asker, reply) => outlet.tell(asker, reply),
                Output::Depart(departure) => return departure,
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => session.handle(now(), Input::Stop),
            // Never held back: a go or a withdraw must reach the session in the middle of a command.
            Some(order) = orders.recv() => hand(session, outlet, order),
            // Before the deadline: after a pause of the whole machine the answer counts, not the clock.
            read = port.read(&mut buf) => match read {
                // A removed tty reads as end-of-file for ever; looping here would burn a core.
                Ok(0) | Err(_) => session.handle(now(), Input::Gone),
                Ok(n) => hear(session, outlet, &buf[..n]),
            },
            () = until(session.deadline()) => session.handle(now(), Input::Deadline),
        }
    }
}

/// What a session still has to say when its port is no more, or its task died.
pub(super) async fn bury(session: &mut Session, outlet: &mut Outlet) {
    session.handle(now(), Input::Gone);
    while let Some(output) = session.poll() {
        match output {
            Output::Event(event) => outlet.event(event).await,
            Output::Told(asker, reply) => outlet.tell(asker, reply),
            _ => {}
        }
    }
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn hand(session: &mut Session, outlet: &mut Outlet, order: Order) {
    let input = match order {
        Order::Inquire(inquiry) => {
            let (asker, question) = outlet.asked(inquiry);
            Input::Asked(asker, question)
        }
        order => {
            if let Order::Control(control) = order {
                outlet.control(control);
            }
            Input::Order(order)
        }
    };
    session.handle(now(), input);
}

async fn write<P: AsyncWrite + Unpin>(port: &mut P, session: &mut Session, octets: &[u8]) {
    let written = tokio::time::timeout(WRITE_PATIENCE, port.write_all(octets)).await;
    if !matches!(written, Ok(Ok(()))) {
        session.handle(now(), Input::Gone);
    }
}

/// A modem that never stops talking must not keep a deadline from being seen.
fn hear(session: &mut Session, outlet: &mut Outlet, octets: &[u8]) {
    outlet.heard(octets);
    crash_point!(before_reading(octets));
    let now = now();
    session.handle(now, Input::Octets(octets));
    crash_point!(after_reading(octets));
    if session.deadline().is_some_and(|deadline| deadline <= now) {
        session.handle(now, Input::Deadline);
    }
}

pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
