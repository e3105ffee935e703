//! **USSD**: `+CUSD`, and the shapes in which makers give the network's answer.

use super::{Answer, Failure, Later, Modem, line};
use crate::alphabet::{pack, utf_16_hex};
use crate::encode::hex;
use crate::moment::Moment;
use crate::personality::UssdForm;
use crate::syntax::{Form, values};

impl Modem {
    pub(super) fn ussd(&mut self, now: Moment, form: &Form<'_>) -> Answer {
        let written = match form {
            Form::Test => return line("+CUSD: (0-2)"),
            Form::Read => return line("+CUSD: 1"),
            Form::Run => return Answer::Failed(Failure::Unknown),
            Form::Write(written) => values(written),
        };
        match written[..] {
            ["1", request, ..] => self.ask_network(now, request),
            // Without a string it turns reporting on or off; 2 ends a session.
            ["0" | "1" | "2", ..] => Answer::Ok,
            _ => Answer::Failed(Failure::Cme(3)),
        }
    }

    fn ask_network(&mut self, now: Moment, request: &str) -> Answer {
        let traits = &self.traits.ussd;
        if traits.refused {
            return Answer::Failed(Failure::Plain);
        }
        if traits.form == UssdForm::Refused || !self.is_registered(now) {
            return Answer::Failed(Failure::Cme(30));
        }
        let wants_hex = traits.form == UssdForm::Packed || self.setup.cscs == "UCS2";
        if wants_hex && !is_hex(request) {
            return Answer::Failed(Failure::Cme(50));
        }
        let balance = match self.script.has_credit() {
            true => "Balance 3.00",
            false => "Balance 0.00",
        };
        let text = traits.text.clone().unwrap_or_else(|| balance.to_owned());
        let (form, after_ms) = (traits.form, traits.after_ms);
        match form {
            UssdForm::LateError => self.later(now, after_ms, Later::UssdFails),
            UssdForm::TimedOut => {
                self.later(now, ONE_MINUTE_MS, Later::Unasked("+CUSD: 5".into()));
            }
            _ => {
                let reply = worded(form, &text, self.setup.cscs == "UCS2");
                self.later(now, after_ms, Later::Unasked(format!("+CUSD: {reply}")));
            }
        }
        if form == UssdForm::Session {
            // One question: what is said next ends the session.
            self.traits.ussd.form = UssdForm::Text;
        }
        Answer::Ok
    }
}

fn worded(form: UssdForm, text: &str, ucs2: bool) -> String {
    match form {
        UssdForm::Bare => format!("0,\"{text}\""),
        UssdForm::Packed => format!("0,\"{}\",15", packed(text)),
        UssdForm::Ucs2 => format!("0,\"{}\",72", utf_16_hex(text)),
        UssdForm::GarbageTail => format!("0,\"{}FFFFEEEE\",17", utf_16_hex(text)),
        UssdForm::Session => format!("1,\"{text}\",15"),
        UssdForm::Ended => "2".into(),
        // Quectel M35: the data coding scheme says nothing of the character set that was asked for.
        UssdForm::Text if ucs2 => format!("0,\"{}\",15", utf_16_hex(text)),
        UssdForm::Text | UssdForm::TimedOut | UssdForm::LateError | UssdForm::Refused => {
            format!("0,\"{text}\",15")
        }
    }
}

/// 23.038 §6.1.2.3.1: where seven bits are left over, they hold a CR, lest an @ be read there.
fn packed(text: &str) -> String {
    let septets = crate::alphabet::septets(text).unwrap_or_default();
    let mut septets: Vec<u8> = septets.concat();
    if septets.len() % 8 == 7 {
        septets.push(0x0D);
    }
    hex(&pack(&septets, 0))
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

const ONE_MINUTE_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_septets_are_those_of_the_makers_documents() {
        assert_eq!(packed("*100#"), "AA180C3602");
    }
}
