//! The list of what happened to a message, in order: what `GET /v1/messages/{id}/events` shows.

use super::{PartNumber, UnixMillis};

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: UnixMillis,
    pub kind: EventKind,
    pub part: Option<PartNumber>,
    /// `modem:m1`.
    pub route: Option<String>,
    /// For a person; never a text, a code or a number.
    pub detail: Option<String>,
}

impl Event {
    pub fn new(at: UnixMillis, kind: EventKind) -> Self {
        Self {
            at,
            kind,
            part: None,
            route: None,
            detail: None,
        }
    }

    #[must_use]
    pub fn part(mut self, part: PartNumber) -> Self {
        self.part = Some(part);
        self
    }

    #[must_use]
    pub fn route(mut self, route: impl Into<String>) -> Self {
        self.route = Some(route.into());
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EventKind {
    Scheduled,
    Queued,
    /// A try begins: its intent is durable, nothing has left yet.
    Sending,
    /// The network took one part; `detail` holds its reference.
    PartSent,
    Sent,
    /// A status report came; `detail` holds TP-Status.
    Report,
    Delivered,
    Unconfirmed,
    Replaced,
    Undelivered,
    NeverLeft,
    Refused,
    Uncertain,
    /// All parts start anew with another reference: another SIM.
    StartedAnew,
    Settled,
    Failed,
    Expired,
    Canceled,
    Unknown,
}

impl EventKind {
    pub const ALL: [Self; 19] = [
        Self::Scheduled,
        Self::Queued,
        Self::Sending,
        Self::PartSent,
        Self::Sent,
        Self::Report,
        Self::Delivered,
        Self::Unconfirmed,
        Self::Replaced,
        Self::Undelivered,
        Self::NeverLeft,
        Self::Refused,
        Self::Uncertain,
        Self::StartedAnew,
        Self::Settled,
        Self::Failed,
        Self::Expired,
        Self::Canceled,
        Self::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::PartSent => "part_sent",
            Self::Sent => "sent",
            Self::Report => "report",
            Self::Delivered => "delivered",
            Self::Unconfirmed => "unconfirmed",
            Self::Replaced => "replaced",
            Self::Undelivered => "undelivered",
            Self::NeverLeft => "never_left",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
            Self::StartedAnew => "started_anew",
            Self::Settled => "settled",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
