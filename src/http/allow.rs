//! Where a caller may send to, and what a send counts against (semantics §8).
//!
//! The numbers come from `[limits]` and `[guard]`, which may be read again while the gateway runs, as may who needs no
//! key: each question here is answered by [`Gate::terms`] as they are at that moment.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use super::Gate;
use super::auth::Caller;
use super::error::ApiError;
use crate::config::Config;
use crate::domain::{
    Allowances, Category, Destination, Guard, Limit, ModemName, ProfileName, Purpose, Surface,
    UnixMillis,
};
use crate::store::{Checked, Conversion, Counted, Counts, LimitKey, OfNumber, Which};
use crate::verify::Beside;

/// What holds at the moment.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) allowances: Allowances,
    pub(super) guard: Guard,
    /// Who needs no key, and what they may do.
    pub(super) anonymous_cidrs: Vec<IpNet>,
    pub(super) anonymous_scopes: Vec<String>,
    /// Modems whose long texts have references of 16 bits.
    pub(super) wide: Vec<ModemName>,
}

impl Terms {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            allowances: config.limits.allowances.clone(),
            guard: config.guard.clone(),
            anonymous_cidrs: config.auth.anonymous_cidrs.clone(),
            anonymous_scopes: config.auth.anonymous_scopes.clone(),
            wide: config
                .modems
                .iter()
                .filter(|modem| modem.ref16)
                .map(|modem| modem.name.clone())
                .collect(),
        }
    }
}

impl Gate {
    /// From now on `[limits]`, `[guard]`, what `[auth]` says of callers without a key and how modems number parts hold as
    /// in this config.
    pub(crate) fn read_again(&self, config: &Config) {
        let terms = Arc::new(Terms::of(config));
        *self.0.terms.write().unwrap_or_else(PoisonError::into_inner) = terms;
        let limits = &config.limits;
        self.0.buckets.set_rate(limits.key_rps, limits.key_burst);
    }

    pub(super) fn terms(&self) -> Arc<Terms> {
        // One pointer is written at a time: it is whole whatever panicked.
        Arc::clone(&self.0.terms.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long events that limits count are of use.
    pub(crate) fn longest_window(&self) -> Duration {
        let profiles = self.codes().rules().profiles.iter();
        let of_codes = profiles
            .flat_map(|profile| &profile.limits)
            .map(Limit::window);
        of_codes.fold(self.terms().allowances.longest_window(), Duration::max)
    }

    /// # Errors
    /// `destination_blocked`, which names the key of the config that refuses.
    pub(super) fn may_send_to(
        &self,
        to: &Destination,
        category: Category,
        caller: &Caller,
    ) -> Result<(), ApiError> {
        let is_stranger = caller.listener.is_some();
        match self.terms().guard.denial(to, category, is_stranger) {
            None => Ok(()),
            Some(denial) => Err(ApiError::Denied(denial)),
        }
    }

    /// Compares what was typed, so long as the number has not too many wrong ones.
    pub(super) async fn check_code(&self, which: Which, typed: &str) -> Result<Checked, ApiError> {
        let limit = self.terms().allowances.check_failures;
        let (codes, typed) = (self.codes().clone(), typed.to_owned());
        // A caller who hangs up leaves no question to a provider without its answer.
        let checking = async move { codes.check(which, &typed, limit).await };
        let checking = self.0.acceptances.spawn(checking);
        Ok(checking.await.map_err(|_| ApiError::Panicked)??)
    }

    /// What holds for a code beside the rules of its profile.
    pub(super) fn beside_code(
        &self,
        to: &Destination,
        profile: ProfileName,
        purpose: Purpose,
        caller: &Caller,
    ) -> Beside {
        let surface = Surface::Code {
            profile,
            purpose,
            limits: &[],
        };
        let counts = self.counts(surface, Category::Otp, to, caller, self.now());
        let guard = &self.terms().guard;
        Beside {
            counts,
            conversion: Conversion {
                block_max: guard.block_max,
                min: guard.min_conversion,
                auto_block: guard.auto_block,
            },
            payer: caller.payer(),
        }
    }

    /// What a send counts against, as one event at `at`.
    pub(super) fn counts(
        &self,
        surface: Surface<'_>,
        category: Category,
        to: &Destination,
        caller: &Caller,
        at: UnixMillis,
    ) -> Counts {
        let terms = self.terms();
        let listener = caller.listener.as_deref();
        let reckoned = terms.allowances.of_send(surface, category, listener);
        let pepper = self.store().pepper();
        let of_caller = reckoned.of_caller.iter().flat_map(|log| {
            let key = LimitKey::of(pepper, &log.words);
            log.limits.iter().map(move |&limit| Counted { key, limit })
        });
        Counts {
            of_number: OfNumber::new(
                reckoned.counted_as(),
                reckoned.limits().collect(),
                to,
                pepper,
            ),
            counted: of_caller.collect(),
            at,
        }
    }
}
