//! What dispatch orders of a session, and its one answer to each part.

use std::time::Instant;

use super::{Activity, PARTS_UNDER_WAY, Session};
use crate::domain::{Blame, ModemState, PduDigest, Setback};
use crate::modem::encode::encode;
use crate::modem::submit::{Flight, Part, Word, never_left, withdrawn};
use crate::modem::{ModemEvent, Outcome, Submit, Ticket};

impl Session {
    pub(super) fn prepare(&mut self, now: Instant, submit: &Submit) {
        let ticket = submit.ticket;
        if self.status.state != ModemState::Ready || matches!(self.activity, Activity::Over) {
            return self.answer(ticket, Outcome::NeverLeft(self.why_not_ready()));
        }
        if self.under_way() >= PARTS_UNDER_WAY {
            return self.answer(ticket, never_left("two parts are under way already"));
        }
        match encode(submit) {
            Ok(pdu) => self.waiting.push_back(Part {
                ticket,
                pdu,
                word: Word::Awaited,
            }),
            Err(setback) => return self.answer(ticket, Outcome::Refused(setback)),
        }
        if matches!(self.activity, Activity::Idle) {
            self.proceed(now);
        }
    }

    pub(super) fn go(&mut self, now: Instant, ticket: Ticket) {
        if let Some(flight) = self.flight(ticket) {
            let step = flight.on_go(now);
            return self.take(now, step);
        }
        if let Some(part) = self.waiting.iter_mut().find(|part| part.ticket == ticket) {
            part.word = Word::Go;
        }
    }

    pub(super) fn withdraw(&mut self, now: Instant, ticket: Ticket) {
        if let Some(at) = self.waiting.iter().position(|part| part.ticket == ticket) {
            self.waiting.remove(at);
            return self.answer(ticket, withdrawn());
        }
        if let Activity::Waking { again, .. } = &mut self.activity
            && again.take_if(|flight| flight.ticket() == ticket).is_some()
        {
            return self.answer(ticket, withdrawn());
        }
        if let Some(flight) = self.flight(ticket) {
            let step = flight.on_withdraw();
            self.take(now, step);
        }
    }

    pub(super) fn keep(&mut self, now: Instant, pdu: PduDigest) {
        self.receiving.keep(now, pdu);
        self.tell_received();
        if matches!(self.activity, Activity::Idle) {
            self.proceed(now);
        }
    }

    pub(super) fn flight(&mut self, ticket: Ticket) -> Option<&mut Flight> {
        let flight = match &mut self.activity {
            Activity::Sending(flight) => flight,
            Activity::Waking {
                again: Some(flight),
                ..
            } => flight,
            _ => return None,
        };
        (flight.ticket() == ticket).then_some(flight)
    }

    pub(super) fn under_way(&self) -> usize {
        let in_flight = match &self.activity {
            Activity::Sending(flight) => usize::from(!flight.is_answered()),
            Activity::Waking { again, .. } => usize::from(again.is_some()),
            _ => 0,
        };
        in_flight + self.waiting.len()
    }

    pub(super) fn answer(&mut self, ticket: Ticket, outcome: Outcome) {
        self.events
            .push_back(ModemEvent::Answer { ticket, outcome });
    }

    pub(super) fn refuse_waiting(&mut self) {
        while let Some(part) = self.waiting.pop_front() {
            let why = self.why_not_ready();
            self.answer(part.ticket, Outcome::NeverLeft(why));
        }
    }

    pub(super) fn why_not_ready(&self) -> Setback {
        let code = match self.status.state {
            ModemState::NoSim => "sim_missing",
            ModemState::PinRequired => "sim_locked",
            ModemState::Registering | ModemState::NoNetwork => "no_network",
            _ => "modem_lost",
        };
        Setback {
            blame: Blame::Modem,
            code,
            detail: format!("the modem is {}", self.status.state.as_str()),
            wait: None,
        }
    }
}
