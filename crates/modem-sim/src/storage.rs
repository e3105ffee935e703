//! **Storage**: the slots in which a modem and its SIM keep texts until the host deletes them.

use crate::modem::Store;
use crate::personality::StoreTraits;

/// A PDU in a slot, as `+CMGR` and `+CMGL` show it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) pdu: String,
    /// Octets of the TPDU, without the service centre.
    pub(crate) length: usize,
    pub(crate) read: bool,
}

#[derive(Debug)]
pub(crate) struct Storage {
    first: usize,
    slots: Vec<Option<Stored>>,
}

impl Storage {
    pub(crate) fn new(slots: usize, first: usize) -> Self {
        Self {
            first,
            slots: vec![None; slots],
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.slots.iter().any(Option::is_none)
    }

    /// Puts a text into the first free slot; `None` when all are taken.
    pub(crate) fn keep(&mut self, pdu: String, length: usize) -> Option<usize> {
        let free = self.slots.iter().position(Option::is_none)?;
        self.slots[free] = Some(Stored {
            pdu,
            length,
            read: false,
        });
        Some(free + self.first)
    }

    /// What a host reads becomes "received, read"; what it sees is the state before.
    pub(crate) fn read(&mut self, index: usize) -> Option<Stored> {
        let slot = self.slot(index)?.as_mut()?;
        let seen = slot.clone();
        slot.read = true;
        Some(seen)
    }

    pub(crate) fn list(&mut self, wanted: impl Fn(&Stored) -> bool) -> Vec<(usize, Stored)> {
        let first = self.first;
        let mut seen = Vec::new();
        for (place, slot) in self.slots.iter_mut().enumerate() {
            if let Some(stored) = slot.as_mut().filter(|stored| wanted(stored)) {
                seen.push((place + first, stored.clone()));
                stored.read = true;
            }
        }
        seen
    }

    /// What stood in that slot.
    pub(crate) fn delete(&mut self, index: usize) -> Option<Stored> {
        self.slot(index)?.take()
    }

    pub(crate) fn delete_where(
        &mut self,
        unwanted: impl Fn(&Stored) -> bool,
    ) -> Vec<(usize, Stored)> {
        let first = self.first;
        let slots = self.slots.iter_mut().enumerate();
        slots
            .filter_map(|(place, slot)| Some((place + first, slot.take_if(|one| unwanted(one))?)))
            .collect()
    }

    /// Whether there is such a slot, empty or not.
    pub(crate) fn has(&self, index: usize) -> bool {
        let place = index.checked_sub(self.first);
        place.is_some_and(|place| place < self.slots.len())
    }

    pub(crate) fn indices(&self) -> Vec<usize> {
        let taken = self.slots.iter().enumerate();
        taken
            .filter(|(_, slot)| slot.is_some())
            .map(|(place, _)| place + self.first)
            .collect()
    }

    fn slot(&mut self, index: usize) -> Option<&mut Option<Stored>> {
        self.slots.get_mut(index.checked_sub(self.first)?)
    }
}

/// The memories of one modem and its SIM.
#[derive(Debug)]
pub(crate) struct Memories {
    sim: Storage,
    device: Storage,
    reports: Storage,
    /// Cell broadcasts, of which there are none here.
    broadcast: Storage,
}

impl Memories {
    pub(crate) fn new(traits: &StoreTraits) -> Self {
        Self {
            sim: Storage::new(traits.sim_slots, traits.first),
            device: Storage::new(traits.device_slots, traits.first),
            reports: Storage::new(traits.report_slots, traits.first),
            broadcast: Storage::new(0, traits.first),
        }
    }

    pub(crate) fn of(&self, store: Store) -> &Storage {
        match store {
            Store::Sim => &self.sim,
            Store::Total if self.device.capacity() == 0 => &self.sim,
            Store::Device | Store::Total => &self.device,
            Store::Reports => &self.reports,
            Store::Broadcast => &self.broadcast,
        }
    }

    pub(crate) fn of_mut(&mut self, store: Store) -> &mut Storage {
        match store {
            Store::Sim => &mut self.sim,
            Store::Total if self.device.capacity() == 0 => &mut self.sim,
            Store::Device | Store::Total => &mut self.device,
            Store::Reports => &mut self.reports,
            Store::Broadcast => &mut self.broadcast,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_slot_is_the_next_to_be_taken() {
        let mut storage = Storage::new(3, 1);
        let indices: Vec<_> = (0..4).map(|_| storage.keep("00".into(), 1)).collect();
        assert_eq!(indices, [Some(1), Some(2), Some(3), None]);
        assert!(storage.delete(2).is_some());
        assert_eq!(storage.delete(2), None);
        assert_eq!((storage.delete(0), storage.delete(4)), (None, None));
        assert!(storage.has(2) && !storage.has(0) && !storage.has(4));
        assert_eq!(storage.keep("01".into(), 1), Some(2));
    }

    #[test]
    fn reading_marks_as_read() {
        let mut storage = Storage::new(1, 0);
        storage.keep("00".into(), 1);
        assert!(!storage.read(0).unwrap().read);
        assert!(storage.read(0).unwrap().read);
    }
}
