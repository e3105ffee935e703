//! **Requests**: what is asked of a world through the control socket or in memory, and by a scenario.

use std::time::Duration;

use serde_json::{Value, json};

use super::World;
use crate::fault::Fault;
use crate::mobile::MobileText;
use crate::moment::Moment;
use crate::scenario::Step;
use crate::verbs::{Refusal, Request};

impl World {
    /// Follows a request. What a handset answers and what is counted comes back as JSON.
    pub(crate) fn obey(&mut self, now: Moment, request: &Request) -> Result<Value, Refusal> {
        let answer = match request {
            Request::Handset { number } => json!({ "texts": self.network.texts(number) }),
            Request::Times { number, text } => {
                json!({ "times": self.network.handsets().times(number, text) })
            }
            Request::Totals => json!({ "totals": self.network.handsets().totals() }),
            Request::Waiting { modem } => {
                self.seat(*modem)?;
                let waiting = self.network.line(*modem).map(|line| line.waiting());
                let (texts, reports) = waiting.unwrap_or_default();
                json!({ "texts": texts, "reports": reports })
            }
            Request::Slots { modem, from } => {
                let (notes, next) = self.seat(*modem)?.modem.diary.from(*from);
                json!({ "notes": notes, "next": next })
            }
            Request::Reply {
                number,
                text,
                modem,
            } => self.reply(now, number, text, *modem)?,
            Request::Deliver { modem, texts } => self.deliver(now, *modem, texts)?,
            Request::Fault { modem, fault } => self.fault(now, *modem, fault)?,
            Request::Unplug { modem, for_ms } => self.unplug(now, *modem, *for_ms)?,
            Request::Plug { modem } => {
                if self.seat(*modem)?.modem.is_plugged() {
                    return Err(Refusal::AlreadyPlugged { modem: *modem });
                }
                self.plug(now, *modem);
                self.offer(now, *modem);
                json!({})
            }
            Request::Stats => json!({ "modems": self.stats() }),
            Request::Network { .. } => self.change_network(request),
            // Answered at the edge, where the ledger and the waiting are.
            Request::Ledger { .. } | Request::WaitAccepted { .. } => json!({}),
        };
        self.settle(now);
        Ok(answer)
    }

    fn reply(
        &mut self,
        now: Moment,
        number: &str,
        text: &str,
        modem: Option<usize>,
    ) -> Result<Value, Refusal> {
        let text = MobileText::new(number, text);
        text.check()?;
        let modem = modem
            .or_else(|| self.network.last_sender(number))
            .unwrap_or(0);
        self.deliver(now, modem, std::slice::from_ref(&text))?;
        Ok(json!({ "modem": modem }))
    }

    /// All of them are posted, or those before the first that cannot be.
    fn deliver(
        &mut self,
        now: Moment,
        modem: usize,
        texts: &[MobileText],
    ) -> Result<Value, Refusal> {
        self.seat(modem)?;
        for text in texts {
            text.check()?;
            if !self.network.post(now, modem, text) {
                return Err(Refusal::TooManyWaiting { modem });
            }
        }
        Ok(json!({ "delivered": texts.len() }))
    }

    fn fault(&mut self, now: Moment, modem: usize, fault: &Fault) -> Result<Value, Refusal> {
        self.seat(modem)?;
        match *fault {
            Fault::Reenumeration {
                for_ms,
                in_flight: false,
            } => drop(self.unplug(now, modem, Some(for_ms))?),
            Fault::BrownOut { for_ms } => self.brown_out(now, for_ms),
            Fault::SwapPorts { with, for_ms } => self.swap(now, modem, with, for_ms)?,
            Fault::PortBusy { on } => self.occupy(modem, on),
            Fault::SimMoves { to } => self.move_card(now, modem, to)?,
            _ => {
                self.seat(modem)?.modem.order(now, fault);
                self.network.order(now, modem, fault);
            }
        }
        if *fault == Fault::Clear {
            self.occupy(modem, false);
        }
        self.offer(now, modem);
        Ok(json!({ "fault": fault.name() }))
    }

    /// What the scenario has come to. An order for a modem that cannot follow it now falls flat, as in life.
    pub(super) fn perform(&mut self, now: Moment, modem: usize, step: Step) {
        let done = match &step {
            Step::Fault(fault) => self.fault(now, modem, fault).map(drop),
            Step::Deliver(texts) => self.deliver(now, modem, texts).map(drop),
        };
        if let Err(refusal) = done {
            tracing::debug!(%refusal, modem, "a step of the scenario could not be taken");
        }
        self.settle(now);
    }

    fn change_network(&mut self, request: &Request) -> Value {
        let settings = self.network.settings();
        if let Request::Network {
            latency_ms,
            prompt_ms,
            report_after_ms,
            report_status,
        } = request
        {
            let given = [
                (&mut settings.latency, latency_ms),
                (&mut settings.prompt, prompt_ms),
                (&mut settings.report_after, report_after_ms),
            ];
            for (setting, wanted) in given {
                if let Some(ms) = wanted {
                    *setting = Duration::from_millis(*ms);
                }
            }
            settings.report_status = report_status.unwrap_or(settings.report_status);
        }
        for seat in &mut self.seats {
            seat.modem.prompt_latency = settings.prompt;
        }
        json!({
            "latency_ms": settings.latency.as_millis() as u64,
            "prompt_ms": settings.prompt.as_millis() as u64,
            "report_after_ms": settings.report_after.as_millis() as u64,
            "report_status": settings.report_status,
        })
    }
}
