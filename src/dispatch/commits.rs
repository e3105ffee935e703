//! From a modem's answer to a COMMIT, and from a COMMIT to the next word to a modem.
//!
//! The outcome of one part and the intent of the part behind it go to the store as two jobs of one group
//! (architecture §4 rule 7). Nothing is said to a modem before its COMMIT is answered.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::Dispatch;
use super::health::Failure;
use super::lane::{Lane, Phase, Try};
use super::quota::Usage;
use super::record::{self, Record};
use crate::domain::{Blame, Money, Outcome, RouteKind, SimId, Ticket, Word};
use crate::store::{Intent, Receipt, SimUse, StoreError, StoredOrigin};

/// A COMMIT that something waits for.
pub(super) enum Commit {
    Intent {
        lane: usize,
        ticket: Ticket,
        fate: Result<bool, StoreError>,
    },
    Record {
        record: Record,
        fate: Result<bool, StoreError>,
    },
    /// What a SIM has sent before: a reading, not a write.
    Usage {
        lane: usize,
        sim: SimId,
        used: Result<SimUse, StoreError>,
    },
    Rested {
        more: Result<bool, StoreError>,
    },
    Released {
        more: Result<bool, StoreError>,
    },
}

impl Dispatch {
    /// Hands the outcome to the store, and with it the intent of the part behind: two jobs, one group.
    pub(super) async fn on_answer(&mut self, lane: usize, ticket: Ticket, outcome: Outcome) {
        let Some(done) = self.lanes[lane].take(ticket) else {
            warn!(
                route = self.lanes[lane].name.as_str(),
                "a route answered an order it did not have"
            );
            return;
        };
        self.learn(lane, &done, &outcome);
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

    /// What the outcome says of the route itself.
    fn learn(&mut self, lane: usize, done: &Try, outcome: &Outcome) {
        let (clock, wall) = (Instant::now(), self.now());
        if let (Outcome::NeverLeft(_), Phase::Gone { .. }) = (outcome, done.phase) {
            self.lanes[lane].never_left(wall);
        }
        self.take_back_cost(done, outcome);
        let called_back = matches!(done.phase, Phase::Withdrawn { .. });
        let failure = match outcome {
            Outcome::Accepted { took, .. } => {
                if self.lanes[lane].is_cloud() {
                    self.lanes[lane].took(*took);
                }
                return self.lanes[lane].health.worked();
            }
            Outcome::Refused(setback) => match setback.blame {
                // It had an answer about the message: it works.
                Blame::Message | Blame::Recipient => return self.lanes[lane].health.worked(),
                Blame::Frequency => return self.lanes[lane].health.worked(),
                Blame::Modem => Failure::Fault,
                Blame::Network | Blame::Sim => Failure::Refused,
                // Whatever is sent by it comes to the same until somebody mends it.
                Blame::Account => Failure::Check,
                Blame::House => return,
            },
            Outcome::Uncertain(_) => Failure::Fault,
            Outcome::NeverLeft(_) if called_back || !self.is_ready(lane) => return,
            Outcome::NeverLeft(setback) if setback.blame == Blame::House => return,
            Outcome::NeverLeft(_) => Failure::Fault,
        };
        if self.lanes[lane].health.failed(failure, clock, wall) {
            warn!(
                route = self.lanes[lane].name.as_str(),
                until = ?self.lanes[lane].health.cools_until(),
                "a route failed too often: it is left alone for a while"
            );
            self.empty(lane);
        }
    }

    /// What a provider did not take goes back into the purse; its own figure takes the place of what was reckoned.
    fn take_back_cost(&mut self, done: &Try, outcome: &Outcome) {
        if let (Outcome::Accepted { taken, .. }, Some((day, cost))) = (outcome, done.spent)
            && let Some(price) = taken.as_ref().and_then(|taken| taken.price)
        {
            self.purse.spend(day, price.less(cost));
        }
        let has_left = matches!(outcome, Outcome::Accepted { .. } | Outcome::Uncertain(_));
        if let Some((day, cost)) = done.spent.filter(|_| !has_left) {
            self.purse.spend(day, Money(-cost.0));
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
        let context = record::Context {
            route: self.lanes[lane].name.clone(),
            whole: self.lanes[lane].is_cloud(),
            has_other_kind: self.lanes[lane].name.kind() == RouteKind::Modem
                && self.lanes.iter().any(|other| {
                    let origin = done.message.origin.as_ref().map(StoredOrigin::origin);
                    other.is_cloud()
                        && other
                            .terms
                            .serve(&done.message.to, done.message.category, origin)
                }),
            mean_send: self.mean_send(lane),
            request_report: self.lanes[lane].request_report,
            asking: self.lanes[lane].asking,
            settings: &self.settings,
            now: self.now(),
        };
        record::of(&context, done, outcome)
    }

    /// Writes `record`, together with the intent of what stands at the front of `beside` now.
    pub(super) async fn record(&mut self, record: Record, beside: Option<usize>) {
        let is_held = self.lanes.iter().any(|lane| lane.holds(record.message()));
        let record = match is_held {
            true => record,
            false => record.unheld(),
        };
        let intent = beside.and_then(|lane| self.next_intent(lane));
        let mut group = self.store.group();
        let receipt = record.put(&mut group);
        let intent_receipt =
            intent.map(|(lane, ticket, intent)| (lane, ticket, group.intent(intent)));
        crash_point!(BeforeHandOver);
        group.submit().await;
        crash_point!(AfterHandOver);
        self.commits.push(Box::pin(async move {
            let fate = receipt.committed().await;
            Commit::Record { record, fate }
        }));
        if let Some((lane, ticket, receipt)) = intent_receipt {
            self.await_intent(lane, ticket, receipt);
        }
    }

    /// Hands over the intent of what begins next, if it has none yet; of a provider's requests all.
    pub(super) async fn begin(&mut self, lane: usize) {
        while let Some((lane, ticket, intent)) = self.next_intent(lane) {
            let mut group = self.store.group();
            let receipt = group.intent(intent);
            group.submit().await;
            self.await_intent(lane, ticket, receipt);
        }
    }

    fn await_intent(&mut self, lane: usize, ticket: Ticket, receipt: Receipt<bool>) {
        self.commits.push(Box::pin(async move {
            let fate = receipt.committed().await;
            Commit::Intent { lane, ticket, fate }
        }));
    }

    fn next_intent(&mut self, lane: usize) -> Option<(usize, Ticket, Intent)> {
        if self.pause_until.is_some() {
            return None;
        }
        let next = self.lanes[lane].next_to_begin()?;
        let (sim, from_number) = self
            .status(lane, |status| (status.sim(), status.number.clone()))
            .unwrap_or_default();
        let at = self.now();
        let is_cloud = self.lanes[lane].is_cloud();
        let today = is_cloud.then(|| self.purse.today(at));
        let Lane {
            name, terms, tries, ..
        } = &mut self.lanes[lane];
        let front = &mut tries[next];
        front.phase = Phase::Committing;
        let parts = if is_cloud {
            front.message.parts.len()
        } else {
            1
        };
        let cost = terms.cost.times(parts);
        let intent = Intent {
            message: front.message.seq,
            part: front.part,
            route: name.clone(),
            sim,
            from_number,
            reference: front.reference,
            ticket: front.ticket.0,
            doubtful: front.is_doubtful(is_cloud),
            anew: front.anew,
            cost,
            spent_on: today,
            at,
        };
        front.spent = today.map(|today| (today, cost));
        if let Some((day, cost)) = front.spent {
            self.purse.spend(day, cost);
        }
        Some((lane, Ticket(intent.ticket), intent))
    }

    /// All that one group answered before anything is read: a go must not wait behind a query.
    pub(super) fn on_commits(&mut self, first: Commit) {
        self.on_commit(first);
        while let Some(Some(commit)) = self.commits.next().now_or_never() {
            self.on_commit(commit);
        }
    }

    pub(super) fn on_commit(&mut self, commit: Commit) {
        match commit {
            Commit::Intent { lane, ticket, fate } => self.on_intent(lane, ticket, &fate),
            Commit::Record { record, fate } => self.on_recorded(record, fate),
            Commit::Usage { lane, sim, used } => match used {
                Ok(hours) => {
                    self.lanes[lane].learn_usage(sim, Usage::of(hours));
                    self.window_is_stale = true;
                }
                Err(error) => {
                    warn!(%error, "what a SIM has sent could not be read");
                    self.lanes[lane].asked_for = None;
                    self.pause();
                }
            },
            Commit::Rested { more } => self.on_rested(more),
            Commit::Released { more } => match more {
                Ok(_) => self.window_is_stale = true,
                Err(error) => {
                    warn!(%error, "what is due could not be let go");
                    self.window_is_stale = true;
                    self.pause();
                }
            },
        }
    }

    fn on_intent(&mut self, lane: usize, ticket: Ticket, fate: &Result<bool, StoreError>) {
        if fate.is_err() {
            self.pause();
        }
        let wall = self.now();
        let lane = &mut self.lanes[lane];
        let Some(one) = lane
            .tries
            .iter_mut()
            .find(|one| one.ticket == ticket && one.phase == Phase::Committing)
        else {
            // Answered or called back meanwhile: the record that follows it in the store undoes it.
            return;
        };
        let word = match fate {
            Ok(true) => {
                let since = Instant::now();
                one.phase = Phase::Gone { since };
                Word::Go(ticket)
            }
            Ok(false) => {
                debug!(message_id = %one.message.id, "no longer to be sent");
                one.phase = Phase::Withdrawn { durable: false };
                Word::Withdraw(ticket)
            }
            Err(error) => {
                warn!(message_id = %one.message.id, %error, "its intent could not be stored; nothing is sent");
                one.phase = Phase::Withdrawn { durable: true };
                Word::Withdraw(ticket)
            }
        };
        if matches!(word, Word::Withdraw(_)) {
            let message = Arc::clone(&one.message);
            lane.release(&message);
        } else {
            lane.began(Instant::now(), wall);
        }
        lane.say(word);
    }

    fn on_recorded(&mut self, record: Record, fate: Result<bool, StoreError>) {
        self.window_is_stale |= record.goes_back_into_line();
        match fate {
            Ok(true) => {
                if record.asks() {
                    self.questions.notify_one();
                }
            }
            Ok(false) => debug!("an outcome was recorded before"),
            Err(StoreError::Closed) => error!("the store closed before an outcome was recorded"),
            Err(error) => {
                warn!(%error, "an outcome could not be recorded; it is written again");
                self.unrecorded.push_back(record);
                self.pause();
            }
        }
    }
}
