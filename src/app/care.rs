//! What of the configuration is for the care of SIMs.

use crate::care::{BalanceRule, KeepAliveRule, Rules};
use crate::config::{Config, Modem};

/// `modems`: those that are run.
pub(super) fn rules(config: &Config, modems: &[Modem]) -> Rules {
    let care = &config.sim_care;
    let balance = |modem: &Modem| {
        let balance = modem.balance.clone()?;
        Some(BalanceRule {
            modem: modem.name.clone(),
            code: balance.code,
            regex: balance.regex,
            min: balance.min,
            every: balance.every,
        })
    };
    Rules {
        balances: modems.iter().filter_map(balance).collect(),
        keep_alive: care.keep_alive_after.map(|after| KeepAliveRule {
            after,
            to: care.keep_alive_to.clone(),
            text: care.keep_alive_text.clone(),
        }),
        loopback_every: care.loopback_every,
        numbers: config.numbers,
        categories: modems
            .iter()
            .map(|modem| (modem.name.clone(), modem.categories))
            .collect(),
    }
}
