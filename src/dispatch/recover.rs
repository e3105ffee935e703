//! At start, before any request is accepted: what was under way when the process ended is uncertain, and what that
//! means for each is its category's policy, as for an outcome that nobody knows (semantics §6).

use tracing::warn;

use super::Settings;
use super::backoff::{Standing, after_question, after_uncertainty};
use crate::domain::message::{Policies, report_window};
use crate::domain::{Category, Policy};
use crate::store::{InDoubt, Store, StoreError, Verdict};

/// Names every part that may have left: at most one per modem (architecture §4).
pub(crate) async fn recover(store: &Store, settings: &Settings) -> Result<(), StoreError> {
    let (settings, now) = (settings.clone(), (settings.clock)());
    let decide = move |in_doubt: &InDoubt| verdict(&settings, in_doubt);
    for one in store.recover(decide, now).await? {
        let consequence = match one.goes_again {
            true => "it is sent again and may arrive twice",
            false => "it is not sent again",
        };
        warn!(
            message_id = %one.message,
            part = one.part.0,
            route = one.route,
            consequence,
            "part was under way when the process ended: it may have left"
        );
    }
    Ok(())
}

fn verdict(settings: &Settings, in_doubt: &InDoubt) -> Verdict {
    let now = (settings.clock)();
    let standing = Standing {
        strikes: in_doubt.strikes,
        setbacks: 0,
        max_attempts: settings.max_attempts,
        expires_at: in_doubt.expires_at,
        now,
        is_probe: false,
        may_ask_other_kind: false,
        chance: rand::random(),
    };
    let policy = policy_of(&settings.policies, in_doubt.category);
    let ttl = in_doubt.expires_at.since(now);
    let window = report_window(in_doubt.category, ttl, settings.report_timeout);
    let is_asked = in_doubt
        .route
        .as_ref()
        .is_some_and(|route| settings.askable.contains(route));
    let next = match is_asked {
        true => after_question(policy, &standing),
        false => after_uncertainty(policy, &standing),
    };
    (next, now.plus(window))
}

pub(super) fn policy_of(policies: &Policies, category: Category) -> Policy {
    policies[category.index()]
}
