//! What came of a try, as the store will remember it.

use std::time::Duration;

use super::backoff::{Standing, after_question, after_refusal, after_uncertainty};
use super::lane::{Phase, Try};
use super::recover::policy_of;
use super::{Asking, Settings};
use crate::domain::message::report_window;
use crate::domain::{Category, MessageSeq, Outcome, RouteName, UnixMillis};
use crate::store::{Acceptance, Group, NeverLeft, NextTry, Receipt, Refusal, Uncertainty};

/// One write that must reach the disk; it is repeated until it does, and repeating it changes nothing.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Accepted(Acceptance),
    Refused(Refusal),
    Uncertain(Uncertainty),
    NeverLeft(NeverLeft),
}

impl Record {
    pub(super) fn message(&self) -> MessageSeq {
        match self {
            Self::Accepted(acceptance) => acceptance.message,
            Self::Refused(refusal) => refusal.message,
            Self::Uncertain(uncertainty) => uncertainty.message,
            Self::NeverLeft(never_left) => never_left.message,
        }
    }

    /// The same record when no lane holds the rest of its message any more, if there is one.
    pub(super) fn unheld(self) -> Self {
        match self {
            Self::Accepted(acceptance) => Self::Accepted(Acceptance {
                is_unheld: acceptance.more_follow,
                ..acceptance
            }),
            other => other,
        }
    }

    /// What is left of its message stands in line again, or will.
    pub(super) fn goes_back_into_line(&self) -> bool {
        match self {
            Self::Accepted(acceptance) => acceptance.is_unheld,
            Self::Refused(_) | Self::Uncertain(_) | Self::NeverLeft(_) => true,
        }
    }

    /// A provider is to be asked something now that it is written.
    pub(super) fn asks(&self) -> bool {
        match self {
            Self::Accepted(acceptance) => acceptance.ask_at.is_some(),
            Self::Uncertain(uncertainty) => uncertainty.ask_at.is_some(),
            Self::Refused(_) | Self::NeverLeft(_) => false,
        }
    }

    pub(super) fn put(&self, group: &mut Group<'_>) -> Receipt<bool> {
        match self.clone() {
            Self::Accepted(acceptance) => group.accepted(acceptance),
            Self::Refused(refusal) => group.refused(refusal),
            Self::Uncertain(uncertainty) => group.uncertain(uncertainty),
            Self::NeverLeft(never_left) => group.never_left(never_left),
        }
    }
}

/// What a record needs to know beside the try and its outcome.
pub(super) struct Context<'a> {
    pub(super) route: RouteName,
    /// It took the whole text.
    pub(super) whole: bool,
    /// A provider is there that may be asked when a modem was told that the number cannot be reached.
    pub(super) has_other_kind: bool,
    pub(super) mean_send: Duration,
    pub(super) request_report: bool,
    /// Whether the provider can be asked what became of a text.
    pub(super) asking: Asking,
    pub(super) settings: &'a Settings,
    pub(super) now: UnixMillis,
}

/// `None`: the store never heard of this try, and need not.
pub(super) fn of(context: &Context<'_>, done: &Try, outcome: Outcome) -> Option<Record> {
    let (message, part, at) = (done.message.seq, done.part, context.now);
    let ticket = done.ticket.0;
    Some(match outcome {
        Outcome::Accepted {
            reference, taken, ..
        } => Record::Accepted(Acceptance {
            taken,
            ask_at: context.asking.after_acceptance(at),
            message,
            part,
            ticket,
            route: context.route.clone(),
            whole: context.whole,
            policy: policy_of(&context.settings.policies, done.message.category),
            reference,
            mean_send: context.mean_send,
            window_ends_at: context
                .request_report
                .then(|| window_ends_at(context, done)),
            more_follow: !context.whole && usize::from(part.0) < done.message.parts.len(),
            is_unheld: false,
            at,
        }),
        Outcome::Refused(setback) => Record::Refused(Refusal {
            message,
            part,
            ticket,
            next: after_refusal(&setback, &standing(context, done)),
            setback,
            at,
        }),
        Outcome::Uncertain(setback) => Record::Uncertain(Uncertainty {
            message,
            part,
            ticket,
            closes_at: window_ends_at(context, done),
            ask_at: context.asking.in_doubt(at),
            next: next_in_doubt(context, done),
            setback,
            at,
        }),
        Outcome::NeverLeft(setback) => {
            let known = match done.phase {
                Phase::Prepared => false,
                Phase::Committing | Phase::Gone { .. } => true,
                Phase::Withdrawn { durable } => durable,
            };
            // A part before it may have been the last that anybody held: the store looks.
            if !known && done.message.parts.len() == 1 {
                return None;
            }
            Record::NeverLeft(NeverLeft {
                message,
                part,
                ticket,
                why: setback.to_string(),
                at,
            })
        }
    })
}

fn next_in_doubt(context: &Context<'_>, done: &Try) -> NextTry {
    let policy = policy_of(&context.settings.policies, done.message.category);
    let standing = standing(context, done);
    match context.asking.in_doubt(context.now) {
        Some(_) => after_question(policy, &standing),
        None => after_uncertainty(policy, &standing),
    }
}

fn window_ends_at(context: &Context<'_>, done: &Try) -> UnixMillis {
    let ttl = done.message.expires_at.since(context.now);
    let report_timeout = context.settings.report_timeout;
    context
        .now
        .plus(report_window(done.message.category, ttl, report_timeout))
}

fn standing(context: &Context<'_>, done: &Try) -> Standing {
    Standing {
        strikes: done.message.strikes,
        setbacks: done.message.setbacks,
        max_attempts: context.settings.max_attempts,
        expires_at: done.message.expires_at,
        now: context.now,
        is_probe: done.is_probe,
        may_ask_other_kind: context.has_other_kind && done.message.category == Category::Otp,
        chance: rand::random(),
    }
}
