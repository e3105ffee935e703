//! Which modem's port is held by whom seeks it, and what is known there of the SIM.
//!
//! A session hears when a SIM is taken out or put in; the finder, which asks only those that nobody holds, learns it
//! from here. Two that seek the same modem, one by its IMEI and one by its SIM, open its port one after the other, and the
//! second says that the first has it, in place of a failure.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::{ModemState, ModemStatus};

/// By the node of the port.
pub(super) type Holds = BTreeMap<PathBuf, CardSeen>;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum CardSeen {
    NotYet,
    Gone,
    /// Its ICCID.
    Is(String),
}

/// As long as it lives its port is held.
#[derive(Debug)]
pub(in crate::modem) struct Hold {
    node: PathBuf,
    holds: Arc<watch::Sender<Holds>>,
}

impl Hold {
    /// `None`: another holds it.
    pub(super) fn take(node: PathBuf, holds: Arc<watch::Sender<Holds>>) -> Option<Self> {
        let was_free = holds.send_if_modified(|holds| match holds.entry(node.clone()) {
            Entry::Vacant(place) => {
                place.insert(CardSeen::NotYet);
                true
            }
            Entry::Occupied(_) => false,
        });
        was_free.then_some(Self { node, holds })
    }

    /// What the modem at the port tells by now.
    pub(in crate::modem) fn sees(&self, status: &ModemStatus) {
        let card = match (&status.iccid, status.state) {
            (Some(iccid), _) => CardSeen::Is(iccid.clone()),
            (None, ModemState::NoSim) => CardSeen::Gone,
            // It is being read.
            (None, _) => return,
        };
        self.holds.send_if_modified(|holds| {
            let known = holds.insert(self.node.clone(), card.clone());
            known != Some(card)
        });
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.send_modify(|holds| {
            holds.remove(&self.node);
        });
    }
}
