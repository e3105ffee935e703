//! **Text mode**: what `+CMGF=1` makes of texts that are written and read (27.005 §3 and §4), and what `+CSMP`,
//! `+CSDH` and `+CSCS` say about it.

use super::{Answer, Failure, Modem, choice, line};
use crate::alphabet::{characters, septets, utf_16_hex};
use crate::decode::{Deliver, HEADER, Inbound, Party, Report, UserData, inbound, is_septets};
use crate::encode::{RELATIVE, Submit, VALIDITY, address, hex, octets, submit};
use crate::storage::Stored;
use crate::syntax::{Form, values};

/// `+CSMP`: what a text is sent with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    first: u8,
    validity: u8,
    pid: u8,
    dcs: u8,
}

impl Default for Parameters {
    /// SMS-SUBMIT that is tried for a day.
    fn default() -> Self {
        Self {
            first: 0x11,
            validity: 167,
            pid: 0,
            dcs: 0,
        }
    }
}

impl Parameters {
    /// Values left out stay as they were. A validity period is relative or there is none.
    fn written(self, values: &[&str]) -> Option<Self> {
        let mut fields = [self.first, self.validity, self.pid, self.dcs];
        if values.len() > fields.len() {
            return None;
        }
        for (field, value) in fields.iter_mut().zip(values) {
            if !value.is_empty() {
                *field = value.parse().ok()?;
            }
        }
        let [first, validity, pid, dcs] = fields;
        let is_submit = first & 3 == 1 && matches!(first & VALIDITY, 0 | RELATIVE);
        is_submit.then_some(Self {
            first,
            validity,
            pid,
            dcs,
        })
    }
}

/// To whom a text goes that is typed behind the prompt, and how it is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Addressed {
    recipient: Vec<u8>,
    parameters: Parameters,
    set: Set,
}

impl Addressed {
    /// The PDU of what was typed; `None` when it cannot be read or is longer than one.
    pub(crate) fn pdu(&self, typed: &[u8]) -> Option<String> {
        let Parameters {
            first,
            validity,
            pid,
            dcs,
        } = self.parameters;
        let written = match is_septets(dcs) && first & HEADER == 0 {
            true => UserData::Septets(self.set.septets(typed)?),
            false => UserData::Octets(octets(std::str::from_utf8(typed).ok()?.trim())?),
        };
        let (length, user_data) = match written {
            UserData::Septets(septets) if septets.len() <= 160 => {
                (septets.len(), crate::alphabet::pack(&septets, 0))
            }
            UserData::Octets(octets) if octets.len() <= 140 => (octets.len(), octets),
            _ => return None,
        };
        Some(submit(&Submit {
            first,
            recipient: &self.recipient,
            pid,
            dcs,
            validity,
            length: u8::try_from(length).ok()?,
            user_data: &user_data,
        }))
    }
}

/// `+CSCS`: how the host writes characters.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Set {
    /// Septets of the default alphabet, one in each octet.
    Gsm,
    Ira,
    /// Four hex digits for each.
    Ucs2,
}

impl Set {
    fn named(name: &str) -> Self {
        match name {
            "UCS2" => Self::Ucs2,
            "IRA" => Self::Ira,
            _ => Self::Gsm,
        }
    }

    /// What was typed, in the default alphabet; `None` when it has not all of it.
    fn septets(self, typed: &[u8]) -> Option<Vec<u8>> {
        if self == Self::Gsm {
            return typed.is_ascii().then(|| typed.to_vec());
        }
        let text = self.text(std::str::from_utf8(typed).ok()?)?;
        Some(septets(&text)?.concat())
    }

    /// A string parameter as it is meant.
    fn text(self, written: &str) -> Option<String> {
        match self {
            Self::Ucs2 => {
                let octets = octets(written.trim())?;
                let (units, rest) = octets.as_chunks();
                let units: Vec<u16> = units.iter().copied().map(u16::from_be_bytes).collect();
                let text = String::from_utf16(&units).ok()?;
                rest.is_empty().then_some(text)
            }
            Self::Gsm | Self::Ira => Some(written.to_owned()),
        }
    }

    /// A string parameter as the host wants it.
    fn written(self, text: &str) -> String {
        match self {
            Self::Ucs2 => utf_16_hex(text),
            Self::Gsm | Self::Ira => text.to_owned(),
        }
    }

    /// The text itself.
    fn shown(self, data: &UserData) -> String {
        match (data, self) {
            (UserData::Octets(octets), _) => hex(octets),
            (UserData::Septets(septets), Self::Gsm) => {
                septets.iter().copied().map(char::from).collect()
            }
            (UserData::Septets(septets), Self::Ucs2) => utf_16_hex(&characters(septets)),
            (UserData::Septets(septets), Self::Ira) => {
                let known = |character: char| if character.is_ascii() { character } else { '?' };
                characters(septets).chars().map(known).collect()
            }
        }
    }
}

impl Modem {
    pub(super) fn text_parameters(&mut self, form: &Form<'_>) -> Answer {
        match form {
            Form::Read => {
                let Parameters {
                    first,
                    validity,
                    pid,
                    dcs,
                } = self.setup.csmp;
                line(&format!("+CSMP: {first},{validity},{pid},{dcs}"))
            }
            Form::Write(written) => match self.setup.csmp.written(&values(written)) {
                Some(parameters) => {
                    self.setup.csmp = parameters;
                    if self.traits.card.csmp_clears_centre {
                        self.service_centre.clear();
                    }
                    Answer::Ok
                }
                None => Answer::Failed(Failure::Cms(305)),
            },
            _ => Answer::Ok,
        }
    }

    pub(super) fn header_shown(&mut self, form: &Form<'_>) -> Answer {
        let now = self.setup.csdh;
        choice("+CSDH", form, now, 1, |shown| self.setup.csdh = shown)
    }

    /// `+CMGS="NUMBER"[,TYPE]`
    pub(super) fn addressed(&self, written: &str) -> Option<Addressed> {
        let set = Set::named(&self.setup.cscs);
        let (number, kind) = match values(written)[..] {
            [number] => (number, ""),
            [number, kind] => (number, kind),
            _ => return None,
        };
        let number = set.text(number)?;
        let digits = number.strip_prefix('+').unwrap_or(&number);
        let is_number =
            (1..=20).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
        let number = match kind {
            "145" => format!("+{digits}"),
            _ => number.clone(),
        };
        is_number.then(|| Addressed {
            recipient: address(&number),
            parameters: self.setup.csmp,
            set,
        })
    }

    /// Behind `+CMGR: ` or `+CMGL: n,`; what cannot be read is shown as it is.
    pub(super) fn shown_as_text(&self, stored: &Stored, header: HeaderOf) -> String {
        let state = match stored.read {
            true => "REC READ",
            false => "REC UNREAD",
        };
        let told = match octets(&stored.pdu).as_deref().and_then(inbound) {
            Some(Inbound::Deliver(deliver)) => self.told(&deliver, header),
            Some(Inbound::Report(report)) => self.told_report(&report),
            None => format!(",,\r\n{}", stored.pdu),
        };
        format!("\"{state}\",{told}")
    }

    /// Behind `+CMT: ` and `+CDS: `.
    pub(super) fn routed_as_text(&self, pdu: &str) -> String {
        match octets(pdu).as_deref().and_then(inbound) {
            Some(Inbound::Deliver(deliver)) => self.told(&deliver, HeaderOf::Routed),
            Some(Inbound::Report(report)) => self.told_report(&report),
            None => format!(",\r\n{pdu}"),
        }
    }

    fn told(&self, deliver: &Deliver, header: HeaderOf) -> String {
        let set = Set::named(&self.setup.cscs);
        let Party { number, kind } = &deliver.from;
        let from = set.written(number);
        let mut told = format!("\"{from}\",,\"{}\"", deliver.time);
        let Deliver {
            first,
            pid,
            dcs,
            length,
            ..
        } = deliver;
        if self.setup.csdh == 1 {
            let centre = set.written(&deliver.centre.number);
            let centre_kind = deliver.centre.kind;
            told += &match header {
                HeaderOf::Listed => format!(",{kind},{length}"),
                HeaderOf::Read | HeaderOf::Routed => {
                    format!(",{kind},{first},{pid},{dcs},\"{centre}\",{centre_kind},{length}")
                }
            };
        }
        format!("{told}\r\n{}", set.shown(&deliver.user_data))
    }

    fn told_report(&self, report: &Report) -> String {
        let set = Set::named(&self.setup.cscs);
        let Report {
            first,
            reference,
            recipient,
            accepted,
            discharged,
            status,
        } = report;
        let number = set.written(&recipient.number);
        let kind = recipient.kind;
        format!("{first},{reference},\"{number}\",{kind},\"{accepted}\",\"{discharged}\",{status}")
    }
}

/// Where the header stands: `+CSDH=1` shows less of it in lists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum HeaderOf {
    Listed,
    Read,
    Routed,
}
