//! From a modem's answer to a COMMIT, and from a COMMIT to the next word to a modem.
//!
//! The outcome of one part and the intent of the part behind it go to the store as two jobs of one group
//! (architecture §4 rule 7). Nothing is said to a modem before its COMMIT is answered.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::Dispatch;
use super::lane::{Phase, Try};
use super::quota::Usage;
use super::record::{self, Record};
use crate::domain::{Blame, SimId};
use crate::modem::{Order, Outcome, Ticket};
use crate::store::{Intent, Receipt, SimUse, StoreError};

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
    Released {
        more: Result<bool, StoreError>,
    },
}

impl Dispatch {
    /// Hands the outcome to the store, and with it the intent of the part behind: two jobs, one group.
    pub(super) async fn on_answer(&mut self, lane: usize, ticket: Ticket, outcome: Outcome) {
        let Some(done) = self.lanes[lane].take(ticket) else {
            warn!(modem = %self.lanes[lane].handle.name, "a modem answered an order it did not have");
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

    /// What the outcome says of the modem itself.
    fn learn(&mut self, lane: usize, done: &Try, outcome: &Outcome) {
        let wall = self.now();
        let lane = &mut self.lanes[lane];
        if let (Outcome::NeverLeft(_), Phase::Gone { .. }) = (outcome, done.phase) {
            lane.never_left(wall);
        }
        let called_back = matches!(done.phase, Phase::Withdrawn { .. });
        match outcome {
            Outcome::Accepted { .. } => lane.did_well(),
            Outcome::Refused(setback) if setback.blame == Blame::Modem => {
                lane.had_fault(Instant::now());
            }
            Outcome::NeverLeft(_) if !called_back => lane.had_fault(Instant::now()),
            _ => {}
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
            modem: self.lanes[lane].handle.name.clone(),
            mean_send: self.mean_send(lane),
            request_report: self.lanes[lane].request_report,
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

    /// Hands over the intent of the part at the front of the lane, if it has none yet.
    pub(super) async fn begin(&mut self, lane: usize) {
        let Some((lane, ticket, intent)) = self.next_intent(lane) else {
            return;
        };
        let mut group = self.store.group();
        let receipt = group.intent(intent);
        group.submit().await;
        self.await_intent(lane, ticket, receipt);
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
        let (sim, from_number) = self
            .status(lane, |status| (status.sim(), status.number.clone()))
            .unwrap_or_default();
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
            sim,
            from_number,
            reference: front.reference,
            ticket: front.ticket.0,
            doubtful: front.is_doubtful(),
            anew: front.anew,
            at,
        };
        Some((lane, front.ticket, intent))
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
        let order = match fate {
            Ok(true) => {
                let since = Instant::now();
                one.phase = Phase::Gone { since };
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
        } else {
            lane.began(Instant::now(), wall);
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
                self.pause();
            }
        }
    }
}
