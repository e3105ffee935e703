//! A modem's messages to the rest of the house: its status as it is published, and its events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::domain::{Clock, FleetView, ModemName, ModemState, ModemStatus, Network, UnixMillis};
use crate::modem::actor;
use crate::modem::finder::hold::Hold;
use crate::modem::inquiry::Inquiry;
use crate::modem::question::{Question, Reply};
use crate::modem::recorder::Recorder;
use crate::modem::ussd::Asker;
use crate::modem::{
    Control, FleetEvent, Lock, ModemEvent, PinMemory, PinWord, RecoveryOutcome, RecoveryStep, Rung,
};

#[derive(Debug)]
pub(in crate::modem) struct Outlet {
    modem: ModemName,
    view: Arc<watch::Sender<FleetView>>,
    events: mpsc::Sender<FleetEvent>,
    pins: PinMemory,
    clock: Clock,
    /// As it is; a pause hides its state.
    actual: ModemStatus,
    is_paused: bool,
    recorder: Recorder,
    /// Who waits for an answer.
    askers: HashMap<Asker, oneshot::Sender<Reply>>,
    next_asker: Asker,
    /// The port at which it was found, while that is open.
    hold: Option<Hold>,
}

/// A house that cannot remember within this time does not say yes.
const MEMORY_PATIENCE: Duration = Duration::from_secs(10);

impl Outlet {
    pub(super) fn new(
        actual: ModemStatus,
        view: Arc<watch::Sender<FleetView>>,
        events: mpsc::Sender<FleetEvent>,
        pins: PinMemory,
        clock: Clock,
    ) -> Self {
        Self {
            modem: actual.name.clone(),
            view,
            events,
            pins,
            clock,
            actual,
            is_paused: false,
            recorder: Recorder::new(actor::now()),
            askers: HashMap::new(),
            next_asker: 0,
            hold: None,
        }
    }

    pub(super) fn modem(&self) -> &ModemName {
        &self.modem
    }

    /// `None`: the port is closed.
    pub(super) fn hold(&mut self, hold: Option<Hold>) {
        self.hold = hold;
    }

    /// A port was opened: its conversation begins.
    pub(super) fn begin_recording(&mut self) {
        self.recorder = Recorder::new(actor::now());
    }

    /// The conversation so far, and the time.
    pub(super) fn recording(&mut self, why: &str) -> (String, UnixMillis) {
        let at = (self.clock)();
        (
            self.recorder
                .text(&format!("{at}, modem {}: {why}", self.modem)),
            at,
        )
    }

    pub(in crate::modem) fn wrote(&mut self, octets: &[u8]) {
        self.recorder.wrote(actor::now(), octets);
    }

    pub(in crate::modem) fn heard(&mut self, octets: &[u8]) {
        self.recorder.heard(actor::now(), octets);
    }

    /// Publishes `status`; the time of its state is kept as long as the state is.
    pub(in crate::modem) fn status(&mut self, mut status: ModemStatus) {
        status.recoveries = self.actual.recoveries;
        if self.actual.state != status.state {
            self.log(&status);
        }
        if let Some(hold) = &self.hold {
            hold.sees(&status);
        }
        self.actual = status;
        self.publish();
    }

    pub(in crate::modem) async fn event(&mut self, event: ModemEvent) {
        if let ModemEvent::Recovery(step) = &event {
            self.note_recovery(step);
        }
        let modem = self.modem.clone();
        // An error means that dispatch has ended before the modems: nobody is left to be told.
        let _ = self.events.send(FleetEvent { modem, event }).await;
    }

    /// Whether this PIN may be entered into this SIM.
    pub(in crate::modem) async fn claims(&self, lock: Lock) -> bool {
        let asking = self.pins.ask(PinWord::Claim(lock));
        let may = tokio::time::timeout(MEMORY_PATIENCE, asking).await;
        may.unwrap_or(false)
    }

    pub(in crate::modem) async fn opened(&self, lock: Lock) {
        let telling = self.pins.ask(PinWord::Opened(lock));
        if tokio::time::timeout(MEMORY_PATIENCE, telling)
            .await
            .is_err()
        {
            warn!(modem = %self.modem, "that the PIN is right could not be remembered");
        }
    }

    /// Keeps whom to tell; answers the number that the session answers by.
    pub(in crate::modem) fn asked(&mut self, inquiry: Inquiry) -> (Asker, Question) {
        let (question, answer) = inquiry.apart();
        self.next_asker += 1;
        self.askers.insert(self.next_asker, answer);
        (self.next_asker, question)
    }

    /// Whoever asked may have left.
    pub(in crate::modem) fn tell(&mut self, asker: Asker, reply: Reply) {
        if let Some(answer) = self.askers.remove(&asker) {
            let _ = answer.send(reply);
        }
    }

    pub(super) fn state(&self) -> ModemState {
        self.actual.state
    }

    /// What a person wants; a restart is the session's business.
    pub(in crate::modem) fn control(&mut self, control: Control) {
        match control {
            Control::Pause => self.is_paused = true,
            Control::Resume => self.is_paused = false,
            Control::Restart => return,
        }
        info!(modem = %self.modem, paused = self.is_paused, "modem");
        self.publish();
    }

    /// The state of a modem without a session.
    pub(super) fn away(&mut self, state: ModemState, error: Option<String>) {
        let mut status = self.actual.clone();
        status.state = state;
        status.last_error = error;
        status.network = Network::None;
        status.operator = None;
        status.tech = None;
        status.signal_dbm = None;
        self.status(status);
    }

    fn publish(&self) {
        let mut status = self.actual.clone();
        if self.is_paused {
            status.state = ModemState::Paused;
        }
        self.view.send_if_modified(|view| {
            let mut modems = view.to_vec();
            // It was let go: nobody wants to know any more.
            let Some(shown) = modems.iter_mut().find(|one| one.name == self.modem) else {
                return false;
            };
            status.since = match shown.state == status.state {
                true => shown.since,
                false => (self.clock)(),
            };
            *shown = status;
            *view = modems.into();
            true
        });
    }

    fn note_recovery(&mut self, step: &RecoveryStep) {
        let at = Rung::ALL
            .iter()
            .position(|rung| *rung == step.rung)
            .unwrap_or(0);
        if step.outcome == RecoveryOutcome::Begun {
            self.actual.recoveries[at] += 1;
            self.publish();
        }
        let (modem, rung, outcome) = (&self.modem, step.rung.as_str(), step.outcome.as_str());
        let times = self.actual.recoveries[at];
        warn!(%modem, rung, outcome, times, why = step.why, "recovery");
    }

    fn log(&self, status: &ModemStatus) {
        let (modem, state) = (&self.modem, status.state.as_str());
        match &status.last_error {
            Some(error) => warn!(%modem, port = status.device, state, error, "modem"),
            None => info!(%modem, port = status.device, state, "modem"),
        }
    }
}
