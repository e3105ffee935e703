//! What the answer to each errand means for the slots.

use std::time::Instant;

use pdu_codec::{Deliver, Envelope};

use super::{After, Errand, Found, LAST_INDEX, MOST_TO_READ, Origin, Receiving, Selected, TRIES};
use super::{ToDelete, ToRead};
use crate::at::chat::Refusal;
use crate::at::storage::{self, Memory, Slot, Stored};
use crate::domain::PduDigest;

type Answer = Result<Vec<String>, Refusal>;

impl Receiving {
    pub(in crate::modem) fn on_answer(&mut self, now: Instant, answer: Answer) -> After {
        let errand = self.errand.take();
        let is_anothers = self.is_perhaps_anothers(errand, &answer);
        let after = match answer {
            Err(Refusal::Silent) => After::Awaken,
            _ if is_anothers => After::Awaken,
            _ => After::Proceed,
        };
        let Some(errand) = errand else {
            return after;
        };
        match (&mut self.selected, after) {
            (Some(selected), After::Proceed) => selected.at = now,
            // It may have been reset.
            (selected, _) => *selected = None,
        }
        match errand {
            Errand::Read(one) if is_anothers => {
                self.to_read.push_front(one);
                // What was taken for an empty slot is looked at again.
                if one.origin != Origin::Sweep {
                    self.sweep_soon(now);
                }
            }
            Errand::AskService => {
                let wants = first(&answer, storage::wants_acknowledgement).unwrap_or(false);
                self.acknowledges = Some(wants);
                if !wants {
                    self.owed.clear();
                    self.acknowledgements = 0;
                }
            }
            Errand::AskAnnouncements => {
                self.stores_reports = first(&answer, storage::stores_reports).unwrap_or(false);
            }
            Errand::AskInUse => self.on_in_use(now, &answer),
            Errand::AskThereAre => self.on_there_are(&answer),
            Errand::Select(memory) => self.on_selected(now, memory, &answer),
            Errand::List(memory) => self.on_listed(now, memory, answer),
            Errand::Read(one) => self.on_read(now, one, answer),
            Errand::Delete(one) => self.on_deleted(now, one, &answer),
            // 340: it was not waited for. Whatever it says, saying it again does not help.
            Errand::Acknowledge => {}
        }
        self.hand_on(now);
        after
    }

    /// A result that belongs to nobody, as when another program types on the port, and each answer is taken for that of
    /// the line behind. It shows when a read ends without a text: the answer behind it may be its own.
    fn is_perhaps_anothers(&mut self, errand: Option<Errand>, answer: &Answer) -> bool {
        match (errand, answer) {
            (Some(Errand::Read(_)), Ok(lines)) if storage::read_slot(lines).is_some() => {
                return std::mem::take(&mut self.perhaps_out_of_step);
            }
            // The line is cleared now.
            (_, Err(Refusal::Silent)) => self.perhaps_out_of_step = false,
            (Some(Errand::Read(_)), _) => self.perhaps_out_of_step = true,
            // Nobody else's answer looks like these.
            (Some(Errand::Select(_)), Ok(lines)) if !lines.is_empty() => {
                self.perhaps_out_of_step = false
            }
            (Some(Errand::List(_)), Ok(lines)) if !storage::read_list(lines).is_empty() => {
                self.perhaps_out_of_step = false;
            }
            _ => {}
        }
        false
    }

    fn on_in_use(&mut self, now: Instant, answer: &Answer) {
        let Some([(memory, usage), (write, _), receive]) = first(answer, storage::memories_in_use)
        else {
            return;
        };
        self.sizes.insert(memory, usage.total);
        self.selected = Some(Selected { memory, at: now });
        self.beside.get_or_insert((write, receive.0));
        self.receives_into = Some(receive);
    }

    fn on_there_are(&mut self, answer: &Answer) {
        let there_are = first(answer, storage::memories_there_are);
        self.has_reports = there_are
            .as_ref()
            .is_none_or(|memories| memories.contains(&Memory::Reports));
        let mut memories = there_are.unwrap_or_else(|| vec![Memory::Sim, Memory::Device]);
        memories.retain(|memory| *memory != Memory::Reports);
        // What it holds is in the others.
        if memories.len() > 1 {
            memories.retain(|memory| *memory != Memory::All);
        }
        self.memories = memories;
    }

    fn on_selected(&mut self, now: Instant, memory: Memory, answer: &Answer) {
        match answer {
            Ok(_) => {
                self.mute_selects = 0;
                self.selected = Some(Selected { memory, at: now });
                if let Some(usage) = first(answer, storage::usage_of_selected) {
                    self.sizes.insert(memory, usage.total);
                }
            }
            Err(Refusal::Answered(_)) if !self.names_all && self.beside.is_some() => {
                self.selected = None;
                self.names_all = true;
            }
            Err(Refusal::Silent) if self.mute_selects == 0 => self.mute_selects = 1,
            Err(_) => {
                self.selected = None;
                self.mute_selects = 0;
                self.give_up(memory);
            }
        }
    }

    /// A memory that cannot be selected: nothing of it can be read now; refused a second time, it is left out.
    fn give_up(&mut self, memory: Memory) {
        self.to_list.retain(|one| *one != memory);
        self.to_read.retain(|one| one.slot.memory != memory);
        self.to_delete.retain(|one| one.slot.memory != memory);
        let index = u16::MAX; // no slot: the memory as a whole
        if self.has_failed(Slot { memory, index }) {
            self.memories.retain(|one| *one != memory);
            self.has_reports &= memory != Memory::Reports;
        }
    }

    fn on_listed(&mut self, now: Instant, memory: Memory, answer: Answer) {
        match answer {
            Ok(lines) => {
                let mut listed = storage::read_list(&lines);
                // Slots are filled as they become free: their order says nothing.
                listed.sort_by_key(|stored| sent_at(stored.pdu.as_deref()));
                for stored in listed {
                    let Some(index) = stored.index else { continue };
                    let slot = Slot { memory, index };
                    let is_announced = self.to_read.iter().any(|one| one.slot == slot);
                    let waiting = self.read.len();
                    self.take(now, slot, stored);
                    // What comes in its place may not be announced either.
                    let is_news = self.read.len() > waiting && !is_announced;
                    self.sweep_again |= self.sweeping && is_news;
                }
            }
            Err(_) => {
                self.lists_badly.insert(memory);
                self.read_slot_by_slot(now, memory);
            }
        }
    }

    pub(super) fn read_slot_by_slot(&mut self, now: Instant, memory: Memory) {
        // Some count from 0, some from 1.
        let last = self
            .sizes
            .get(&memory)
            .map_or(LAST_INDEX, |size| LAST_INDEX.min(*size));
        for index in 0..=last {
            let slot = Slot { memory, index };
            let is_left_alone = self.illegible.contains(&slot) || self.staying.contains_key(&slot);
            if !is_left_alone {
                self.to_read.push_back(ToRead {
                    slot,
                    origin: Origin::Sweep,
                    since: now,
                });
            }
        }
    }

    fn on_read(&mut self, now: Instant, one: ToRead, answer: Answer) {
        let slot = one.slot;
        match answer {
            Ok(lines) => {
                let stored = storage::read_slot(&lines);
                let is_report = stored
                    .as_ref()
                    .and_then(|stored| stored.pdu.as_deref())
                    .is_some_and(storage::is_report);
                // EC25 says "SM",0 of a report that it puts into SR; SIM7600 says a slot that it does not have.
                if one.origin == Origin::Report && !is_report {
                    self.list_reports();
                }
                if let Some(stored) = stored {
                    self.take(now, slot, stored);
                }
            }
            Err(Refusal::Answered(fault)) if fault.cms() == Some(INVALID_INDEX) => {
                if one.origin == Origin::Report {
                    self.list_reports();
                }
            }
            Err(_) => self.fail_to_read(now, one),
        }
    }

    /// What stands in a slot goes on, unless it has before.
    fn take(&mut self, now: Instant, slot: Slot, stored: Stored) {
        let Some(pdu) = stored.pdu.filter(|pdu| !pdu.is_empty()) else {
            return self.fail_to_read(
                now,
                ToRead {
                    slot,
                    origin: Origin::Text,
                    since: now,
                },
            );
        };
        let digest = PduDigest::of(&pdu);
        // Listed and announced: read once, and above all deleted once, or the next text in this slot goes unread.
        self.to_read.retain(|one| one.slot != slot);
        self.awaited
            .retain(|one| one.slot != slot || one.pdu == digest);
        self.to_delete
            .retain(|one| one.slot != slot || one.pdu == digest);
        let is_under_way = self.awaited.iter().any(|one| one.slot == slot)
            || self.to_delete.iter().any(|one| one.slot == slot)
            || self.read.iter().any(|(read, _)| *read == slot);
        if is_under_way || self.staying.get(&slot) == Some(&digest) {
            return;
        }
        self.staying.remove(&slot);
        self.read.push_back((slot, pdu));
    }

    fn fail_to_read(&mut self, now: Instant, one: ToRead) {
        if self.has_failed(one.slot) {
            if self.illegible.insert(one.slot) && one.origin != Origin::Sweep {
                let why = "its text cannot be read";
                self.found.push_back(Found::Stuck(one.slot, why));
            }
        } else if !self.illegible.contains(&one.slot) && self.to_read.len() < MOST_TO_READ {
            // Behind what can be read.
            self.to_read.push_back(ToRead { since: now, ..one });
        }
    }

    fn on_deleted(&mut self, now: Instant, one: ToDelete, answer: &Answer) {
        let is_gone = match answer {
            Ok(_) => true,
            Err(Refusal::Answered(fault)) => fault.cms() == Some(INVALID_INDEX),
            Err(Refusal::Silent) => false,
        };
        if is_gone {
            self.failures.remove(&one.slot);
            if let Some((memory, usage)) = &mut self.receives_into
                && *memory == one.slot.memory
            {
                usage.used = usage.used.saturating_sub(1);
            }
        } else if self.has_failed(one.slot) {
            self.stay(one.slot, one.pdu);
            let why = "its text is received and cannot be deleted";
            self.found.push_back(Found::Stuck(one.slot, why));
        } else {
            // It may be gone after all, and another text in its place: looked at before it is deleted again.
            self.to_read.push_back(ToRead {
                slot: one.slot,
                origin: Origin::Sweep,
                since: now,
            });
        }
    }

    /// Counts a failure; answers whether it was the last that is allowed.
    fn has_failed(&mut self, slot: Slot) -> bool {
        let failures = self.failures.entry(slot).or_default();
        *failures += 1;
        let is_last = *failures >= TRIES;
        if is_last {
            self.failures.remove(&slot);
        }
        is_last
    }

    pub(super) fn stay(&mut self, slot: Slot, pdu: PduDigest) {
        self.staying.insert(slot, pdu);
    }
}

/// `+CMS ERROR: 321`: there is nothing in that slot.
const INVALID_INDEX: u16 = 321;

fn first<T>(answer: &Answer, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    answer.as_ref().ok()?.iter().find_map(|line| read(line))
}

/// TP-SCTS in seconds, for the order of arrival; what has none comes last.
fn sent_at(pdu: Option<&[u8]>) -> i64 {
    let stamp = pdu.and_then(|pdu| {
        let envelope = Envelope::from_octets(pdu).ok()?;
        Deliver::decode(&envelope.tpdu)
            .ok()?
            .service_centre_time
            .ok()
    });
    stamp.map_or(i64::MAX, |stamp| stamp.unix_seconds())
}
