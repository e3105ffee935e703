//! One route's share of the work: what is in flight, what is prepared behind it, which parts follow.
//!
//! Memory only: a claimed message is an entry here, its row stays `queued` until an intent is committed
//! (architecture §4 rule 1). Nothing of it survives a restart, and nothing of it needs to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::error;

use super::health::Health;
use super::quota::{Left, Quota, Usage};
use super::{Asking, Change, Parting, Route, Way};
use crate::domain::attempt::MadeOf;
use crate::domain::fleet_view::FIRST_MEAN_SEND;
use crate::domain::{
    Body, Carrier, MessageSeq, ModemName, Money, PartNumber, PartState, Priority, RouteKind,
    RouteName, SimId, Terms, Ticket, UnixMillis, Word,
};
use crate::modem::Order;
use crate::store::InLine;

const SHORTEST_PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: RouteName,
    pub(super) terms: Arc<Terms>,
    way: Way,
    /// Parts it may hold at once: a session has one in flight and one prepared behind it, a provider as many requests.
    width: usize,
    pub(super) request_report: bool,
    pub(super) health: Health,
    /// The SIM that is in it, or was when it was last known.
    pub(super) sim: Option<SimId>,
    /// Of a provider; a modem's own session knows that of a modem.
    mean_request: Duration,
    /// Handed over, oldest first.
    pub(super) tries: VecDeque<Try>,
    /// Claimed messages with parts that are not handed over yet, in order.
    pub(super) claimed: VecDeque<Claimed>,
    pub(super) sent_today: u64,
    pub(super) failed_today: u64,
    /// When its modem was last ready: how long a SIM is waited for counts from here.
    pub(super) last_ready_at: UnixMillis,
    quota: Quota,
    /// Whether its SIM says who it is.
    has_name: bool,
    /// What its SIM has sent, once the store has said so.
    usage: Option<(SimId, Usage)>,
    /// The SIM whose usage the store is asked for.
    pub(super) asked_for: Option<SimId>,
    /// Since when nothing may be begun, and until when.
    used_up_until: Option<UnixMillis>,
    min_interval: Duration,
    last_go: Option<Instant>,
    is_paced: bool,
    pub(super) is_paused: bool,
    /// What people changed of its terms.
    pub(super) changed: Change,
    /// Its modem is run no more, and this is how it went; what it has in hand is recorded still.
    pub(super) gone: Option<Parting>,
    /// Dropped when it has no try any more.
    pub(super) farewell: Option<oneshot::Sender<()>>,
    pub(super) asking: Asking,
}

/// A message on its way through one lane.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) message: Arc<InLine>,
    pub(super) body: Body,
    pub(super) made_of: Option<MadeOf>,
    pub(super) reference: u16,
    /// Parts still to be handed over.
    pub(super) left: VecDeque<PartNumber>,
    /// All parts start anew with the next intent.
    pub(super) anew: bool,
    /// It was its class's turn: a better class does not take its place.
    pub(super) by_turn: bool,
}

/// One try of one part.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) ticket: Ticket,
    pub(super) message: Arc<InLine>,
    pub(super) part: PartNumber,
    pub(super) reference: u16,
    pub(super) anew: bool,
    pub(super) by_turn: bool,
    /// It shows whether the route works again.
    pub(super) is_probe: bool,
    /// What was taken out of the purse for it, and on which day.
    pub(super) spent: Option<(i32, Money)>,
    pub(super) phase: Phase,
}

/// How far a try is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The session prepares it; the store knows nothing.
    Prepared,
    /// Its intent is with the store.
    Committing,
    /// Its intent is durable and the session has its go.
    Gone { since: Instant },
    /// It is called back. `durable`: its intent may be, and must be undone.
    Withdrawn { durable: bool },
}

impl Try {
    /// Its message and class, when another message may take its place: nothing of it is out, and it was not its
    /// class's turn.
    pub(super) fn may_be_displaced(&self) -> Option<(MessageSeq, Priority)> {
        let may = self.phase == Phase::Prepared && self.part.0 == 1 && !self.by_turn;
        may.then_some((self.message.seq, self.message.priority))
    }

    /// It may have left in an earlier try. `whole`: every part goes with it.
    pub(super) fn is_doubtful(&self, whole: bool) -> bool {
        let parts = &self.message.parts;
        match whole {
            true => parts.contains(&PartState::Uncertain),
            false => parts.get(usize::from(self.part.0) - 1) == Some(&PartState::Uncertain),
        }
    }
}

impl Lane {
    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    /// It is gone, and is to be taken on again at once: until then it is absent.
    pub(super) fn is_returning(&self) -> bool {
        self.gone == Some(Parting::ToBeginAnew)
    }

    pub(super) fn new(route: Route, now: UnixMillis) -> Self {
        Self {
            name: route.name,
            terms: Arc::new(route.terms),
            way: route.way,
            width: route.width,
            request_report: route.request_report,
            health: Health::default(),
            sim: None,
            mean_request: FIRST_MEAN_SEND,
            tries: VecDeque::with_capacity(route.width),
            claimed: VecDeque::new(),
            sent_today: 0,
            failed_today: 0,
            last_ready_at: now,
            quota: route.quota,
            has_name: false,
            usage: None,
            asked_for: None,
            used_up_until: None,
            min_interval: route.min_interval,
            last_go: None,
            is_paced: false,
            is_paused: false,
            changed: Change::default(),
            gone: None,
            farewell: None,
            asking: route.asking,
        }
    }

    /// Says a word about a part. It is refused only when the other side has stopped; then the loop ends too.
    pub(super) fn say(&self, word: Word) {
        let said = match &self.way {
            Way::Modem(handle) => handle.say(word),
            Way::Carrier(carrier) => carrier.say(word),
        };
        if said.is_err() {
            error!(
                route = self.name.as_str(),
                "a route takes no orders any more"
            );
        }
    }

    /// What only a modem can be told; a provider is told nothing.
    pub(super) fn order(&self, order: Order) {
        let Way::Modem(handle) = &self.way else {
            return;
        };
        if handle.order(order).is_err() {
            error!(
                route = self.name.as_str(),
                "a modem takes no orders any more"
            );
        }
    }

    pub(super) fn is_cloud(&self) -> bool {
        self.name.kind() == RouteKind::Cloud
    }

    pub(super) fn is_modem(&self, modem: &ModemName) -> bool {
        self.name.is_modem(modem)
    }

    /// Another SIM is in its modem than before. What was claimed for the old one is not for it.
    pub(super) fn sees_sim(&mut self, sim: Option<&SimId>) -> bool {
        let Some(sim) = sim else {
            // It has not said yet, or is gone: it may come back with the same.
            return false;
        };
        let is_other = self.sim.as_ref().is_some_and(|known| known != sim);
        if self.sim.as_ref() != Some(sim) {
            self.sim = Some(sim.clone());
        }
        is_other
    }

    pub(super) fn mean_request(&self) -> Duration {
        self.mean_request
    }

    /// A provider took this long; the newest fifth counts as much as in a session.
    pub(super) fn took(&mut self, took: Duration) {
        self.mean_request = (self.mean_request * 4 + took) / 5;
    }

    /// The place in `tries` of the part that begins next: a modem's parts go one after the other.
    pub(super) fn next_to_begin(&self) -> Option<usize> {
        match self.is_cloud() {
            true => self
                .tries
                .iter()
                .position(|one| one.phase == Phase::Prepared),
            false => {
                let front = self.tries.front()?;
                (front.phase == Phase::Prepared).then_some(0)
            }
        }
    }

    /// Whether another message may be claimed for it: all parts of those it has are handed over, the session has a
    /// place, and its SIM may send. A message that is begun is finished: a phone with half a text has nothing.
    pub(super) fn has_room(&self) -> bool {
        self.claimed.is_empty() && self.has_place() && self.may_begin()
    }

    fn may_begin(&self) -> bool {
        // A SIM that does not say who it is cannot be counted.
        let is_counted = !self.quota.is_none() && self.has_name;
        !is_counted || (self.usage.is_some() && self.used_up_until.is_none())
    }

    /// Looks at the clocks: what a quota and a pace allow at this moment.
    pub(super) fn keep_limits(&mut self, clock: Instant, wall: UnixMillis) {
        let paced_until = self.paced_until().filter(|until| *until > clock);
        self.is_paced =
            !self.min_interval.is_zero() && (paced_until.is_some() || !self.tries.is_empty());
        let under_way = self.uncounted();
        self.used_up_until = self
            .usage
            .as_ref()
            .and_then(|(_, usage)| self.quota.used_up_until(usage, under_way, wall));
    }

    /// When the pace allows the next part.
    pub(super) fn paced_until(&self) -> Option<Instant> {
        let last = self.last_go.filter(|_| !self.min_interval.is_zero())?;
        Some(last + self.min_interval)
    }

    /// Until when its SIM may begin nothing.
    pub(super) fn used_up_until(&self) -> Option<UnixMillis> {
        self.used_up_until
    }

    pub(super) fn left(&self, now: UnixMillis) -> Left {
        match &self.usage {
            Some((_, usage)) => self.quota.left(usage, self.uncounted(), now),
            None => Left::default(),
        }
    }

    /// Parts that will count as sent unless they are called back.
    fn uncounted(&self) -> u32 {
        let begun = |one: &&Try| matches!(one.phase, Phase::Prepared | Phase::Committing);
        u32::try_from(self.tries.iter().filter(begun).count()).unwrap_or(u32::MAX)
    }

    /// The SIM whose usage must be asked for, if it is another one than before.
    pub(super) fn sim_to_ask_for(&mut self, sim: Option<SimId>) -> Option<SimId> {
        self.has_name = sim.is_some();
        if self.quota.is_none() {
            return None;
        }
        let sim = sim?;
        let is_known = self.usage.as_ref().is_some_and(|(known, _)| *known == sim);
        if is_known || self.asked_for.as_ref() == Some(&sim) {
            return None;
        }
        self.usage = None;
        self.asked_for = Some(sim.clone());
        Some(sim)
    }

    /// What its SIM has sent is asked for anew.
    pub(super) fn forget_usage(&mut self) {
        self.usage = None;
        self.asked_for = None;
    }

    pub(super) fn learn_usage(&mut self, sim: SimId, usage: Usage) {
        if self.asked_for.as_ref() == Some(&sim) {
            self.asked_for = None;
            self.usage = Some((sim, usage));
        }
    }

    /// A part has its go.
    pub(super) fn began(&mut self, clock: Instant, wall: UnixMillis) {
        self.last_go = Some(clock);
        if let Some((_, usage)) = &mut self.usage {
            usage.count(wall);
        }
    }

    /// A part that had its go has not left.
    pub(super) fn never_left(&mut self, wall: UnixMillis) {
        if let Some((_, usage)) = &mut self.usage {
            usage.uncount(wall);
        }
    }

    /// When its part in flight will have taken suspiciously long (semantics §5): then nothing more is given to it.
    pub(super) fn is_silent_at(&self, mean_send: Duration) -> Option<Instant> {
        if self.is_cloud() {
            // A request has a timeout of its own.
            return None;
        }
        let patience = (mean_send * 3).max(SHORTEST_PATIENCE);
        match self.tries.front()?.phase {
            Phase::Gone { since } => Some(since + patience),
            _ => None,
        }
    }

    /// Whether there is a place for the next part.
    pub(super) fn has_place(&self) -> bool {
        // A probe is alone.
        let width = if self.health.is_probing() {
            1
        } else {
            self.width
        };
        self.tries.len() < width
            && !self.is_calling_back()
            && !self.health.is_resting()
            && !self.is_paced
            && !self.is_paused
            && !self.is_gone()
            && self.terms.enabled
    }

    /// While a try is called back its message may yet return to the line: nothing overtakes it.
    fn is_calling_back(&self) -> bool {
        self.tries
            .iter()
            .any(|one| matches!(one.phase, Phase::Withdrawn { .. }))
    }

    /// Parts it holds.
    pub(super) fn parts(&self) -> usize {
        let waiting: usize = self.claimed.iter().map(|claimed| claimed.left.len()).sum();
        self.tries.len() + waiting
    }

    pub(super) fn holds(&self, seq: MessageSeq) -> bool {
        self.tries.iter().any(|one| one.message.seq == seq)
            || self.claimed.iter().any(|one| one.message.seq == seq)
    }

    pub(super) fn has(&self, ticket: Ticket) -> bool {
        self.tries.iter().any(|one| one.ticket == ticket)
    }

    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Try> {
        let at = self.tries.iter().position(|one| one.ticket == ticket)?;
        self.tries.remove(at)
    }

    /// Forgets the parts of this message that are not handed over: its row says what is left of it.
    pub(super) fn release(&mut self, message: &InLine) {
        self.claimed
            .retain(|claimed| claimed.message.seq != message.seq);
    }
}
