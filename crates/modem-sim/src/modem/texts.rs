//! **Texts**: the commands of 27.005 that read, list and delete what is stored, and say where and how it comes.

use super::setup::Cnmi;
use super::text_mode::HeaderOf;
use super::{Answer, Failure, Modem, Store, choice, line};
use crate::diary::Befell;
use crate::moment::Moment;
use crate::personality::{EmptySlot, ReadForm};
use crate::storage::Stored;
use crate::syntax::{Form, values};

impl Modem {
    pub(super) fn format(&mut self, form: &Form<'_>) -> Answer {
        let now = u8::from(self.setup.text_mode);
        choice("+CMGF", form, now, 1, |mode| {
            self.setup.text_mode = mode == 1
        })
    }

    pub(super) fn service(&mut self, form: &Form<'_>) -> Answer {
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

    pub(super) fn stores(&mut self, form: &Form<'_>) -> Answer {
        let known = &self.traits.stores.memories;
        match form {
            Form::Read if known[0].is_empty() => line("+CPMS: ,,,,,,,,"),
            Form::Read => {
                let stores = self.stores_in_use();
                let stores: Vec<String> = stores
                    .map(|store| {
                        let (used, total) = self.filling(store);
                        format!("\"{}\",{used},{total}", store.name())
                    })
                    .collect();
                line(&format!("+CPMS: {}", stores.join(",")))
            }
            Form::Test => match &self.traits.stores.listing {
                Some(listing) if !known[0].is_empty() => line(&format!("+CPMS: {listing}")),
                _ => {
                    let lists = known.clone().map(|names| {
                        let names: Vec<_> =
                            names.iter().map(|name| format!("\"{name}\"")).collect();
                        format!("({})", names.join(","))
                    });
                    line(&format!("+CPMS: {}", lists.join(",")))
                }
            },
            Form::Write(written) => self.choose_stores(&values(written)),
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }

    /// As many of the three as the modem has names for.
    fn stores_in_use(&self) -> impl Iterator<Item = Store> {
        let known = &self.traits.stores.memories;
        let stores = self.setup.stores.into_iter().zip(known);
        stores
            .filter(|(_, names)| !names.is_empty())
            .map(|(store, _)| store)
    }

    fn choose_stores(&mut self, names: &[&str]) -> Answer {
        let traits = &self.traits.stores;
        let is_known = |(name, known): (&&str, &Vec<String>)| {
            known.iter().any(|one| one.eq_ignore_ascii_case(name))
        };
        let fits = traits.values.contains(&names.len())
            && names.len() <= 3
            && names.iter().zip(&traits.memories).all(is_known);
        let named: Option<Vec<_>> = names.iter().map(|name| Store::named(name)).collect();
        let Some(named) = named.filter(|_| fits) else {
            return Answer::Failed(Failure::Cms(302));
        };
        self.setup.stores[..named.len()].copy_from_slice(&named);
        let stores = self.stores_in_use().map(|store| {
            let (used, total) = self.filling(store);
            format!("{used},{total}")
        });
        let stores: Vec<String> = stores.collect();
        line(&format!("+CPMS: {}", stores.join(",")))
    }

    /// Used and total.
    fn filling(&self, store: Store) -> (usize, usize) {
        let storage = self.memories.of(store);
        if store == Store::Reports && self.traits.stores.reports_unreadable {
            return (0, 0);
        }
        let used = match self.script.storage_full {
            true => storage.capacity(),
            false => storage.used(),
        };
        (self.traits.stores.used.unwrap_or(used), storage.capacity())
    }

    pub(super) fn notices(&mut self, form: &Form<'_>) -> Answer {
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
            Form::Test => line(&format!("+CNMI: {}", self.traits.notices.advertised)),
            Form::Write(written) => {
                let values = values(written);
                if values.len() > 5 {
                    return Answer::Failed(Failure::TooMany);
                }
                let allowed = &self.traits.notices.allowed;
                match self.setup.notices().written(&values, allowed) {
                    Some(cnmi) => {
                        self.setup.cnmi = Some(cnmi);
                        self.give_back_unacknowledged();
                        Answer::Ok
                    }
                    None => Answer::Failed(Failure::Cms(303)),
                }
            }
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }

    pub(super) fn service_centre(&mut self, form: &Form<'_>) -> Answer {
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

    pub(super) fn more_messages(&mut self, form: &Form<'_>) -> Answer {
        if let (Some(code), Form::Write(_)) = (self.traits.sending.cmms_refused, form) {
            return Answer::Failed(Failure::Cms(code));
        }
        let now = self.setup.cmms;
        choice("+CMMS", form, now, 2, |mode| self.setup.cmms = mode)
    }

    pub(super) fn list(&mut self, now: Moment, form: &Form<'_>) -> Answer {
        let asked = match (form, self.setup.text_mode) {
            (Form::Test, false) => return line("+CMGL: (0-4)"),
            (Form::Test, true) => return line(&format!("+CMGL: (\"{}\")", STATES.join("\",\""))),
            (Form::Run, _) => Some(0),
            (Form::Write(state), false) => state.trim().parse().ok(),
            (Form::Write(state), true) => {
                let state = state.trim().trim_matches('"');
                STATES.iter().position(|one| *one == state)
            }
            _ => None,
        };
        let wanted: fn(&Stored) -> bool = match asked {
            Some(0) => |stored| !stored.read,
            Some(1) => |stored| stored.read,
            Some(2 | 3) => |_| false, // nothing written is ever stored
            Some(4) => |_| true,
            _ => return Answer::Failed(Failure::Cms(303)),
        };
        let Some(store) = self.readable_store() else {
            return Answer::Ok;
        };
        let entries = self.memories.of_mut(store).list(wanted);
        for (index, stored) in &entries {
            self.diary
                .note(now, Befell::Listed, store, *index, stored.pdu.clone());
        }
        let lines: Vec<String> = entries
            .into_iter()
            .map(|(index, stored)| {
                let shown = self.shown(&stored, HeaderOf::Listed);
                format!("+CMGL: {index},{shown}")
            })
            .collect();
        if lines.is_empty() {
            return Answer::Ok;
        }
        let between = match self.script.next_urcs_inside_list() {
            Some(texts) => {
                let urcs = texts.iter().map(|text| format!("\r\n{text}\r\n"));
                format!("\r\n{}", urcs.collect::<String>())
            }
            None => "\r\n".into(),
        };
        Answer::Lines(lines.join(&between))
    }

    pub(super) fn show(&mut self, now: Moment, slot: &str) -> Answer {
        let invalid = Answer::Failed(Failure::Cms(321));
        let (Ok(index), Some(store)) = (slot.trim().parse(), self.readable_store()) else {
            return invalid;
        };
        let storage = self.memories.of_mut(store);
        let exists = storage.has(index);
        if let Some(stored) = storage.read(index) {
            self.diary
                .note(now, Befell::Read, store, index, stored.pdu.clone());
            let shown = self.shown(&stored, HeaderOf::Read);
            return line(&format!("+CMGR: {shown}"));
        }
        match (exists, self.traits.stores.empty_slot) {
            (false, _) | (true, EmptySlot::Refused) => invalid,
            (true, EmptySlot::Nothing) => Answer::Ok,
            (true, EmptySlot::Zeros) => line("+CMGR: 0,,0"),
        }
    }

    pub(super) fn delete(&mut self, now: Moment, form: &Form<'_>) -> Answer {
        let store = self.setup.stores[0];
        let storage = self.memories.of_mut(store);
        let written = match form {
            Form::Write(written) => written,
            Form::Test => {
                let indices: Vec<_> = storage.indices().iter().map(usize::to_string).collect();
                return line(&format!("+CMGD: ({}),(0-4)", indices.join(",")));
            }
            _ => return Answer::Failed(Failure::Unknown),
        };
        let values = values(written);
        let Some(index) = values.first().and_then(|index| index.parse::<usize>().ok()) else {
            return Answer::Failed(Failure::Cms(321));
        };
        let gone = match values.get(1).copied().unwrap_or("0") {
            // An empty one is deleted as well.
            "0" if storage.has(index) => {
                let gone = storage.delete(index);
                gone.map(|gone| (index, gone)).into_iter().collect()
            }
            "0" => return Answer::Failed(Failure::Cms(321)),
            // 27.005 §3.5.4: 1 to 3 differ in what of the host's own texts goes; there are none.
            "1" | "2" | "3" => storage.delete_where(|stored| stored.read),
            "4" => storage.delete_where(|_| true),
            _ => return Answer::Failed(Failure::Cms(304)),
        };
        for (index, Stored { pdu, read, .. }) in gone {
            let what = match read {
                true => Befell::Deleted,
                false => Befell::DeletedUnread,
            };
            self.diary.note(now, what, store, index, pdu);
        }
        self.told_full = false;
        Answer::Ok
    }

    fn shown(&self, stored: &Stored, header: HeaderOf) -> String {
        match self.setup.text_mode {
            true => self.shown_as_text(stored, header),
            false => shown(stored, self.traits.stores.read_form),
        }
    }

    /// mem1, unless its slots cannot be read.
    fn readable_store(&self) -> Option<Store> {
        let store = self.setup.stores[0];
        let unreadable = store == Store::Reports && self.traits.stores.reports_unreadable;
        (!unreadable).then_some(store)
    }

    /// What the host has set about texts holds from now; what it has not thanked for comes again.
    fn give_back_unacknowledged(&mut self) {
        if let Some(waiting) = self.unacknowledged.take() {
            self.outbox
                .push_back(super::Output::GiveBack(waiting.parcel));
        }
    }

    /// A command that ends a flood by being given.
    pub(super) fn ends_flood(&mut self, now: Moment, name: &str) {
        let until = self
            .flood
            .as_ref()
            .map(|flood| flood.until.trim_end_matches('?'));
        if until == Some(name) {
            self.flood = None;
            self.be_chatty(now, self.is_chatty);
        }
    }
}

/// The states of a text in text mode, in the order of their numbers in PDU mode (27.005 §3.1).
const STATES: [&str; 5] = ["REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"];

/// State, no name, length, and the PDU on a line of its own; or what a modem makes of it.
fn shown(stored: &Stored, form: ReadForm) -> String {
    let state = u8::from(stored.read);
    let Stored { length, pdu, .. } = stored;
    match form {
        ReadForm::Standard => format!("{state},,{length}\r\n{pdu}"),
        ReadForm::NoName => format!("{state},{length}\r\n{pdu}"),
        ReadForm::TrailingQuote => format!("{state},,{length}\r\n{pdu}\""),
        ReadForm::WrongLength => format!("{state},,{}\r\n{pdu}", length + 1),
        // 51.011 §10.5.3: a record is 176 octets, the first of which is the state.
        ReadForm::Padded => format!("{state},,{length}\r\n{pdu:F<350}"),
        ReadForm::Truncated => {
            let kept = pdu.len().saturating_sub(4);
            format!("{state},,{length}\r\n{}", &pdu[..kept])
        }
        ReadForm::LowerCase => format!("{state},,{length}\r\n{}", pdu.to_lowercase()),
        ReadForm::NoServiceCentre => {
            let tpdu = pdu.len().saturating_sub(2 * length);
            format!("{state},,{length}\r\n{}", &pdu[tpdu..])
        }
    }
}
