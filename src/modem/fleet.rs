//! **Fleet**: keeps one session per configured modem alive and publishes what it knows of each.
//!
//! It is the only place that knows that ports come and go. A modem that departs is opened again: when its
//! node is gone, as soon as that is back; else after a pause that doubles.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use inotify::{Inotify, WatchMask};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_serial::SerialStream;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::port::{self, PortError};
use super::session::{Departure, Session};
use super::submit::never_left;
use super::{FleetEvent, ModemEvent, ModemHandle, ModemSettings, ORDERS_UNDER_WAY, Order, actor};
use crate::domain::{FleetView, ModemName, ModemState, ModemStatus, Network, UnixMillis};

/// The tasks of all modems; [`Fleet::join`] awaits them after the token was cancelled.
#[derive(Debug)]
pub(crate) struct Fleet {
    tasks: JoinSet<()>,
    view: watch::Receiver<FleetView>,
}

/// A modem's messages to the rest of the house.
#[derive(Debug)]
pub(super) struct Outlet {
    modem: ModemName,
    /// Its place in the view.
    place: usize,
    view: Arc<watch::Sender<FleetView>>,
    events: mpsc::Sender<FleetEvent>,
    clock: fn() -> UnixMillis,
    ready_since: Option<Instant>,
}

/// Keeps one modem: opens its port, runs a session on it, and again.
#[derive(Debug)]
struct Keeper {
    settings: ModemSettings,
    orders: mpsc::Receiver<Order>,
    outlet: Outlet,
    stop: CancellationToken,
    /// When Ctrl-Z was written of a try whose result may still be read when the modem is back.
    unsettled: Option<Instant>,
    pause: Duration,
}

/// The token was cancelled.
#[derive(Debug)]
struct Cancelled;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Ready for so long, it counts as mended.
const MENDED_AFTER: Duration = Duration::from_secs(60);

/// inotify sees most nodes come; this look finds those behind links and in folders that are made anew.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// From a node's appearance to the first write: udev sets owner and mode within some milliseconds.
const SETTLE: Duration = Duration::from_millis(100);

/// The radio timers are over by then (semantics §6): no result of an older try comes any more.
const RESULT_MAY_COME: Duration = Duration::from_secs(120);

impl Fleet {
    /// Starts one task per modem. They end when `stop` is cancelled.
    pub(crate) fn start(
        modems: Vec<ModemSettings>,
        events: mpsc::Sender<FleetEvent>,
        clock: fn() -> UnixMillis,
        stop: CancellationToken,
    ) -> (Self, Vec<ModemHandle>) {
        let absent = |settings: &ModemSettings| {
            let device = settings.device.display().to_string();
            let mut status = ModemStatus::absent(settings.name.clone(), device, clock());
            status.mean_send = settings.mean_send;
            status
        };
        let (sender, view) = watch::channel(modems.iter().map(absent).collect());
        let sender = Arc::new(sender);
        let mut tasks = JoinSet::new();
        let mut handles = Vec::new();
        for (place, settings) in modems.into_iter().enumerate() {
            let (orders, taken) = mpsc::channel(ORDERS_UNDER_WAY);
            handles.push(ModemHandle {
                name: settings.name.clone(),
                orders,
            });
            let outlet = Outlet {
                modem: settings.name.clone(),
                place,
                view: Arc::clone(&sender),
                events: events.clone(),
                clock,
                ready_since: None,
            };
            tasks.spawn(Keeper::new(settings, taken, outlet, stop.clone()).run());
        }
        (Self { tasks, view }, handles)
    }

    /// All modems, in the order of the configuration.
    pub(crate) fn view(&self) -> watch::Receiver<FleetView> {
        self.view.clone()
    }

    /// Returns when every modem's task has ended.
    pub(crate) async fn join(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a modem's task did not end by itself");
            }
        }
    }
}

impl Outlet {
    /// Publishes `status`; the time of its state is kept as long as the state is.
    pub(super) fn status(&mut self, mut status: ModemStatus) {
        let before = &self.view.borrow()[self.place].clone();
        let entered = before.state != status.state;
        status.since = match entered {
            true => (self.clock)(),
            false => before.since,
        };
        if entered {
            self.ready_since = (status.state == ModemState::Ready).then(actor::now);
            self.log(&status);
        }
        self.view.send_modify(|view| {
            let mut modems = view.to_vec();
            modems[self.place] = status;
            *view = modems.into();
        });
    }

    pub(super) async fn event(&mut self, event: ModemEvent) {
        let modem = self.modem.clone();
        // An error means that dispatch has ended before the modems: nobody is left to be told.
        let _ = self.events.send(FleetEvent { modem, event }).await;
    }

    fn log(&self, status: &ModemStatus) {
        let (modem, state) = (&self.modem, status.state.as_str());
        match &status.last_error {
            Some(error) => warn!(%modem, port = status.device, state, error, "modem"),
            None => info!(%modem, port = status.device, state, "modem"),
        }
    }

    /// The state of a modem without a session.
    fn away(&mut self, state: ModemState, error: Option<String>) {
        let mut status = self.view.borrow()[self.place].clone();
        status.state = state;
        status.last_error = error;
        status.network = Network::None;
        status.operator = None;
        status.tech = None;
        status.signal_dbm = None;
        self.status(status);
    }

    fn was_mended(&self) -> bool {
        self.ready_since
            .is_some_and(|since| actor::now().saturating_duration_since(since) >= MENDED_AFTER)
    }
}

impl Keeper {
    fn new(
        settings: ModemSettings,
        orders: mpsc::Receiver<Order>,
        outlet: Outlet,
        stop: CancellationToken,
    ) -> Self {
        Self {
            unsettled: settings.listen_first.map(|_| actor::now()),
            settings,
            orders,
            outlet,
            stop,
            pause: FIRST_PAUSE,
        }
    }

    async fn run(mut self) {
        // Both arms end with Cancelled: there is no other way out.
        let Err(Cancelled) = self.keep().await;
        self.outlet.away(ModemState::Absent, None);
        self.orders.close();
        while let Some(order) = self.orders.recv().await {
            refuse(&mut self.outlet, order).await;
        }
    }

    async fn keep(&mut self) -> Result<Infallible, Cancelled> {
        loop {
            let mut port = self.open().await?;
            let departure = self.drive(&mut port).await;
            // Before anything else: an old descriptor gives the device another name when it returns.
            drop(port);
            self.after(departure).await?;
        }
    }

    /// Waits until the port can be opened.
    async fn open(&mut self) -> Result<SerialStream, Cancelled> {
        loop {
            match port::open(&self.settings.device, self.settings.baud) {
                Ok(port) => return Ok(port),
                Err(error @ PortError::Absent(_)) => {
                    self.outlet
                        .away(ModemState::Absent, Some(error.to_string()));
                    let device = self.settings.device.clone();
                    self.refuse_until(appearance(&device)).await?;
                    self.refuse_until(tokio::time::sleep(SETTLE)).await?;
                    self.pause = FIRST_PAUSE;
                }
                Err(error) => {
                    self.outlet
                        .away(ModemState::Failed, Some(error.to_string()));
                    self.back_off().await?;
                }
            }
        }
    }

    /// Runs one session. Whatever ends it, every part of it is answered.
    async fn drive<P: AsyncRead + AsyncWrite + Unpin>(&mut self, port: &mut P) -> Departure {
        let mut settings = self.settings.clone();
        settings.listen_first = self.listening();
        let mut session = Session::new(settings, actor::now());
        let running = actor::run(
            port,
            &mut session,
            &mut self.orders,
            &mut self.outlet,
            &self.stop,
        );
        let departure = AssertUnwindSafe(running).catch_unwind().await;
        if departure.is_err() {
            error!(modem = %self.outlet.modem, "the session panicked");
            actor::bury(&mut session, &mut self.outlet).await;
        }
        self.settings.listen_first = None;
        self.settings.mean_send = session.mean_send();
        self.unsettled = session.unsettled(self.unsettled);
        departure.unwrap_or(Departure::Silent)
    }

    /// How long to listen before the first write (semantics §6).
    fn listening(&self) -> Option<Duration> {
        let since = self.unsettled?;
        let age = actor::now().saturating_duration_since(since);
        let span = super::listening_time(self.settings.mean_send);
        (age < RESULT_MAY_COME).then(|| self.settings.listen_first.unwrap_or(span))
    }

    async fn after(&mut self, departure: Departure) -> Result<(), Cancelled> {
        if self.outlet.was_mended() {
            self.pause = FIRST_PAUSE;
        }
        let (state, why) = match departure {
            Departure::Stopped => return Err(Cancelled),
            // Opening it comes next, and tells whether the node is gone.
            Departure::PortLost if !self.settings.device.exists() => return Ok(()),
            Departure::PortLost => (ModemState::Recovering, "the port was lost: opened anew"),
            Departure::Silent => (
                ModemState::Recovering,
                "the modem does not answer: its port is opened anew",
            ),
            Departure::Unfit(why) => (ModemState::Failed, why),
        };
        self.outlet.away(state, Some(why.to_owned()));
        self.back_off().await
    }

    async fn back_off(&mut self) -> Result<(), Cancelled> {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        self.refuse_until(tokio::time::sleep(pause)).await
    }

    /// Waits for `event`; orders that come meanwhile are answered at once.
    async fn refuse_until<T>(&mut self, event: impl Future<Output = T>) -> Result<T, Cancelled> {
        let mut event = pin!(event);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Cancelled),
                Some(order) = self.orders.recv() => refuse(&mut self.outlet, order).await,
                value = &mut event => return Ok(value),
            }
        }
    }
}

async fn refuse(outlet: &mut Outlet, order: Order) {
    if let Order::Prepare(submit) = order {
        let ticket = submit.ticket;
        let outcome = never_left("the modem is away");
        outlet.event(ModemEvent::Answer { ticket, outcome }).await;
    }
}

/// Returns when `device` exists.
async fn appearance(device: &Path) {
    loop {
        // The watch stands before the look, or a node that comes between the two is missed.
        let change = next_change(nearest_folder(device));
        if device.exists() {
            return;
        }
        let _ = tokio::time::timeout(LOOK_EVERY, change).await;
    }
}

fn nearest_folder(device: &Path) -> PathBuf {
    device
        .ancestors()
        .skip(1)
        .find(|folder| folder.is_dir())
        .map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
}

/// Something came into `folder`. Watches from the call on; never ends where inotify is not to be had.
fn next_change(folder: PathBuf) -> impl Future<Output = ()> {
    let watched = WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::DELETE_SELF;
    let changes = Inotify::init().and_then(|inotify| {
        inotify.watches().add(folder, watched)?;
        inotify.into_event_stream([0; 1024])
    });
    async move {
        match changes {
            Ok(mut changes) => {
                changes.next().await;
            }
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
