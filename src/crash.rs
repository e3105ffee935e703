//! **Crash points**: the steps of a send and of a text that comes in at which a test ends the process, as SIGKILL does.
//!
//! `crash_point!` marks them. It is nothing at all but in the unit tests: `tests` ends the process at each of them
//! in turn, starts it again, and compares what the network took with what the API says.

/// `crash_point!(AfterClaim)`: this step. `crash_point!(writes Intent)`: the transaction that is open writes one.
/// `crash_point!(before_write(octets))`: whichever step the octets belong to.
macro_rules! crash_point {
    (writes $write:ident) => {
        #[cfg(test)]
        crate::crash::writes(crate::crash::Write::$write);
    };
    ($point:ident) => {
        #[cfg(test)]
        crate::crash::here(crate::crash::Point::$point);
    };
    ($step:ident($($octets:expr)?)) => {
        #[cfg(test)]
        crate::crash::$step($($octets)?);
    };
}

#[cfg(test)]
pub(crate) use points::*;

#[cfg(test)]
mod points {
    use std::cell::RefCell;
    use std::sync::OnceLock;

    use rustix::process::{Signal, getpid, kill_process};

    /// Where the process can be ended, in the order of a text's way.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub(crate) enum Point {
        BeforeAcceptCommit,
        AfterAcceptCommit,
        BeforeClaim,
        AfterClaim,
        BeforePrepare,
        AfterPrepare,
        BeforeIntentCommit,
        AfterIntentCommit,
        BeforeCtrlZ,
        AfterCtrlZ,
        BeforeAnswerIsRead,
        AfterAnswerIsRead,
        BeforeHandOver,
        AfterHandOver,
        BeforeOutcomeCommit,
        AfterOutcomeCommit,
        BeforeReportCommit,
        AfterReportCommit,
        BeforeInboundCommit,
        AfterInboundCommit,
        BeforeDelete,
        AfterDelete,
    }

    impl Point {
        pub(crate) const ALL: [Self; 22] = [
            Self::BeforeAcceptCommit,
            Self::AfterAcceptCommit,
            Self::BeforeClaim,
            Self::AfterClaim,
            Self::BeforePrepare,
            Self::AfterPrepare,
            Self::BeforeIntentCommit,
            Self::AfterIntentCommit,
            Self::BeforeCtrlZ,
            Self::AfterCtrlZ,
            Self::BeforeAnswerIsRead,
            Self::AfterAnswerIsRead,
            Self::BeforeHandOver,
            Self::AfterHandOver,
            Self::BeforeOutcomeCommit,
            Self::AfterOutcomeCommit,
            Self::BeforeReportCommit,
            Self::AfterReportCommit,
            Self::BeforeInboundCommit,
            Self::AfterInboundCommit,
            Self::BeforeDelete,
            Self::AfterDelete,
        ];
    }

    /// What a transaction may write.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub(crate) enum Write {
        Accept,
        Intent,
        Outcome,
        Report,
        Inbound,
    }

    impl Write {
        fn points(self) -> (Point, Point) {
            match self {
                Self::Accept => (Point::BeforeAcceptCommit, Point::AfterAcceptCommit),
                Self::Intent => (Point::BeforeIntentCommit, Point::AfterIntentCommit),
                Self::Outcome => (Point::BeforeOutcomeCommit, Point::AfterOutcomeCommit),
                Self::Report => (Point::BeforeReportCommit, Point::AfterReportCommit),
                Self::Inbound => (Point::BeforeInboundCommit, Point::AfterInboundCommit),
            }
        }
    }

    static ARMED: OnceLock<Point> = OnceLock::new();

    /// From now on the process ends where it comes to `point`.
    pub(crate) fn arm(point: Point) {
        ARMED.set(point).unwrap();
    }

    pub(crate) fn here(point: Point) {
        if ARMED.get() == Some(&point) {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    }

    thread_local! {
        /// What the transaction of this thread writes.
        static WRITES: RefCell<Vec<Write>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn group_begins() {
        WRITES.with_borrow_mut(Vec::clear);
    }

    pub(crate) fn writes(write: Write) {
        WRITES.with_borrow_mut(|writes| writes.push(write));
    }

    pub(crate) fn before_commit() {
        WRITES.with_borrow(|writes| writes.iter().for_each(|write| here(write.points().0)));
    }

    pub(crate) fn after_commit() {
        WRITES.with_borrow(|writes| writes.iter().for_each(|write| here(write.points().1)));
    }

    const CTRL_Z: u8 = 0x1a;

    pub(crate) fn before_write(octets: &[u8]) {
        if octets.last() == Some(&CTRL_Z) {
            here(Point::BeforeCtrlZ);
        } else if octets.starts_with(b"AT+CMGD=") {
            here(Point::BeforeDelete);
        }
    }

    pub(crate) fn after_write(octets: &[u8]) {
        if octets.last() == Some(&CTRL_Z) {
            here(Point::AfterCtrlZ);
        } else if octets.starts_with(b"AT+CMGD=") {
            here(Point::AfterDelete);
        } else if octets.starts_with(b"AT+CMGS=") {
            here(Point::AfterPrepare);
        }
    }

    pub(crate) fn before_reading(octets: &[u8]) {
        if is_answer(octets) {
            here(Point::BeforeAnswerIsRead);
        }
    }

    pub(crate) fn after_reading(octets: &[u8]) {
        if is_answer(octets) {
            here(Point::AfterAnswerIsRead);
        }
    }

    fn is_answer(octets: &[u8]) -> bool {
        octets.windows(6).any(|octets| octets == b"+CMGS:")
    }
}

#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
