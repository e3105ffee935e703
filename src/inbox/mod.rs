//! **Inbox**: what comes back from the network: delivery reports, and late words about uncertain parts.
//!
//! Takes news from modems, reads them, and records them in the store. Inbound texts come later.
//!
//! Never: writes to a modem, changes a message by itself: the store matches and steps.
//! May use: `domain`, `store`, `pdu-codec`.
//! Read first: [`read_report`].

use std::time::Duration;

use pdu_codec::{Envelope, StatusReport, Timestamp};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::dispatch::Bell;
use crate::domain::{ModemName, Report, SimId, UnixMillis};
use crate::modem::{FleetEvent, ModemEvent};
use crate::store::{Matched, Settlement, Store, StoreError};

/// What the loop stands between.
pub(crate) struct Inbox {
    pub(crate) store: Store,
    pub(crate) news: mpsc::Receiver<FleetEvent>,
    /// A settled message leaves the line.
    pub(crate) bell: Bell,
    pub(crate) clock: fn() -> UnixMillis,
}

/// How often a report is offered to a disk that refuses it before it is given up: the service centre does not
/// repeat it, but the memory it waits in is bounded.
const OFFERS: u32 = 30;
const BETWEEN_OFFERS: Duration = Duration::from_secs(1);

impl Inbox {
    /// Runs until the last sender of news is gone.
    pub(crate) async fn run(mut self) {
        while let Some(FleetEvent { modem, event }) = self.news.recv().await {
            match event {
                ModemEvent::Report { sim, pdu } => self.on_report(&modem, sim, &pdu).await,
                ModemEvent::LateReference(reference) => {
                    let at = (self.clock)();
                    let settlement = Settlement {
                        modem,
                        reference,
                        at,
                    };
                    self.on_late_reference(settlement).await;
                }
                // Dispatch keeps answers to itself.
                ModemEvent::Answer { .. } => {}
            }
        }
    }

    async fn on_report(&self, modem: &ModemName, sim: SimId, pdu: &[u8]) {
        let report = match read_report(sim, pdu) {
            Ok(report) => report,
            Err(error) => return warn!(%modem, %error, "a status report cannot be read"),
        };
        for _ in 0..OFFERS {
            match self
                .store
                .report(report.clone(), modem, (self.clock)())
                .await
            {
                Ok(Matched::Orphan) => {
                    return debug!(%modem, mr = report.reference.0, "report fits no part yet");
                }
                Ok(Matched::Part | Matched::Duplicate) => return,
                Err(StoreError::Closed) => break,
                Err(error) => {
                    warn!(%modem, %error, "a report could not be stored; it is offered again");
                    tokio::time::sleep(BETWEEN_OFFERS).await;
                }
            }
        }
        warn!(%modem, mr = report.reference.0, "a report is lost: the store did not take it");
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
}

/// A `+CDS` line's PDU, service centre prefix included, in the domain's words.
fn read_report(sim: SimId, pdu: &[u8]) -> Result<Report, pdu_codec::DecodeError> {
    let envelope = Envelope::from_octets(pdu)?;
    let report = StatusReport::decode(&envelope.tpdu)?;
    Ok(Report {
        sim,
        reference: report.message_reference,
        recipient: report.recipient.number(),
        accepted_at: report.service_centre_time.ok().map(in_millis),
        discharged_at: report.discharge_time.ok().map(in_millis),
        status: report.status,
    })
}

fn in_millis(stamp: Timestamp) -> UnixMillis {
    UnixMillis(stamp.unix_seconds() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_from_the_octets_of_a_cds_line() {
        let pdu = pdu_codec::octets_from_hex(
            "079144770009000006400C91447700091032621102900300006211029003600000",
        )
        .unwrap();
        let sim = SimId::parse("89860000000000000001").unwrap();
        let report = read_report(sim, &pdu).unwrap();
        assert_eq!(report.reference.0, 64);
        assert_eq!(report.recipient, "+447700900123");
        assert_eq!(report.status.0, 0);
        assert_eq!(
            report.discharged_at.map(|at| at.to_string()).as_deref(),
            Some("2026-11-20T09:30:06.000Z")
        );
    }

    #[test]
    fn octets_that_are_no_report_are_an_error() {
        let sim = SimId::parse("89860000000000000001").unwrap();
        assert!(read_report(sim, &[0, 1, 2]).is_err());
    }
}
