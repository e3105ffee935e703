//! The life of a message and of its parts: every state, every step, and nothing else (semantics §1).
//!
//! Pure tables. The store guards each step with the state it expects; docs/STATES.md shows the same tables.

use std::time::Duration;

use pdu_codec::RelativeValidity;

use super::UnixMillis;

/// Where a message stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MessageState {
    Scheduled,
    Queued,
    Sending,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Expired,
    Canceled,
    Unknown,
}

/// What can happen to a message as a whole.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Change {
    /// Its time has come.
    Due,
    /// Quiet hours hold it back.
    QuietBegins,
    /// The intent to send its first part is committed.
    Intent,
    /// Nothing of this try left.
    NeverLeft,
    /// The network refused, another try follows.
    Refused,
    /// The network refused, no try follows.
    GivenUp,
    /// The last part was accepted.
    Accepted,
    /// A part may have left, and is sent again.
    UncertainAgain,
    /// A part may have left and is not sent again; others that did not leave still are.
    UncertainRest,
    /// A part may have left, and is not sent again.
    UncertainLost,
    /// A part thought uncertain turned out accepted, and all others were: one that stands in line was under way.
    Settled,
    Canceled,
    /// `expires_at` passed before it was sent.
    TimeOver,
    ReportedDelivered,
    ReportedUndelivered,
    /// TP-ST 0x46: the network's validity was over.
    ReportedExpired,
    /// A provider was asked, and does not have it: it did not leave.
    ProvenUnsent,
    /// The same when its time to live is over.
    ProvenUnsentLate,
}

/// Every step that a message may take: from, what happened, to, who says so.
pub const MESSAGE_STEPS: &[(MessageState, Change, MessageState, &str)] = {
    use Change::*;
    use MessageState::*;
    &[
        (Scheduled, Due, Queued, "dispatch"),
        (Scheduled, Change::Canceled, MessageState::Canceled, "http"),
        (Scheduled, TimeOver, Expired, "dispatch"),
        (Queued, QuietBegins, Scheduled, "dispatch"),
        (Queued, Intent, Sending, "dispatch"),
        (Queued, Settled, Sending, "inbox"),
        (Queued, Change::Canceled, MessageState::Canceled, "http"),
        (Queued, TimeOver, Expired, "dispatch"),
        (Queued, GivenUp, Failed, "dispatch"),
        (Sending, NeverLeft, Queued, "dispatch"),
        (Sending, Refused, Queued, "dispatch"),
        (Sending, UncertainAgain, Queued, "dispatch"),
        (Sending, UncertainRest, Queued, "dispatch"),
        (Sending, UncertainLost, Unknown, "dispatch"),
        (Sending, Accepted, Sent, "dispatch"),
        (Sending, GivenUp, Failed, "dispatch"),
        (Unknown, Settled, Sent, "inbox"),
        (Unknown, ReportedUndelivered, Undelivered, "inbox"),
        (Unknown, ReportedExpired, Expired, "inbox"),
        (Unknown, ProvenUnsent, Failed, "inbox"),
        (Unknown, ProvenUnsentLate, Expired, "inbox"),
        (Sent, ReportedDelivered, Delivered, "inbox"),
        (Sent, ReportedUndelivered, Undelivered, "inbox"),
        (Sent, ReportedExpired, Expired, "inbox"),
    ]
};

impl MessageState {
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Expired,
        Self::Canceled,
        Self::Unknown,
    ];

    /// The state after `change`, or `None`: this change cannot happen to a message in this state.
    pub fn after(self, change: Change) -> Option<Self> {
        MESSAGE_STEPS
            .iter()
            .find(|(from, what, ..)| *from == self && *what == change)
            .map(|(_, _, to, _)| *to)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// No step leads on, whatever time it is. `sent` and `unknown` become final with their report window.
    pub fn is_over(self) -> bool {
        use MessageState::*;
        matches!(self, Delivered | Undelivered | Failed | Expired | Canceled)
    }
}

/// Where one part stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PartState {
    Queued,
    /// Its intent is committed, its outcome is not.
    Sending,
    /// It may have left; nobody said.
    Uncertain,
    Sent,
    Delivered,
    /// TP-ST 0x01.
    Unconfirmed,
    /// TP-ST 0x02.
    Replaced,
    Undelivered,
    Expired,
}

impl PartState {
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Uncertain,
        Self::Sent,
        Self::Delivered,
        Self::Unconfirmed,
        Self::Replaced,
        Self::Undelivered,
        Self::Expired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Unconfirmed => "unconfirmed",
            Self::Replaced => "replaced",
            Self::Undelivered => "undelivered",
            Self::Expired => "expired",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The network has it: it is not to be sent again on the same SIM.
    pub fn is_accepted(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending | Self::Uncertain)
    }
}

/// What a text is for: decides its priority, its limits, and what an uncertain outcome means.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Category {
    Otp,
    Alert,
    Transactional,
    Notification,
    Bulk,
}

impl Category {
    pub const ALL: [Self; 5] = [
        Self::Otp,
        Self::Alert,
        Self::Transactional,
        Self::Notification,
        Self::Bulk,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Alert => "alert",
            Self::Transactional => "transactional",
            Self::Notification => "notification",
            Self::Bulk => "bulk",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The class in which it stands in line.
    pub fn priority(self, severity: Option<Severity>) -> Priority {
        Priority(match (self, severity) {
            (Self::Otp, _) => 0,
            (Self::Alert, Some(Severity::Critical)) => 1,
            (Self::Alert | Self::Transactional, _) => 2,
            (Self::Notification, _) => 3,
            (Self::Bulk, _) => 4,
        })
    }
}

/// How grave an alert is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// 0 (first) … 4.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Priority(pub u8);

impl Priority {
    pub const CLASSES: usize = 5;
}

/// `message.uncertain`: a policy per category, in the order of [`Category::ALL`].
pub type Policies = [Policy; 5];

/// What becomes of a part that may have left (semantics §6).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Policy {
    /// Send again: two copies perhaps, never none.
    Duplicate,
    /// Do not: none perhaps, never two.
    Lose,
}

/// How long after its acceptance a report for a part may still come (semantics §2). `ttl`: what is left of the
/// message's time to live when it goes out.
pub fn report_window(category: Category, ttl: Duration, report_timeout: Duration) -> Duration {
    const SLACK: Duration = Duration::from_secs(600);
    let minutes = u32::try_from(ttl.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
    let validity = RelativeValidity::at_least(minutes).minutes();
    let until_over = Duration::from_secs(u64::from(validity) * 60) + SLACK;
    match category {
        Category::Otp => until_over,
        _ => until_over.max(report_timeout),
    }
}

/// Why a message waits, and when it is looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub code: PendingCode,
    pub message: String,
    pub next_attempt_at: UnixMillis,
}

/// `pending_reason.code`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PendingCode {
    Scheduled,
    QuietHours,
    InLine,
    RetryBackoff,
    SimQuota,
    Budget,
    ModemRecovering,
    NoModem,
    SimMissing,
    PinRequired,
    NoNetwork,
    RoutePaused,
    RouteCooldown,
}

impl PendingCode {
    pub const ALL: [Self; 13] = [
        Self::Scheduled,
        Self::QuietHours,
        Self::InLine,
        Self::RetryBackoff,
        Self::SimQuota,
        Self::Budget,
        Self::ModemRecovering,
        Self::NoModem,
        Self::SimMissing,
        Self::PinRequired,
        Self::NoNetwork,
        Self::RoutePaused,
        Self::RouteCooldown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::QuietHours => "quiet_hours",
            Self::InLine => "in_line",
            Self::RetryBackoff => "retry_backoff",
            Self::SimQuota => "sim_quota",
            Self::Budget => "budget",
            Self::ModemRecovering => "modem_recovering",
            Self::NoModem => "no_modem",
            Self::SimMissing => "sim_missing",
            Self::PinRequired => "pin_required",
            Self::NoNetwork => "no_network",
            Self::RoutePaused => "route_paused",
            Self::RouteCooldown => "route_cooldown",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_once() {
        for (at, (from, change, ..)) in MESSAGE_STEPS.iter().enumerate() {
            let twice = MESSAGE_STEPS[at + 1..]
                .iter()
                .any(|(f, c, ..)| f == from && c == change);
            assert!(!twice, "{from:?} on {change:?} leads two ways");
        }
    }

    #[test]
    fn every_step_is_one_that_the_life_of_a_message_allows() {
        use MessageState::*;
        let allowed: [(MessageState, &[MessageState]); 5] = [
            (Scheduled, &[Queued, Canceled, Expired]),
            (Queued, &[Scheduled, Sending, Canceled, Expired, Failed]),
            (Sending, &[Sent, Queued, Failed, Unknown]),
            (Sent, &[Delivered, Undelivered, Expired]),
            (
                Unknown,
                &[Sent, Delivered, Undelivered, Expired, Failed, Queued],
            ),
        ];
        for (from, change, to, _) in MESSAGE_STEPS {
            let is_allowed = allowed
                .iter()
                .any(|(state, next)| state == from && next.contains(to));
            assert!(is_allowed, "{from:?} on {change:?} leads to {to:?}");
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        for (from, change, ..) in MESSAGE_STEPS {
            assert!(!from.is_over(), "{from:?} would still move on {change:?}");
        }
    }

    #[test]
    fn a_sending_message_cannot_be_canceled() {
        assert_eq!(MessageState::Sending.after(Change::Canceled), None);
        assert_eq!(
            MessageState::Queued.after(Change::Canceled),
            Some(MessageState::Canceled)
        );
    }

    #[test]
    fn codes_go_first_and_bulk_goes_last() {
        let priority = |category: Category| category.priority(None).0;
        assert_eq!(Category::ALL.map(priority), [0, 2, 2, 3, 4]);
        assert_eq!(Category::Alert.priority(Some(Severity::Critical)).0, 1);
    }

    #[test]
    fn a_report_window_outlives_the_validity_by_ten_minutes() {
        let (hour, three_days) = (Duration::from_secs(3600), Duration::from_secs(259_200));
        let window = |category, ttl| report_window(category, ttl, three_days);
        assert_eq!(window(Category::Otp, hour), Duration::from_secs(4200));
        assert_eq!(window(Category::Bulk, hour), three_days);
        let week = hour * 24 * 7;
        assert_eq!(
            window(Category::Bulk, week),
            week + Duration::from_secs(600)
        );
    }

    #[test]
    fn every_word_is_read_back() {
        for state in MessageState::ALL {
            assert_eq!(MessageState::parse(state.as_str()), Some(state));
        }
        for state in PartState::ALL {
            assert_eq!(PartState::parse(state.as_str()), Some(state));
        }
        for code in PendingCode::ALL {
            assert_eq!(PendingCode::parse(code.as_str()), Some(code));
        }
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(severity.as_str()), Some(severity));
        }
    }
}
