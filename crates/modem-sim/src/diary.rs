//! **Diary**: what befell the slots of one modem lately.
//!
//! For whoever asks whether a text was read before it was deleted. Pure; the oldest entries go.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::modem::Store;
use crate::moment::Moment;

#[derive(Debug, Default)]
pub(crate) struct Diary {
    notes: VecDeque<Note>,
    /// How many there have been.
    count: u64,
}

/// Something that happened to one slot.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Note {
    pub unix_ms: i64,
    pub what: Befell,
    /// `SM`, `ME`, `SR`.
    pub memory: String,
    pub index: usize,
    /// What stood in the slot; of what was deleted, what had stood there.
    pub pdu: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Befell {
    /// A text or a report came into it.
    Stored,
    /// By `+CMGR`.
    Read,
    /// By `+CMGL`.
    Listed,
    /// By `+CMGD`.
    Deleted,
    /// By `+CMGD`, and no host had read it.
    DeletedUnread,
}

impl Diary {
    pub(crate) fn note(
        &mut self,
        now: Moment,
        what: Befell,
        store: Store,
        index: usize,
        pdu: String,
    ) {
        if self.notes.len() == MOST_NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(Note {
            unix_ms: now.unix_ms,
            what,
            memory: store.name().to_owned(),
            index,
            pdu,
        });
        self.count += 1;
    }

    /// The notes from this number on, as far as they are still there, and the number to go on with.
    pub(crate) fn from(&self, from: u64) -> (Vec<Note>, u64) {
        let first = self.count - self.notes.len() as u64;
        let known = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        (self.notes.iter().skip(known).cloned().collect(), self.count)
    }
}

/// Some hundred texts, each stored, read and deleted.
const MOST_NOTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_notes_go_and_the_numbers_of_the_others_stay() {
        let mut diary = Diary::default();
        assert_eq!(diary.from(0), (vec![], 0));
        for index in 0..514 {
            let (now, what) = (Moment::fixed(), Befell::Stored);
            diary.note(now, what, Store::Sim, index, "00".into());
        }
        let indices = |from| {
            let (notes, next) = diary.from(from);
            let indices: Vec<_> = notes.iter().map(|note| note.index).collect();
            (indices.first().copied(), indices.len(), next)
        };
        assert_eq!(indices(0), (Some(2), 512, 514));
        assert_eq!(indices(512), (Some(512), 2, 514));
        assert_eq!(indices(514), (None, 0, 514));
        assert_eq!(indices(600), (None, 0, 514));
    }
}
