//! **Network**: the service centre between the modems and the handsets.
//!
//! A pure core. Takes a submission, lets it travel for the network's latency, accepts or refuses it, lets the
//! handset have it and sends the report. What a modem cannot take now (unplugged, silent, no coverage, store
//! full) waits here, within bounds, and is asked for by the world whenever something has happened to that modem.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::encode::{Inbound, Pdu, Report, deliver, status_report};
use crate::handset::{Arrival, Handsets, Received};
use crate::modem::Verdict;
use crate::moment::Moment;
use crate::script::{AnswerFate, ReportFate, SendFate};
use crate::settings::NetworkSettings;
use crate::submission::Submission;
use crate::timeline::Timeline;

/// A submission on its way, and what has been decided about it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) modem: usize,
    pub(crate) send: u64,
    pub(crate) submission: Box<Submission>,
    pub(crate) fate: SendFate,
}

#[derive(Debug)]
pub(crate) enum Output {
    /// The network has taken a text; it is with its handset.
    Accepted { modem: usize },
    /// To be told to the modem, and to be put down in the ledger unless refused.
    Answer { flight: Flight, verdict: Verdict },
    /// Something waits for this modem.
    Waiting { modem: usize },
}

/// What waits for a modem.
#[derive(Debug)]
pub(crate) enum Parcel {
    Text(Pdu),
    Report(Pdu),
}

#[derive(Debug)]
pub(crate) struct Network {
    settings: NetworkSettings,
    timeline: Timeline<Event>,
    lines: Vec<Line>,
    handsets: Handsets,
    /// The concatenation reference of the next long text from a handset.
    reference: u8,
    outbox: VecDeque<Output>,
}

/// What the network knows of one SIM.
#[derive(Debug)]
struct Line {
    number: String,
    texts: VecDeque<Pdu>,
    reports: VecDeque<Pdu>,
}

#[derive(Debug)]
enum Event {
    Decide(Flight),
    Answer(Flight),
    Report {
        modem: usize,
        reference: u8,
        recipient: Vec<u8>,
        accepted_unix_ms: i64,
        status: u8,
    },
}

impl Network {
    pub(crate) fn new(settings: NetworkSettings, numbers: Vec<String>) -> Self {
        let lines = numbers.into_iter().map(|number| Line {
            number,
            texts: VecDeque::new(),
            reports: VecDeque::new(),
        });
        Self {
            settings,
            timeline: Timeline::default(),
            lines: lines.collect(),
            handsets: Handsets::default(),
            reference: 1,
            outbox: VecDeque::new(),
        }
    }

    pub(crate) fn settings(&mut self) -> &mut NetworkSettings {
        &mut self.settings
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timeline.next_due()
    }

    /// The deadline that [`Network::deadline`] announced has come.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some(event) = self.timeline.take_due(now.instant) {
            self.happen(now, event);
        }
    }

    pub(crate) fn submit(&mut self, now: Moment, flight: Flight) {
        let due = later(now, self.settings.latency);
        self.timeline.put(due, Event::Decide(flight));
    }

    /// What a modem that loses its texts in flight takes with it when it is unplugged.
    pub(crate) fn lose(&mut self, unplugged: usize) {
        self.timeline
            .extract(|event| matches!(event, Event::Decide(flight) if flight.modem == unplugged));
    }

    /// Texts whose answer is still to come: the modem that would have told it is gone.
    pub(crate) fn give_up_answers(&mut self, unplugged: usize) -> Vec<Flight> {
        self.timeline
            .extract(|event| matches!(event, Event::Answer(flight) if flight.modem == unplugged))
            .into_iter()
            .filter_map(|event| match event {
                Event::Answer(flight) => Some(flight),
                _ => None,
            })
            .collect()
    }

    /// A handset writes to a SIM. `false` when more waits for that SIM than the network keeps.
    pub(crate) fn reply(&mut self, now: Moment, from: &str, text: &str, to: usize) -> bool {
        let pdus = deliver(&Inbound {
            service_centre: SERVICE_CENTRE,
            from,
            text,
            unix_ms: now.unix_ms,
            reference: self.reference,
        });
        let Some(line) = self.lines.get_mut(to) else {
            return false;
        };
        if line.texts.len() + pdus.len() > MOST_WAITING {
            return false;
        }
        self.reference = self.reference.wrapping_add(1);
        line.texts.extend(pdus);
        self.outbox.push_back(Output::Waiting { modem: to });
        true
    }

    /// The next thing for a modem that can take what it says it can.
    pub(crate) fn hand_over(&mut self, modem: usize, texts: bool, reports: bool) -> Option<Parcel> {
        let line = self.lines.get_mut(modem)?;
        if reports && let Some(pdu) = line.reports.pop_front() {
            return Some(Parcel::Report(pdu));
        }
        let pdu = if texts { line.texts.pop_front() } else { None };
        pdu.map(Parcel::Text)
    }

    pub(crate) fn texts(&self, number: &str) -> Vec<Received> {
        self.handsets.texts(number)
    }

    /// The modem that a handset answers to.
    pub(crate) fn last_sender(&self, number: &str) -> Option<usize> {
        self.handsets.last_sender(number)
    }

    fn happen(&mut self, now: Moment, event: Event) {
        match event {
            Event::Decide(flight) => self.decide(now, flight),
            Event::Answer(flight) => self.outbox.push_back(Output::Answer {
                flight,
                verdict: Verdict::Accepted,
            }),
            Event::Report {
                modem,
                reference,
                recipient,
                accepted_unix_ms,
                status,
            } => {
                let report = status_report(&Report {
                    service_centre: SERVICE_CENTRE,
                    reference,
                    recipient: &recipient,
                    accepted_unix_ms,
                    discharged_unix_ms: now.unix_ms,
                    status,
                });
                let line = &mut self.lines[modem];
                if line.reports.len() == MOST_WAITING {
                    line.reports.pop_front();
                }
                line.reports.push_back(report);
                self.outbox.push_back(Output::Waiting { modem });
            }
        }
    }

    fn decide(&mut self, now: Moment, flight: Flight) {
        if let Some(code) = flight.fate.refused_with {
            let verdict = Verdict::Refused { code };
            return self.outbox.push_back(Output::Answer { flight, verdict });
        }
        self.outbox.push_back(Output::Accepted {
            modem: flight.modem,
        });
        self.bring(now, &flight);
        self.promise_report(now, &flight);
        match flight.fate.answer {
            AnswerFate::InTime => self.outbox.push_back(Output::Answer {
                flight,
                verdict: Verdict::Accepted,
            }),
            AnswerFate::Lost => self.outbox.push_back(Output::Answer {
                flight,
                verdict: Verdict::Untold,
            }),
            AnswerFate::Late { ms } => {
                let due = later(now, Duration::from_millis(ms));
                self.timeline.put(due, Event::Answer(flight));
            }
        }
    }

    fn bring(&mut self, now: Moment, flight: &Flight) {
        let submission = &flight.submission;
        let said = submission.text.as_deref().or(submission.data.as_deref());
        let arrival = Arrival {
            modem: flight.modem,
            from: &self.lines[flight.modem].number,
            text: said.unwrap_or_default(),
            place: submission.place.as_ref(),
            unix_ms: now.unix_ms,
        };
        self.handsets.receive(&submission.to, &arrival);
    }

    fn promise_report(&mut self, now: Moment, flight: &Flight) {
        let (
            true,
            ReportFate::Comes {
                status,
                before_answer,
            },
        ) = (flight.submission.wants_report, &flight.fate.report)
        else {
            return;
        };
        let event = Event::Report {
            modem: flight.modem,
            reference: flight.submission.reference,
            recipient: flight.submission.recipient.clone(),
            accepted_unix_ms: now.unix_ms,
            status: status.unwrap_or(self.settings.report_status),
        };
        if *before_answer {
            self.happen(now, event);
        } else if self.timeline.len() < MOST_EVENTS {
            self.timeline
                .put(later(now, self.settings.report_after), event);
        }
    }
}

/// A moment that far away, or as far as the clock can count.
fn later(now: Moment, span: Duration) -> Instant {
    let century = Duration::from_secs(100 * 365 * 86_400);
    now.instant + span.min(century)
}

/// The network's own; a text says which centre it came through, whatever `+CSCA` holds.
const SERVICE_CENTRE: &str = "+8613800100500";

/// What a service centre keeps per SIM and kind: the oldest report goes, a new text is refused.
const MOST_WAITING: usize = 2_000;
/// Reports that are still to come; beyond it a text is accepted and its report never made.
const MOST_EVENTS: usize = 100_000;
