//! Storage: what was put into a modem's memories is read, handed on, and deleted once somebody has said it is kept.
//!
//! One text: `+CMTI` → its memory selected → `+CMGR` → handed on → kept ([`Receiving::keep`]) → `+CMGD`. What no
//! `+CMTI` announced is found by sweeps. A session asks [`Receiving::next`] whenever its line is free, and how much
//! that matters ([`Receiving::urgency`]); between a select and what follows it nobody else selects.
//!
//! `+CMGR` does not say which slot it shows: after a read that brought no text the next one is believed only when the
//! line has been cleared, or each text would be kept and the one in the slot behind it deleted.

mod answers;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::at::command::Command;
use crate::at::storage::{self, Announcement, Memory, Slot, Usage};
use crate::domain::PduDigest;

/// What is found out and handed on.
#[derive(Debug)]
pub(super) enum Found {
    /// A PDU as it stands in a slot.
    Pdu(Vec<u8>),
    /// A slot that stays as it is. Told once.
    Stuck(Slot, &'static str),
}

/// How much the next errand matters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Urgency {
    /// Sends go first.
    CanWait,
    /// A memory may fill: errands take turns with sends.
    TakesTurns,
    /// The modem waits for an acknowledgement, or something has waited for too long.
    GoesFirst,
}

/// What the line needs after an errand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum After {
    Proceed,
    /// It was not answered.
    Awaken,
}

#[derive(Debug)]
pub(super) struct Receiving {
    /// `inbound.delete_from_sim`.
    deletes: bool,
    /// Whether `+CMT` and `+CDS` are acknowledged by `+CNMA`; `None`: not yet asked.
    acknowledges: Option<bool>,
    /// Reports are stored and announced by `+CDSI`.
    stores_reports: bool,
    /// There may be a memory for reports.
    has_reports: bool,
    /// What is still to be asked since the modem was set up.
    questions: VecDeque<Errand>,
    /// The memories that are swept.
    memories: Vec<Memory>,
    /// Written to and received into, as set up.
    beside: Option<(Memory, Memory)>,
    /// How full they are was asked just now: the first sweep need not.
    knows_use: bool,
    /// Selecting takes the names of all three.
    names_all: bool,
    /// Selects in a row that were not answered.
    mute_selects: u8,
    selected: Option<Selected>,
    /// Slots of each memory, as far as it was told.
    sizes: HashMap<Memory, u16>,
    /// The memory that texts come into, and how full it is as far as we know.
    receives_into: Option<(Memory, Usage)>,
    /// To be read, in order of arrival.
    to_read: VecDeque<ToRead>,
    /// Memories still to be listed.
    to_list: VecDeque<Memory>,
    /// Memories that do not list what they hold: read slot by slot.
    lists_badly: HashSet<Memory>,
    sweep_due: Instant,
    /// Begun, and not at its end.
    sweeping: bool,
    /// Something came since that it may have passed by.
    sweep_again: bool,
    /// Read, not yet handed on.
    read: VecDeque<(Slot, Vec<u8>)>,
    /// Handed on; not yet known to be kept.
    awaited: Vec<Awaited>,
    to_delete: VecDeque<ToDelete>,
    /// Delivered directly: acknowledged when they are kept.
    owed: Vec<PduDigest>,
    acknowledgements: usize,
    failures: HashMap<Slot, u8>,
    /// Slots whose text is kept and stays where it is: known again by it.
    staying: HashMap<Slot, PduDigest>,
    /// The last read brought no text: perhaps because something else ended it, and then the next answer is its own.
    perhaps_out_of_step: bool,
    /// Slots that cannot be read.
    illegible: HashSet<Slot>,
    errand: Option<Errand>,
    found: VecDeque<Found>,
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Errand {
    AskService,
    AskAnnouncements,
    AskInUse,
    AskThereAre,
    Select(Memory),
    List(Memory),
    Read(ToRead),
    Delete(ToDelete),
    Acknowledge,
}

#[derive(Clone, Copy, Debug)]
struct Selected {
    memory: Memory,
    /// When it was last known to hold.
    at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ToRead {
    slot: Slot,
    origin: Origin,
    since: Instant,
}

/// Why a slot is read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Text,
    Report,
    /// One of all slots of a memory that does not list them.
    Sweep,
}

#[derive(Debug)]
struct Awaited {
    slot: Slot,
    pdu: PduDigest,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct ToDelete {
    slot: Slot,
    pdu: PduDigest,
    since: Instant,
}

/// behaviour §9.2.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Nothing waits for sends longer than this.
const PUT_OFF_AT_MOST: Duration = Duration::from_secs(300);

/// A modem that resets by itself forgets which memory was selected, and takes longer than this to come back.
const SELECTION_HOLDS: Duration = Duration::from_secs(3);

/// What was handed on and is not known to be kept by then is lost on its way; a sweep finds it again.
const KEPT_WITHIN: Duration = Duration::from_secs(60);

/// Handed on at once: a SIM's worth would only wait in another queue.
const AWAITED_AT_ONCE: usize = 16;

/// A slot is read and deleted so often, then it is left alone (a read was seen to hang a stick for 30 s).
const TRIES: u8 = 2;

/// Announcements that wait: more slots than any memory has.
const MOST_TO_READ: usize = 512;

/// While a memory's size is not known: the smallest SIMs have ten slots.
const SMALL_MEMORY: usize = 8;

/// The highest index that is read without being listed.
const LAST_INDEX: u16 = 255;

impl Receiving {
    pub(super) fn new(deletes: bool, now: Instant) -> Self {
        Self {
            deletes,
            acknowledges: None,
            stores_reports: false,
            has_reports: true,
            questions: VecDeque::new(),
            memories: Vec::new(),
            beside: None,
            knows_use: false,
            names_all: false,
            mute_selects: 0,
            selected: None,
            sizes: HashMap::new(),
            receives_into: None,
            to_read: VecDeque::new(),
            to_list: VecDeque::new(),
            lists_badly: HashSet::new(),
            sweep_due: now,
            sweeping: false,
            sweep_again: false,
            read: VecDeque::new(),
            awaited: Vec::new(),
            to_delete: VecDeque::new(),
            owed: Vec::new(),
            acknowledgements: 0,
            failures: HashMap::new(),
            staying: HashMap::new(),
            perhaps_out_of_step: false,
            illegible: HashSet::new(),
            errand: None,
            found: VecDeque::new(),
        }
    }

    /// The modem was set up, perhaps with another SIM: nothing that was known of its slots holds.
    pub(super) fn begin(&mut self, now: Instant) {
        let (owed, acknowledgements) = (std::mem::take(&mut self.owed), self.acknowledgements);
        let found = std::mem::take(&mut self.found);
        *self = Self {
            owed,
            acknowledgements,
            found,
            acknowledges: self.acknowledges,
            lists_badly: std::mem::take(&mut self.lists_badly),
            questions: VecDeque::from([
                Errand::AskService,
                Errand::AskAnnouncements,
                Errand::AskThereAre,
                // Before anything is selected: some take the names of all three memories only.
                Errand::AskInUse,
            ]),
            knows_use: true,
            ..Self::new(self.deletes, now)
        };
    }

    /// What has been found out since the last call.
    pub(super) fn poll(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// When something is due that nobody has announced. A session at rest calls [`Receiving::next`] then.
    pub(super) fn due(&self) -> Option<Instant> {
        let forgotten = self.awaited.iter().map(|one| one.since + KEPT_WITHIN).min();
        forgotten.or((!self.is_send_only()).then_some(self.sweep_due))
    }

    pub(super) fn urgency(&self, now: Instant) -> Urgency {
        let waited = |since: Instant| now.saturating_duration_since(since) >= PUT_OFF_AT_MOST;
        let sweep_is_late = !self.is_send_only() && waited(self.sweep_due);
        if self.acknowledgements > 0 && self.acknowledges == Some(true)
            || self.to_read.front().is_some_and(|one| waited(one.since))
            || self.to_delete.front().is_some_and(|one| waited(one.since))
            || sweep_is_late
        {
            Urgency::GoesFirst
        } else if self.may_fill(now) {
            Urgency::TakesTurns
        } else {
            Urgency::CanWait
        }
    }

    /// Takes what a modem announces; answers whether there is something to do now.
    pub(super) fn on_line(&mut self, now: Instant, line: &str) -> bool {
        if storage::says_full(line) {
            if let Some((_, usage)) = &mut self.receives_into {
                usage.used = usage.total;
            }
            self.sweep_soon(now);
            return true;
        }
        let Some(announced) = Announcement::read(line) else {
            return false;
        };
        match announced.slot {
            Some(slot) => self.announce(now, slot, announced.is_report),
            None if announced.is_report => self.list_reports(),
            None => self.sweep_soon(now),
        }
        true
    }

    /// A PDU came directly, by `+CMT` or `+CDS`.
    pub(super) fn on_direct(&mut self, pdu: &[u8]) {
        if self.acknowledges != Some(false) && self.owed.len() < AWAITED_AT_ONCE {
            self.owed.push(PduDigest::of(pdu));
        }
    }

    /// This PDU is durable: whatever holds it may be emptied.
    pub(super) fn keep(&mut self, now: Instant, pdu: PduDigest) {
        if let Some(at) = self.owed.iter().position(|owed| *owed == pdu) {
            self.owed.remove(at);
            self.acknowledgements += 1;
        }
        let mut kept = Vec::new();
        self.awaited.retain(|one| {
            let is_it = one.pdu == pdu;
            if is_it {
                kept.push(one.slot);
            }
            !is_it
        });
        for slot in kept {
            match self.deletes {
                true => self.to_delete.push_back(ToDelete {
                    slot,
                    pdu,
                    since: now,
                }),
                false => self.stay(slot, pdu),
            }
        }
        self.hand_on(now);
    }

    /// The next command, if there is anything to do. The line must be free.
    pub(super) fn next(&mut self, now: Instant) -> Option<Command> {
        self.awaited
            .retain(|one| now.saturating_duration_since(one.since) < KEPT_WITHIN);
        self.selected
            .take_if(|selected| now.saturating_duration_since(selected.at) >= SELECTION_HOLDS);
        self.hand_on(now);
        let errand = self.next_errand(now)?;
        self.errand = Some(errand);
        Some(self.command(errand))
    }

    fn next_errand(&mut self, now: Instant) -> Option<Errand> {
        if let Some(question) = self.questions.pop_front() {
            return Some(question);
        }
        if self.acknowledgements > 0 {
            self.acknowledgements -= 1;
            return Some(Errand::Acknowledge);
        }
        if let Some(one) = self.to_delete.front().copied() {
            return Some(self.select_for(one.slot.memory).unwrap_or_else(|| {
                self.to_delete.pop_front();
                Errand::Delete(one)
            }));
        }
        let has_room = self.awaited.len() + self.read.len() < AWAITED_AT_ONCE;
        if let Some(one) = self.to_read.front().copied().filter(|_| has_room) {
            return Some(self.select_for(one.slot.memory).unwrap_or_else(|| {
                self.to_read.pop_front();
                Errand::Read(one)
            }));
        }
        self.next_of_sweep(now)
    }

    /// A list shows everything: it waits until what was announced is read and deleted, so that the order of arrival is
    /// that of the announcements.
    fn next_of_sweep(&mut self, now: Instant) -> Option<Errand> {
        if !(self.to_read.is_empty() && self.read.is_empty() && self.awaited.is_empty()) {
            return None;
        }
        if let Some(memory) = self.to_list.front().copied() {
            if let Some(select) = self.select_for(memory) {
                return Some(select);
            }
            self.to_list.pop_front();
            if !self.lists_badly.contains(&memory) {
                return Some(Errand::List(memory));
            }
            self.read_slot_by_slot(now, memory);
            return self.next_errand(now);
        }
        if std::mem::take(&mut self.sweeping) {
            self.sweep_due = match std::mem::take(&mut self.sweep_again) {
                true => now,
                false => now + SWEEP_EVERY,
            };
        }
        if self.sweep_due > now || self.is_send_only() {
            return None;
        }
        self.sweeping = true;
        self.to_list.extend(&self.memories);
        if self.stores_reports && self.has_reports {
            self.to_list.push_back(Memory::Reports);
        }
        match std::mem::take(&mut self.knows_use) {
            true => self.next_of_sweep(now),
            false => Some(Errand::AskInUse),
        }
    }

    /// What selects `memory`; `None`: it is selected.
    fn select_for(&self, memory: Memory) -> Option<Errand> {
        let holds = self
            .selected
            .is_some_and(|selected| selected.memory == memory);
        (!holds).then_some(Errand::Select(memory))
    }

    fn command(&self, errand: Errand) -> Command {
        match errand {
            Errand::AskService => Command::MESSAGE_SERVICE,
            Errand::AskAnnouncements => Command::ANNOUNCED,
            Errand::AskInUse => Command::MEMORIES_IN_USE,
            Errand::AskThereAre => Command::MEMORIES_THERE_ARE,
            Errand::Select(memory) => match self.beside.filter(|_| self.names_all) {
                Some((write, receive)) => Command::read_from_beside(memory, write, receive),
                None => Command::read_from(memory),
            },
            Errand::List(_) => Command::LIST,
            Errand::Read(one) => Command::read(one.slot),
            Errand::Delete(one) => Command::delete(one.slot),
            Errand::Acknowledge => Command::ACKNOWLEDGE,
        }
    }

    fn announce(&mut self, now: Instant, slot: Slot, is_report: bool) {
        let is_known = self.to_read.iter().any(|one| one.slot == slot)
            || self.awaited.iter().any(|one| one.slot == slot)
            || self.read.iter().any(|(read, _)| *read == slot)
            || self.to_delete.iter().any(|one| one.slot == slot);
        // Some announce twice. What is announced while its slot is being emptied is the next text in it.
        if is_known || self.to_read.len() == MOST_TO_READ {
            return;
        }
        self.illegible.remove(&slot);
        self.staying.remove(&slot);
        self.failures.remove(&slot);
        if let Some((memory, usage)) = &mut self.receives_into
            && *memory == slot.memory
        {
            usage.used = usage.used.saturating_add(1).min(usage.total);
        }
        self.to_read.push_back(ToRead {
            slot,
            origin: match is_report {
                true => Origin::Report,
                false => Origin::Text,
            },
            since: now,
        });
    }

    fn sweep_soon(&mut self, now: Instant) {
        self.sweep_again = self.sweeping;
        self.sweep_due = self.sweep_due.min(now);
    }

    fn list_reports(&mut self) {
        if self.has_reports && !self.to_list.contains(&Memory::Reports) {
            self.to_list.push_front(Memory::Reports);
        }
    }

    fn hand_on(&mut self, now: Instant) {
        while self.awaited.len() < AWAITED_AT_ONCE
            && let Some((slot, pdu)) = self.read.pop_front()
        {
            self.awaited.push(Awaited {
                slot,
                pdu: PduDigest::of(&pdu),
                since: now,
            });
            self.found.push_back(Found::Pdu(pdu));
        }
    }

    /// Whether the network may soon find no room.
    fn may_fill(&self, now: Instant) -> bool {
        let waiting = self.to_read.len() + self.to_delete.len();
        let is_sweeping = self.sweep_due <= now && !self.is_send_only();
        match self.receives_into {
            _ if waiting == 0 && !is_sweeping => false,
            Some((_, Usage { used, total })) => u32::from(used) * 10 >= u32::from(total) * 8,
            None => waiting >= SMALL_MEMORY,
        }
    }

    /// No memory is left to look into: none was offered, or none could be selected.
    pub(super) fn has_no_memory(&self) -> bool {
        self.questions.is_empty() && self.memories.is_empty()
    }

    /// Some phones and sticks send and store nothing.
    fn is_send_only(&self) -> bool {
        self.questions.is_empty() && self.memories.is_empty() && !self.stores_reports
    }
}
