//! A probe: one SIM writes to another, and it is measured whether and when the text comes.
//!
//! The SIMs take turns, each writes to the next one that tells its number, at a low rate and behind everything else. What
//! comes of it is in the log and in the figures. Its texts stand in the inbox like any other.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Care, LoopbackFigure, rest};
use crate::domain::{Body, Destination, MessageId, ModemName, SimId, UnixMillis};
use crate::store::{Accepted, InboxFilter, StoreError};

pub(super) struct Loopbacks<'a> {
    care: &'a Care,
    turn: usize,
}

/// One that is under way.
struct Probe {
    from: ModemName,
    sim: SimId,
    to: ModemName,
    text: String,
    message: MessageId,
    at: UnixMillis,
}

/// What has not come by then is lost.
const COMES_WITHIN: Duration = Duration::from_secs(600);
/// While a probe is under way the inbox is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Texts that came to one modem in ten minutes: more than a SIM receives.
const MOST_TEXTS: u32 = 200;

impl<'a> Loopbacks<'a> {
    pub(super) fn of(care: &'a Care) -> Self {
        Self { care, turn: 0 }
    }

    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let Some(every) = self.care.rules.loopback_every else {
            return;
        };
        let mut fleet = self.care.fleet.clone();
        let mut due = self.care.now();
        loop {
            let now = self.care.now();
            if due <= now || due > now.plus(every) {
                let probing = self.probe();
                let was_begun = tokio::select! {
                    () = stop.cancelled() => return,
                    was_begun = probing => was_begun,
                };
                // With nobody to write to, whoever comes next is waited for.
                if was_begun {
                    due = now.plus(every);
                }
            }
            let next = Some(due).filter(|due| *due > now);
            if !rest(self.care, &mut fleet, next, stop).await {
                return;
            }
        }
    }

    /// One SIM writes to the next; `false` when there are no two that could.
    async fn probe(&mut self) -> bool {
        let ready = self.care.ready();
        let pairs: Vec<_> = ready
            .iter()
            .filter_map(|(from, sim)| {
                let (to, number) = self.neighbour(&ready, from)?;
                Some((from.clone(), sim.clone(), to, number))
            })
            .collect();
        if pairs.is_empty() {
            return false;
        }
        let (from, sim, to, number) = pairs[self.turn % pairs.len()].clone();
        self.turn += 1;
        match self.send(from.clone(), &sim, to, number).await {
            Ok(Some(probe)) => self.follow(&probe).await,
            Ok(None) => {
                warn!(modem = %from, "a probe could not be sent: its recipient is suppressed")
            }
            Err(error) => warn!(modem = %from, %error, "a probe could not be stored"),
        }
        true
    }

    /// The next modem whose SIM tells its number.
    fn neighbour(
        &self,
        ready: &[(ModemName, SimId)],
        from: &ModemName,
    ) -> Option<(ModemName, Destination)> {
        let at = ready.iter().position(|(modem, _)| modem == from)?;
        let behind = ready.iter().cycle().skip(at + 1).take(ready.len() - 1);
        behind
            .map(|(modem, _)| modem)
            .find_map(|modem| Some((modem.clone(), self.care.number_of(modem)?)))
    }

    async fn send(
        &self,
        from: ModemName,
        sim: &SimId,
        to: ModemName,
        number: Destination,
    ) -> Result<Option<Probe>, StoreError> {
        let care = self.care;
        let text = format!("cellpost probe {:08x}", rand::random::<u32>());
        let Ok(body) = Body::parse(&text) else {
            return Ok(None);
        };
        let Some(submission) = care.text((&from, sim), number, body, COMES_WITHIN) else {
            return Ok(None);
        };
        let at = submission.at;
        let Accepted::New(view) = care.store.accept(submission, None).await? else {
            return Ok(None);
        };
        care.bell.ring();
        care.publish(&from, sim, |shown| {
            let figure = shown.loopback.get_or_insert_default();
            figure.sent += 1;
            figure.last_at = Some(at);
        });
        Ok(Some(Probe {
            from,
            sim: sim.clone(),
            to,
            text,
            message: view.id,
            at,
        }))
    }

    /// Waits for it to come, or for its time to be up.
    async fn follow(&self, probe: &Probe) {
        let (from, to) = (&probe.from, &probe.to);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.arrival(probe).await {
                Ok(Some(delay)) => {
                    let delay_ms = delay.as_millis();
                    info!(modem = %from, %to, delay_ms, "loopback: the probe came");
                    return self.care.publish(from, &probe.sim, |shown| {
                        shown.loopback.get_or_insert_default().came(delay);
                    });
                }
                Ok(None) => {}
                Err(error) => warn!(modem = %from, %error, "the inbox could not be read"),
            }
            let age = self.care.now().since(probe.at);
            if age >= COMES_WITHIN {
                warn!(modem = %from, %to, "loopback: the probe did not come within ten minutes");
                return;
            }
        }
    }

    async fn arrival(&self, probe: &Probe) -> Result<Option<Duration>, StoreError> {
        let filter = InboxFilter {
            modem: Some(probe.to.as_str().to_owned()),
            since: Some(probe.at),
            ..InboxFilter::default()
        };
        let page = self.care.store.inbox(filter, MOST_TEXTS).await?;
        let came = page
            .texts
            .iter()
            .find(|text| *text.text.expose() == probe.text);
        let Some(came) = came else {
            return Ok(None);
        };
        let sent = self.care.store.message(probe.message.clone(), None).await?;
        let sent_at = sent.and_then(|message| message.sent_at);
        Ok(Some(came.received_at.since(sent_at.unwrap_or(probe.at))))
    }
}

impl LoopbackFigure {
    fn came(&mut self, delay: Duration) {
        self.received += 1;
        self.last_delay = Some(delay);
        self.mean_delay = Some(match self.mean_delay {
            Some(mean) => mean * 7 / 8 + delay / 8,
            None => delay,
        });
    }
}
