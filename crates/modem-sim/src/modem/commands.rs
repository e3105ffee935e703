//! **Commands**: what a modem answers to each command but `+CMGS`, which opens the prompt.
//!
//! First the maker's own commands, as the personality lists them; then one flat table of the standard's. A name
//! that is in neither is answered as this make answers what it does not know.

use super::{Answer, CardState, Failure, Later, Modem, Output, choice, line};
use crate::moment::Moment;
use crate::personality::{Effect, Technology};
use crate::syntax::{Command, Form, values};

impl Modem {
    pub(super) fn answer_to(&mut self, now: Moment, command: &Command<'_>) -> Answer {
        match command {
            Command::Basic { name, value } => self.answer_to_basic(now, name, *value),
            Command::Extended { name, form } => {
                if let Some(answer) = self.answer_of_its_own(now, name, form) {
                    return answer;
                }
                if self.traits.refuses(name) {
                    return Answer::Failed(Failure::Unknown);
                }
                match self.hindrance(now, name) {
                    Some(hindrance) => Answer::Failed(hindrance),
                    None => self.answer_to_extended(now, name, form),
                }
            }
        }
    }

    fn answer_to_basic(&mut self, now: Moment, name: &str, value: u32) -> Answer {
        match (name, value) {
            ("E", 0 | 1) => self.setup.echo = value == 1,
            ("V", 0 | 1) => self.setup.verbose = value == 1,
            ("Z", _) if self.refuses_atz(now) => return Answer::Failed(Failure::Plain),
            ("Z", _) | ("&F", 0) => self.setup.reset_line(&self.traits),
            ("I", _) => return Answer::Lines(self.information(now)),
            ("Q", 0) | ("H" | "S" | "X" | "L" | "M" | "&C" | "&D" | "&W", _) => {}
            _ => return Answer::Failed(Failure::Unknown),
        }
        Answer::Ok
    }

    /// Qualcomm: the SIM's lock comes before everything.
    fn refuses_atz(&self, now: Moment) -> bool {
        self.traits.card.refuses_atz_locked && self.card.state(now) == CardState::Pin
    }

    fn information(&self, now: Moment) -> String {
        let make = &self.traits.make;
        if !make.information.is_empty() {
            let lines = make.information.iter();
            let lines: Vec<String> = lines.map(|line| self.filled_in(now, line)).collect();
            return lines.join("\r\n");
        }
        format!(
            "Manufacturer: {}\r\nModel: {}\r\nRevision: {}\r\nIMEI: {}",
            make.manufacturer, make.model, make.revision, self.identity.imei
        )
    }

    fn answer_of_its_own(&mut self, now: Moment, name: &str, form: &Form<'_>) -> Option<Answer> {
        let written = format!("{name}{}", form.written());
        let command = self.traits.own_command(&written)?.clone();
        let answer = match (command.does, &command.says, &command.unasked) {
            (Effect::Reset, ..) => self.reset(now),
            (_, Some(says), _) => Answer::Lines(self.filled_in(now, says)),
            (_, None, Some(unasked)) => Answer::OkAndThen(unasked.clone()),
            (_, None, None) => Answer::Ok,
        };
        self.take_effect(now, command.does);
        Some(answer)
    }

    fn take_effect(&mut self, now: Moment, effect: Effect) {
        match effect {
            Effect::None | Effect::Reset => {}
            Effect::Quiet => self.be_chatty(now, false),
            Effect::Chatty => self.be_chatty(now, true),
            Effect::Gsm => self.radio.technology = Some(Technology::Gsm),
            Effect::Umts => self.radio.technology = Some(Technology::Umts),
            Effect::AnyRadio => self.radio.technology = None,
            Effect::UssdOn => self.traits.ussd.refused = false,
            Effect::UssdOff => self.traits.ussd.refused = true,
            Effect::PowerOff => self.outbox.push_back(Output::PowerOff),
        }
    }

    fn answer_to_extended(&mut self, now: Moment, name: &str, form: &Form<'_>) -> Answer {
        use Form::{Read, Run, Test, Write};
        match (name, form) {
            ("+CGMI" | "+GMI", Run) => line(&self.traits.make.manufacturer),
            ("+CGMM" | "+GMM", Run) => line(&self.traits.make.model),
            ("+CGMR" | "+GMR", Run) if !self.traits.make.revision.is_empty() => {
                line(&self.traits.make.revision)
            }
            ("+CGSN" | "+GSN", Run) => line(&self.identity.imei),
            ("+CIMI", Run) => line(&self.identity.imsi),
            ("+CNUM", Run) => line(&format!("+CNUM: \"\",\"{}\",145", self.identity.number)),
            ("+GCAP", Run) => line("+GCAP: +CGSM"),
            ("+CRSM", Write(written)) => self.read_record(now, written),
            ("+CPIN", _) => self.pin(now, form),
            ("+CPINR", Run | Write(_)) => self.pin_tries(),
            ("+CMEE", _) => self.cmee(form),
            ("+CFUN", _) => self.functionality(now, form),
            ("+CREG", _) => self.registration(now, 0, name, form),
            ("+CGREG", _) => self.registration(now, 1, name, form),
            ("+CEREG", _) => self.registration(now, 2, name, form),
            ("+COPS", _) => self.operator(now, form),
            ("+CSQ", _) => self.signal(now, form),
            ("+CSCS", _) => self.character_set(form),
            ("+CUSD", _) => self.ussd(now, form),
            ("+CLIP", _) => {
                let told = self.setup.clip;
                choice(name, form, told, 1, |clip| self.setup.clip = clip)
            }
            ("+CMGF", _) => self.format(form),
            ("+CSMS", _) => self.service(form),
            ("+CPMS", _) => self.stores(form),
            ("+CNMI", _) => self.notices(form),
            ("+CSCA", _) => self.service_centre(form),
            ("+CSMP", Test | Read | Write(_)) => self.text_parameters(form),
            ("+CSDH", _) => self.header_shown(form),
            ("+CMMS", _) => self.more_messages(form),
            ("+CMGL", _) => self.list(now, form),
            ("+CMGR", Write(slot)) => self.show(now, slot),
            ("+CMGD", _) => self.delete(now, form),
            ("+CNMA", Run) => self.acknowledge(""),
            ("+CNMA", Write(written)) => self.acknowledge(written),
            ("+CNMA", Test) => line("+CNMA: (0-2)"),
            ("+CMGS" | "+CMGR", Test) => Answer::Ok,
            ("+CEER", Run) => line("+CEER: 0,0"),
            ("+CPAS", _) => self.activity(form),
            ("+CBC", _) => self.battery(form),
            ("+CGATT", _) => self.attachment(now, form),
            ("+IFC", _) => self.flow_control(form),
            // There is no call to hang up.
            ("+CHUP", Run | Test) => Answer::Ok,
            // Taken and without effect here.
            ("+CRC" | "+CGSMS", Run | Test | Write(_)) => Answer::Ok,
            _ => Answer::Failed(Failure::Unknown),
        }
    }

    fn cmee(&mut self, form: &Form<'_>) -> Answer {
        let now = self.setup.cmee;
        choice("+CMEE", form, now, 2, |level| self.setup.cmee = level)
    }

    fn functionality(&mut self, now: Moment, form: &Form<'_>) -> Answer {
        let Form::Write(written) = form else {
            let level = self.setup.functionality;
            return match (form, &self.traits.boot.functionality_read) {
                (Form::Read, Some(read)) => line(&format!("+CFUN: {read}")),
                (Form::Test, _) => line("+CFUN: (0,1,4),(0,1)"),
                _ => choice("+CFUN", form, level, 4, |_| {}),
            };
        };
        match values(written)[..] {
            ["1", "1"] => self.reset(now),
            [level @ ("0" | "1" | "4"), ..] => {
                self.setup.functionality = level.parse().unwrap_or(1);
                let boot = &self.traits.boot;
                self.card.be_busy(now, boot.busy, boot.busy_ms);
                // Behind the OK.
                self.later(now, 0, Later::RegistrationChanges);
                Answer::Ok
            }
            _ => Answer::Failed(Failure::Cme(3)),
        }
    }

    fn character_set(&mut self, form: &Form<'_>) -> Answer {
        match form {
            Form::Read => line(&format!("+CSCS: \"{}\"", self.setup.cscs)),
            Form::Test => line("+CSCS: (\"GSM\",\"IRA\",\"UCS2\")"),
            Form::Write(written) => match values(written)[..] {
                [set @ ("GSM" | "IRA" | "UCS2")] => {
                    self.setup.cscs = set.to_owned();
                    Answer::Ok
                }
                _ => Answer::Failed(Failure::Cme(3)),
            },
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }
}
