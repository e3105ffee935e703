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
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::finder::Found;
use super::port::{self, Port, PortError};
use super::recovery::{Attempt, Ladder, Rung};
use super::session::{Departure, Entry, Session};
use super::submit::never_left;
use super::{
    Control, FleetEvent, ModemEvent, ModemHandle, ModemSettings, ORDERS_UNDER_WAY, Order,
    PinMemory, RecoveryOutcome, RecoveryStep, Seeking, Unanswered, actor,
};
use crate::domain::{Clock, FleetView, ModemName, ModemState, ModemStatus};
use crate::usb::{self, Roots};
use outlet::Outlet;

pub(super) mod outlet;
pub(super) mod recordings;

/// The tasks of all modems; [`Fleet::join`] awaits them after the token was cancelled.
#[derive(Debug)]
pub(crate) struct Fleet {
    tasks: TaskTracker,
    view: watch::Receiver<FleetView>,
}

/// Takes modems on, and lets them go.
#[derive(Debug)]
pub(crate) struct Recruiter {
    tasks: TaskTracker,
    view: Arc<watch::Sender<FleetView>>,
    events: mpsc::Sender<FleetEvent>,
    pins: PinMemory,
    clock: Clock,
    stop: CancellationToken,
    roots: Roots,
    keepers: Vec<Kept>,
}

/// One modem's task, and what ends it alone.
#[derive(Debug)]
struct Kept {
    modem: ModemName,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Keeps one modem: opens its port, runs a session on it, and again.
#[derive(Debug)]
struct Keeper {
    settings: ModemSettings,
    orders: mpsc::Receiver<Order>,
    outlet: Outlet,
    roots: Roots,
    stop: CancellationToken,
    /// When Ctrl-Z was written of a try whose result may still be read when the modem is back.
    unsettled: Option<Instant>,
    pause: Duration,
    ladder: Ladder,
    /// The rung that is being tried, until the modem is ready.
    trying: Option<Rung>,
}

/// Why a wait has ended.
#[derive(Debug, PartialEq)]
enum Woken {
    Rested,
    /// Somebody wants the modem restarted now.
    Restart,
}

/// The token was cancelled.
#[derive(Debug)]
struct Cancelled;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Ready for so long, its port counts as sound.
const MENDED_AFTER: Duration = Duration::from_secs(60);

/// A modem that is told to restart and hangs on USB vanishes within this time; behind a serial adapter it does not.
const VANISHES_WITHIN: Duration = Duration::from_secs(10);
/// behaviour §9.3: from there until it is back.
const RETURNS_WITHIN: Duration = Duration::from_secs(45);

/// inotify sees most nodes come; this look finds those behind links and in folders that are made anew.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// From a node's appearance to the first write: udev sets owner and mode within some milliseconds.
const SETTLE: Duration = Duration::from_millis(100);
/// A stick that is pulled out is missed by the next look at what is plugged in, within some milliseconds.
const GONE_FROM_SIGHT: Duration = Duration::from_secs(1);

/// The radio timers are over by then (semantics §6): no result of an older try comes any more.
const RESULT_MAY_COME: Duration = Duration::from_secs(120);

impl Fleet {
    /// A fleet without modems. Their tasks end when `stop` is cancelled.
    pub(crate) fn found(
        events: mpsc::Sender<FleetEvent>,
        pins: PinMemory,
        clock: Clock,
        roots: Roots,
        stop: CancellationToken,
    ) -> (Self, Recruiter) {
        let (sender, view) = watch::channel(FleetView::default());
        let tasks = TaskTracker::new();
        let recruiter = Recruiter {
            tasks: tasks.clone(),
            view: Arc::new(sender),
            events,
            pins,
            clock,
            stop,
            roots,
            keepers: Vec::new(),
        };
        (Self { tasks, view }, recruiter)
    }

    /// All modems: those of the configuration in its order, then the others as they came.
    pub(crate) fn view(&self) -> watch::Receiver<FleetView> {
        self.view.clone()
    }

    /// Returns when every modem's task has ended. One that panicked has said so itself.
    pub(crate) async fn join(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Recruiter {
    /// The modem is in the view from now on, and its port is opened as soon as it is there.
    pub(crate) fn take_on(&mut self, settings: ModemSettings) -> ModemHandle {
        let (name, clock) = (settings.name.clone(), self.clock.clone());
        let device = match &settings.seeking {
            Some(seeking) => seeking.sought.to_string(),
            None => settings.device.display().to_string(),
        };
        let mut status = ModemStatus::absent(name.clone(), device, clock());
        status.mean_send = settings.mean_send;
        if let (Some(_), Some(seeking)) = (&settings.left_alone, &settings.seeking) {
            // Nobody asks it: whoever writes a section for it needs what is known.
            status.imei = seeking.sought.imei.clone();
        }
        status.last_error = settings.left_alone.clone();
        self.view.send_modify(|view| {
            let mut modems = view.to_vec();
            match modems.iter_mut().find(|shown| shown.name == name) {
                Some(before) => *before = status.clone(),
                None => modems.push(status.clone()),
            }
            *view = modems.into();
        });
        let (orders, taken) = mpsc::channel(ORDERS_UNDER_WAY);
        let outlet = Outlet::new(
            status,
            Arc::clone(&self.view),
            self.events.clone(),
            self.pins.clone(),
            clock,
        );
        let stop = self.stop.child_token();
        let keeper = Keeper::new(settings, taken, outlet, self.roots.clone(), stop.clone());
        let task = self.tasks.spawn(async move {
            let modem = keeper.settings.name.clone();
            if AssertUnwindSafe(keeper.run()).catch_unwind().await.is_err() {
                error!(%modem, "a modem's task did not end by itself");
            }
        });
        self.keepers.push(Kept {
            modem: name.clone(),
            stop,
            task,
        });
        ModemHandle { name, orders }
    }

    /// The modem's task ends, what it was told is answered, and it is in the view no more. Returns when its port is
    /// closed.
    pub(crate) async fn let_go(&mut self, modem: &ModemName) {
        self.view.send_modify(|view| {
            let stay = view.iter().filter(|status| status.name != *modem);
            *view = stay.cloned().collect();
        });
        self.suspend(modem).await;
    }

    /// The same, and it stays in the view, as absent, until it is taken on again.
    pub(crate) async fn suspend(&mut self, modem: &ModemName) {
        let of_modem = |kept: &Kept| kept.modem == *modem;
        let Some(at) = self.keepers.iter().position(of_modem) else {
            return;
        };
        let kept = self.keepers.remove(at);
        kept.stop.cancel();
        // One that panicked has said so itself.
        let _ = kept.task.await;
    }

    /// They are shown in this order; others behind them, as they came.
    pub(crate) fn arrange(&self, order: &[ModemName]) {
        let place = |status: &ModemStatus| order.iter().position(|name| *name == status.name);
        self.view.send_if_modified(|view| {
            let mut modems = view.to_vec();
            modems.sort_by_key(|status| place(status).unwrap_or(order.len()));
            let is_other = modems[..] != view[..];
            *view = modems.into();
            is_other
        });
    }
}

impl Keeper {
    fn new(
        settings: ModemSettings,
        orders: mpsc::Receiver<Order>,
        outlet: Outlet,
        roots: Roots,
        stop: CancellationToken,
    ) -> Self {
        Self {
            unsettled: settings.listen_first.map(|_| actor::now()),
            ladder: Ladder::new(settings.helped),
            settings,
            orders,
            outlet,
            roots,
            stop,
            pause: FIRST_PAUSE,
            trying: None,
        }
    }

    async fn run(mut self) {
        // Both arms end with Cancelled: there is no other way out.
        let Err(Cancelled) = match self.settings.left_alone.is_some() {
            true => self.refuse_until(std::future::pending()).await,
            false => self.keep().await,
        };
        self.outlet.away(ModemState::Absent, None);
        self.orders.close();
        while let Some(order) = self.orders.recv().await {
            refuse(&mut self.outlet, order).await;
        }
    }

    async fn keep(&mut self) -> Result<Infallible, Cancelled> {
        let mut entry = Entry::Usual;
        loop {
            let (mut port, has_appeared) = self.open().await?;
            if has_appeared {
                // What was put in again needed no rung; what was told to start anew comes back so.
                entry = Entry::Booting(self.trying.filter(|rung| *rung == Rung::Restart));
            }
            let departure = self.drive(&mut port, entry).await;
            // Before anything else: what was unplugged is not to come back under another name.
            port::close(port).await;
            self.outlet.hold(None);
            entry = self.after(departure).await?;
        }
    }

    /// Waits until the port can be opened. Whether it was waited for because there was none.
    async fn open(&mut self) -> Result<(Port, bool), Cancelled> {
        let mut has_appeared = false;
        loop {
            has_appeared |= self.find().await?;
            match port::open(&self.settings.device, self.settings.baud, &self.roots).await {
                Ok(port) => return Ok((port, has_appeared)),
                Err(error @ PortError::Absent(_)) => {
                    self.outlet.hold(None);
                    self.outlet
                        .away(ModemState::Absent, Some(error.to_string()));
                    if self.settings.seeking.is_some() {
                        // What was seen there is gone, which the next look will tell.
                        self.refuse_until(tokio::time::sleep(GONE_FROM_SIGHT))
                            .await?;
                        has_appeared = true;
                        continue;
                    }
                    let device = self.settings.device.clone();
                    self.refuse_until(appearance(&device)).await?;
                    self.refuse_until(tokio::time::sleep(SETTLE)).await?;
                    self.pause = FIRST_PAUSE;
                    has_appeared = true;
                }
                Err(error) => {
                    self.outlet.hold(None);
                    self.outlet
                        .away(ModemState::Failed, Some(error.to_string()));
                    self.back_off().await?;
                }
            }
        }
    }

    /// Waits until the modem that is sought is plugged in, wherever that is, and its port is nobody's. Whether it was not
    /// there before.
    async fn find(&mut self) -> Result<bool, Cancelled> {
        let Some(mut seeking) = self.settings.seeking.clone() else {
            return Ok(false);
        };
        let mut was_away = false;
        loop {
            let found = seeking.find();
            let sought = &seeking.sought;
            let error = match found {
                Found::Here(node, hold) => {
                    self.outlet.hold(Some(hold));
                    self.settings.device = node;
                    return Ok(was_away);
                }
                Found::Held(node) => {
                    let node = node.display();
                    format!("{sought} is at {node}, which another modem of this gateway has open")
                }
                Found::Nowhere => {
                    was_away = true;
                    format!("no modem with {sought} is plugged in")
                }
            };
            self.outlet.away(ModemState::Absent, Some(error));
            self.refuse_until(seeking.changes()).await?;
        }
    }

    /// Runs one session. Whatever ends it, every part of it is answered.
    async fn drive<P: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        port: &mut P,
        entry: Entry,
    ) -> Departure {
        let mut settings = self.settings.clone();
        settings.listen_first = self.listening();
        self.outlet.begin_recording();
        let mut session = Session::new(settings, entry, actor::now());
        let leave = self.stop.child_token();
        let (device, mut seeking) = (self.settings.device.clone(), self.settings.seeking.clone());
        let (orders, outlet) = (&mut self.orders, &mut self.outlet);
        let running = async {
            let mut running = pin!(actor::run(port, &mut session, orders, outlet, &leave));
            tokio::select! {
                biased;
                departure = &mut running => departure,
                () = moved(seeking.as_mut(), &device) => {
                    // As at a stop: whatever is in flight is answered.
                    leave.cancel();
                    running.await
                }
            }
        };
        let departure = AssertUnwindSafe(running).catch_unwind().await;
        if departure.is_err() {
            error!(modem = %self.outlet.modem(), "the session panicked");
            actor::bury(&mut session, &mut self.outlet).await;
        }
        self.learn(&session);
        departure.unwrap_or(Departure::Silent)
    }

    fn learn(&mut self, session: &Session) {
        self.settings.listen_first = None;
        self.settings.mean_send = session.mean_send();
        let profile = session.profile();
        let known = self.settings.known_profile.as_ref();
        if known.is_none_or(|known| known.name() != profile.name()) {
            info!(modem = %self.outlet.modem(), profile = profile.name(), "modem");
        }
        self.settings.known_profile = Some(profile);
        self.unsettled = session.unsettled(self.unsettled);
        if let Some(since) = session.ready_since() {
            let span = actor::now().saturating_duration_since(since);
            self.ladder.was_well(span);
            self.trying = None;
            if span >= MENDED_AFTER {
                self.pause = FIRST_PAUSE;
            }
        }
    }

    /// How long to listen before the first write (semantics §6).
    fn listening(&self) -> Option<Duration> {
        let since = self.unsettled?;
        let age = actor::now().saturating_duration_since(since);
        let span = super::listening_time(self.settings.mean_send);
        (age < RESULT_MAY_COME).then(|| self.settings.listen_first.unwrap_or(span))
    }

    /// What comes after a session: how the next one begins.
    async fn after(&mut self, departure: Departure) -> Result<Entry, Cancelled> {
        match departure {
            Departure::Stopped if self.stop.is_cancelled() => Err(Cancelled),
            // What is sought is at another port.
            Departure::Stopped => {
                info!(modem = %self.outlet.modem(), "what is sought is at another port by now");
                Ok(Entry::Usual)
            }
            // Opening it comes next, and tells whether the node is gone.
            Departure::PortLost if self.is_gone() => Ok(Entry::Booting(self.trying)),
            Departure::PortLost => {
                let why = "the port was lost: opened anew".to_owned();
                self.outlet.away(ModemState::Recovering, Some(why));
                self.back_off().await?;
                Ok(self
                    .trying
                    .map_or(Entry::Usual, |rung| Entry::Booting(Some(rung))))
            }
            Departure::Unfit(why) => {
                if let Some(seeking) = &self.settings.seeking {
                    // A full channel is full of the same: it is asked again when it is sought again.
                    let _ = seeking.doubts.try_send(self.settings.device.clone());
                }
                self.outlet.away(ModemState::Failed, Some(why.to_owned()));
                self.back_off().await?;
                Ok(Entry::Usual)
            }
            Departure::Restarting => self.await_return().await,
            Departure::Silent => {
                let why = "the modem does not answer";
                self.save_recording(why).await;
                self.climb(why, Rung::Reopen).await
            }
            Departure::Sick(why, least) => {
                self.save_recording(why).await;
                self.climb(why, least).await
            }
        }
    }

    /// What was said before the modem failed is the best there is to learn from.
    async fn save_recording(&mut self, why: &str) {
        let Some(recordings) = self.settings.recordings.clone() else {
            return;
        };
        let (text, at) = self.outlet.recording(why);
        let modem = self.outlet.modem().clone();
        let saving = tokio::task::spawn_blocking(move || recordings.save(&modem, at, &text));
        match saving.await {
            Ok(Ok(path)) => {
                info!(modem = %self.outlet.modem(), file = %path.display(), "flight recording")
            }
            Ok(Err(error)) => {
                warn!(modem = %self.outlet.modem(), %error, "a flight recording could not be written")
            }
            Err(error) => {
                error!(modem = %self.outlet.modem(), %error, "writing a flight recording")
            }
        }
    }

    fn is_gone(&self) -> bool {
        port::address(&self.settings.device).is_none() && !self.settings.device.exists()
    }

    /// The next rung of the ladder, when its time has come.
    async fn climb(&mut self, why: &str, least: Rung) -> Result<Entry, Cancelled> {
        loop {
            let pending_until = self.unsettled.map(|since| since + RESULT_MAY_COME);
            let Attempt { rung, at } = self.ladder.failed(actor::now(), least, pending_until);
            let state = match rung {
                Rung::Quarantine => {
                    self.tell(rung, RecoveryOutcome::Begun, why).await;
                    ModemState::Quarantined
                }
                _ => ModemState::Recovering,
            };
            let wait = at.saturating_duration_since(actor::now()).as_secs();
            let error = match wait {
                0..=1 => format!("{why}: {}", rung.words()),
                _ => format!("{why}: {} in {wait} s", rung.words()),
            };
            let error = match rung {
                Rung::Quarantine => format!("{why}: {}", rung.words()),
                _ => error,
            };
            self.outlet.away(state, Some(error));
            let rung = match self.rest_until(at).await? {
                Woken::Restart => Rung::Restart,
                Woken::Rested if rung == Rung::Quarantine => self.ladder.retry(),
                Woken::Rested => rung,
            };
            if rung == Rung::Usb
                && let Err(why) = self.reset_usb().await
            {
                self.tell(rung, RecoveryOutcome::Unavailable, &why).await;
                continue;
            }
            self.tell(rung, RecoveryOutcome::Begun, why).await;
            self.trying = Some(rung);
            if rung == Rung::Usb {
                return self.await_return().await;
            }
            return Ok(Entry::Treated(rung));
        }
    }

    /// As pulling the stick out and putting it in again.
    async fn reset_usb(&self) -> Result<(), String> {
        let (device, roots) = (self.settings.device.clone(), self.roots.clone());
        let resetting = tokio::task::spawn_blocking(move || {
            let node = usb::node(&device);
            let devices = usb::scan(&roots).map_err(|error| error.to_string())?;
            let mut sticks = devices.iter();
            let stick = sticks.find(|one| one.ports.iter().any(|port| port.node == node));
            let stick = stick.ok_or("it is not a USB device that could be reset")?;
            usb::reset(&roots, &stick.place).map_err(|error| error.to_string())
        });
        resetting
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    /// The modem was told to start anew: its node goes and comes, or it merely takes its time.
    async fn await_return(&mut self) -> Result<Entry, Cancelled> {
        let why = "restarted: it comes back within 45 s".to_owned();
        self.outlet.away(ModemState::Recovering, Some(why));
        let device = self.settings.device.clone();
        if port::address(&device).is_none() {
            let vanishing = tokio::time::timeout(VANISHES_WITHIN, disappearance(&device));
            if self.refuse_until(vanishing).await?.is_ok() {
                let returning = tokio::time::timeout(RETURNS_WITHIN, appearance(&device));
                // One that does not return is absent then, and waited for as such.
                let _ = self.refuse_until(returning).await?;
                self.refuse_until(tokio::time::sleep(SETTLE)).await?;
            }
        }
        Ok(Entry::Booting(self.trying))
    }

    async fn tell(&mut self, rung: Rung, outcome: RecoveryOutcome, why: &str) {
        let why = why.to_owned();
        let step = RecoveryStep { rung, outcome, why };
        self.outlet.event(ModemEvent::Recovery(step)).await;
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

    /// As [`Keeper::refuse_until`], but a person may cut it short.
    async fn rest_until(&mut self, at: Instant) -> Result<Woken, Cancelled> {
        let mut rest = pin!(tokio::time::sleep_until(at.into()));
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Cancelled),
                Some(order) = self.orders.recv() => match order {
                    Order::Control(Control::Restart) => return Ok(Woken::Restart),
                    order => refuse(&mut self.outlet, order).await,
                },
                () = &mut rest => return Ok(Woken::Rested),
            }
        }
    }
}

async fn refuse(outlet: &mut Outlet, order: Order) {
    match order {
        Order::Prepare(submit) => {
            let ticket = submit.ticket;
            let outcome = never_left("the modem is away");
            outlet.event(ModemEvent::Answer { ticket, outcome }).await;
        }
        Order::Control(control) => outlet.control(control),
        Order::Inquire(inquiry) => {
            let why = format!("the modem is {}", outlet.state().as_str());
            inquiry.answer(Err(Unanswered::NotReady(why)));
        }
        // A session that begins reads again whatever is not known to be kept.
        Order::Go(_) | Order::Withdraw(_) | Order::Kept(_) => {}
    }
}

/// Returns when what is sought is at another port than this.
async fn moved(seeking: Option<&mut Seeking>, device: &Path) {
    match seeking {
        Some(seeking) => seeking.moves_from(device).await,
        None => std::future::pending().await,
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

/// Returns when `device` does not exist.
async fn disappearance(device: &Path) {
    loop {
        let change = next_change(nearest_folder(device));
        if !device.exists() {
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

/// Something came into `folder`, or left it. Watches from the call on; never ends where inotify is not to be had.
fn next_change(folder: PathBuf) -> impl Future<Output = ()> {
    let watched = WatchMask::CREATE
        | WatchMask::MOVED_TO
        | WatchMask::DELETE
        | WatchMask::MOVED_FROM
        | WatchMask::DELETE_SELF;
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
