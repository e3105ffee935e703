//! **Care**: what keeps SIMs alive and their state known: what they have left, a text now and then, a probe from one to another.
//!
//! It asks modems through dispatch and hands texts to the store, as any caller does, and publishes what it found out.
//!
//! Never: speaks AT, chooses a route, sends past the queue, logs a number or a text.
//! May use: `domain`, `store`, `dispatch` (wishes and bell).
//! Read first: [`Care::run`], then [`balance`].

mod amount;
mod balance;
mod keep_alive;
mod loopback;

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::dispatch::{Bell, Wish};
use crate::domain::{
    Body, Categories, Category, Clock, Crowd, Destination, Encoding, FleetView, ModemName,
    ModemState, Money, NumberRules, Priority, Reference, SimId, UnixMillis, UssdCode, Via,
};
use crate::store::{Counts, Store, Submission};

/// What is cared for, and how; from the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) balances: Vec<BalanceRule>,
    pub(crate) keep_alive: Option<KeepAliveRule>,
    /// From one probe of a SIM to its next.
    pub(crate) loopback_every: Option<Duration>,
    pub(crate) numbers: NumberRules,
    /// What each modem serves; one that is not named serves all.
    pub(crate) categories: Vec<(ModemName, Categories)>,
}

/// `balance_…` of `[modem.NAME]`.
#[derive(Clone, Debug)]
pub(crate) struct BalanceRule {
    pub(crate) modem: ModemName,
    pub(crate) code: UssdCode,
    /// Its first group is the amount.
    pub(crate) regex: Regex,
    pub(crate) min: Option<Money>,
    pub(crate) every: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct KeepAliveRule {
    /// A SIM that has sent nothing for so long sends a text.
    pub(crate) after: Duration,
    /// `None`: another SIM of ours.
    pub(crate) to: Option<Destination>,
    pub(crate) text: Body,
}

/// What was found out about the SIM in each modem, in no order.
pub(crate) type Figures = Vec<SimFigures>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SimFigures {
    pub(crate) modem: ModemName,
    /// The one that it is about: another SIM in the modem begins anew.
    pub(crate) sim: SimId,
    pub(crate) balance: Option<BalanceFigure>,
    pub(crate) loopback: Option<LoopbackFigure>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BalanceFigure {
    pub(crate) amount: Money,
    pub(crate) at: UnixMillis,
    /// Below this it is low; `None`: never.
    pub(crate) min: Option<Money>,
}

/// Probes that this SIM has sent since the start of the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LoopbackFigure {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// From the moment the network took the last one to that in which it was here.
    pub(crate) last_delay: Option<Duration>,
    /// EWMA with weight 1/8.
    pub(crate) mean_delay: Option<Duration>,
    pub(crate) last_at: Option<UnixMillis>,
}

impl BalanceFigure {
    pub(crate) fn is_low(&self) -> bool {
        self.min.is_some_and(|min| self.amount < min)
    }
}

impl SimFigures {
    /// What of it a person has to mend.
    pub(crate) fn complaint(&self) -> Option<String> {
        let balance = self.balance.filter(BalanceFigure::is_low)?;
        let min = balance.min?;
        Some(format!(
            "the SIM has {} left, less than balance_min {min}: top it up",
            balance.amount
        ))
    }
}

/// The loops of this room; each has its own clockwork.
#[derive(Clone)]
pub(crate) struct Care {
    pub(crate) store: Store,
    pub(crate) wishes: mpsc::Sender<Wish>,
    pub(crate) bell: Bell,
    pub(crate) fleet: watch::Receiver<FleetView>,
    pub(crate) rules: Rules,
    pub(crate) clock: Clock,
    pub(crate) figures: watch::Sender<Figures>,
}

/// Nothing here is due to the second, and the wall clock may be set: it is looked at again after this time at the latest.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// What failed for a reason of its own is tried again after this time.
const TRY_AGAIN: Duration = Duration::from_secs(600);

impl Care {
    /// Runs until `stop`. Without a rule it does nothing.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let care = Arc::new(self);
        tokio::join!(
            balance::Balances::of(&care).run(&stop),
            keep_alive::KeepAlives::of(&care).run(&stop),
            loopback::Loopbacks::of(&care).run(&stop),
        );
    }

    fn now(&self) -> UnixMillis {
        (self.clock)()
    }

    fn fleet(&self) -> FleetView {
        Arc::clone(&self.fleet.borrow())
    }

    /// Modems that can send at this moment, with their SIMs.
    fn ready(&self) -> Vec<(ModemName, SimId)> {
        let fleet = self.fleet();
        let ready = fleet
            .iter()
            .filter(|modem| modem.state == ModemState::Ready);
        ready
            .filter_map(|modem| Some((modem.name.clone(), modem.sim()?)))
            .collect()
    }

    /// The number of the SIM in this modem, if it tells it.
    fn number_of(&self, modem: &ModemName) -> Option<Destination> {
        let fleet = self.fleet();
        let found = fleet.iter().find(|one| one.name == *modem)?;
        self.rules.numbers.parse(found.number.as_deref()?).ok()
    }

    /// Shows what was found out about the SIM in this modem.
    fn publish(&self, modem: &ModemName, sim: &SimId, change: impl FnOnce(&mut SimFigures)) {
        self.figures.send_modify(|all| {
            all.retain(|one| one.modem != *modem || one.sim == *sim);
            let at = all.iter().position(|one| one.modem == *modem);
            let at = at.unwrap_or_else(|| {
                all.push(SimFigures {
                    modem: modem.clone(),
                    sim: sim.clone(),
                    balance: None,
                    loopback: None,
                });
                all.len() - 1
            });
            change(&mut all[at]);
        });
    }

    /// Whatever its modem serves at all.
    fn category_of(&self, modem: &ModemName) -> Category {
        let named = self.rules.categories.iter().find(|(name, _)| name == modem);
        let serves =
            |category: &Category| named.is_none_or(|(_, categories)| categories.contain(*category));
        let served = BEST_FIRST.into_iter().find(serves);
        served.unwrap_or(Category::Transactional)
    }

    /// A text of the house, by this SIM and no other, behind everything else.
    fn text(
        &self,
        (modem, sim): (&ModemName, &SimId),
        to: Destination,
        body: Body,
        ttl: Duration,
    ) -> Option<Submission> {
        let at = self.now();
        let via = Via::Sim(sim.clone());
        let plan = body.plan(Encoding::Auto, Reference::Eight(0).into()).ok()?;
        Some(Submission {
            app: HOUSE.to_owned(),
            to_raw: to.as_str().to_owned(),
            to,
            category: self.category_of(modem),
            severity: None,
            encoding: plan.encoding,
            parts: u8::try_from(plan.parts).ok()?,
            body,
            flash: false,
            ref16: false,
            crowd: Crowd::of_via(&via),
            via: Some(via),
            priority: Some(Priority(LAST)),
            client_ref: None,
            template: None,
            made_of: None,
            scheduled_at: None,
            expires_at: at.plus(ttl),
            at,
            payer: None,
            counts: Counts::default(),
        })
    }
}

/// A notification may rest for a night; a text of category otp is sealed.
const BEST_FIRST: [Category; 5] = [
    Category::Transactional,
    Category::Notification,
    Category::Bulk,
    Category::Alert,
    Category::Otp,
];

/// The app of texts that nobody asked for.
const HOUSE: &str = "default";
/// The class of bulk.
const LAST: u8 = 4;

/// Sleeps until `due`, or until modems come or go; `false` when it is time to stop.
async fn rest(
    care: &Care,
    fleet: &mut watch::Receiver<FleetView>,
    due: Option<UnixMillis>,
    stop: &CancellationToken,
) -> bool {
    let until = due.map_or(LONGEST_SLEEP, |due| {
        due.since(care.now()).min(LONGEST_SLEEP)
    });
    tokio::select! {
        () = stop.cancelled() => return false,
        () = tokio::time::sleep(until) => {}
        changed = fleet.changed() => {
            if changed.is_err() {
                // The modems have stopped.
                stop.cancelled().await;
                return false;
            }
        }
    }
    true
}
