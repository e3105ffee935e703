//! **Dispatch**: decides which route takes which part, and when.
//!
//! Reads the front of the line from the store, plans ([`plan`]), prepares each part with a carrier, lets it go once
//! its intent is committed, and records what came of it. It is the only room that changes a part to `sending`.
//!
//! Never: parses AT, speaks HTTP, polls; it sleeps until the bell, a carrier's word, a COMMIT or the next due time.
//! May use: `domain`, `store`, `modem` (handles only).
//! Read first: [`plan::Panel::hear`], pure, and its table test; [`claims::claims`]; then [`Dispatch::run`].

mod backoff;
mod bell;
mod claims;
mod commits;
mod filling;
mod health;
mod hours;
mod lane;
mod pending;
mod plan;
mod purse;
mod quota;
mod record;
pub(crate) mod recover;
mod trial;
mod view;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

pub(crate) use bell::Bell;
pub(crate) use pending::pending;
pub(crate) use plan::closed_to_all;
pub(crate) use purse::{Allowance, Budget};
#[cfg(test)]
pub(crate) use quota::Left;
pub(crate) use quota::Quota;
pub(crate) use trial::{Trial, findings};
pub(crate) use view::{Load, RouteView, views};

use crate::domain::carrier::Answer;
use crate::domain::fleet_view::FIRST_MEAN_SEND;
use crate::domain::message::Policies;
use crate::domain::{
    Carrier, Clock, Crowd, Curfew, FleetView, ModemName, ModemState, ModemStatus, Money, Priority,
    RouteName, Terms, UnixMillis, Word,
};
#[cfg(test)]
pub(crate) use crate::modem::LineAnswer;
pub(crate) use crate::modem::{
    Control, Inquiry, Question, TerminalLine, Told, Unanswered, UssdAnswer, UssdStatus,
};
use crate::modem::{FleetEvent, ModemEvent, ModemHandle, Order};
use crate::store::{InLine, Store};
use claims::Turns;
use commits::Commit;
use hours::Hours;
use lane::{Lane, Phase, Try};
use purse::Purse;
use record::Record;

/// What dispatch was told to do and with whom.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) policies: Policies,
    /// `message.max_attempts`.
    pub(crate) max_attempts: u32,
    /// `message.report_timeout`.
    pub(crate) report_timeout: Duration,
    /// `[quiet]`
    pub(crate) curfew: Curfew,
    /// Providers that are asked whether they have a text, when nobody knows.
    pub(crate) askable: Vec<RouteName>,
    pub(crate) clock: Clock,
}

/// One route: what stands behind it, and how its parts are to be written.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: RouteName,
    pub(crate) terms: Terms,
    pub(crate) way: Way,
    /// Parts that it may hold at once.
    pub(crate) width: usize,
    pub(crate) request_report: bool,
    pub(crate) quota: Quota,
    /// From one part to the next.
    pub(crate) min_interval: Duration,
    pub(crate) asking: Asking,
}

/// What a provider can be asked about a text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asking {
    /// Whether it has a text of which it has told no id.
    pub(crate) whether_taken: bool,
    /// What became of one that it has; so long after it took it. `None`: it cannot be asked that.
    pub(crate) fate_after: Option<Duration>,
}

impl Asking {
    fn in_doubt(self, now: UnixMillis) -> Option<UnixMillis> {
        self.whether_taken.then(|| now.plus(FIRST_QUESTION))
    }

    fn after_acceptance(self, now: UnixMillis) -> Option<UnixMillis> {
        self.fate_after.map(|wait| now.plus(wait))
    }
}

/// A text that a provider has taken is found by then, as a rule.
const FIRST_QUESTION: Duration = Duration::from_secs(2);

/// What stands behind a route. A modem is spoken to without a detour: its prompt is the hottest place there is.
#[derive(Debug)]
pub(crate) enum Way {
    Modem(ModemHandle),
    Carrier(Box<dyn Carrier>),
}

/// A session holds one part in flight and one prepared behind it.
pub(crate) const WIDTH_OF_A_MODEM: usize = 2;

/// A modem that was taken on or let go.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Its modem is in the fleet's view already.
    Comes(Box<Route>),
    /// It is given nothing more. The sender is dropped when it has answered for all that it was given.
    Goes(ModemName, Parting, oneshot::Sender<()>),
}

/// How a modem goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parting {
    ForGood,
    /// It comes back at once, with other settings: it counts as absent meanwhile.
    ToBeginAnew,
}

/// What somebody wants.
#[derive(Debug, PartialEq)]
pub(crate) enum Wish {
    Modem {
        modem: ModemName,
        control: Control,
    },
    /// Until the next start.
    Route {
        route: RouteName,
        change: Change,
    },
    /// Something to be found out by a modem; answered by its own way.
    Ask {
        modem: ModemName,
        inquiry: Inquiry,
    },
}

/// What of a route is to be otherwise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Change {
    pub(crate) enabled: Option<bool>,
    pub(crate) weight: Option<u32>,
}

impl Change {
    const OFF: Self = Self {
        enabled: Some(false),
        weight: None,
    };

    /// And then the other.
    fn then(self, other: Self) -> Self {
        Self {
            enabled: other.enabled.or(self.enabled),
            weight: other.weight.or(self.weight),
        }
    }

    pub(crate) fn of(self, terms: &Terms) -> Terms {
        Terms {
            enabled: self.enabled.unwrap_or(terms.enabled),
            weight: self.weight.unwrap_or(terms.weight),
            ..terms.clone()
        }
    }
}

/// After a write or a read that the disk refused nothing is begun for this long; then it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The loop's whole world.
pub(crate) struct Dispatch {
    store: Store,
    settings: Settings,
    bell: Bell,
    fleet: watch::Receiver<FleetView>,
    events: mpsc::Receiver<FleetEvent>,
    /// What carriers that are no modems answer.
    answers: mpsc::Receiver<Answer>,
    wishes: mpsc::Receiver<Wish>,
    arrivals: mpsc::Receiver<Arrival>,
    /// What modems say that is not the answer to an order.
    news: mpsc::Sender<FleetEvent>,
    questions: Arc<Notify>,
    loads: watch::Sender<Vec<Load>>,
    lanes: Vec<Lane>,
    /// Modems that were ready when somebody last looked.
    ready: Vec<ModemName>,
    turns: Turns,
    window: Vec<Arc<InLine>>,
    /// The store may hold what the window does not.
    window_is_stale: bool,
    /// Crowds of which more stand in line than the window holds.
    window_has_more: Vec<(Priority, Crowd)>,
    next_due: Option<UnixMillis>,
    commits: FuturesUnordered<BoxFuture<'static, Commit>>,
    /// Outcomes that the disk refused: nothing is forgotten until it takes them.
    unrecorded: VecDeque<Record>,
    /// The disk refused something: nothing is begun before this.
    pause_until: Option<Instant>,
    /// When something in the window is worth another look, though nothing else happens.
    look_again_at: Option<UnixMillis>,
    purse: Purse,
    next_ticket: i64,
    day: i64,
    hours: Hours,
    /// What both clocks showed when the wall clock was last seen to be set.
    clocks: (Instant, UnixMillis),
    /// What both clocks showed when the line and the lanes were last looked at: what became due since has not been seen.
    looked_at: (Instant, UnixMillis),
    stopping: bool,
}

/// The channels dispatch stands between.
pub(crate) struct Wires {
    pub(crate) bell: Bell,
    pub(crate) fleet: watch::Receiver<FleetView>,
    pub(crate) events: mpsc::Receiver<FleetEvent>,
    pub(crate) answers: mpsc::Receiver<Answer>,
    pub(crate) wishes: mpsc::Receiver<Wish>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    pub(crate) news: mpsc::Sender<FleetEvent>,
    /// Rung when a provider is to be asked something.
    pub(crate) questions: Arc<Notify>,
}

impl Dispatch {
    /// The second is how each route stands, from now on: whoever is told of no route would refuse what can be sent.
    ///
    /// `spent`: with providers, by day, from [`Budget::first_day`] on.
    pub(crate) fn new(
        store: Store,
        settings: Settings,
        routes: Vec<Route>,
        (budget, spent): (Budget, Vec<(i32, Money)>),
        wires: Wires,
    ) -> (Self, watch::Receiver<Vec<Load>>) {
        let (loads, view) = watch::channel(Vec::new());
        let now = (settings.clock)();
        let lanes: Vec<Lane> = routes
            .into_iter()
            .map(|route| Lane::new(route, now))
            .collect();
        let dispatch = Self {
            store,
            settings,
            purse: Purse::new(budget, spent),
            bell: wires.bell,
            fleet: wires.fleet,
            events: wires.events,
            answers: wires.answers,
            wishes: wires.wishes,
            arrivals: wires.arrivals,
            news: wires.news,
            questions: wires.questions,
            loads,
            lanes,
            ready: Vec::new(),
            turns: Turns::default(),
            window: Vec::new(),
            window_is_stale: true,
            window_has_more: Vec::new(),
            next_due: None,
            commits: FuturesUnordered::new(),
            unrecorded: VecDeque::new(),
            pause_until: None,
            look_again_at: None,
            // Far from those of an earlier process: half of all there are follow it.
            next_ticket: rand::random_range(0..i64::MAX / 2),
            day: 0,
            hours: Hours::default(),
            clocks: (Instant::now(), now),
            looked_at: (Instant::now(), now),
            stopping: false,
        };
        dispatch.publish_loads();
        (dispatch, view)
    }

    /// Runs until `stop`, and then until nothing is under way and everything is recorded.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let bell = self.bell.clone();
        let mut modems_have_ended = false;
        self.on_fleet();
        self.fill().await;
        while !(self.stopping && (self.is_idle() || modems_have_ended && !self.awaits_providers()))
        {
            let due = self.sleeps_until();
            tokio::select! {
                biased;
                event = self.events.recv(), if !modems_have_ended => match event {
                    Some(event) => self.on_events(event).await,
                    // None is configured, or the fleet has stopped.
                    None => modems_have_ended = true,
                },
                Some(answer) = self.answers.recv() => self.on_carrier_answer(answer).await,
                Some(commit) = self.commits.next() => self.on_commits(commit),
                () = stop.cancelled(), if !self.stopping => self.call_back_all(),
                Some(wish) = self.wishes.recv() => self.on_wish(wish),
                Some(arrival) = self.arrivals.recv(), if !self.stopping => self.on_arrival(arrival),
                news = bell.rung() => self.on_news(&news),
                Ok(()) = self.fleet.changed() => self.on_fleet(),
                () = until(due) => self.on_due().await,
            }
            self.bid_farewell();
            self.fill().await;
        }
        self.record_the_last().await;
        self.warn_of_unrecorded();
    }

    /// Whoever joins a line of which the window does not hold all stands behind what it holds: nothing is to be read.
    fn on_news(&mut self, news: &bell::News) {
        let stands_behind = |line: &(Priority, Crowd)| self.window_has_more.contains(line);
        self.window_is_stale |= news.is_open || !news.joined.iter().all(stands_behind);
        self.next_due = self.next_due.into_iter().chain(news.due).min();
    }

    /// The modems have ended, so nothing more is answered: what was answered is written down.
    async fn record_the_last(&mut self) {
        while let Some(commit) = self.commits.next().await {
            self.on_commit(commit);
        }
    }

    fn is_idle(&self) -> bool {
        self.commits.is_empty()
            && self.unrecorded.is_empty()
            && self.lanes.iter().all(|lane| lane.tries.is_empty())
    }

    /// Their carriers answer each try, also when they are stopped.
    fn awaits_providers(&self) -> bool {
        let mut clouds = self.lanes.iter().filter(|lane| lane.is_cloud());
        clouds.any(|lane| !lane.tries.is_empty())
    }

    fn warn_of_unrecorded(&self) {
        if !self.unrecorded.is_empty() {
            error!(
                outcomes = self.unrecorded.len(),
                "the disk refused outcomes to the end: at the next start these parts count as uncertain"
            );
        }
    }

    fn now(&self) -> UnixMillis {
        (self.settings.clock)()
    }

    /// Reads something off the modem of a lane as it stands.
    fn status<T>(&self, lane: usize, read: impl FnOnce(&ModemStatus) -> T) -> Option<T> {
        let lane = &self.lanes[lane];
        self.fleet
            .borrow()
            .iter()
            .find(|status| lane.is_modem(&status.name))
            .map(read)
    }

    fn is_ready(&self, lane: usize) -> bool {
        self.lanes[lane].is_cloud()
            || self.status(lane, |status| status.state) == Some(ModemState::Ready)
    }

    fn mean_send(&self, lane: usize) -> Duration {
        self.status(lane, |status| status.mean_send)
            .unwrap_or(FIRST_MEAN_SEND)
    }

    /// The next moment at which something is due: a hold, a time to live, a route that has cooled down or been silent
    /// for too long. While the disk is given a pause, its end.
    fn sleeps_until(&self) -> Option<Instant> {
        if self.pause_until.is_some() || self.stopping {
            return self.pause_until;
        }
        let (now, clock) = (self.now(), Instant::now());
        let (looked_clock, looked_wall) = self.looked_at;
        let look_again = self.look_again_at.filter(|at| *at > looked_wall);
        let wall = self.next_due.into_iter().chain(look_again);
        let lanes = (0..self.lanes.len()).flat_map(|at| {
            let lane = &self.lanes[at];
            let behind = lane.parts() > 1;
            // Once: what was behind it has been called back then, and its answer may take its time.
            let silent_at = self.silent_at(at).filter(|at| behind && *at > looked_clock);
            let paced = lane.paced_until().filter(|until| *until > looked_clock);
            let wakes = lane.health.wakes_at();
            wakes.into_iter().chain(silent_at).chain(paced)
        });
        let used_up = self.lanes.iter().filter_map(Lane::used_up_until);
        let wall = wall.chain(used_up).chain(self.hours.change_at());
        wall.map(|due| clock + due.since(now)).chain(lanes).min()
    }

    fn silent_at(&self, lane: usize) -> Option<Instant> {
        self.lanes[lane].is_silent_at(self.mean_send(lane))
    }

    /// A modem that comes or goes changes who may send what; a signal or a mean send time does not.
    fn on_fleet(&mut self) {
        let ready: Vec<ModemName> = self
            .fleet
            .borrow_and_update()
            .iter()
            .filter(|modem| modem.state == ModemState::Ready)
            .map(|modem| modem.name.clone())
            .collect();
        self.window_is_stale |= ready != self.ready;
        self.ready = ready;
        self.notice_sims();
        self.ask_for_usage();
    }

    /// A SIM that was swapped, and a modem that is not ready: what was claimed for the one is not for the other.
    fn notice_sims(&mut self) {
        for at in 0..self.lanes.len() {
            // Whoever has its name by now is another.
            if self.lanes[at].is_gone() {
                continue;
            }
            if !self.is_ready(at) {
                self.lanes[at].health.begin_anew();
                self.empty(at);
            }
            // Before it is ready it may have told its IMSI and not yet its ICCID.
            let sim = self.status(at, ModemStatus::sim).flatten();
            let sim = sim.filter(|_| self.is_ready(at));
            if self.lanes[at].sees_sim(sim.as_ref()) {
                warn!(
                    route = self.lanes[at].name.as_str(),
                    "another SIM is in the modem: what waited for the old one follows it"
                );
                self.empty(at);
                self.window_is_stale = true;
            }
        }
    }

    /// What is prepared or claimed and not gone goes back into the line.
    fn empty(&mut self, lane: usize) {
        self.window_is_stale |= !self.lanes[lane].claimed.is_empty();
        self.lanes[lane].claimed.clear();
        self.call_back(lane, |_| true);
    }

    /// Another SIM: what it has sent before is in the store.
    fn ask_for_usage(&mut self) {
        for at in 0..self.lanes.len() {
            if self.lanes[at].is_gone() {
                continue;
            }
            let sim = self.status(at, ModemStatus::sim).flatten();
            let Some(sim) = self.lanes[at].sim_to_ask_for(sim) else {
                continue;
            };
            let store = self.store.clone();
            self.commits.push(Box::pin(async move {
                Commit::Usage {
                    lane: at,
                    used: store.sim_use(sim.clone()).await,
                    sim,
                }
            }));
        }
    }

    fn on_wish(&mut self, wish: Wish) {
        let named = |lane: &Lane| match &wish {
            _ if lane.gone == Some(Parting::ForGood) => false,
            Wish::Ask { .. } if lane.is_gone() => false,
            Wish::Modem { modem, .. } | Wish::Ask { modem, .. } => lane.is_modem(modem),
            Wish::Route { route, .. } => lane.name == *route,
        };
        // Whoever asks a modem that is not there is told so when the question is dropped.
        let Some(at) = self.lanes.iter().position(named) else {
            return;
        };
        match wish {
            Wish::Modem { control, .. } => self.on_control(at, control),
            Wish::Route { change, .. } => {
                self.lanes[at].changed = self.lanes[at].changed.then(change);
                self.change(at, change);
            }
            // The modem knows what goes first; nothing of the line changes.
            Wish::Ask { inquiry, .. } => {
                return self.lanes[at].order(Order::Inquire(inquiry));
            }
        }
        self.window_is_stale = true;
    }

    fn change(&mut self, lane: usize, change: Change) {
        let changed = &mut self.lanes[lane];
        changed.terms = Arc::new(change.of(&changed.terms));
        if !changed.terms.enabled {
            self.empty(lane);
        }
    }

    /// Lanes keep their places: what is under way on one is told by its place.
    fn on_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Comes(route) => {
                let lane = Lane::new(*route, self.now());
                let is_free =
                    |old: &Lane| old.gone == Some(Parting::ForGood) && old.tries.is_empty();
                let at = match self.lanes.iter().position(is_free) {
                    Some(at) => at,
                    None => self.lanes.len(),
                };
                match self.lanes.get_mut(at) {
                    Some(free) => *free = lane,
                    None => self.lanes.push(lane),
                }
                self.succeed(at);
            }
            Arrival::Goes(modem, parting, rests) => {
                let named = |lane: &Lane| lane.is_modem(&modem) && !lane.is_gone();
                if let Some(at) = self.lanes.iter().position(named) {
                    self.lanes[at].gone = Some(parting);
                    self.lanes[at].farewell = Some(rests);
                    match parting {
                        Parting::ForGood => self.change(at, Change::OFF),
                        Parting::ToBeginAnew => self.empty(at),
                    }
                }
            }
        }
        self.window_is_stale = true;
        self.on_fleet();
    }

    /// What people wanted of a modem that has begun anew they want of it still.
    fn succeed(&mut self, lane: usize) {
        let name = &self.lanes[lane].name;
        let is_of_it = |old: &Lane| old.is_returning() && old.name == *name;
        let Some(old) = self.lanes.iter().position(is_of_it) else {
            return;
        };
        let (changed, is_paused) = (self.lanes[old].changed, self.lanes[old].is_paused);
        self.lanes[old].gone = Some(Parting::ForGood);
        self.change(old, Change::OFF);
        self.lanes[lane].changed = changed;
        self.change(lane, changed);
        if is_paused {
            self.on_control(lane, Control::Pause);
        }
    }

    /// Tells whoever let a modem go that nothing of it is in flight.
    fn bid_farewell(&mut self) {
        for lane in &mut self.lanes {
            if lane.is_gone() && lane.tries.is_empty() {
                lane.farewell = None;
            }
        }
    }

    fn on_control(&mut self, lane: usize, control: Control) {
        match control {
            Control::Pause => self.lanes[lane].is_paused = true,
            Control::Resume => self.lanes[lane].is_paused = false,
            Control::Restart => {}
        }
        if control != Control::Resume {
            // What is in flight is finished.
            self.empty(lane);
        }
        if !self.lanes[lane].is_gone() {
            self.lanes[lane].order(Order::Control(control));
        }
    }

    fn pause(&mut self) {
        self.pause_until = Some(Instant::now() + PAUSE);
    }

    async fn on_due(&mut self) {
        if self.pause_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        if self.pause_until.take().is_some() {
            self.window_is_stale = true;
            self.ask_for_usage();
            let records = std::mem::take(&mut self.unrecorded);
            for record in records {
                self.record(record, None).await;
            }
        }
        let now = self.now();
        if self.look_again_at.is_some_and(|at| at <= now) {
            self.look_again_at = None;
            self.window_is_stale = true;
        }
        if !self.stopping && self.next_due.is_some_and(|due| due <= now) {
            self.next_due = None;
            let mut group = self.store.group();
            let receipt = group.release_and_expire(self.settings.policies, now);
            group.submit().await;
            self.commits.push(Box::pin(async {
                Commit::Released {
                    more: receipt.committed().await,
                }
            }));
        }
    }

    /// All that modems said at once, so that the store can commit it at once.
    async fn on_events(&mut self, first: FleetEvent) {
        self.on_event(first).await;
        while let Ok(event) = self.events.try_recv() {
            self.on_event(event).await;
        }
    }

    async fn on_event(&mut self, event: FleetEvent) {
        let ModemEvent::Answer { ticket, outcome } = event.event else {
            if self.news.try_send(event).is_err() {
                error!("what a modem told is lost: the inbox takes nothing more");
            }
            return;
        };
        // One that was let go and taken on again may have two lanes.
        let named = |lane: &Lane| lane.is_modem(&event.modem);
        let has = |lane: &Lane| named(lane) && lane.has(ticket);
        let lane = self.lanes.iter().position(has);
        if let Some(lane) = lane.or_else(|| self.lanes.iter().position(named)) {
            self.on_answer(lane, ticket, outcome).await;
        }
    }

    async fn on_carrier_answer(&mut self, answer: Answer) {
        let Answer { ticket, outcome } = answer;
        if let Some(lane) = self.lanes.iter().position(|lane| lane.has(ticket)) {
            self.on_answer(lane, ticket, outcome).await;
        }
    }

    fn call_back_all(&mut self) {
        self.stopping = true;
        self.window.clear();
        for lane in 0..self.lanes.len() {
            self.lanes[lane].claimed.clear();
            self.call_back(lane, |_| true);
        }
    }

    /// Withdraws what is prepared and not gone.
    fn call_back(&mut self, lane: usize, which: impl Fn(&Try) -> bool) {
        let lane = &mut self.lanes[lane];
        let mut withdrawn = Vec::new();
        for one in &mut lane.tries {
            let durable = match one.phase {
                Phase::Prepared => false,
                Phase::Committing => true,
                Phase::Gone { .. } | Phase::Withdrawn { .. } => continue,
            };
            if which(one) {
                one.phase = Phase::Withdrawn { durable };
                withdrawn.push(one.ticket);
            }
        }
        for ticket in withdrawn {
            lane.say(Word::Withdraw(ticket));
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
