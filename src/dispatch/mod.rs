//! **Dispatch**: decides which modem takes which part, and when.
//!
//! Reads the front of the line from the store, plans ([`plan`]), prepares each part with a modem, lets it go once
//! its intent is committed, and records what came of it. It is the only room that changes a part to `sending`.
//!
//! Never: parses AT, speaks HTTP, polls; it sleeps until the bell, a modem's word, a COMMIT or the next due time.
//! May use: `domain`, `store`, `modem` (handles only).
//! Read first: [`plan::claims`], a pure function, and its table test; then [`Dispatch::run`].

mod backoff;
mod bell;
mod lane;
mod pending;
mod plan;
mod record;
pub(crate) mod recover;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

pub(crate) use bell::Bell;
pub(crate) use pending::pending;

use crate::domain::{Body, FleetView, ModemName, ModemStatus, PartNumber, Reference, UnixMillis};
use crate::modem::{FleetEvent, ModemEvent, ModemHandle, Order, Outcome, Submit, Ticket};
use crate::store::{InLine, Intent, Policies, Store, StoreError, StoredText};
use lane::{Claimed, Lane, Phase, Try};
use plan::{LaneView, Turns};
use record::Record;

/// What dispatch was told to do and with whom.
pub(crate) struct Settings {
    pub(crate) policies: Policies,
    /// `message.max_attempts`.
    pub(crate) max_attempts: u32,
    /// `message.report_timeout`.
    pub(crate) report_timeout: Duration,
    pub(crate) clock: fn() -> UnixMillis,
}

/// One modem and how its parts are to be written.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) handle: ModemHandle,
    pub(crate) request_report: bool,
}

/// How busy one modem is, for whoever asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Load {
    pub(crate) modem: ModemName,
    /// Parts that wait behind the one in flight.
    pub(crate) queue: usize,
    /// Parts in flight.
    pub(crate) sending: usize,
    /// Parts taken and not taken by the network since UTC midnight or the start, whichever was later.
    pub(crate) sent_today: u64,
    pub(crate) failed_today: u64,
}

/// Messages of each class that are kept in memory at once.
const WINDOW_PER_CLASS: u32 = 32;
/// A write that the disk refused is tried again after this long.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// The loop's whole world.
pub(crate) struct Dispatch {
    store: Store,
    settings: Settings,
    bell: Bell,
    fleet: watch::Receiver<FleetView>,
    events: mpsc::Receiver<FleetEvent>,
    /// What modems say that is not the answer to an order.
    news: mpsc::Sender<FleetEvent>,
    loads: watch::Sender<Vec<Load>>,
    carriers: Vec<CarrierSettings>,
    lanes: Vec<Lane>,
    turns: Turns,
    window: Vec<Arc<InLine>>,
    /// The store may hold more than the window does.
    window_is_stale: bool,
    next_due: Option<UnixMillis>,
    commits: FuturesUnordered<BoxFuture<'static, Commit>>,
    /// Outcomes that the disk refused: nothing is forgotten until it takes them.
    unrecorded: VecDeque<Record>,
    write_again: Option<Instant>,
    next_ticket: u64,
    next_reference: u16,
    day: i64,
    stopping: bool,
}

#[derive(Debug)]
struct CarrierSettings {
    request_report: bool,
}

/// A COMMIT that something waits for.
enum Commit {
    Intent {
        lane: usize,
        ticket: Ticket,
        fate: Result<bool, StoreError>,
    },
    Record {
        record: Record,
        fate: Result<bool, StoreError>,
    },
    Released {
        more: Result<bool, StoreError>,
    },
}

/// The channels dispatch stands between.
pub(crate) struct Wires {
    pub(crate) bell: Bell,
    pub(crate) fleet: watch::Receiver<FleetView>,
    pub(crate) events: mpsc::Receiver<FleetEvent>,
    pub(crate) news: mpsc::Sender<FleetEvent>,
}

impl Dispatch {
    pub(crate) fn new(
        store: Store,
        settings: Settings,
        carriers: Vec<Carrier>,
        wires: Wires,
    ) -> (Self, watch::Receiver<Vec<Load>>) {
        let (loads, view) = watch::channel(Vec::new());
        let (lanes, carriers) = carriers
            .into_iter()
            .map(|carrier| {
                let settings = CarrierSettings {
                    request_report: carrier.request_report,
                };
                (Lane::new(carrier.handle), settings)
            })
            .unzip();
        let dispatch = Self {
            store,
            settings,
            bell: wires.bell,
            fleet: wires.fleet,
            events: wires.events,
            news: wires.news,
            loads,
            carriers,
            lanes,
            turns: Turns::default(),
            window: Vec::new(),
            window_is_stale: true,
            next_due: None,
            commits: FuturesUnordered::new(),
            unrecorded: VecDeque::new(),
            write_again: None,
            next_ticket: 0,
            // Two long texts to one phone must not carry the same reference, also across a restart.
            next_reference: rand::random(),
            day: 0,
            stopping: false,
        };
        (dispatch, view)
    }

    /// Runs until `stop`, and then until nothing is under way and everything is recorded.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let bell = self.bell.clone();
        self.fill().await;
        while !(self.stopping && self.is_idle()) {
            let due = self.sleeps_until();
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(event) => self.on_events(event).await,
                    None => return self.warn_of_unrecorded(),
                },
                Some(commit) = self.commits.next() => self.on_commits(commit),
                () = stop.cancelled(), if !self.stopping => self.call_back_all(),
                () = bell.rung() => self.window_is_stale = true,
                changed = self.fleet.changed() => if changed.is_err() { self.stopping = true },
                () = until(due) => self.on_due().await,
            }
            self.fill().await;
        }
    }

    fn is_idle(&self) -> bool {
        self.commits.is_empty()
            && self.unrecorded.is_empty()
            && self.lanes.iter().all(|lane| lane.tries.is_empty())
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

    fn status(&self, lane: usize) -> Option<ModemStatus> {
        let name = &self.lanes[lane].handle.name;
        self.fleet
            .borrow()
            .iter()
            .find(|status| status.name == *name)
            .cloned()
    }

    /// The next moment at which something is due: a hold, a time to live, a refused write.
    fn sleeps_until(&self) -> Option<Instant> {
        let due = self
            .next_due
            .filter(|_| !self.stopping)
            .map(|due| Instant::now() + due.since(self.now()));
        due.into_iter().chain(self.write_again).min()
    }

    async fn on_due(&mut self) {
        if self.write_again.is_some_and(|at| at <= Instant::now()) {
            self.write_again = None;
            let records = std::mem::take(&mut self.unrecorded);
            for record in records {
                self.record(record, None).await;
            }
        }
        let now = self.now();
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = None;
            let mut group = self.store.group();
            let receipt = group.release_and_expire(now);
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
            // The reader ends only after this loop.
            let _ = self.news.send(event).await;
            return;
        };
        let lane = self
            .lanes
            .iter()
            .position(|lane| lane.handle.name == event.modem);
        if let Some(lane) = lane {
            self.on_answer(lane, ticket, outcome).await;
        }
    }

    /// Hands the outcome to the store, and with it the intent of the part behind: two jobs, one group.
    async fn on_answer(&mut self, lane: usize, ticket: Ticket, outcome: Outcome) {
        let Some(done) = self.lanes[lane].take(ticket) else {
            warn!(modem = %self.lanes[lane].handle.name, "a modem answered an order it did not have");
            return;
        };
        if !matches!(outcome, Outcome::Accepted { .. }) {
            self.lanes[lane].release(&done.message);
            self.call_back(lane, |behind| behind.message.seq == done.message.seq);
        }
        self.count(lane, &outcome);
        match self.record_of(lane, &done, outcome) {
            Some(record) => self.record(record, Some(lane)).await,
            None => {
                self.window_is_stale = true;
                self.begin(lane).await;
            }
        }
    }

    fn count(&mut self, lane: usize, outcome: &Outcome) {
        let today = self.now().0.div_euclid(86_400_000);
        if today != self.day {
            self.day = today;
            for lane in &mut self.lanes {
                (lane.sent_today, lane.failed_today) = (0, 0);
            }
        }
        let lane = &mut self.lanes[lane];
        match outcome {
            Outcome::Accepted { .. } => lane.sent_today += 1,
            Outcome::Refused(_) | Outcome::Uncertain(_) => lane.failed_today += 1,
            Outcome::NeverLeft(_) => {}
        }
    }

    fn record_of(&self, lane: usize, done: &Try, outcome: Outcome) -> Option<Record> {
        let mean_send = self.status(lane).map(|status| status.mean_send);
        let context = record::Context {
            modem: self.lanes[lane].handle.name.clone(),
            mean_send: mean_send.unwrap_or(crate::domain::fleet_view::FIRST_MEAN_SEND),
            request_report: self.carriers[lane].request_report,
            settings: &self.settings,
            now: self.now(),
        };
        record::of(&context, done, outcome)
    }

    /// Writes `record`, together with the intent of what stands at the front of `beside` now.
    async fn record(&mut self, record: Record, beside: Option<usize>) {
        let intent = beside.and_then(|lane| self.next_intent(lane));
        let mut group = self.store.group();
        let receipt = record.put(&mut group);
        let intent_receipt =
            intent.map(|(lane, ticket, intent)| (lane, ticket, group.intent(intent)));
        group.submit().await;
        self.commits.push(Box::pin(async move {
            let fate = receipt.committed().await;
            Commit::Record { record, fate }
        }));
        if let Some((lane, ticket, receipt)) = intent_receipt {
            self.await_intent(lane, ticket, receipt);
        }
    }

    /// Hands over the intent of the part at the front of the lane, if it has none yet.
    async fn begin(&mut self, lane: usize) {
        let Some((lane, ticket, intent)) = self.next_intent(lane) else {
            return;
        };
        let mut group = self.store.group();
        let receipt = group.intent(intent);
        group.submit().await;
        self.await_intent(lane, ticket, receipt);
    }

    fn await_intent(&mut self, lane: usize, ticket: Ticket, receipt: crate::store::Receipt<bool>) {
        self.commits.push(Box::pin(async move {
            let fate = receipt.committed().await;
            Commit::Intent { lane, ticket, fate }
        }));
    }

    fn next_intent(&mut self, lane: usize) -> Option<(usize, Ticket, Intent)> {
        let status = self.status(lane);
        let at = self.now();
        let modem = self.lanes[lane].handle.name.clone();
        let front = self.lanes[lane].tries.front_mut()?;
        if front.phase != Phase::Prepared {
            return None;
        }
        front.phase = Phase::Committing;
        let intent = Intent {
            message: front.message.seq,
            part: front.part,
            modem,
            sim: status.as_ref().and_then(ModemStatus::sim),
            from_number: status.and_then(|status| status.number),
            reference: front.reference,
            anew: front.anew,
            at,
        };
        Some((lane, front.ticket, intent))
    }

    /// All that one group answered before anything is read: a go must not wait behind a query.
    fn on_commits(&mut self, first: Commit) {
        self.on_commit(first);
        while let Some(Some(commit)) = self.commits.next().now_or_never() {
            self.on_commit(commit);
        }
    }

    fn on_commit(&mut self, commit: Commit) {
        match commit {
            Commit::Intent { lane, ticket, fate } => self.on_intent(lane, ticket, &fate),
            Commit::Record { record, fate } => self.on_recorded(record, fate),
            Commit::Released { more } => {
                self.window_is_stale = true;
                if let Err(error) = more {
                    warn!(%error, "what is due could not be let go");
                    self.next_due = Some(self.now().plus(WRITE_AGAIN));
                }
            }
        }
    }

    fn on_intent(&mut self, lane: usize, ticket: Ticket, fate: &Result<bool, StoreError>) {
        let lane = &mut self.lanes[lane];
        let Some(one) = lane
            .tries
            .iter_mut()
            .find(|one| one.ticket == ticket && one.phase == Phase::Committing)
        else {
            // Answered or called back meanwhile: the record that follows it in the store undoes it.
            return;
        };
        let order = match fate {
            Ok(true) => {
                one.phase = Phase::Gone;
                Order::Go(ticket)
            }
            Ok(false) => {
                debug!(message_id = %one.message.id, "no longer to be sent");
                one.phase = Phase::Withdrawn { durable: false };
                Order::Withdraw(ticket)
            }
            Err(error) => {
                warn!(message_id = %one.message.id, %error, "its intent could not be stored; nothing is sent");
                one.phase = Phase::Withdrawn { durable: true };
                Order::Withdraw(ticket)
            }
        };
        if matches!(order, Order::Withdraw(_)) {
            let message = Arc::clone(&one.message);
            lane.release(&message);
        }
        lane.order(order);
    }

    fn on_recorded(&mut self, record: Record, fate: Result<bool, StoreError>) {
        // Whatever was not taken stands in line again, or will.
        self.window_is_stale |= !matches!(record, Record::Accepted(_));
        match fate {
            Ok(true) => {}
            Ok(false) => debug!("an outcome was recorded before"),
            Err(StoreError::Closed) => error!("the store closed before an outcome was recorded"),
            Err(error) => {
                warn!(%error, "an outcome could not be recorded; it is written again");
                self.unrecorded.push_back(record);
                self.write_again = Some(Instant::now() + WRITE_AGAIN);
            }
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
                Phase::Gone | Phase::Withdrawn { .. } => continue,
            };
            if which(one) {
                one.phase = Phase::Withdrawn { durable };
                withdrawn.push(one.ticket);
            }
        }
        for ticket in withdrawn {
            lane.order(Order::Withdraw(ticket));
        }
    }

    /// Gives every lane what it has room for.
    async fn fill(&mut self) {
        if !self.stopping {
            if self.window_is_stale {
                self.read_line().await;
            }
            self.displace();
            self.claim().await;
            for lane in 0..self.lanes.len() {
                self.hand_over(lane).await;
            }
        }
        self.publish_loads();
    }

    async fn read_line(&mut self) {
        match self.store.line(WINDOW_PER_CLASS).await {
            Ok(line) => {
                self.window_is_stale = false;
                self.next_due = line.next_due;
                self.window = line.front.into_iter().map(Arc::new).collect();
            }
            Err(error) => {
                warn!(%error, "the line could not be read");
                self.next_due = Some(self.now().plus(WRITE_AGAIN));
            }
        }
        let lanes = &self.lanes;
        self.window
            .retain(|message| !lanes.iter().any(|lane| lane.holds(message)));
    }

    /// A better class does not wait behind what is merely prepared.
    fn displace(&mut self) {
        let Some(best) = self.window.iter().map(|message| message.priority).min() else {
            return;
        };
        for lane in 0..self.lanes.len() {
            let worse = |one: &Try| {
                one.phase == Phase::Prepared && one.message.priority > best && one.part.0 == 1
            };
            let behind = self.lanes[lane].tries.get(1).filter(|one| worse(one));
            if let Some(message) = behind.map(|one| Arc::clone(&one.message)) {
                self.lanes[lane].release(&message);
                self.call_back(lane, |one| one.message.seq == message.seq);
            }
        }
    }

    async fn claim(&mut self) {
        if self.window.is_empty() || !self.lanes.iter().any(Lane::has_room) {
            return;
        }
        let views: Vec<LaneView> = (0..self.lanes.len())
            .filter_map(|lane| self.lane_view(lane))
            .collect();
        if views.len() != self.lanes.len() {
            return;
        }
        let policies = &self.settings.policies;
        let now = self.now();
        let claims = plan::claims(
            &self.window,
            &views,
            |message| recover::policy_of(policies, message.category),
            &mut self.turns,
            now,
        );
        let mut taken: Vec<usize> = claims.iter().map(|claim| claim.message).collect();
        for claim in claims {
            let message = Arc::clone(&self.window[claim.message]);
            self.take_on(message, claim.lane, claim.anew).await;
        }
        taken.sort_unstable();
        for at in taken.into_iter().rev() {
            self.window.remove(at);
        }
        // More may stand behind what was read.
        self.window_is_stale |= self.window.is_empty();
    }

    fn lane_view(&self, lane: usize) -> Option<LaneView> {
        let status = self.status(lane)?;
        Some(LaneView {
            modem: status.name,
            state: status.state,
            since: status.since,
            mean_send: status.mean_send,
            parts: self.lanes[lane].parts(),
            has_room: self.lanes[lane].has_room(),
        })
    }

    async fn take_on(&mut self, message: Arc<InLine>, lane: usize, anew: bool) {
        let body = match &message.text {
            StoredText::Plain(body) => body.clone(),
            StoredText::Sealed(sealed) => {
                match self.store.pepper().open(sealed, message.id.as_str()) {
                    Ok(text) => Body::stored(text),
                    Err(broken) => return self.give_up(&message, broken.to_string()).await,
                }
            }
        };
        let all = 1..=u8::try_from(message.parts.len()).unwrap_or(u8::MAX);
        let left = all
            .filter(|number| anew || !message.parts[usize::from(*number) - 1].is_accepted())
            .map(PartNumber)
            .collect();
        let same_sim = self.lanes[lane].handle.name.route();
        let kept = message
            .reference
            .filter(|_| !anew && message.route.as_deref() == Some(&same_sim));
        let reference = kept.unwrap_or_else(|| {
            self.next_reference = self.next_reference.wrapping_add(1);
            self.next_reference
        });
        self.lanes[lane].claimed.push_back(Claimed {
            message,
            body,
            reference,
            left,
            anew,
        });
    }

    async fn give_up(&mut self, message: &InLine, why: String) {
        error!(message_id = %message.id, why, "a queued text cannot be sent");
        let mut group = self.store.group();
        let receipt = group.give_up(message.seq, "internal", why, self.now());
        group.submit().await;
        if let Err(error) = receipt.committed().await {
            warn!(%error, "giving up could not be recorded");
        }
    }

    /// Prepares parts while the session has a place, and begins with the one at the front.
    async fn hand_over(&mut self, lane: usize) {
        while self.lanes[lane].has_place() {
            let Some(submit) = self.next_submit(lane) else {
                break;
            };
            self.lanes[lane].order(Order::Prepare(Box::new(submit)));
        }
        self.begin(lane).await;
    }

    fn next_submit(&mut self, lane: usize) -> Option<Submit> {
        let now = self.now();
        let claimed = self.lanes[lane].claimed.front_mut()?;
        let part = claimed.left.pop_front()?;
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let message = Arc::clone(&claimed.message);
        let submit = Submit {
            ticket,
            to: message.to.clone(),
            body: claimed.body.clone(),
            encoding: message.encoding,
            part,
            reference: match message.ref16 {
                true => Reference::Sixteen(claimed.reference),
                // The low octet: consecutive references differ in it.
                false => Reference::Eight(claimed.reference.to_be_bytes()[1]),
            },
            request_report: self.carriers[lane].request_report,
            validity: message.expires_at.since(now),
            flash: message.flash,
        };
        let one = Try {
            ticket,
            message,
            part,
            reference: claimed.reference,
            anew: std::mem::take(&mut claimed.anew),
            phase: Phase::Prepared,
        };
        if claimed.left.is_empty() {
            self.lanes[lane].claimed.pop_front();
        }
        self.lanes[lane].tries.push_back(one);
        Some(submit)
    }

    fn publish_loads(&self) {
        let loads: Vec<Load> = self.lanes.iter().map(load).collect();
        self.loads.send_if_modified(|known| {
            let changed = *known != loads;
            if changed {
                *known = loads;
            }
            changed
        });
    }
}

fn load(lane: &Lane) -> Load {
    let sending = lane
        .tries
        .iter()
        .filter(|one| one.phase == Phase::Gone)
        .count();
    Load {
        modem: lane.handle.name.clone(),
        queue: lane.parts() - sending,
        sending,
        sent_today: lane.sent_today,
        failed_today: lane.failed_today,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
