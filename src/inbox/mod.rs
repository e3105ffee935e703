//! **Inbox**: what comes back from the network: texts, delivery reports, and late words about uncertain parts.
//!
//! Takes news from modems, reads them, and records them in the store. What is durable it tells the modem, which
//! deletes or acknowledges it. Texts of which a part does not come are shown when their time is up.
//!
//! Never: writes to a modem but "kept", changes a message by itself: the store matches, joins and steps.
//! May use: `domain`, `store`, `modem` (handles), `dispatch` (bell), `pdu-codec`.
//! Read first: [`Inbox::run`], then [`reading::read`].

mod asking;
mod reading;

use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

pub(crate) use asking::Asking;

use crate::dispatch::Bell;
use crate::domain::{Clock, InboundPart, ModemName, PduDigest, Report, SimId, UnixMillis};
use crate::modem::{FleetEvent, Handles, ModemEvent, Order, RecoveryStep};
use crate::store::{Matched, Receipt, Received, RecoveryEntry, Settlement, Store, StoreError};
use reading::{Origin, Reading, read, read_report};

/// What the loop stands between.
pub(crate) struct Inbox {
    pub(crate) store: Store,
    pub(crate) news: mpsc::Receiver<FleetEvent>,
    /// They are told what is durable.
    pub(crate) modems: Handles,
    /// `inbound.part_timeout`.
    pub(crate) part_timeout: Duration,
    /// A settled message leaves the line.
    pub(crate) bell: Bell,
    pub(crate) clock: Clock,
}

/// A part of a text on its way into the store.
struct Arrival {
    part: InboundPart,
    /// The modem still has it.
    is_stored: bool,
}

/// How often what only we have is offered to a disk that refuses it before it is given up: the service centre does
/// not repeat it, but the memory it waits in is bounded.
const OFFERS: u32 = 30;
const BETWEEN_OFFERS: Duration = Duration::from_secs(1);

/// What is taken from the queue at once, to be committed at once: as much as a SIM holds.
const AT_ONCE: usize = 64;

/// The wall clock may be set: a text that lacks a part is looked at again after this time at the latest.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Inbox {
    /// Runs until the last sender of news is gone.
    pub(crate) async fn run(mut self) {
        let mut news = Vec::with_capacity(AT_ONCE);
        let mut closes_at = self.close_incomplete().await;
        loop {
            let due = closes_at;
            tokio::select! {
                taken = self.news.recv_many(&mut news, AT_ONCE) => {
                    if taken == 0 {
                        return;
                    }
                    if self.take(&mut news).await {
                        closes_at.get_or_insert((self.clock)().plus(self.part_timeout));
                    }
                }
                () = until(due, &self.clock) => closes_at = self.close_incomplete().await,
            }
        }
    }

    /// Takes what modems said, in its order. Answers whether a text now waits for a part.
    async fn take(&self, news: &mut Vec<FleetEvent>) -> bool {
        let mut arrivals = Vec::new();
        let mut waits = false;
        for FleetEvent { modem, event } in news.drain(..) {
            match event {
                ModemEvent::Received {
                    sim,
                    to,
                    pdu,
                    is_stored,
                } => {
                    let at = (self.clock)();
                    let origin = Origin {
                        modem: modem.clone(),
                        sim,
                        to,
                        at,
                    };
                    match read(origin, &pdu) {
                        Reading::Text(part) => arrivals.push(Arrival { part, is_stored }),
                        Reading::Report(report) => {
                            self.record(&modem, report, PduDigest::of(&pdu)).await;
                        }
                        Reading::BrokenReport(error) => {
                            warn!(%modem, %error, "a status report cannot be read");
                            self.keep(&modem, PduDigest::of(&pdu));
                        }
                    }
                }
                ModemEvent::Report { sim, pdu } => self.on_report(&modem, sim, &pdu).await,
                ModemEvent::SlotStuck { memory, index, why } => {
                    warn!(%modem, memory, index, why, "a slot is left as it is; empty it by hand if the SIM fills");
                }
                ModemEvent::LateReference(reference) => {
                    let at = (self.clock)();
                    let settlement = Settlement {
                        modem,
                        reference,
                        at,
                    };
                    self.on_late_reference(settlement).await;
                }
                ModemEvent::Recovery(step) => self.on_recovery(modem, step).await,
                ModemEvent::Call(call) => {
                    let from = call.from.as_deref().unwrap_or("a withheld number");
                    info!(%modem, from, "an incoming call was hung up");
                }
                // Dispatch keeps answers to itself.
                ModemEvent::Answer { .. } => {}
            }
        }
        if !arrivals.is_empty() {
            waits |= self.receive(arrivals).await;
        }
        waits
    }

    /// Stores parts of texts, all of them in one group. Answers whether one waits for others.
    async fn receive(&self, arrivals: Vec<Arrival>) -> bool {
        let mut group = self.store.group();
        let receipts: Vec<Receipt<Received>> = arrivals
            .iter()
            .map(|arrival| group.receive(arrival.part.clone()))
            .collect();
        group.submit().await;
        let mut waits = false;
        for (arrival, receipt) in arrivals.into_iter().zip(receipts) {
            let received = match receipt.committed().await {
                Err(error) if !matches!(error, StoreError::Closed) => {
                    self.offer_again(&arrival, error).await
                }
                fate => fate.ok(),
            };
            let (modem, pdu) = (&arrival.part.modem, arrival.part.pdu);
            match received {
                Some(received) => {
                    debug!(%modem, ?received, "text received");
                    waits |= received == Received::Waits;
                    self.keep(modem, pdu);
                }
                None if arrival.is_stored => {
                    warn!(%modem, "a text stays on the SIM until the store takes it");
                }
                None => warn!(%modem, "a text is lost: the store did not take it"),
            }
        }
        waits
    }

    /// What the modem still has it gives again; what only we have is offered until the disk takes it.
    async fn offer_again(&self, arrival: &Arrival, error: StoreError) -> Option<Received> {
        let modem = &arrival.part.modem;
        warn!(%modem, %error, "a text could not be stored");
        if arrival.is_stored {
            return None;
        }
        for _ in 1..OFFERS {
            tokio::time::sleep(BETWEEN_OFFERS).await;
            let mut group = self.store.group();
            let receipt = group.receive(arrival.part.clone());
            group.submit().await;
            match receipt.committed().await {
                Ok(received) => return Some(received),
                Err(StoreError::Closed) => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// Tells the modem that this PDU is durable.
    fn keep(&self, modem: &ModemName, pdu: PduDigest) {
        if let Some(handle) = self.modems.of(modem) {
            // Stopped, it reads the text again at its next start, and the store knows it.
            let _ = handle.order(Order::Kept(pdu));
        }
    }

    async fn on_report(&self, modem: &ModemName, sim: SimId, pdu: &[u8]) {
        match read_report(sim, pdu) {
            Ok(report) => self.record(modem, report, PduDigest::of(pdu)).await,
            Err(error) => {
                warn!(%modem, %error, "a status report cannot be read");
                self.keep(modem, PduDigest::of(pdu));
            }
        }
    }

    async fn record(&self, modem: &ModemName, report: Report, pdu: PduDigest) {
        for _ in 0..OFFERS {
            match self
                .store
                .report(report.clone(), modem, (self.clock)())
                .await
            {
                Ok(matched) => {
                    if matched == Matched::Orphan {
                        debug!(%modem, mr = report.reference.0, "report fits no part yet");
                    }
                    return self.keep(modem, pdu);
                }
                Err(StoreError::Closed) => break,
                Err(error) => {
                    warn!(%modem, %error, "a report could not be stored; it is offered again");
                    tokio::time::sleep(BETWEEN_OFFERS).await;
                }
            }
        }
        warn!(%modem, mr = report.reference.0, "a report is lost: the store did not take it");
    }

    async fn on_recovery(&self, modem: ModemName, step: RecoveryStep) {
        let entry = RecoveryEntry {
            modem,
            rung: step.rung.as_str(),
            outcome: step.outcome.as_str(),
            why: step.why,
            at: (self.clock)(),
        };
        if let Err(error) = self.store.note_recovery(entry).await {
            warn!(%error, "a step of recovery could not be put on record");
        }
    }

    async fn on_late_reference(&self, settlement: Settlement) {
        let modem = settlement.modem.clone();
        match self.store.settle(settlement).await {
            Ok(true) => {
                info!(%modem, "a late answer settled the part that was uncertain");
                self.bell.ring();
            }
            Ok(false) => debug!(%modem, "a late answer fits no uncertain part"),
            Err(error) => warn!(%modem, %error, "a late answer could not be stored"),
        }
    }

    /// Shows texts whose time is up; answers when the next one's is.
    async fn close_incomplete(&self) -> Option<UnixMillis> {
        let now = (self.clock)();
        match self.store.close_incomplete(now, self.part_timeout).await {
            Ok(next) => next,
            Err(StoreError::Closed) => None,
            Err(error) => {
                warn!(%error, "texts that lack a part could not be shown; tried again");
                Some(now.plus(LONGEST_SLEEP))
            }
        }
    }
}

async fn until(due: Option<UnixMillis>, clock: &Clock) {
    match due {
        Some(due) => tokio::time::sleep(due.since(clock()).min(LONGEST_SLEEP)).await,
        None => std::future::pending().await,
    }
}
