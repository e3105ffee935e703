//! **Memory**: a simulation on the caller's own runtime, whose clock may be paused.

use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::client::{checked, field};
use crate::control::{ask, wait_accepted};
use crate::diary::Note;
use crate::duplex::MemoryPorts;
use crate::error::SimError;
use crate::fault::Fault;
use crate::handset::{Received, Totals};
use crate::ledger::Ledger;
use crate::mobile::MobileText;
use crate::moment::Clock;
use crate::run::{Driver, Order};
use crate::settings::Settings;
use crate::verbs::{ModemStats, Request};

/// A handle with the verbs of the control socket; the simulation ends with it.
#[derive(Debug)]
pub struct SimInMemory {
    orders: mpsc::Sender<Order>,
    accepted: watch::Receiver<u64>,
    /// Locked only by the one who waits for a port of this modem.
    ports: Vec<Mutex<mpsc::Receiver<DuplexStream>>>,
    task: JoinHandle<()>,
}

/// Starts a simulation in memory, with the host's end of each modem's line.
///
/// Must be called inside a tokio runtime, and works with its clock paused: nothing happens between two things
/// that are due, so an hour of virtual time costs what happens in it.
///
/// # Panics
/// When a personality in the settings does not exist.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (_sim, mut ports) = modem_sim::in_memory(modem_sim::Settings::default());
/// ports[0].write_all(b"ATE0\r").await.unwrap();
/// let mut answer = [0; 11];
/// ports[0].read_exact(&mut answer).await.unwrap();
/// assert_eq!(&answer, b"ATE0\r\r\nOK\r\n");
/// # }
/// ```
pub fn in_memory(settings: Settings) -> (SimInMemory, Vec<DuplexStream>) {
    if let Err(error) = settings.check() {
        panic!("{error}");
    }
    let (ports, mut far_ends) = MemoryPorts::new(settings.modems);
    let clock = Clock::of_the_runtime();
    let driver = Driver::new(&settings, ports, Ledger::in_memory(), clock)
        .expect("a pipe in memory can always be made");
    let streams = far_ends.iter_mut().map(|far_end| {
        let stream = far_end.try_recv();
        stream.expect("the driver raised every port just now")
    });
    let streams = streams.collect();
    let accepted = driver.accepted();
    // Requests wait here for one turn of the loop; a caller waits when it is full.
    let (orders, received) = mpsc::channel(16);
    let sim = SimInMemory {
        orders,
        accepted,
        ports: far_ends.into_iter().map(Mutex::new).collect(),
        task: tokio::spawn(driver.run(received)),
    };
    (sim, streams)
}

impl SimInMemory {
    pub async fn handset(&self, number: &str) -> Vec<Received> {
        let number = number.to_owned();
        let answer = self.ask(Request::Handset { number }).await;
        answer
            .and_then(|answer| field(answer, "texts"))
            .unwrap_or_default()
    }

    /// A handset writes to the SIM that wrote to it last (else to modem 0); which one it was comes back.
    pub async fn reply(&self, number: &str, text: &str) -> Result<usize, SimError> {
        field(self.send(number, text, None).await?, "modem")
    }

    pub async fn reply_to(&self, modem: usize, number: &str, text: &str) -> Result<(), SimError> {
        self.send(number, text, Some(modem)).await.map(drop)
    }

    /// Texts to a SIM, in this order; each is cut into parts where it has to be.
    pub async fn deliver(&self, modem: usize, texts: Vec<MobileText>) -> Result<(), SimError> {
        self.ask(Request::Deliver { modem, texts }).await.map(drop)
    }

    /// How often a handset has received exactly this text, however long ago.
    pub async fn times(&self, number: &str, text: &str) -> Result<u32, SimError> {
        let (number, text) = (number.to_owned(), text.to_owned());
        let answer = self.ask(Request::Times { number, text }).await?;
        field(answer, "times")
    }

    /// What all handsets have received.
    pub async fn totals(&self) -> Result<Totals, SimError> {
        field(self.ask(Request::Totals).await?, "totals")
    }

    /// How many texts and reports the network keeps for a modem.
    pub async fn waiting(&self, modem: usize) -> Result<(usize, usize), SimError> {
        let answer = self.ask(Request::Waiting { modem }).await?;
        Ok((field(answer.clone(), "texts")?, field(answer, "reports")?))
    }

    /// What befell a modem's slots from this note on, and the number to go on with. Some hundred notes are kept.
    pub async fn slots(&self, modem: usize, from: u64) -> Result<(Vec<Note>, u64), SimError> {
        let answer = self.ask(Request::Slots { modem, from }).await?;
        Ok((field(answer.clone(), "notes")?, field(answer, "next")?))
    }

    pub async fn fault(&self, modem: usize, fault: Fault) -> Result<(), SimError> {
        self.ask(Request::Fault { modem, fault }).await.map(drop)
    }

    /// The host's end reads its end of file.
    pub async fn unplug(&self, modem: usize) -> Result<(), SimError> {
        let for_ms = None;
        self.ask(Request::Unplug { modem, for_ms }).await.map(drop)
    }

    pub async fn plug(&self, modem: usize) -> Result<DuplexStream, SimError> {
        self.ask(Request::Plug { modem }).await?;
        self.next_port(modem).await
    }

    /// The line of a modem that was unplugged "for so long" through [`SimInMemory::call`], when it is back.
    pub async fn next_port(&self, modem: usize) -> Result<DuplexStream, SimError> {
        let unknown = || SimError::Refused {
            why: format!("there is no modem {modem}"),
        };
        let mut port = self.ports.get(modem).ok_or_else(unknown)?.lock().await;
        let mut stream = port.recv().await.ok_or(SimError::Ended)?;
        while let Ok(newer) = port.try_recv() {
            stream = newer;
        }
        Ok(stream)
    }

    /// A new line to a modem that does not notice: as when a host closes its port and opens it again.
    pub async fn reopen(&self, modem: usize) -> Result<DuplexStream, SimError> {
        let (done, is_done) = oneshot::channel();
        let order = Order::Reopen { modem, done };
        self.orders.send(order).await.map_err(|_| SimError::Ended)?;
        match is_done.await.map_err(|_| SimError::Ended)? {
            true => self.next_port(modem).await,
            false => Err(SimError::PortBusy { modem }),
        }
    }

    pub async fn stats(&self) -> Vec<ModemStats> {
        let answer = self.ask(Request::Stats).await;
        answer
            .and_then(|answer| field(answer, "modems"))
            .unwrap_or_default()
    }

    /// A page of ledger lines from this number on, and the number to go on with.
    pub async fn ledger(&self, from: u64) -> Result<(Vec<Value>, u64), SimError> {
        let answer = self.ask(Request::Ledger { from }).await?;
        Ok((field(answer.clone(), "entries")?, field(answer, "next")?))
    }

    /// Waits until the network has accepted so many texts since the simulation began.
    pub async fn wait_accepted(
        &self,
        count: u64,
        patience: std::time::Duration,
    ) -> Result<u64, SimError> {
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let answer = wait_accepted(&mut self.accepted.clone(), count, ms).await;
        field(checked(answer)?, "accepted")
    }

    /// Any request of the control socket.
    pub async fn call(&self, request: Value) -> Result<Value, SimError> {
        self.ask(serde_json::from_value(request)?).await
    }

    async fn send(
        &self,
        number: &str,
        text: &str,
        modem: Option<usize>,
    ) -> Result<Value, SimError> {
        let request = Request::Reply {
            number: number.to_owned(),
            text: text.to_owned(),
            modem,
        };
        self.ask(request).await
    }

    async fn ask(&self, request: Request) -> Result<Value, SimError> {
        if let Request::WaitAccepted { count, timeout_ms } = request {
            let answer = wait_accepted(&mut self.accepted.clone(), count, timeout_ms).await;
            return checked(answer);
        }
        checked(ask(&self.orders, request).await)
    }
}

impl Drop for SimInMemory {
    fn drop(&mut self) {
        self.task.abort();
    }
}
