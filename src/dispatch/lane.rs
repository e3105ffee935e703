//! One modem's share of the work: what is in flight, what is prepared behind it, which parts follow.
//!
//! Memory only: a claimed message is an entry here, its row stays `queued` until an intent is committed
//! (architecture §4 rule 1). Nothing of it survives a restart, and nothing of it needs to.

use std::collections::VecDeque;
use std::sync::Arc;

use tracing::error;

use crate::domain::{Body, PartNumber};
use crate::modem::{ModemHandle, Order, Ticket};
use crate::store::InLine;

/// A session holds one part in flight and one prepared behind it.
const TRIES: usize = 2;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) handle: ModemHandle,
    /// Handed to the session, oldest first.
    pub(super) tries: VecDeque<Try>,
    /// Claimed messages with parts that are not handed over yet, in order.
    pub(super) claimed: VecDeque<Claimed>,
    pub(super) sent_today: u64,
    pub(super) failed_today: u64,
}

/// A message on its way through one lane.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) message: Arc<InLine>,
    pub(super) body: Body,
    pub(super) reference: u16,
    /// Parts still to be handed over.
    pub(super) left: VecDeque<PartNumber>,
    /// All parts start anew with the next intent.
    pub(super) anew: bool,
}

/// One try of one part.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) ticket: Ticket,
    pub(super) message: Arc<InLine>,
    pub(super) part: PartNumber,
    pub(super) reference: u16,
    pub(super) anew: bool,
    pub(super) phase: Phase,
}

/// How far a try is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The session prepares it; the store knows nothing.
    Prepared,
    /// Its intent is with the store.
    Committing,
    /// Its intent is durable and the session has its go.
    Gone,
    /// It is called back. `durable`: its intent may be, and must be undone.
    Withdrawn { durable: bool },
}

impl Lane {
    pub(super) fn new(handle: ModemHandle) -> Self {
        Self {
            handle,
            tries: VecDeque::with_capacity(TRIES),
            claimed: VecDeque::new(),
            sent_today: 0,
            failed_today: 0,
        }
    }

    /// Gives the session an order. It refuses only when the fleet has stopped; then the loop ends too.
    pub(super) fn order(&self, order: Order) {
        if self.handle.order(order).is_err() {
            error!(modem = %self.handle.name, "a modem takes no orders any more");
        }
    }

    /// Whether another message may be claimed for it: all parts of those it has are handed over, and the session
    /// has a place.
    pub(super) fn has_room(&self) -> bool {
        self.claimed.is_empty() && self.tries.len() < TRIES && !self.is_calling_back()
    }

    /// Whether the session has a place for the next part.
    pub(super) fn has_place(&self) -> bool {
        self.tries.len() < TRIES && !self.is_calling_back()
    }

    /// While a try is called back its message may yet return to the line: nothing overtakes it.
    fn is_calling_back(&self) -> bool {
        self.tries
            .iter()
            .any(|one| matches!(one.phase, Phase::Withdrawn { .. }))
    }

    /// Parts it holds.
    pub(super) fn parts(&self) -> usize {
        let waiting: usize = self.claimed.iter().map(|claimed| claimed.left.len()).sum();
        self.tries.len() + waiting
    }

    pub(super) fn holds(&self, message: &InLine) -> bool {
        let seq = message.seq;
        self.tries.iter().any(|one| one.message.seq == seq)
            || self.claimed.iter().any(|one| one.message.seq == seq)
    }

    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Try> {
        let at = self.tries.iter().position(|one| one.ticket == ticket)?;
        self.tries.remove(at)
    }

    /// Forgets the parts of this message that are not handed over: its row says what is left of it.
    pub(super) fn release(&mut self, message: &InLine) {
        self.claimed
            .retain(|claimed| claimed.message.seq != message.seq);
    }
}
