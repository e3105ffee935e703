//! **Run**: the loop that moves octets, requests and time between the world and its edges.
//!
//! No decision is taken here. It sleeps until a host writes, somebody asks, or the world's deadline comes.

use std::future::{pending, poll_fn};
use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use crate::ledger::Ledger;
use crate::moment::Clock;
use crate::settings::Settings;
use crate::verbs::Request;
use crate::wire::{Line, Ports};
use crate::world::{Output, World};

/// One order for the loop; each is answered.
#[derive(Debug)]
pub(crate) enum Order {
    Ask {
        request: Request,
        answer: oneshot::Sender<Value>,
    },
    /// A new line to a modem that does not notice, as when a host closes and opens its port.
    Reopen {
        modem: usize,
        /// Whether it could be opened.
        done: oneshot::Sender<bool>,
    },
}

#[derive(Debug)]
pub(crate) struct Driver<P: Ports> {
    world: World,
    ports: P,
    lines: Vec<Option<Line<P::Wire>>>,
    /// Ports that are held as by another program.
    busy: Vec<bool>,
    ledger: Ledger,
    clock: Clock,
    accepted: watch::Sender<u64>,
    /// The line that is looked at first, so that a chatty one does not starve the others.
    first: usize,
}

/// What a line has brought.
enum Happening {
    Octets { port: usize, count: usize },
    Closed { port: usize },
}

impl<P: Ports> Driver<P> {
    /// Raises a port for each modem, and lets the clock run.
    pub(crate) fn new(
        settings: &Settings,
        mut ports: P,
        ledger: Ledger,
        clock: Clock,
    ) -> io::Result<Self> {
        let modems = settings.modems;
        let mut world = World::new(settings);
        world.begin(clock.now(), settings);
        let lines = (0..modems).map(|modem| ports.raise(modem).map(|wire| Some(Line::new(wire))));
        Ok(Self {
            lines: lines.collect::<io::Result<_>>()?,
            busy: vec![false; modems],
            world,
            ports,
            ledger,
            clock,
            accepted: watch::Sender::new(0),
            first: 0,
        })
    }

    /// How many texts have been accepted, for whoever waits for a number of them.
    pub(crate) fn accepted(&self) -> watch::Receiver<u64> {
        self.accepted.subscribe()
    }

    /// Runs until nobody can send orders any more.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut buf = [0; BLOCK];
        loop {
            self.drain();
            let deadline = self.world.deadline();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.follow(order),
                    None => return,
                },
                happening = poll_fn(|cx| self.poll_lines(cx, &mut buf)) => self.take(happening, &buf),
                () = sleep_until(deadline) => self.world.expire(self.clock.now()),
            }
        }
    }

    fn poll_lines(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Happening> {
        self.ports.poll_tidy(cx);
        for step in 0..self.lines.len() {
            let port = (self.first + step) % self.lines.len();
            let Some(line) = &mut self.lines[port] else {
                continue;
            };
            let happening = match line.poll(cx, buf) {
                Poll::Pending => continue,
                Poll::Ready(Ok(count)) if count > 0 => Happening::Octets { port, count },
                // A pipe's far end was dropped. (A pty has our own slave end, and does not end.)
                Poll::Ready(_) => Happening::Closed { port },
            };
            self.first = port + 1;
            return Poll::Ready(happening);
        }
        Poll::Pending
    }

    fn take(&mut self, happening: Happening, buf: &[u8]) {
        match happening {
            Happening::Octets { port, count } => {
                self.world.take(self.clock.now(), port, &buf[..count]);
            }
            Happening::Closed { port } => self.lines[port] = None,
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Ask { request, answer } => {
                let value = self.answer(&request);
                self.drain();
                // Who asked may have gone meanwhile.
                let _ = answer.send(value);
            }
            Order::Reopen { modem, done } => {
                let port = self.world.port_of(modem);
                let opens = self.busy.get(port) == Some(&false);
                if opens {
                    self.raise(port);
                }
                let _ = done.send(opens);
            }
        }
    }

    fn answer(&mut self, request: &Request) -> Value {
        if let Request::Ledger { from } = request {
            return match self.ledger.page(*from) {
                Ok(page) => json!({ "ok": true, "entries": page.entries, "next": page.next }),
                Err(error) => refusal(&format!("the ledger cannot be read: {error}")),
            };
        }
        match self.world.obey(self.clock.now(), request) {
            Ok(mut value) => {
                value["ok"] = true.into();
                let modems = value.get_mut("modems").and_then(Value::as_array_mut);
                for (modem, stats) in modems.into_iter().flatten().enumerate() {
                    stats["port"] = self.ports.name(self.world.port_of(modem)).into();
                }
                value
            }
            Err(refused) => refusal(&refused.to_string()),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.world.poll() {
            match output {
                Output::Write { port, octets } => {
                    if let Some(line) = &mut self.lines[port] {
                        line.put(&octets);
                    }
                }
                Output::Accepted(entry) => {
                    if let Err(error) = self.ledger.append(*entry) {
                        tracing::error!(%error, "an accepted text is missing in the ledger");
                    }
                }
                Output::HangUp { port } => {
                    self.ports.hang_up(port);
                    self.lines[port] = None;
                }
                Output::Raise { port } => self.raise(port),
                Output::Busy { port, on } => {
                    self.busy[port] = on;
                    self.ports.occupy(port, on);
                }
            }
        }
        let accepted = self.world.accepted();
        self.accepted.send_if_modified(|known| {
            let changed = *known != accepted;
            *known = accepted;
            changed
        });
    }

    fn raise(&mut self, port: usize) {
        self.lines[port] = match self.ports.raise(port) {
            Ok(wire) => Some(Line::new(wire)),
            Err(error) => {
                tracing::error!(%error, port, "no new port for a modem that was plugged in");
                None
            }
        };
    }
}

pub(crate) fn refusal(why: &str) -> Value {
    json!({ "ok": false, "error": why })
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// What is read from one line before the others get their turn.
const BLOCK: usize = 1024;
