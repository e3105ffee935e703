//! **Commands**: what a modem answers to each command but `+CMGS`, which opens the prompt.
//!
//! One flat table; a name that is not in it is answered with `ERROR`, as every `^` command is here.

use super::setup::{Cnmi, Store};
use super::{Answer, Failure, Modem};
use crate::storage::Stored;
use crate::syntax::{Command, Form, values};

impl Modem {
    pub(super) fn answer_to(&mut self, command: &Command<'_>) -> Answer {
        match command {
            Command::Basic { name, value } => self.answer_to_basic(name, *value),
            Command::Extended { name, form } => self.answer_to_extended(name, form),
        }
    }

    fn answer_to_basic(&mut self, name: &str, value: u32) -> Answer {
        match (name, value) {
            ("E", 0 | 1) => self.setup.echo = value == 1,
            ("V", 0 | 1) => self.setup.verbose = value == 1,
            ("Z", _) | ("&F", 0) => self.setup.reset_line(),
            ("I", _) => return Answer::Lines(self.information()),
            ("Q", 0) | ("H" | "S" | "X" | "L" | "M" | "&C" | "&D" | "&W", _) => {}
            _ => return Answer::Failed(Failure::Unknown),
        }
        Answer::Ok
    }

    fn information(&self) -> String {
        let personality = &self.personality;
        format!(
            "Manufacturer: {}\r\nModel: {}\r\nRevision: {}\r\nIMEI: {}",
            personality.manufacturer, personality.model, personality.revision, self.identity.imei
        )
    }

    fn answer_to_extended(&mut self, name: &str, form: &Form<'_>) -> Answer {
        use Form::{Read, Run, Test, Write};
        match (name, form) {
            ("+CGMI" | "+GMI", Run) => line(self.personality.manufacturer),
            ("+CGMM" | "+GMM", Run) => line(self.personality.model),
            ("+CGMR" | "+GMR", Run) => line(self.personality.revision),
            ("+CGSN" | "+GSN", Run) => line(&self.identity.imei),
            ("+CIMI", Run) => line(&self.identity.imsi),
            ("+CCID", Run | Read) => line(&format!("+CCID: {}", self.identity.iccid)),
            ("+CNUM", Run) => line(&format!("+CNUM: \"\",\"{}\",145", self.identity.number)),
            ("+GCAP", Run) => line("+GCAP: +CGSM"),
            ("+CPIN", Read) => line("+CPIN: READY"),
            // 27.007 §8.3: no PIN is wanted, so one that is offered is an operation not allowed.
            ("+CPIN", Write(_)) => Answer::Failed(Failure::Cme(3)),
            ("+CMEE", _) => self.cmee(form),
            ("+CFUN", _) => self.functionality(form),
            ("+CREG", _) => self.registration(0, name, form),
            ("+CGREG", _) => self.registration(1, name, form),
            ("+CEREG", _) => self.registration(2, name, form),
            ("+COPS", _) => self.operator(form),
            ("+CSQ", Run) if self.is_registered() => line("+CSQ: 20,99"),
            ("+CSQ", Run) => line("+CSQ: 99,99"),
            ("+CSQ", Test) => line("+CSQ: (0-31,99),(99)"),
            ("+CSCS", _) => self.character_set(form),
            ("+CMGF", _) => self.format(form),
            ("+CSMS", _) => self.service(form),
            ("+CPMS", _) => self.stores(form),
            ("+CNMI", _) => self.notices(form),
            ("+CSCA", _) => self.service_centre(form),
            ("+CMMS", _) => self.more_messages(form),
            ("+CMGL", _) => self.list(form),
            ("+CMGR", Write(slot)) => self.show(slot),
            ("+CMGD", _) => self.delete(form),
            ("+CNMA", Run | Write(_)) => self.acknowledge(),
            ("+CNMA", Test) => line("+CNMA: (0)"),
            ("+CMGS" | "+CMGR", Test) => Answer::Ok,
            // Taken and without effect here.
            ("+CLIP" | "+CRC" | "+CUSD" | "+CGSMS" | "+CSMP" | "+CSDH", Run | Test | Write(_)) => {
                Answer::Ok
            }
            _ => Answer::Failed(Failure::Unknown),
        }
    }

    fn cmee(&mut self, form: &Form<'_>) -> Answer {
        let now = self.setup.cmee;
        choice("+CMEE", form, now, 2, |level| self.setup.cmee = level)
    }

    fn functionality(&mut self, form: &Form<'_>) -> Answer {
        let Form::Write(written) = form else {
            let now = self.setup.functionality;
            return match form {
                Form::Test => line("+CFUN: (0,1,4),(0,1)"),
                _ => choice("+CFUN", form, now, 4, |_| {}),
            };
        };
        match values(written)[..] {
            ["1", "1"] => {
                self.restart();
                Answer::Ok
            }
            [level @ ("0" | "1" | "4"), ..] => {
                self.setup.functionality = level.parse().unwrap_or(1);
                Answer::Ok
            }
            _ => Answer::Failed(Failure::Cme(3)),
        }
    }

    fn registration(&mut self, domain: usize, name: &str, form: &Form<'_>) -> Answer {
        let level = self.setup.registration[domain];
        match form {
            Form::Read => line(&format!(
                "{name}: {level},{}",
                self.registration_state(level)
            )),
            _ => choice(name, form, level, 2, |level| {
                self.setup.registration[domain] = level;
            }),
        }
    }

    fn operator(&mut self, form: &Form<'_>) -> Answer {
        let operator = &self.personality.operator;
        match form {
            Form::Read if !self.is_registered() => line("+COPS: 0"),
            Form::Read => {
                let format = self.setup.operator_format;
                let name = match format {
                    0 => operator.long_name,
                    1 => operator.short_name,
                    _ => operator.code,
                };
                line(&format!("+COPS: 0,{format},\"{name}\",7"))
            }
            Form::Test => line(&format!(
                "+COPS: (2,\"{}\",\"{}\",\"{}\",7),,(0-4),(0-2)",
                operator.long_name, operator.short_name, operator.code
            )),
            Form::Write(written) => match values(written)[..] {
                ["3", format @ ("0" | "1" | "2")] => {
                    self.setup.operator_format = format.parse().unwrap_or(0);
                    Answer::Ok
                }
                ["0" | "1", ..] => Answer::Ok,
                _ => Answer::Failed(Failure::Cme(3)),
            },
            Form::Run => Answer::Failed(Failure::Unknown),
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

    fn format(&mut self, form: &Form<'_>) -> Answer {
        let now = u8::from(self.setup.text_mode);
        choice("+CMGF", form, now, 1, |mode| {
            self.setup.text_mode = mode == 1
        })
    }

    fn service(&mut self, form: &Form<'_>) -> Answer {
        let now = self.setup.csms;
        match form {
            Form::Read => line(&format!("+CSMS: {now},1,1,1")),
            Form::Write("0" | "1") => {
                choice("+CSMS", form, now, 1, |service| self.setup.csms = service);
                line("+CSMS: 1,1,1")
            }
            _ => choice("+CSMS", form, now, 1, |_| {}),
        }
    }

    fn stores(&mut self, form: &Form<'_>) -> Answer {
        let slots = (self.used_slots(), self.storage.capacity());
        let filled = |store: Store| match store {
            Store::Sim => slots,
            Store::Device => (0, 0),
        };
        match form {
            Form::Read => {
                let stores = self.setup.stores.map(|store| {
                    let (used, total) = filled(store);
                    format!("\"{}\",{used},{total}", store.name())
                });
                line(&format!("+CPMS: {}", stores.join(",")))
            }
            Form::Test => line("+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")"),
            Form::Write(written) => {
                let names = values(written);
                let named: Option<Vec<_>> = names.iter().map(|name| Store::named(name)).collect();
                let Some(named) = named.filter(|named| named.len() <= 3) else {
                    return Answer::Failed(Failure::Cms(302));
                };
                self.setup.stores[..named.len()].copy_from_slice(&named);
                let stores = self.setup.stores.map(|store| {
                    let (used, total) = filled(store);
                    format!("{used},{total}")
                });
                line(&format!("+CPMS: {}", stores.join(",")))
            }
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }

    fn notices(&mut self, form: &Form<'_>) -> Answer {
        match form {
            Form::Read => {
                let Cnmi {
                    mode,
                    mt,
                    bm,
                    ds,
                    bfr,
                } = self.setup.notices();
                line(&format!("+CNMI: {mode},{mt},{bm},{ds},{bfr}"))
            }
            Form::Test => line(Cnmi::TEST_ANSWER),
            Form::Write(written) => match self.setup.notices().written(&values(written)) {
                Some(cnmi) => {
                    self.setup.cnmi = Some(cnmi);
                    self.forget_acknowledgement();
                    Answer::Ok
                }
                None => Answer::Failed(Failure::Cms(303)),
            },
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }

    fn service_centre(&mut self, form: &Form<'_>) -> Answer {
        match form {
            Form::Read => {
                let number = &self.service_centre;
                let kind = if number.starts_with('+') { 145 } else { 129 };
                line(&format!("+CSCA: \"{number}\",{kind}"))
            }
            Form::Test => Answer::Ok,
            Form::Write(written) => {
                let (number, kind) = match values(written)[..] {
                    [number] => (number, ""),
                    [number, kind] => (number, kind),
                    _ => return Answer::Failed(Failure::Cms(304)),
                };
                let digits = number.trim_start_matches('+');
                if digits.len() > 20 || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
                    return Answer::Failed(Failure::Cms(304));
                }
                let international =
                    number.starts_with('+') || (kind == "145" && !digits.is_empty());
                self.service_centre = match international {
                    true => format!("+{digits}"),
                    false => digits.to_owned(),
                };
                Answer::Ok
            }
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }

    fn more_messages(&mut self, form: &Form<'_>) -> Answer {
        let now = self.setup.cmms;
        choice("+CMMS", form, now, 2, |mode| self.setup.cmms = mode)
    }

    fn list(&mut self, form: &Form<'_>) -> Answer {
        let wanted: fn(&Stored) -> bool = match form {
            Form::Test => return line("+CMGL: (0-4)"),
            _ if self.setup.text_mode => return Answer::Failed(Failure::Cms(303)),
            Form::Run | Form::Write("0") => |stored| !stored.read,
            Form::Write("1") => |stored| stored.read,
            Form::Write("2" | "3") => |_| false, // nothing written is ever stored
            Form::Write("4") => |_| true,
            _ => return Answer::Failed(Failure::Cms(303)),
        };
        if self.setup.stores[0] != Store::Sim {
            return Answer::Ok;
        }
        let lines: Vec<String> = self
            .storage
            .list(wanted)
            .into_iter()
            .map(|(index, stored)| format!("+CMGL: {index},{}", shown(&stored)))
            .collect();
        match lines.is_empty() {
            true => Answer::Ok,
            false => Answer::Lines(lines.join("\r\n")),
        }
    }

    fn show(&mut self, slot: &str) -> Answer {
        if self.setup.text_mode {
            return Answer::Failed(Failure::Cms(303));
        }
        let index = slot.trim().parse().ok();
        let index = index.filter(|_| self.setup.stores[0] == Store::Sim);
        match index.and_then(|index| self.storage.read(index)) {
            Some(stored) => line(&format!("+CMGR: {}", shown(&stored))),
            None => Answer::Failed(Failure::Cms(321)),
        }
    }

    fn delete(&mut self, form: &Form<'_>) -> Answer {
        let written = match form {
            Form::Write(written) => written,
            Form::Test => {
                let indices: Vec<_> = self
                    .storage
                    .indices()
                    .iter()
                    .map(usize::to_string)
                    .collect();
                return line(&format!("+CMGD: ({}),(0-4)", indices.join(",")));
            }
            _ => return Answer::Failed(Failure::Unknown),
        };
        let values = values(written);
        let index = values.first().and_then(|index| index.parse::<usize>().ok());
        let Some(index) = index.filter(|_| self.setup.stores[0] == Store::Sim) else {
            return Answer::Failed(Failure::Cms(321));
        };
        match values.get(1).copied().unwrap_or("0") {
            "0" => {
                if !self.storage.delete(index) {
                    return Answer::Failed(Failure::Cms(321));
                }
            }
            // 27.005 §3.5.4: 1 to 3 differ in what of the host's own texts goes; there are none.
            "1" | "2" | "3" => self.storage.delete_where(|stored| stored.read),
            "4" => self.storage.delete_where(|_| true),
            _ => return Answer::Failed(Failure::Cms(304)),
        }
        Answer::Ok
    }
}

/// State, no name, length, and the PDU on a line of its own.
fn shown(stored: &Stored) -> String {
    let state = u8::from(stored.read);
    format!("{state},,{}\r\n{}", stored.length, stored.pdu)
}

fn line(text: &str) -> Answer {
    Answer::Lines(text.to_owned())
}

/// A command whose value is a number from 0 to `highest`.
fn choice(name: &str, form: &Form<'_>, now: u8, highest: u8, set: impl FnOnce(u8)) -> Answer {
    match form {
        Form::Read => line(&format!("{name}: {now}")),
        Form::Test => line(&format!("{name}: (0-{highest})")),
        Form::Write(written) => match written.trim().parse() {
            Ok(value) if value <= highest => {
                set(value);
                Answer::Ok
            }
            _ => Answer::Failed(Failure::Cme(3)),
        },
        Form::Run => Answer::Failed(Failure::Unknown),
    }
}
