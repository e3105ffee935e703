//! The life of a batch: one request, many recipients (semantics §1).

use super::MessageState;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BatchState {
    /// Nothing of it was begun.
    Pending,
    Processing,
    /// Nothing of it waits or is under way, and something was sent.
    Completed,
    /// Nothing of it waits or is under way, and nothing was sent.
    Failed,
}

impl BatchState {
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Processing,
        Self::Completed,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// It does not go back, whatever becomes of its messages.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// How a batch counts a message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Standing {
    Waiting,
    Sending,
    Success,
    Failed,
}

impl Standing {
    pub fn of(state: MessageState) -> Self {
        use MessageState::*;
        match state {
            Scheduled | Queued => Self::Waiting,
            Sending => Self::Sending,
            Sent | Delivered => Self::Success,
            Undelivered | MessageState::Failed | Expired | Canceled | Unknown => Self::Failed,
        }
    }
}

/// The messages of a batch, by how they stand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    pub waiting: i64,
    pub sending: i64,
    pub success: i64,
    pub failed: i64,
}

impl Tally {
    pub fn total(&self) -> i64 {
        self.waiting + self.sending + self.success + self.failed
    }

    pub fn count(&mut self, standing: Standing, change: i64) {
        *match standing {
            Standing::Waiting => &mut self.waiting,
            Standing::Sending => &mut self.sending,
            Standing::Success => &mut self.success,
            Standing::Failed => &mut self.failed,
        } += change;
    }

    /// The state of a batch that was `before` and is counted so.
    pub fn state(&self, before: BatchState) -> BatchState {
        if before.is_over() {
            return before;
        }
        if self.waiting == self.total() {
            BatchState::Pending
        } else if self.waiting + self.sending > 0 {
            BatchState::Processing
        } else if self.success > 0 {
            BatchState::Completed
        } else {
            BatchState::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stands_where_its_messages_do() {
        use BatchState::*;
        for (waiting, sending, success, failed, state) in [
            (2, 0, 0, 0, Pending),
            (1, 1, 0, 0, Processing),
            (1, 0, 1, 0, Processing),
            (1, 0, 0, 1, Processing),
            (0, 1, 0, 1, Processing),
            (0, 0, 1, 1, Completed),
            (0, 0, 2, 0, Completed),
            (0, 0, 0, 2, Failed),
        ] {
            let tally = Tally {
                waiting,
                sending,
                success,
                failed,
            };
            assert_eq!(tally.state(Pending), state, "{tally:?}");
            assert_eq!(tally.state(Processing), state, "{tally:?}");
            assert_eq!(tally.state(Completed), Completed, "{tally:?}");
            assert_eq!(tally.state(BatchState::Failed), BatchState::Failed);
        }
    }

    #[test]
    fn every_word_is_read_back() {
        for state in BatchState::ALL {
            assert_eq!(BatchState::parse(state.as_str()), Some(state));
        }
    }
}
