//! At start, before any request is accepted: what was under way when the process ended is uncertain, and what that
//! means for each is its category's policy (semantics §6).

use tracing::warn;

use crate::domain::{Category, Policy, UnixMillis};
use crate::store::{Policies, Store, StoreError};

/// Names every part that may have left: at most one per modem (architecture §4).
pub(crate) async fn recover(
    store: &Store,
    policies: Policies,
    now: UnixMillis,
) -> Result<(), StoreError> {
    for one in store.recover(policy_of, policies, now).await? {
        let consequence = match one.policy {
            Policy::Duplicate => "it is sent again and may arrive twice",
            Policy::Lose => "it is not sent again",
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

/// `policies` is in the order of [`Category::ALL`].
pub(super) fn policy_of(policies: &Policies, category: Category) -> Policy {
    Category::ALL
        .iter()
        .position(|one| *one == category)
        .map_or(Policy::Duplicate, |at| policies[at])
}
