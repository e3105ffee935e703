//! **Receiving**: what the network has for this modem, kept in a store and announced, or given to the host.

use std::time::Duration;

use super::{Answer, CardState, Failure, MOST_UNASKED, Modem, Output, Store, Unacknowledged};
use crate::diary::Befell;
use crate::encode::{Parcel, Pdu};
use crate::moment::Moment;
use crate::script::Announcement;

impl Modem {
    /// Whether a text from a handset can be handed over now.
    pub(crate) fn takes_text(&self, now: Moment, pdu: &Pdu) -> bool {
        self.is_reachable(now)
            && match self.is_for_the_host(pdu) {
                true => self.takes_directly(),
                // Class 0 is never stored: with mt 0 there is nowhere to put it.
                false => !pdu.class0 && self.has_room(self.store_of_texts()),
            }
    }

    pub(crate) fn take_text(&mut self, now: Moment, pdu: Pdu) {
        if self.is_for_the_host(&pdu) {
            return self.route(now, Parcel::Text(pdu));
        }
        let store = self.store_of_texts();
        let kept = self.keep(now, store, pdu);
        if let Some(index) = kept
            && matches!(self.setup.notices().mt, 1 | 3)
        {
            self.announce_text(now, store, index);
        }
    }

    fn keep(&mut self, now: Moment, store: Store, pdu: Pdu) -> Option<usize> {
        let memory = self.memories.of_mut(store);
        let index = memory.keep(pdu.hex.clone(), pdu.length)?;
        self.diary.note(now, Befell::Stored, store, index, pdu.hex);
        Some(index)
    }

    fn announce_text(&mut self, now: Moment, store: Store, index: usize) {
        let ordered = self.script.next_announcement();
        let manner = ordered.unwrap_or(Announcement {
            copies: 1,
            ..Announcement::default()
        });
        let name = manner.store.unwrap_or_else(|| store.name().to_owned());
        let index = manner.index.unwrap_or(index as i64); // a store has few slots
        for _ in 0..manner.copies {
            self.announce(now, format!("+CMTI: \"{name}\",{index}"));
        }
    }

    /// 27.005 §3.4.1: class 0 goes to the host as long as anything does.
    fn is_for_the_host(&self, pdu: &Pdu) -> bool {
        let mt = self.setup.notices().mt;
        mt == 2 || (pdu.class0 && mt > 0)
    }

    fn store_of_texts(&self) -> Store {
        let ordered = self
            .traits
            .stores
            .texts_in
            .as_deref()
            .and_then(Store::named);
        ordered.unwrap_or(self.setup.stores[2])
    }

    /// Whether a report can be handed over now. As long as nobody has said what is to become of reports since
    /// the modem started, they wait; a host that says "none" (ds 0) gets its wish.
    pub(crate) fn takes_report(&self, now: Moment) -> bool {
        self.is_reachable(now)
            && match self.setup.cnmi {
                None => false,
                Some(cnmi) if cnmi.ds == 1 => self.takes_directly(),
                Some(cnmi) if cnmi.ds == 2 => self.has_room(self.store_of_reports()),
                Some(_) => true,
            }
    }

    pub(crate) fn take_report(&mut self, now: Moment, pdu: Pdu) {
        match self.setup.notices().ds {
            1 => self.route(now, Parcel::Report(pdu)),
            2 => {
                let store = self.store_of_reports();
                let Some(index) = self.keep(now, store, pdu) else {
                    return;
                };
                let place = match &self.traits.stores.reports_announced {
                    Some(told) => format!("\"{}\",{}", told.store, told.index),
                    None => format!("\"{}\",{index}", store.name()),
                };
                self.announce(now, format!("+CDSI: {place}"));
            }
            _ => {}
        }
    }

    fn store_of_reports(&self) -> Store {
        match self.memories.of(Store::Reports).capacity() {
            0 => Store::Sim,
            _ => Store::Reports,
        }
    }

    fn is_reachable(&self, now: Moment) -> bool {
        self.is_plugged()
            && self.silence.is_none()
            && self.is_registered(now)
            && self.sms_ready_at.is_none()
            && self.card.state(now) == CardState::Ready
            && self.unasked.len() < MOST_UNASKED
    }

    /// What would only wait for the end of a prompt stays in the network: an unplug there must not lose it.
    fn takes_directly(&self) -> bool {
        self.unacknowledged.is_none() && self.may_speak()
    }

    fn has_room(&self, store: Store) -> bool {
        !self.script.storage_full && self.memories.of(store).has_room()
    }

    /// A text waits in the network: says once that there is no room for it, if that is so.
    pub(crate) fn tell_of_waiting(&mut self, now: Moment, pdu: &Pdu) {
        let stores = self.is_reachable(now) && !self.is_for_the_host(pdu) && !pdu.class0;
        if stores && !self.has_room(self.store_of_texts()) {
            self.tell_full(now);
        }
    }

    pub(super) fn tell_full(&mut self, now: Moment) {
        let Some(words) = self.traits.stores.full.clone().filter(|_| !self.told_full) else {
            return;
        };
        self.told_full = true;
        let store = self.store_of_texts().name();
        self.announce(now, words.replace("{store}", store));
    }

    /// Directly to the host, which has to say thank you under `+CSMS=1`.
    fn route(&mut self, now: Moment, parcel: Parcel) {
        let (name, pdu) = match &parcel {
            Parcel::Text(pdu) => ("+CMT", pdu),
            Parcel::Report(pdu) => ("+CDS", pdu),
        };
        let told = match &parcel {
            _ if self.setup.text_mode => self.routed_as_text(&pdu.hex),
            Parcel::Report(_) if !self.traits.notices.report_comma => {
                format!("{}\r\n{}", pdu.length, pdu.hex)
            }
            _ => format!(",{}\r\n{}", pdu.length, pdu.hex),
        };
        let said = format!("{name}: {told}");
        if self.setup.csms == 1 {
            let patience = Duration::from_millis(self.traits.notices.cnma_timeout_ms);
            let due = now.instant + patience;
            self.unacknowledged = Some(Unacknowledged { due, parcel });
        }
        self.announce(now, said);
    }

    /// `+CNMA`, `=0` and `=1` are thanks; `=2` is a refusal.
    pub(super) fn acknowledge(&mut self, written: &str) -> Answer {
        let refused = Answer::Failed(Failure::Cms(340));
        let Some(waiting) = self.unacknowledged.take() else {
            return refused;
        };
        if written.trim().starts_with('2') {
            self.outbox.push_back(Output::GiveBack(waiting.parcel));
        }
        match self.script.refuses_next_cnma() {
            true => refused,
            false => Answer::Ok,
        }
    }

    /// Telit, Siemens, Quectel: an unacknowledged text turns direct delivery off, silently; the network has an
    /// RP-ERROR and keeps what it sent.
    pub(super) fn miss_acknowledgement(&mut self) {
        if let Some(waiting) = self.unacknowledged.take() {
            self.outbox.push_back(Output::GiveBack(waiting.parcel));
        }
        if let Some(cnmi) = &mut self.setup.cnmi {
            (cnmi.mt, cnmi.ds) = (0, 0);
        }
    }
}
