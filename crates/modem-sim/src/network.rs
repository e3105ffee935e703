//! **Network**: the service centre between the modems and the handsets.
//!
//! A pure core. Takes a submission, lets it travel for the network's latency, accepts or refuses it, lets the
//! handset have it and sends the report. What a modem cannot take now (unplugged, silent, no coverage, store
//! full) waits here, within bounds, and is asked for by the world whenever something has happened to that modem.

mod line;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::encode::{Parcel, Report, status_report};
use crate::fate::{AnswerFate, Refused, ReportFate, ReportManner, SendFate};
use crate::fault::Fault;
use crate::handset::{Arrival, Handsets, Received};
use crate::mobile::MobileText;
use crate::modem::Verdict;
use crate::moment::Moment;
use crate::settings::NetworkSettings;
use crate::submission::Submission;
use crate::timeline::Timeline;
use line::Line;

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
    /// To be told to the modem, and to be put down in the ledger if the centre has the text.
    Answer {
        flight: Flight,
        verdict: Verdict,
        accepted: bool,
    },
    /// Something waits for this modem.
    Waiting { modem: usize },
}

#[derive(Debug)]
pub(crate) struct Network {
    settings: NetworkSettings,
    timeline: Timeline<Event>,
    lines: Vec<Line>,
    handsets: Handsets,
    /// The concatenation reference of the next long text from a handset.
    reference: u16,
    seed: u64,
    outbox: VecDeque<Output>,
}

#[derive(Debug)]
enum Event {
    Decide(Flight),
    Answer(Flight),
    Refuse(Flight, u16),
    Report(ReportOf),
    /// What a modem did not acknowledge is tried again.
    Again {
        modem: usize,
        parcel: Parcel,
    },
}

#[derive(Clone, Debug)]
struct ReportOf {
    modem: usize,
    reference: u8,
    recipient: Vec<u8>,
    accepted_unix_ms: i64,
    status: u8,
}

impl Network {
    pub(crate) fn new(settings: NetworkSettings, numbers: Vec<String>, seed: u64) -> Self {
        Self {
            settings,
            timeline: Timeline::default(),
            lines: numbers.into_iter().map(Line::new).collect(),
            handsets: Handsets::default(),
            reference: 1,
            seed,
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

    /// What concerns a SIM's line rather than the modem.
    pub(crate) fn order(&mut self, now: Moment, modem: usize, fault: &Fault) {
        let Some(line) = self.lines.get_mut(modem) else {
            return;
        };
        line.order(fault);
        if let Fault::ReportStray { reference } = *fault {
            let stray = ReportOf {
                modem,
                reference,
                recipient: crate::encode::address("+8613800138000"),
                accepted_unix_ms: now.unix_ms,
                status: 0,
            };
            self.happen(now, Event::Report(stray));
        }
    }

    pub(crate) fn submit(&mut self, now: Moment, flight: Flight) {
        let travel = flight.fate.travel.unwrap_or(self.settings.latency);
        self.timeline.put(later(now, travel), Event::Decide(flight));
    }

    /// What a modem that loses its texts in flight takes with it when it is unplugged.
    pub(crate) fn lose(&mut self, unplugged: usize) {
        self.timeline
            .extract(|event| matches!(event, Event::Decide(flight) if flight.modem == unplugged));
    }

    /// Texts whose answer is still to come: the modem that would have told it is gone.
    pub(crate) fn give_up_answers(&mut self, unplugged: usize) -> Vec<Flight> {
        self.timeline
            .extract(|event| match event {
                Event::Answer(flight) | Event::Refuse(flight, _) => flight.modem == unplugged,
                _ => false,
            })
            .into_iter()
            .filter_map(|event| match event {
                Event::Answer(flight) => Some(flight),
                Event::Refuse(flight, _) if is_accepted(&flight) => Some(flight),
                _ => None,
            })
            .collect()
    }

    /// A text to a SIM. `false` when more waits for that SIM than the network keeps.
    pub(crate) fn post(&mut self, now: Moment, to: usize, text: &MobileText) -> bool {
        let Some(line) = self.lines.get_mut(to) else {
            return false;
        };
        let drawn = (self.reference, self.seed ^ u64::from(self.reference));
        if !line.post(now, text, drawn.0, drawn.1) {
            return false;
        }
        self.reference = self.reference.wrapping_add(1);
        self.outbox.push_back(Output::Waiting { modem: to });
        true
    }

    /// What a modem has not acknowledged: it comes again after a while.
    pub(crate) fn take_back(&mut self, now: Moment, modem: usize, parcel: Parcel) {
        let due = later(now, RETRY);
        self.timeline.put(due, Event::Again { modem, parcel });
    }

    /// The line on which things wait for a modem.
    pub(crate) fn line(&mut self, modem: usize) -> Option<&mut Line> {
        self.lines.get_mut(modem)
    }

    pub(crate) fn texts(&self, number: &str) -> Vec<Received> {
        self.handsets.texts(number)
    }

    pub(crate) fn handsets(&self) -> &Handsets {
        &self.handsets
    }

    /// Two SIMs trade places: what is the SIM's on the line goes with it.
    pub(crate) fn trade_numbers(&mut self, modem: usize, other: usize) {
        if let Ok([one, other]) = self.lines.get_disjoint_mut([modem, other]) {
            one.trade_numbers(other);
        }
    }

    /// The modem that a handset answers to.
    pub(crate) fn last_sender(&self, number: &str) -> Option<usize> {
        self.handsets.last_sender(number)
    }

    fn happen(&mut self, now: Moment, event: Event) {
        match event {
            Event::Decide(flight) => self.decide(now, flight),
            Event::Answer(flight) => self.tell(flight, Verdict::Accepted, true),
            Event::Refuse(flight, code) => {
                let accepted = is_accepted(&flight);
                self.tell(flight, Verdict::Refused { code }, accepted);
            }
            Event::Report(of) => {
                let modem = of.modem;
                let Some(line) = self.lines.get_mut(modem) else {
                    return;
                };
                line.report(status_report(&Report {
                    service_centre: line::SERVICE_CENTRE,
                    reference: of.reference,
                    recipient: &of.recipient,
                    accepted: line.stamp(of.accepted_unix_ms),
                    discharged: line.stamp(now.unix_ms),
                    status: of.status,
                }));
                self.outbox.push_back(Output::Waiting { modem });
            }
            Event::Again { modem, parcel } => {
                if let Some(line) = self.lines.get_mut(modem) {
                    line.put_back(parcel);
                    self.outbox.push_back(Output::Waiting { modem });
                }
            }
        }
    }

    fn tell(&mut self, flight: Flight, verdict: Verdict, accepted: bool) {
        self.outbox.push_back(Output::Answer {
            flight,
            verdict,
            accepted,
        });
    }

    fn decide(&mut self, now: Moment, flight: Flight) {
        let refused = flight.fate.refused.clone();
        if refused.as_ref().is_none_or(|refused| refused.accepted) {
            self.accept(now, &flight);
        }
        match (refused, &flight.fate.answer) {
            (Some(Refused { code, late, .. }), _) if late > Duration::ZERO => {
                self.timeline
                    .put(later(now, late), Event::Refuse(flight, code));
            }
            (Some(Refused { code, accepted, .. }), _) => {
                self.tell(flight, Verdict::Refused { code }, accepted);
            }
            (None, AnswerFate::InTime) => self.tell(flight, Verdict::Accepted, true),
            (None, AnswerFate::Lost) => self.tell(flight, Verdict::Untold, true),
            (None, AnswerFate::Late { ms }) => {
                let due = later(now, Duration::from_millis(*ms));
                self.timeline.put(due, Event::Answer(flight));
            }
        }
    }

    fn accept(&mut self, now: Moment, flight: &Flight) {
        self.outbox.push_back(Output::Accepted {
            modem: flight.modem,
        });
        if !flight.fate.filtered {
            self.bring(now, flight);
        }
        if let (true, ReportFate::Comes(manner)) =
            (flight.submission.wants_report, &flight.fate.report)
        {
            self.promise_reports(now, flight, manner);
        }
    }

    fn bring(&mut self, now: Moment, flight: &Flight) {
        let submission = &flight.submission;
        let said = submission.text.as_deref().or(submission.data.as_deref());
        let arrival = Arrival {
            modem: flight.modem,
            from: self.lines[flight.modem].number(),
            text: said.unwrap_or_default(),
            place: submission.place.as_ref(),
            unix_ms: now.unix_ms,
        };
        let from = arrival.from.to_owned();
        let whole = self.handsets.receive(&submission.to, &arrival);
        // The number of a SIM: there is a modem at its other end too.
        let modem = self
            .lines
            .iter()
            .position(|line| line.number() == submission.to);
        if let (Some(text), Some(modem)) = (whole, modem)
            && submission.text.is_some()
        {
            self.post(now, modem, &MobileText::new(&from, &text));
        }
    }

    fn promise_reports(&mut self, now: Moment, flight: &Flight, manner: &ReportManner) {
        let submission = &flight.submission;
        let last = ReportOf {
            modem: flight.modem,
            reference: submission.reference,
            recipient: match manner.national {
                true => line::national(&submission.to),
                false => submission.recipient.clone(),
            },
            accepted_unix_ms: now.unix_ms,
            status: manner.status.unwrap_or(self.settings.report_status),
        };
        let after = manner.after.unwrap_or(self.settings.report_after);
        if let Some(status) = manner.pending_first {
            let pending = ReportOf {
                status,
                ..last.clone()
            };
            self.promise(later(now, after / 2), pending);
        }
        if manner.before_answer {
            self.happen(now, Event::Report(last.clone()));
        } else {
            self.promise(later(now, after), last.clone());
        }
        if manner.twice {
            self.promise(later(now, after), last);
        }
    }

    fn promise(&mut self, due: Instant, report: ReportOf) {
        if self.timeline.len() < MOST_EVENTS {
            self.timeline.put(due, Event::Report(report));
        }
    }
}

fn is_accepted(flight: &Flight) -> bool {
    let refused = flight.fate.refused.as_ref();
    refused.is_none_or(|refused| refused.accepted)
}

/// A moment that far away, or as far as the clock can count.
fn later(now: Moment, span: Duration) -> Instant {
    let century = Duration::from_secs(100 * 365 * 86_400);
    now.instant + span.min(century)
}

/// Between an RP-ERROR and the centre's next try.
const RETRY: Duration = Duration::from_secs(30);
/// Reports that are still to come; beyond it a text is accepted and its report never made.
const MOST_EVENTS: usize = 100_000;
