//! **Orders**: what a fault changes in the modem itself: its traits, its SIM, or what happens to it now.
//!
//! What concerns its sends and answers is the script's; ports, parts and clocks are the world's.

use std::time::Duration;

use super::card::Lock;
use super::radio::{Fade, Radio, Signal};
use super::{LONGEST_LINE, Later, Modem, Phase, Silence};
use crate::fault::Fault;
use crate::moment::Moment;
use crate::personality::{Announced, Flood, Prompt, Slow};
use crate::submission::Entry;

impl Modem {
    pub(crate) fn order(&mut self, now: Moment, fault: &Fault) {
        self.script.order(fault);
        self.mouth.order(fault);
        self.order_of_traits(fault);
        self.order_of_stores(now, fault);
        self.order_of_card(now, fault);
        self.order_of_radio(now, fault);
        self.order_of_events(now, fault);
        self.tell_registration(now);
    }

    fn order_of_traits(&mut self, fault: &Fault) {
        let speech = &mut self.traits.speech;
        match fault {
            Fault::Echo { on } => (speech.echo, self.setup.echo) = (*on, *on),
            Fault::NumericResults { on } => (speech.verbose, self.setup.verbose) = (!on, !on),
            Fault::BarePrompt { on } => {
                speech.prompt = if *on { Prompt::Bare } else { Prompt::Standard };
            }
            Fault::EchoPdu { on } => speech.echoes_pdu = *on,
            Fault::EscapeAnswer { answer } => speech.escape = *answer,
            Fault::ErrorsInWords { on } => speech.always_words = *on,
            Fault::UnknownCommand { text } => speech.unknown.clone_from(text),
            Fault::LineEnds { style } => speech.line_ends = *style,
            Fault::SlowCommands { names, ms } => speech.slow.push(Slow {
                names: names.clone(),
                ms: *ms,
            }),
            Fault::BusyAfterCfun { code, for_ms } => {
                (self.traits.boot.busy, self.traits.boot.busy_ms) = (*code, *for_ms);
            }
            Fault::ResetDropsPort { for_ms } => self.traits.boot.reset_gone_ms = *for_ms,
            Fault::CpinWithoutOk { on } => self.traits.card.cpin_without_ok = *on,
            Fault::AtzRefusedBeforePin { on } => self.traits.card.refuses_atz_locked = *on,
            Fault::CsmpClearsServiceCentre { on } => self.traits.card.csmp_clears_centre = *on,
            Fault::CmmsRefused { code, on } => {
                self.traits.sending.cmms_refused = on.then_some(*code);
            }
            Fault::CnmiRefuses {
                mode,
                mt,
                bm,
                ds,
                bfr,
            } => {
                let born = self.born.notices.allowed.clone();
                let lists = born.into_iter().zip([mode, mt, bm, ds, bfr]);
                let lists = lists.map(|(allowed, refused)| {
                    let kept = allowed.into_iter().filter(|value| !refused.contains(value));
                    kept.collect::<Vec<u8>>()
                });
                for (allowed, kept) in self.traits.notices.allowed.iter_mut().zip(lists) {
                    *allowed = kept;
                }
            }
            Fault::CnmaTimeout { ms } => self.traits.notices.cnma_timeout_ms = *ms,
            Fault::ReportComma { on } => self.traits.notices.report_comma = *on,
            Fault::Ussd { form, text } => {
                self.traits.ussd.form = *form;
                self.traits.ussd.refused = false;
                self.traits.ussd.text.clone_from(text);
            }
            _ => {}
        }
    }

    fn order_of_stores(&mut self, now: Moment, fault: &Fault) {
        let stores = &mut self.traits.stores;
        match fault {
            Fault::ReportStore {
                announced,
                index,
                unreadable,
            } => {
                stores.reports_unreadable = *unreadable;
                stores.reports_announced = announced.clone().map(|store| Announced {
                    store,
                    index: *index,
                });
            }
            Fault::StoresTextsIn { store } => stores.texts_in = Some(store.clone()),
            Fault::CpmsForms { values } => stores.values.clone_from(values),
            Fault::CpmsEmpty { on: true } => stores.memories = Default::default(),
            Fault::CpmsEmpty { on: false } => {
                stores.memories.clone_from(&self.born.stores.memories);
            }
            Fault::CpmsLies { used } => stores.used = Some(*used),
            Fault::ReadForm { form } => stores.read_form = *form,
            Fault::EmptySlot { answer } => stores.empty_slot = *answer,
            Fault::AnnounceEmpty { store, index } => {
                self.announce(now, format!("+CMTI: \"{store}\",{index}"));
            }
            Fault::StorageFull { on: true } => self.tell_full(now),
            Fault::StorageFull { on: false } => self.told_full = false,
            Fault::NextReference { value } => self.reference = *value,
            _ => {}
        }
    }

    fn order_of_card(&mut self, now: Moment, fault: &Fault) {
        match fault {
            Fault::SimLock {
                pin,
                puk,
                pin_tries,
                puk_tries,
            } => {
                self.card.lock = Some(Lock {
                    pin: pin.clone(),
                    puk: puk.clone(),
                    pin_tries: *pin_tries,
                    puk_tries: *puk_tries,
                    open: false,
                });
                self.tell_registration(now);
            }
            Fault::SimAbsent { on } => self.insert_card(now, !on),
            Fault::SimFailure { for_ms } => self.fail_card(now, *for_ms),
            Fault::NoServiceCentre => self.service_centre.clear(),
            Fault::SmsNotReady { for_ms } => {
                if self.traits.boot.sms_ready.is_empty() {
                    self.traits.boot.sms_ready = vec!["Call Ready".into(), "SMS Ready".into()];
                }
                self.texts_wait(now, *for_ms);
            }
            _ => {}
        }
    }

    fn order_of_radio(&mut self, now: Moment, fault: &Fault) {
        match *fault {
            Fault::RegistrationForm { form } => self.traits.radio.form = form,
            Fault::Registration {
                state,
                after_sends: Some(sends),
            } if sends > 0 => self.radio.behind_sends = Some((sends, state)),
            Fault::Registration { state, .. } => self.cover(now, Some(state)),
            Fault::Unregistered { on: true } => self.cover(now, Some(2)),
            Fault::Unregistered { on: false } => self.cover(now, None),
            Fault::LteRefuses { code, on } => {
                self.traits.radio.lte_refuses = on.then_some(code);
            }
            Fault::Signal {
                rssi,
                ber,
                fade_to,
                over_ms,
            } => {
                let fade = fade_to.map(|to| Fade {
                    from: now.instant,
                    over: Duration::from_millis(over_ms),
                    to,
                });
                self.radio.signal = Signal { rssi, ber, fade };
            }
            _ => {}
        }
    }

    fn order_of_events(&mut self, now: Moment, fault: &Fault) {
        match fault {
            Fault::Silence { for_ms } => self.be_silent(now, *for_ms),
            Fault::SilenceEnds => self.silence = None,
            Fault::Urc { text } if text.len() <= LONGEST_LINE => self.announce(now, text.clone()),
            Fault::Garbage { hex } => self.say(now, from_hex(hex)),
            Fault::StuckInPrompt => self.phase = Phase::Entry(Entry::new(0, now.mono_ns)),
            Fault::Boot { lines } => {
                self.restart(now);
                self.come_up(now, lines.as_deref());
            }
            Fault::UrcFlood {
                text,
                every_ms,
                until,
            } => {
                self.flood = Some(Flood {
                    text: text.clone(),
                    every_ms: (*every_ms).max(1),
                    until: until.clone(),
                });
                self.be_chatty(now, self.is_chatty);
            }
            Fault::ForeignHost {
                text,
                every_ms,
                times,
            } => {
                let (text, every_ms, left) = (text.clone(), *every_ms, *times);
                let typing = Later::ForeignHost {
                    text,
                    every_ms,
                    left,
                };
                self.later(now, every_ms, typing);
            }
            Fault::RebootsItself { every_ms, gone_ms } => {
                let (every_ms, gone_ms) = ((*every_ms).max(1), *gone_ms);
                self.later(now, every_ms, Later::Reboot { every_ms, gone_ms });
            }
            Fault::Clear => self.clear(now),
            _ => {}
        }
    }

    pub(super) fn be_silent(&mut self, now: Moment, for_ms: Option<u64>) {
        let span = for_ms.map(Duration::from_millis);
        self.silence = Some(Silence {
            until: span.and_then(|span| now.instant.checked_add(span)),
        });
        self.line.clear();
        self.input.clear();
    }

    /// As it was made; what the host has set stays.
    fn clear(&mut self, now: Moment) {
        self.silence = None;
        self.traits = self.born.clone();
        self.told_full = false;
        self.sms_ready_at = None;
        self.flood = None;
        self.timeline.extract(|what| {
            matches!(
                what,
                Later::ForeignHost { .. } | Later::Reboot { .. } | Later::Flood
            )
        });
        self.card.mend();
        self.insert_card(now, true);
        if self.service_centre.is_empty() {
            self.service_centre
                .clone_from(&self.born.card.service_centre);
        }
        let told = self.radio.told;
        self.radio = Radio {
            told,
            technology: self.radio.technology,
            ..Radio::new()
        };
        self.tell_registration(now);
    }
}

/// Octets of an even number of hex digits; what is none is left out.
fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .take(2 * LONGEST_LINE)
        .collect();
    let pairs = digits.chunks_exact(2);
    pairs.map(|pair| pair[0] * 16 + pair[1]).collect()
}
