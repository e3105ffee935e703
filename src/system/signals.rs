//! What the host asks for by signal: a stop, or a look at the config.

use std::io;

use tokio::signal::unix::{self, SignalKind};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// TERM: the service manager, or `kill`.
    Terminate,
    /// INT: Ctrl-C on the terminal.
    Interrupt,
    /// HUP: read the config again.
    Hangup,
}

/// Catches TERM, INT and HUP from its making on, for the rest of the process's life: without [`Signals::next`] being
/// awaited they have no effect any more.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// # Errors
    /// When the host refuses a handler.
    ///
    /// # Panics
    /// Outside a tokio runtime with IO.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next signal. May be dropped and awaited anew: none gets lost, though equal ones may count as one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.hangup.recv() => Signal::Hangup,
            // tokio keeps the senders for the life of the process.
            else => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn each_signal_becomes_its_value() {
        let mut signals = Signals::new().unwrap();
        for (number, expected) in [
            (Number::HUP, Signal::Hangup),
            (Number::INT, Signal::Interrupt),
            (Number::TERM, Signal::Terminate),
        ] {
            kill_process(getpid(), number).unwrap();
            assert_eq!(signals.next().await, expected);
        }
    }

    #[tokio::test]
    async fn signals_that_come_while_nobody_waits_are_kept() {
        let mut signals = Signals::new().unwrap();
        kill_process(getpid(), Number::HUP).unwrap();
        kill_process(getpid(), Number::TERM).unwrap();
        let heard = [signals.next().await, signals.next().await];
        assert!(heard.contains(&Signal::Terminate) && heard.contains(&Signal::Hangup));
    }
}
