//! **Radio**: registration, signal, technology and operator, as a modem tells them.

use std::time::{Duration, Instant};

use super::{Answer, CardState, Failure, Modem, choice, line};
use crate::moment::Moment;
use crate::personality::{RegistrationForm, Technology};
use crate::syntax::{Form, values};

#[derive(Debug)]
pub(super) struct Radio {
    /// `<stat>` by order; `None` is home.
    pub(super) ordered: Option<u8>,
    /// What becomes of it behind so many more sends.
    pub(super) behind_sends: Option<(u32, u8)>,
    /// By the host's order; `None` is the personality's own.
    pub(super) technology: Option<Technology>,
    pub(super) signal: Signal,
    /// The state that was last told.
    pub(super) told: u8,
}

/// What `+CSQ` says, and where it is going.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    pub(super) rssi: u8,
    pub(super) ber: u8,
    pub(super) fade: Option<Fade>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Fade {
    pub(super) from: Instant,
    pub(super) over: Duration,
    pub(super) to: u8,
}

impl Radio {
    pub(super) fn new() -> Self {
        Self {
            ordered: None,
            behind_sends: None,
            technology: None,
            signal: Signal {
                rssi: 20,
                ber: 99,
                fade: None,
            },
            told: 1,
        }
    }
}

impl Signal {
    /// Evenly from one to the other; nothing has to happen meanwhile.
    fn rssi(&self, now: Moment) -> u8 {
        let Some(fade) = self.fade else {
            return self.rssi;
        };
        let over = fade.over.as_millis().max(1);
        let gone = now.instant.saturating_duration_since(fade.from).as_millis();
        let (from, to) = (i128::from(self.rssi), i128::from(fade.to));
        let way = (to - from) * gone.min(over) as i128 / over as i128;
        u8::try_from(from + way).unwrap_or(99)
    }
}

impl Modem {
    pub(super) fn technology(&self) -> Technology {
        self.radio
            .technology
            .unwrap_or(self.traits.radio.technology)
    }

    pub(super) fn is_registered(&self, now: Moment) -> bool {
        matches!(self.state(now), 1 | 5 | 6 | 7 | 9 | 10)
    }

    /// `<stat>` of 27.007 §7.2.
    fn state(&self, now: Moment) -> u8 {
        if self.setup.functionality != 1 || self.card.state(now) != CardState::Ready {
            return 0;
        }
        if self.script.is_denied() {
            return 3;
        }
        self.radio.ordered.unwrap_or(1)
    }

    /// Says that the registration has changed, to a host that wants to know.
    pub(super) fn tell_registration(&mut self, now: Moment) {
        let state = self.state(now);
        if self.radio.told == state {
            return;
        }
        self.radio.told = state;
        for (domain, name) in ["+CREG", "+CGREG", "+CEREG"].into_iter().enumerate() {
            let level = self.setup.registration[domain];
            if level > 0 && !self.traits.refuses(name) {
                let told = self.registration_report(now, level);
                self.announce(now, format!("{name}: {told}"));
            }
        }
    }

    /// After a restart nobody wants to know yet.
    pub(super) fn forget_told_registration(&mut self, now: Moment) {
        self.radio.told = self.state(now);
    }

    pub(super) fn cover(&mut self, now: Moment, state: Option<u8>) {
        self.radio.ordered = state;
        self.tell_registration(now);
    }

    /// A send is over.
    pub(super) fn count_send_for_registration(&mut self, now: Moment) {
        if let Some((left, state)) = self.radio.behind_sends {
            let left = left.saturating_sub(1);
            self.radio.behind_sends = (left > 0).then_some((left, state));
            if left == 0 {
                self.radio.ordered = Some(state);
            }
        }
        self.tell_registration(now);
    }

    fn registration_report(&self, now: Moment, level: u8) -> String {
        let state = self.state(now);
        if level < 2 || !self.is_registered(now) {
            return state.to_string();
        }
        match self.traits.radio.form {
            RegistrationForm::Unquoted => format!("{state},{AREA},{CELL}"),
            _ => format!(
                "{state},\"{AREA}\",\"{CELL}\",{}",
                self.technology().number()
            ),
        }
    }

    pub(super) fn registration(
        &mut self,
        now: Moment,
        domain: usize,
        name: &str,
        form: &Form<'_>,
    ) -> Answer {
        let level = self.setup.registration[domain];
        match form {
            Form::Read => self.registration_answer(now, name, level),
            Form::Write(_) => {
                let answer = choice(name, form, level, 2, |level| {
                    self.setup.registration[domain] = level;
                });
                let level = self.setup.registration[domain];
                match (answer, self.traits.radio.urc_after_ok && level > 0) {
                    (Answer::Ok, true) => {
                        let told = self.registration_report(now, level);
                        Answer::OkAndThen(format!("{name}: {told}"))
                    }
                    (answer, _) => answer,
                }
            }
            _ => choice(name, form, level, 2, |_| {}),
        }
    }

    fn registration_answer(&self, now: Moment, name: &str, level: u8) -> Answer {
        let state = self.state(now);
        match self.traits.radio.form {
            RegistrationForm::Standard | RegistrationForm::Unquoted => line(&format!(
                "{name}: {level},{}",
                self.registration_report(now, level)
            )),
            RegistrationForm::ZeroPadded => line(&format!(
                "{name}:{level:03},{state:03},\"{}\",\"ffff\"",
                AREA.to_lowercase()
            )),
            RegistrationForm::EmptyState => line(&format!("{name}: {level},,")),
            RegistrationForm::EmptyArea => line(&format!("{name}: {level},{state},\"\",\"605F\"")),
            RegistrationForm::UnbalancedQuotes => {
                line(&format!("{name}: {level},{state},\"0B,\"0100701\",7"))
            }
            RegistrationForm::BareOk => Answer::Ok,
        }
    }

    pub(super) fn signal(&self, now: Moment, form: &Form<'_>) -> Answer {
        let signal = &self.radio.signal;
        match form {
            Form::Test => line("+CSQ: (0-31,99),(0-7,99)"),
            Form::Run if self.is_registered(now) => {
                line(&format!("+CSQ: {},{}", signal.rssi(now), signal.ber))
            }
            Form::Run => line("+CSQ: 99,99"),
            _ => Answer::Failed(Failure::Unknown),
        }
    }

    pub(super) fn operator(&mut self, now: Moment, form: &Form<'_>) -> Answer {
        let operator = &self.traits.radio.operator;
        let technology = self.technology().number();
        match form {
            Form::Read if !self.is_registered(now) => line("+COPS: 0"),
            Form::Read => {
                let format = self.setup.operator_format;
                let name = match format {
                    0 => &operator.long_name,
                    1 => &operator.short_name,
                    _ => &operator.code,
                };
                line(&format!("+COPS: 0,{format},\"{name}\",{technology}"))
            }
            Form::Test => line(&format!(
                "+COPS: (2,\"{}\",\"{}\",\"{}\",{technology}),,(0-4),(0-2)",
                operator.long_name, operator.short_name, operator.code
            )),
            Form::Write(written) => match values(written)[..] {
                ["3", format @ ("0" | "1" | "2")] => {
                    self.setup.operator_format = format.parse().unwrap_or(0);
                    Answer::Ok
                }
                ["0" | "1" | "2", ..] => Answer::Ok,
                _ => Answer::Failed(Failure::Cme(3)),
            },
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }
}

const AREA: &str = "18D8";
const CELL: &str = "0B88E350";
