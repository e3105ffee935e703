//! **Wiring**: which modem is at which port, how ports come and go, and which SIM is in which modem.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Output, World};
use crate::moment::Moment;
use crate::verbs::Refusal;

/// Port numbers, by modem.
#[derive(Debug)]
pub(super) struct Wiring(Vec<usize>);

impl Wiring {
    pub(super) fn straight(modems: usize) -> Self {
        Self((0..modems).collect())
    }

    pub(super) fn port_of(&self, modem: usize) -> usize {
        self.0.get(modem).copied().unwrap_or(modem)
    }

    pub(super) fn modem_at(&self, port: usize) -> Option<usize> {
        self.0.iter().position(|one| *one == port)
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.0.swap(one, other);
    }
}

impl World {
    pub(super) fn unplug(
        &mut self,
        now: Moment,
        modem: usize,
        for_ms: Option<u64>,
    ) -> Result<Value, Refusal> {
        if !self.seat(modem)?.modem.is_plugged() {
            return Err(Refusal::NotPlugged { modem });
        }
        self.vanish(now, modem, for_ms);
        Ok(json!({}))
    }

    /// The port of a modem that is there goes; without a time it stays away.
    pub(super) fn vanish(&mut self, now: Moment, modem: usize, for_ms: Option<u64>) {
        let seat = &mut self.seats[modem];
        if !seat.modem.is_plugged() {
            return;
        }
        seat.modem.unplug(now);
        let span = for_ms.map(Duration::from_millis);
        seat.replug = span.and_then(|span| now.instant.checked_add(span));
        if seat.modem.script.loses_in_flight {
            self.network.lose(modem);
        }
        let port = self.wiring.port_of(modem);
        self.outbox.push_back(Output::HangUp { port });
        for flight in self.network.give_up_answers(modem) {
            self.record(&flight, None);
        }
    }

    pub(super) fn plug(&mut self, now: Moment, modem: usize) {
        let port = self.wiring.port_of(modem);
        let seat = &mut self.seats[modem];
        seat.replug = None;
        // The port first: a booting modem may speak at once.
        self.outbox.push_back(Output::Raise { port });
        seat.modem.plug(now);
    }

    pub(super) fn brown_out(&mut self, now: Moment, for_ms: u64) {
        for modem in 0..self.seats.len() {
            self.vanish(now, modem, Some(for_ms));
        }
    }

    pub(super) fn swap(
        &mut self,
        now: Moment,
        modem: usize,
        with: usize,
        for_ms: u64,
    ) -> Result<(), Refusal> {
        self.seat(with)?;
        for one in [modem, with] {
            if !self.seats[one].modem.is_plugged() {
                return Err(Refusal::NotPlugged { modem: one });
            }
        }
        for one in [modem, with] {
            self.vanish(now, one, Some(for_ms));
        }
        self.wiring.swap(modem, with);
        Ok(())
    }

    /// The SIM of `modem`, with its number and what it has to send, is in `to` from now on.
    pub(super) fn move_card(
        &mut self,
        now: Moment,
        modem: usize,
        to: usize,
    ) -> Result<(), Refusal> {
        self.seat(to)?;
        let Ok([from, into]) = self.seats.get_disjoint_mut([modem, to]) else {
            // Out of its holder and back into it.
            return Ok(());
        };
        from.modem.trade_cards(now, &mut into.modem);
        self.network.trade_numbers(modem, to);
        self.offer(now, to);
        Ok(())
    }

    pub(super) fn occupy(&mut self, modem: usize, on: bool) {
        let port = self.wiring.port_of(modem);
        self.outbox.push_back(Output::Busy { port, on });
    }
}
